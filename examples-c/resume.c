/* resume: an upload that goes on by itself when the program is run again.
 *
 * Shows: a folder where the client keeps what it knows of unfinished uploads; what it knows of the uploads of a file;
 * two ways to stop half way, an offset and a progress callback that says so.
 *
 * Build: cmake -S . -B build && cmake --build build
 * Run:   build/resume [--stop-at BYTES] FOLDER URL FILE
 *        FOLDER            where unfinished uploads are kept; it is made if it is missing
 *        --stop-at BYTES   stop there, as if something had come between
 *
 * Stop it with Ctrl-C, or kill it, and run it again: it goes on. If the file has changed meanwhile, it begins anew.
 *
 * Ends with 0 if the upload is complete, 1 on failure, 2 on a wrong command line, 3 if it was stopped before the end.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tus.h"

#define EXIT_STOPPED 3

/* What the progress callback returns after Ctrl-C. Any number but 0 stops the upload. */
#define STOP 1

static volatile sig_atomic_t interrupted = 0;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

/* Called about ten times a second, also while nothing moves. */
static int32_t on_progress(void *user_data, const tus_progress *progress)
{
    uint64_t *confirmed = user_data;

    *confirmed = progress->confirmed;
    return interrupted ? STOP : 0;
}

/* What the folder says of this file. The server is not asked: it may have more bytes by now, or none at all. The upload
 * does the same search by itself, so a program that does not want to tell has no need of it. */
static tus_status print_previous(tus_client *client, tus_source *source, tus_error **error)
{
    tus_previous_list *list = NULL;
    tus_status status = tus_client_find_previous_uploads(client, source, &list, error);
    size_t i;

    if (status != TUS_OK)
        return status;
    if (tus_previous_list_count(list) == 0)
        printf("found: nothing of an earlier run\n");
    for (i = 0; i < tus_previous_list_count(list); i++) {
        printf("found: %s\n", tus_previous_list_url(list, i));
        printf("       with at least %" PRIu64 " of %" PRIu64 " bytes\n",
               tus_previous_list_offset(list, i), tus_previous_list_size(list, i));
        if (tus_previous_list_expires_s(list, i) != 0)
            printf("       until %" PRIu64 ", in seconds since 1970\n", tus_previous_list_expires_s(list, i));
    }
    tus_previous_list_free(list);
    return TUS_OK;
}

static void print_result(const tus_info *info)
{
    tus_stats stats = {0};

    stats.struct_size = sizeof stats;
    if (tus_info_get_stats(info, &stats) == TUS_OK)
        printf("there before: %" PRIu64 " bytes, sent now: %" PRIu64 "\n", stats.bytes_resumed, stats.bytes_sent);
    if (tus_info_is_complete(info))
        printf("done: %s\n", tus_info_url(info));
}

static int parse_number(const char *text, uint64_t *number)
{
    char *end = NULL;

    errno = 0;
    *number = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

int main(int argc, char **argv)
{
    int has_option = argc == 6 && strcmp(argv[1], "--stop-at") == 0;
    char **words = argv + (has_option ? 3 : 1);
    uint64_t stop_at = TUS_SIZE_UNKNOWN;
    uint64_t confirmed = 0;
    tus_config *config = NULL;
    tus_client *client = NULL;
    tus_source *source = NULL;
    tus_upload_options *options = NULL;
    tus_info *info = NULL;
    tus_error *error = NULL;
    tus_status status;
    int exit_code = 1;

    if ((argc != 4 && !has_option) || (has_option && !parse_number(argv[2], &stop_at))) {
        fprintf(stderr, "usage: %s [--stop-at BYTES] FOLDER URL FILE\n", argv[0]);
        return 2;
    }
    signal(SIGINT, on_interrupt);

    config = tus_config_new();
    tus_config_set_store_dir(config, words[0]); /* all it takes */
    tus_config_set_url(config, words[1]);
    options = tus_upload_options_new();
    tus_upload_options_set_stop_at(options, stop_at);
    tus_upload_options_set_progress(options, on_progress, &confirmed, NULL);

    status = tus_client_new(config, &client, &error);
    if (status == TUS_OK)
        status = tus_source_file(words[2], &source, &error);
    if (status == TUS_OK)
        status = print_previous(client, source, &error);
    if (status == TUS_OK)
        status = tus_client_upload(client, source, options, &info, &error);

    if (status == TUS_OK) {
        print_result(info);
        exit_code = tus_info_is_complete(info) ? 0 : EXIT_STOPPED;
    } else if (interrupted) {
        exit_code = EXIT_STOPPED;
    } else {
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));
    }
    if (exit_code == EXIT_STOPPED)
        printf("stopped: the server has at least %" PRIu64 " bytes; run this again to go on\n", confirmed);

    tus_error_free(error);
    tus_info_free(info);
    tus_upload_options_free(options);
    tus_source_free(source);
    tus_client_unref(client);
    tus_config_free(config);
    return exit_code;
}
