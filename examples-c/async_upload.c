/* async_upload: an upload in parts that runs beside the program, can be stopped, and goes on when it is run again.
 *
 * Shows: starting an upload without a single callback; a main loop that waits a little, draws the progress and listens
 * for Ctrl-C; cancelling, with or without removing what the server has; a folder that leads back to it.
 *
 * Build: cmake -S . -B build && cmake --build build
 * Run:   build/async_upload [--delete] PARTS FOLDER URL FILE
 *        --delete  on Ctrl-C remove from the server what it has got
 *        PARTS     how many parts to send at once; 1: in one piece
 *        FOLDER    where unfinished uploads are kept; it is made if it is missing
 *
 * Stop it with Ctrl-C and run it again: it goes on. Removing may take its time where the server does not answer: a
 * second Ctrl-C gives that up. A third one ends the program at once; that, too, can be gone on from.
 *
 * Ends with 0 if the upload is complete, 1 on failure, 2 on a wrong command line, 3 if it was stopped before the end.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tus.h"

#define EXIT_STOPPED 3

/* How often the progress is drawn, and so how long Ctrl-C may go unheard. */
#define DRAW_INTERVAL_MS 100

/* How often Ctrl-C was pressed. A signal handler may call hardly any function, none of the library's: the main loop
 * does what is to be done. */
static volatile sig_atomic_t interrupts = 0;

static void on_interrupt(int signal_number)
{
    interrupts = interrupts + 1;
    signal(signal_number, interrupts < 2 ? on_interrupt : SIG_DFL);
}

static void draw_progress(const tus_task *task)
{
    tus_progress progress = {0};

    progress.struct_size = sizeof progress;
    /* The total is unknown until the upload has begun. */
    if (tus_task_get_progress(task, &progress) != TUS_OK || progress.total == TUS_SIZE_UNKNOWN)
        return;
    fprintf(stderr, "\r%" PRIu64 " bytes sent, %" PRIu64 " of %" PRIu64 " bytes acknowledged, %.1f MB/s   ",
            progress.sent, progress.confirmed, progress.total, progress.speed / 1e6);
    fflush(stderr);
}

/* Returns when the task is over: by itself, or because of Ctrl-C. */
static tus_status watch(tus_task *task, int delete_it)
{
    int heard = 0;
    tus_status status;

    while ((status = tus_task_wait(task, DRAW_INTERVAL_MS)) == TUS_E_TIMEOUT) {
        draw_progress(task);
        if (interrupts == heard)
            continue;
        /* Either only says what is wanted and returns at once; the task ends a moment later. To cancel what is being
         * removed is to leave it there. */
        if (delete_it && heard == 0 && interrupts == 1)
            tus_task_cancel_and_delete(task);
        else
            tus_task_cancel(task);
        heard = interrupts;
    }
    draw_progress(task);
    fprintf(stderr, "\n");
    return status;
}

static void print_success(const tus_info *info)
{
    tus_stats stats = {0};

    stats.struct_size = sizeof stats;
    if (tus_info_get_stats(info, &stats) == TUS_OK)
        printf("there before: %" PRIu64 " bytes, sent now: %" PRIu64 ", in %" PRIu64 " ms\n", stats.bytes_resumed,
               stats.bytes_sent, stats.elapsed_ms);
    printf("done, %s: %s\n", tus_info_concat_kind(info) == TUS_CONCAT_FINAL ? "put together" : "in one piece",
           tus_info_url(info));
}

/* Where something is left on the server, the error leads to it: by an URL, or, in parts, by a token. */
static void print_stopped(const tus_error *error, int delete_it)
{
    int is_left = tus_error_upload_url(error) != NULL || tus_error_resume_token(error) != NULL;

    if (!delete_it)
        printf("stopped: run this again to go on\n");
    else if (is_left)
        printf("stopped, but it could not be removed from the server: %s\n", tus_error_message(error));
    else
        printf("stopped: nothing is left on the server\n");
}

/* Starts the upload and stays with it to its end. Returns the program's exit status. */
static int run(tus_client *client, const char *file, const tus_upload_options *options, int delete_it)
{
    tus_task *task = NULL;
    tus_error *error = NULL;
    const tus_error *reason = NULL;
    tus_status status = tus_client_upload_file_async(client, file, options, NULL, NULL, NULL, &task, &error);
    int exit_code = 1;

    if (status != TUS_OK) {
        /* It could not even be started; there is no task then. */
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));
        tus_error_free(error);
        return 1;
    }
    status = watch(task, delete_it);
    if (status == TUS_OK)
        status = tus_task_result(task, &reason);

    if (status == TUS_OK) {
        /* Ctrl-C may have come too late. */
        tus_info *info = tus_task_take_info(task);

        print_success(info);
        tus_info_free(info);
        exit_code = 0;
    } else if (status == TUS_E_CANCELLED) {
        print_stopped(reason, delete_it);
        exit_code = EXIT_STOPPED;
    } else {
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(reason));
    }
    tus_task_unref(task);
    return exit_code;
}

int main(int argc, char **argv)
{
    int delete_it = argc == 6 && strcmp(argv[1], "--delete") == 0;
    char **words = argv + (delete_it ? 2 : 1);
    long parts = 0;
    char *end = NULL;
    tus_config *config = NULL;
    tus_client *client = NULL;
    tus_upload_options *options = NULL;
    tus_error *error = NULL;
    int exit_code = 1;

    if (argc == 5 || delete_it)
        parts = strtol(words[0], &end, 10);
    if (parts < 1 || parts > 1000 || *end != '\0') {
        fprintf(stderr, "usage: %s [--delete] PARTS FOLDER URL FILE\n", argv[0]);
        return 2;
    }
    signal(SIGINT, on_interrupt);

    config = tus_config_new();
    tus_config_set_store_dir(config, words[1]);
    tus_config_set_url(config, words[2]);
    options = tus_upload_options_new();
    if (parts > 1)
        tus_upload_options_set_parallel_uploads(options, (uint32_t)parts);

    if (tus_client_new(config, &client, &error) == TUS_OK)
        exit_code = run(client, words[3], options, delete_it);
    else
        fprintf(stderr, "%s: %s\n", tus_status_name(tus_error_status(error)), tus_error_message(error));

    tus_error_free(error);
    tus_upload_options_free(options);
    tus_client_close(client, TUS_WAIT_FOREVER);
    tus_client_unref(client);
    tus_config_free(config);
    return exit_code;
}
