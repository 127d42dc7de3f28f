/* chunk_by_chunk: an upload that only goes on when the program says so.
 *
 * Shows: tus_uploader, one chunk for each call; what is known between the calls; going on after a failure by calling
 * again.
 *
 * Build: cmake -S . -B build && cmake --build build
 * Run:   build/chunk_by_chunk [--chunk-size BYTES] [--pause MS] URL FILE
 *        --chunk-size BYTES  how much each call sends (default 1048576)
 *        --pause MS          what the program has to do in between takes so long (default 0)
 *
 * Ends with 0 on success, 1 on failure, 2 on a wrong command line.
 */
#ifndef _WIN32
#define _POSIX_C_SOURCE 200809L
#endif

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <windows.h>
#else
#include <time.h>
#endif
#include "tus.h"

#define DEFAULT_CHUNK_SIZE 1048576
#define MAX_FAILURES 20 /* in a row */
#define WAIT_MS 250     /* after a failure */

static void wait_ms(uint64_t milliseconds)
{
#ifdef _WIN32
    Sleep((DWORD)milliseconds);
#else
    struct timespec span;

    span.tv_sec = (time_t)(milliseconds / 1000);
    span.tv_nsec = (long)(milliseconds % 1000 * 1000000);
    nanosleep(&span, NULL);
#endif
}

static void print_state(const tus_uploader *uploader)
{
    tus_stats stats = {0};

    stats.struct_size = sizeof stats;
    if (tus_uploader_get_stats(uploader, &stats) != TUS_OK)
        return;
    printf("offset %" PRIu64 ": %.0f%%, %" PRIu64 " of %" PRIu64 " chunks, %.1f MB/s", tus_uploader_offset(uploader),
           stats.progress_percent, stats.chunks_completed, stats.chunks_total, stats.speed / 1e6);
    if (stats.chunks_failed > 0)
        printf(", %" PRIu64 " failed", stats.chunks_failed);
    printf("\n");
    fflush(stdout);
}

/* Sends chunk after chunk. Returns why it gave up, or TUS_OK. */
static tus_status send_chunks(tus_uploader *uploader, uint64_t pause, tus_error **error)
{
    int failures = 0;

    while (!tus_uploader_is_complete(uploader)) {
        tus_status status = tus_uploader_upload_chunk(uploader, NULL, error);

        if (status == TUS_OK) {
            failures = 0;
            print_state(uploader);
            if (pause > 0)
                wait_ms(pause);
        } else if (tus_error_is_retryable(*error) && ++failures < MAX_FAILURES) {
            /* The uploader is as good as before: its next call asks the server where to go on. */
            printf("%s after %" PRIu64 " bytes, trying again\n", tus_status_name(status),
                   tus_uploader_offset(uploader));
            fflush(stdout);
            tus_error_free(*error);
            *error = NULL;
            wait_ms(WAIT_MS);
        } else {
            return status;
        }
    }
    return TUS_OK;
}

static tus_status make_client(const char *url, uint64_t chunk_size, tus_client **client, tus_error **error)
{
    tus_config *config = tus_config_new();
    tus_status status;

    tus_config_set_url(config, url);
    tus_config_set_chunk_size(config, chunk_size);
    /* The program tries again itself. */
    tus_config_set_retry(config, 0, 0, 0);
    status = tus_client_new(config, client, error);
    tus_config_free(config);
    return status;
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
    uint64_t chunk_size = DEFAULT_CHUNK_SIZE;
    uint64_t pause = 0;
    int index = 1;
    int well = 1;
    tus_client *client = NULL;
    tus_source *source = NULL;
    tus_uploader *uploader = NULL;
    tus_error *error = NULL;
    tus_status status;

    for (; well && index + 1 < argc && strncmp(argv[index], "--", 2) == 0; index += 2) {
        if (strcmp(argv[index], "--chunk-size") == 0)
            well = parse_number(argv[index + 1], &chunk_size);
        else if (strcmp(argv[index], "--pause") == 0)
            well = parse_number(argv[index + 1], &pause) && pause <= 60000;
        else
            well = 0;
    }
    if (!well || argc - index != 2) {
        fprintf(stderr, "usage: %s [--chunk-size BYTES] [--pause MS] URL FILE\n", argv[0]);
        return 2;
    }

    status = make_client(argv[index], chunk_size, &client, &error);
    if (status == TUS_OK)
        status = tus_source_file(argv[index + 1], &source, &error);
    /* From here on the upload exists on the server, and nothing of it has been sent. */
    if (status == TUS_OK)
        status = tus_client_create_uploader(client, source, NULL, &uploader, &error);
    if (status == TUS_OK)
        status = send_chunks(uploader, pause, &error);

    if (status == TUS_OK)
        printf("done: %s\n", tus_uploader_url(uploader));
    else
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));

    tus_error_free(error);
    tus_uploader_free(uploader);
    tus_source_free(source);
    tus_client_unref(client);
    return status == TUS_OK ? 0 : 1;
}
