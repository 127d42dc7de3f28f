/* async_poll_loop: an upload within a loop of the program's own, with poll().
 *
 * Shows: TUS_DISPATCH_QUEUE, by which callbacks run on the loop's thread alone, so that none needs a lock; the handle
 * that tells when there are some to run; pausing, going on and cancelling while the upload runs.
 *
 * Build: cmake -S . -B build && cmake --build build    (needs POSIX)
 * Run:   build/async_poll_loop URL FILE
 *
 * While it runs, type one of these letters and press Enter: p to pause, r to go on, c to cancel.
 *
 * Prints the URL of the upload. Ends with 0 on success, 1 on failure, 2 on a wrong command line, 3 if it was cancelled.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "tus.h"

#define EXIT_CANCELLED 3

/* Everything that callbacks touch. They run on the loop's thread: no lock, no atomic variable. */
typedef struct program {
    pthread_t loop_thread;
    uint64_t callbacks;
    int is_over;
    int is_cancelled;
    int exit_code;
} program;

/* What this example promises. Not assert(), which is left out where NDEBUG is defined. */
static void check_thread(program *self)
{
    if (!pthread_equal(pthread_self(), self->loop_thread)) {
        fprintf(stderr, "a callback on another thread\n");
        abort();
    }
    self->callbacks++;
}

/* Runs within tus_client_dispatch. Where the loop was busy for a while, only the newest numbers come. */
static int32_t on_progress(void *user_data, const tus_progress *progress)
{
    check_thread(user_data);
    fprintf(stderr, "\r%" PRIu64 " bytes sent, %" PRIu64 " of %" PRIu64 " bytes acknowledged", progress->sent,
            progress->confirmed, progress->total);
    fflush(stderr);
    return 0;
}

/* Runs within tus_client_dispatch, once, however the upload ended. */
static void on_done(void *user_data, tus_task *task)
{
    program *self = user_data;
    const tus_error *reason = NULL;
    tus_status status = tus_task_result(task, &reason);

    check_thread(self);
    fprintf(stderr, "\n");
    if (status == TUS_OK) {
        tus_info *info = tus_task_take_info(task);

        printf("%s\n", tus_info_url(info));
        tus_info_free(info);
        self->exit_code = 0;
    } else {
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(reason));
        self->exit_code = self->is_cancelled ? EXIT_CANCELLED : 1;
    }
    self->is_over = 1;
}

/* Does what was typed. Returns 0 if nothing more can come. */
static int read_commands(program *self, tus_task *task)
{
    char typed[64];
    ssize_t count = read(STDIN_FILENO, typed, sizeof typed);
    ssize_t i;

    if (count < 0)
        return errno == EINTR || errno == EAGAIN;
    for (i = 0; i < count; i++) {
        if (typed[i] == 'p') {
            tus_task_pause(task);
            fprintf(stderr, "\npaused\n");
        } else if (typed[i] == 'r') {
            tus_task_resume(task);
            fprintf(stderr, "\ngoing on\n");
        } else if (typed[i] == 'c') {
            tus_task_cancel(task); /* on_done comes a moment later */
            self->is_cancelled = 1;
        }
    }
    if (count == 0)
        tus_task_resume(task); /* nobody can type r any more */
    return count > 0;
}

/* Returns when on_done has run, or when it cannot go on. */
static void loop(program *self, tus_client *client, tus_task *task)
{
    struct pollfd watched[2] = {{0}, {0}};

    watched[0].fd = (int)tus_client_event_handle(client);
    watched[0].events = POLLIN;
    watched[1].fd = STDIN_FILENO;
    watched[1].events = POLLIN;
    if (watched[0].fd < 0) {
        fprintf(stderr, "the client has no handle to wait for\n");
        return;
    }
    while (!self->is_over) {
        if (poll(watched, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            perror("poll");
            return;
        }
        /* The handle is only to be waited for: dispatching empties it. 0: all that there is to run. */
        if (watched[0].revents != 0)
            tus_client_dispatch(client, 0);
        /* poll() passes over what is negative. */
        if (watched[1].revents != 0 && !read_commands(self, task))
            watched[1].fd = -1;
    }
}

int main(int argc, char **argv)
{
    program self = {0};
    tus_config *config = NULL;
    tus_client *client = NULL;
    tus_upload_options *options = NULL;
    tus_task *task = NULL;
    tus_error *error = NULL;
    tus_status status;

    if (argc != 3) {
        fprintf(stderr, "usage: %s URL FILE\n", argv[0]);
        return 2;
    }
    self.loop_thread = pthread_self();
    self.exit_code = 1;

    config = tus_config_new();
    tus_config_set_url(config, argv[1]);
    tus_config_set_dispatch(config, TUS_DISPATCH_QUEUE);
    options = tus_upload_options_new();
    tus_upload_options_set_progress(options, on_progress, &self, NULL);

    status = tus_client_new(config, &client, &error);
    if (status == TUS_OK)
        status = tus_client_upload_file_async(client, argv[2], options, on_done, &self, NULL, &task, &error);
    if (status == TUS_OK)
        loop(&self, client, task);
    else
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));

    /* Were the upload still running, it would be cancelled here, and on_done called within. Afterwards nothing of the
     * library's uses `self` any more. */
    tus_client_close(client, TUS_WAIT_FOREVER);
    fprintf(stderr, "%" PRIu64 " callbacks, all on the loop's thread\n", self.callbacks);

    tus_error_free(error);
    tus_task_unref(task);
    tus_upload_options_free(options);
    tus_client_unref(client);
    tus_config_free(config);
    return self.exit_code;
}
