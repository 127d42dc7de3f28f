/* libuv_loop: an upload within libuv's loop.
 *
 * Shows: the client's handle as an uv_poll_t, beside a timer and Ctrl-C; in which order all of it ends.
 *
 * Build: cmake -S . -B build && cmake --build build    (needs libuv with its header)
 * Run:   build/libuv_loop URL FILE
 *
 * Prints the URL of the upload. Ends with 0 on success, 1 on failure, 2 on a wrong command line, 3 if it was cancelled
 * with Ctrl-C.
 */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>
#include "tus.h"

#define EXIT_CANCELLED 3
#define TICK_MS 100

/* Everything that callbacks touch, those of libuv and those of the library. All run on the loop's thread: no lock. */
typedef struct program {
    uv_loop_t loop;
    uv_poll_t events;
    uv_timer_t timer;
    uv_signal_t interrupt;
    uv_thread_t thread;
    tus_client *client;
    tus_task *task;
    uint64_t callbacks;
    uint64_t ticks;
    int is_cancelled;
    int exit_code;
} program;

/* What this example promises. Not assert(), which is left out where NDEBUG is defined. */
static void check_thread(program *self)
{
    uv_thread_t current = uv_thread_self();

    if (!uv_thread_equal(&current, &self->thread)) {
        fprintf(stderr, "a callback on another thread\n");
        abort();
    }
    self->callbacks++;
}

/* Without handles the loop has nothing to wait for any more, and uv_run returns. */
static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* --- what the library calls, within tus_client_dispatch ---------------------------------------------------------- */

static int32_t on_progress(void *user_data, const tus_progress *progress)
{
    check_thread(user_data);
    fprintf(stderr, "\r%" PRIu64 " bytes sent, %" PRIu64 " of %" PRIu64 " bytes acknowledged", progress->sent,
            progress->confirmed, progress->total);
    fflush(stderr);
    return 0;
}

/* Once, however the upload ended. */
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
    uv_walk(&self->loop, close_handle, NULL);
}

/* --- what libuv calls --------------------------------------------------------------------------------------------- */

static void on_events(uv_poll_t *handle, int status, int events)
{
    program *self = handle->data;

    (void)events;
    if (status < 0) {
        fprintf(stderr, "%s\n", uv_strerror(status));
        uv_walk(&self->loop, close_handle, NULL);
        return;
    }
    tus_client_dispatch(self->client, 0);
}

/* Goes on ticking while the upload runs. */
static void on_tick(uv_timer_t *timer)
{
    program *self = timer->data;

    self->ticks++;
}

static void on_interrupt(uv_signal_t *handle, int signal_number)
{
    program *self = handle->data;

    (void)signal_number;
    self->is_cancelled = 1;
    tus_task_cancel(self->task); /* on_done comes a moment later */
}

/* Adds all there is to wait for to the loop. Returns 0, or an error of libuv's. */
static int watch(program *self)
{
    int code;

    self->events.data = self;
    self->timer.data = self;
    self->interrupt.data = self;
    code = uv_poll_init(&self->loop, &self->events, (int)tus_client_event_handle(self->client));
    if (code == 0)
        code = uv_poll_start(&self->events, UV_READABLE, on_events);
    if (code == 0)
        code = uv_timer_init(&self->loop, &self->timer);
    if (code == 0)
        code = uv_timer_start(&self->timer, on_tick, TICK_MS, TICK_MS);
    if (code == 0)
        code = uv_signal_init(&self->loop, &self->interrupt);
    if (code == 0)
        code = uv_signal_start(&self->interrupt, on_interrupt, SIGINT);
    return code;
}

/* Runs the loop to the end of the upload. */
static void run(program *self)
{
    int code = watch(self);

    if (code != 0) {
        fprintf(stderr, "%s\n", uv_strerror(code));
        uv_walk(&self->loop, close_handle, NULL);
    }
    /* Also after a failure: what is being closed is closed by the loop. */
    uv_run(&self->loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv)
{
    program self = {0};
    tus_config *config = NULL;
    tus_upload_options *options = NULL;
    tus_error *error = NULL;
    tus_status status;
    int code;

    if (argc != 3) {
        fprintf(stderr, "usage: %s URL FILE\n", argv[0]);
        return 2;
    }
    self.thread = uv_thread_self();
    self.exit_code = 1;
    code = uv_loop_init(&self.loop);
    if (code != 0) {
        fprintf(stderr, "%s\n", uv_strerror(code));
        return 1;
    }

    config = tus_config_new();
    tus_config_set_url(config, argv[1]);
    tus_config_set_dispatch(config, TUS_DISPATCH_QUEUE);
    options = tus_upload_options_new();
    tus_upload_options_set_progress(options, on_progress, &self, NULL);

    status = tus_client_new(config, &self.client, &error);
    if (status == TUS_OK)
        status = tus_client_upload_file_async(self.client, argv[2], options, on_done, &self, NULL, &self.task, &error);
    if (status == TUS_OK)
        run(&self);
    else
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));

    /* Nothing watches the client's handle any more. Closing the client cancels an upload that the loop has left alone,
     * and calls on_done for it here, which then finds nothing to close. */
    tus_client_close(self.client, TUS_WAIT_FOREVER);
    uv_loop_close(&self.loop);
    fprintf(stderr, "%" PRIu64 " callbacks, all on the loop's thread; %" PRIu64 " ticks\n", self.callbacks, self.ticks);

    tus_error_free(error);
    tus_task_unref(self.task);
    tus_upload_options_free(options);
    tus_client_unref(self.client);
    tus_config_free(config);
    return self.exit_code;
}
