/* cancel: an upload is cancelled from another thread, and the time is taken.
 *
 * Shows: two threads with one task, each with a reference of its own; how soon an upload ends that is to end; that what
 * the server has stays there, or with --delete is removed.
 *
 * Build: cmake -S . -B build && cmake --build build    (needs POSIX threads)
 * Run:   build/cancel [--delete] URL FILE
 *        --delete  remove from the server what it has got
 *
 * The file should be a large one, or the link a slow one: else the upload is complete before it can be cancelled.
 *
 * Ends with 0 if the upload was cancelled, and removed if it was to be; 1 on failure, 2 on a wrong command line, 3 if
 * it was complete before.
 */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "tus.h"

#define EXIT_COMPLETE 3

/* How often the second thread looks whether the upload has got going. */
#define LOOK_INTERVAL_MS 10

/* What the second thread works with. It has a reference to the task, which it gives up at its end. */
typedef struct canceller {
    tus_task *task;
    int delete_it;
    double cancelled_at;    /* in milliseconds */
    const char *upload_url; /* as long as somebody has a reference to the task; NULL: it was over before */
} canceller;

/* A clock that nobody sets back, in milliseconds. Only differences mean something. */
static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Whether bytes are on their way to an upload that the server knows. */
static int has_begun(const tus_task *task)
{
    tus_progress progress = {0};

    progress.struct_size = sizeof progress;
    return tus_task_upload_url(task) != NULL && tus_task_get_progress(task, &progress) == TUS_OK && progress.sent > 0;
}

/* The second thread: cancels the upload as soon as it has begun. Any number of threads may wait for the same task. */
static void *cancel_it(void *user_data)
{
    canceller *self = user_data;

    while (tus_task_wait(self->task, LOOK_INTERVAL_MS) == TUS_E_TIMEOUT) {
        if (!has_begun(self->task))
            continue;
        self->upload_url = tus_task_upload_url(self->task);
        self->cancelled_at = now_ms();
        if (self->delete_it)
            tus_task_cancel_and_delete(self->task);
        else
            tus_task_cancel(self->task);
        break;
    }
    tus_task_unref(self->task);
    return NULL;
}

/* Asks the server what it has of the upload. Returns the program's exit status. */
static int ask_server(tus_client *client, const char *upload_url, int delete_it)
{
    tus_info *info = NULL;
    tus_error *error = NULL;
    tus_status status = tus_client_get_upload_info(client, upload_url, &info, &error);
    int exit_code = 1;

    if (status == TUS_OK) {
        printf("the server has %" PRIu64 " bytes: %s\n", tus_info_offset(info), upload_url);
        exit_code = delete_it ? 1 : 0;
    } else if (status == TUS_E_GONE) {
        printf("the server answers %d: %s\n", (int)tus_error_http_status(error), upload_url);
        exit_code = delete_it ? 0 : 1;
    } else {
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));
    }
    tus_error_free(error);
    tus_info_free(info);
    return exit_code;
}

/* Waits for the task in this thread while another cancels it. Returns the program's exit status. */
static int run(tus_client *client, tus_task *task, int delete_it)
{
    canceller other = {0};
    pthread_t thread;
    const tus_error *reason = NULL;
    double ended_at;
    tus_status status;

    other.task = tus_task_ref(task);
    other.delete_it = delete_it;
    if (pthread_create(&thread, NULL, cancel_it, &other) != 0) {
        fprintf(stderr, "no thread could be made\n");
        tus_task_unref(other.task);
        return 1; /* closing the client ends the task */
    }
    status = tus_task_wait(task, TUS_WAIT_FOREVER);
    ended_at = now_ms();
    pthread_join(thread, NULL);

    if (status == TUS_OK)
        status = tus_task_result(task, &reason);
    if (status == TUS_OK) {
        tus_info *info = tus_task_take_info(task);

        printf("it was complete before: %s\n", tus_info_url(info));
        tus_info_free(info);
        return EXIT_COMPLETE;
    }
    if (status != TUS_E_CANCELLED) {
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(reason));
        return 1;
    }
    printf("%s after %.1f ms\n", delete_it ? "cancelled and deleted" : "cancelled", ended_at - other.cancelled_at);
    return ask_server(client, other.upload_url, delete_it);
}

int main(int argc, char **argv)
{
    int delete_it = argc == 4 && strcmp(argv[1], "--delete") == 0;
    char **words = argv + (delete_it ? 2 : 1);
    tus_config *config = NULL;
    tus_client *client = NULL;
    tus_task *task = NULL;
    tus_error *error = NULL;
    tus_status status;
    int exit_code = 1;

    if (argc != 3 && !delete_it) {
        fprintf(stderr, "usage: %s [--delete] URL FILE\n", argv[0]);
        return 2;
    }

    config = tus_config_new();
    tus_config_set_url(config, words[0]);
    status = tus_client_new(config, &client, &error);
    if (status == TUS_OK)
        status = tus_client_upload_file_async(client, words[1], NULL, NULL, NULL, NULL, &task, &error);
    if (status == TUS_OK)
        exit_code = run(client, task, delete_it);
    else
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));

    tus_error_free(error);
    tus_task_unref(task);
    tus_client_close(client, TUS_WAIT_FOREVER);
    tus_client_unref(client);
    tus_config_free(config);
    return exit_code;
}
