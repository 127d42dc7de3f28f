/* parallel: sends a file in several parts at once, which the server then puts together.
 *
 * Shows: how many parts, and what to do where the server cannot; one stream of progress for all of them, with speed and
 * the time that is left; going on with the parts of an earlier run.
 *
 * Build: cmake -S . -B build && cmake --build build
 * Run:   build/parallel [--fallback] PARTS FOLDER URL FILE
 *        --fallback  send the file in one piece if the server does not put parts together
 *        FOLDER      where unfinished uploads are kept; it is made if it is missing
 *
 * Stop it with Ctrl-C and run it again: it goes on with the parts that it began with.
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
#define STOP 1

static volatile sig_atomic_t interrupted = 0;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

/* Called from the threads of the parts, but never by two at a time: what it touches needs no lock. */
static int32_t on_progress(void *user_data, const tus_progress *progress)
{
    int *has_line = user_data;

    *has_line = 1;
    fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " bytes acknowledged, %.1f MB/s",
            progress->confirmed, progress->total, progress->speed / 1e6);
    if (progress->eta_ms != UINT64_MAX)
        fprintf(stderr, ", %" PRIu64 " s left   ", progress->eta_ms / 1000);
    fflush(stderr);
    return interrupted ? STOP : 0;
}

/* An upload in parts is one entry of the list, with an URL for each part. */
static tus_status print_previous(tus_client *client, tus_source *source, tus_error **error)
{
    tus_previous_list *list = NULL;
    tus_status status = tus_client_find_previous_uploads(client, source, &list, error);
    size_t part;

    if (status == TUS_OK && tus_previous_list_count(list) > 0) {
        printf("found: at least %" PRIu64 " of %" PRIu64 " bytes, in %zu parts\n",
               tus_previous_list_offset(list, 0), tus_previous_list_size(list, 0),
               tus_previous_list_part_count(list, 0));
        for (part = 0; part < tus_previous_list_part_count(list, 0); part++) {
            const char *url = tus_previous_list_part_url(list, 0, part);

            printf("part %zu: %s\n", part + 1, url[0] != '\0' ? url : "not begun");
        }
    }
    tus_previous_list_free(list);
    return status;
}

static void print_result(const tus_info *info)
{
    tus_stats stats = {0};

    stats.struct_size = sizeof stats;
    if (tus_info_get_stats(info, &stats) == TUS_OK)
        printf("there before: %" PRIu64 " bytes, sent now: %" PRIu64 ", in %" PRIu64 " ms\n",
               stats.bytes_resumed, stats.bytes_sent, stats.elapsed_ms);
    printf("done, %s: %s\n", tus_info_concat_kind(info) == TUS_CONCAT_FINAL ? "put together" : "in one piece",
           tus_info_url(info));
}

int main(int argc, char **argv)
{
    int fallback = argc == 6 && strcmp(argv[1], "--fallback") == 0;
    char **words = argv + (fallback ? 2 : 1);
    long parts = 0;
    char *end = NULL;
    int has_line = 0;
    tus_config *config = NULL;
    tus_client *client = NULL;
    tus_source *source = NULL;
    tus_upload_options *options = NULL;
    tus_info *info = NULL;
    tus_error *error = NULL;
    tus_status status;
    int exit_code = 1;

    if (argc == 5 || fallback)
        parts = strtol(words[0], &end, 10);
    if (parts < 1 || parts > 1000 || *end != '\0') {
        fprintf(stderr, "usage: %s [--fallback] PARTS FOLDER URL FILE\n", argv[0]);
        return 2;
    }
    signal(SIGINT, on_interrupt);

    config = tus_config_new();
    tus_config_set_store_dir(config, words[1]);
    tus_config_set_url(config, words[2]);
    options = tus_upload_options_new();
    tus_upload_options_set_parallel_uploads(options, (uint32_t)parts);
    tus_upload_options_set_parallel_fallback(options, fallback);
    tus_upload_options_set_progress(options, on_progress, &has_line, NULL);

    status = tus_client_new(config, &client, &error);
    if (status == TUS_OK)
        status = tus_source_file(words[3], &source, &error);
    if (status == TUS_OK)
        status = print_previous(client, source, &error);
    if (status == TUS_OK)
        status = tus_client_upload(client, source, options, &info, &error);
    if (has_line)
        fprintf(stderr, "\n");

    if (status == TUS_OK) {
        print_result(info);
        exit_code = 0;
    } else if (interrupted) {
        printf("stopped: run this again to go on\n");
        exit_code = EXIT_STOPPED;
    } else {
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));
    }

    tus_error_free(error);
    tus_info_free(info);
    tus_upload_options_free(options);
    tus_source_free(source);
    tus_client_unref(client);
    tus_config_free(config);
    return exit_code;
}
