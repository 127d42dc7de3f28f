/* custom_reader: uploads bytes that come from the program's own code.
 *
 * Shows: tus_reader_vtable with and without seek; an error of the reader that ends the upload and comes back with its
 * number; user data that the source owns.
 *
 * The bytes are made on the fly: lines of 16 characters, each with its own offset in hexadecimal. A real program would
 * read a database, a decompressor or a pipe.
 *
 * Build: cmake -S . -B build && cmake --build build
 * Run:   build/custom_reader [--no-seek] [--fail-at OFFSET] URL SIZE
 *        --no-seek         the reader only goes forward
 *        --fail-at OFFSET  reading fails there, to see what becomes of the error
 *
 * Prints the URL of the upload. Ends with 0 on success, 1 on failure, 2 on a wrong command line.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tus.h"

#define LINE_SIZE 16

/* What this program's reader returns when it fails. Any number but 0 will do. */
#define READER_BROKE 42

typedef struct line_reader {
    uint64_t position;
    uint64_t size;
    uint64_t fail_at; /* UINT64_MAX: never */
} line_reader;

/* The library asks for the next bytes, up to `capacity`. Fewer are fine, none is the end. */
static int32_t read_lines(void *user_data, void *buffer, size_t capacity, size_t *length)
{
    line_reader *reader = user_data;
    char *bytes = buffer;
    size_t done = 0;

    while (done < capacity && reader->position < reader->size) {
        char line[LINE_SIZE + 1];
        size_t column = (size_t)(reader->position % LINE_SIZE);
        size_t count = LINE_SIZE - column;

        if (reader->position >= reader->fail_at)
            return READER_BROKE;
        if (count > capacity - done)
            count = capacity - done;
        if (count > reader->size - reader->position)
            count = (size_t)(reader->size - reader->position);
        snprintf(line, sizeof line, "%015" PRIx64 "\n", reader->position - column);
        memcpy(bytes + done, line + column, count);
        done += count;
        reader->position += count;
    }
    *length = done;
    return 0;
}

/* The library wants to go on elsewhere: back, when bytes were lost on the way; forward, when an upload is resumed. */
static int32_t seek_lines(void *user_data, uint64_t offset)
{
    line_reader *reader = user_data;

    reader->position = offset;
    return 0;
}

static void free_reader(void *user_data)
{
    free(user_data);
}

static tus_status make_source(uint64_t size, int can_seek, uint64_t fail_at, tus_source **source, tus_error **error)
{
    tus_reader_vtable functions = {0};
    line_reader *reader = calloc(1, sizeof *reader);

    if (reader == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    reader->size = size;
    reader->fail_at = fail_at;

    functions.struct_size = sizeof functions;
    functions.read = read_lines;
    functions.seek = can_seek ? seek_lines : NULL;
    functions.destroy = free_reader;
    /* Also if this fails, free_reader is called: there is nothing to clean up here. */
    return tus_source_reader(&functions, reader, size, source, error);
}

static int parse_number(const char *text, uint64_t *number)
{
    char *end = NULL;

    errno = 0;
    *number = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static void print_error(tus_status status, const tus_error *error)
{
    fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));
    if (tus_error_callback_code(error) == READER_BROKE)
        fprintf(stderr, "it was this program's reader that failed, with %d\n", READER_BROKE);
    if (tus_error_upload_url(error) != NULL)
        fprintf(stderr, "the upload can be resumed: %s\n", tus_error_upload_url(error));
}

int main(int argc, char **argv)
{
    int can_seek = 1;
    uint64_t fail_at = UINT64_MAX;
    uint64_t size = 0;
    int index = 1;
    int well = 1;
    tus_config *config = NULL;
    tus_client *client = NULL;
    tus_source *source = NULL;
    tus_info *info = NULL;
    tus_error *error = NULL;
    tus_status status;

    for (; well && index < argc && strncmp(argv[index], "--", 2) == 0; index++) {
        if (strcmp(argv[index], "--no-seek") == 0)
            can_seek = 0;
        else if (strcmp(argv[index], "--fail-at") == 0 && index + 1 < argc)
            well = parse_number(argv[++index], &fail_at);
        else
            well = 0;
    }
    if (!well || argc - index != 2 || !parse_number(argv[index + 1], &size)) {
        fprintf(stderr, "usage: %s [--no-seek] [--fail-at OFFSET] URL SIZE\n", argv[0]);
        return 2;
    }

    config = tus_config_new();
    tus_config_set_url(config, argv[index]);
    status = tus_client_new(config, &client, &error);
    if (status == TUS_OK)
        status = make_source(size, can_seek, fail_at, &source, &error);
    if (status == TUS_OK)
        status = tus_client_upload(client, source, NULL, &info, &error);

    if (status == TUS_OK)
        printf("%s\n", tus_info_url(info));
    else
        print_error(status, error);

    tus_error_free(error);
    tus_info_free(info);
    tus_source_free(source);
    tus_client_unref(client);
    tus_config_free(config);
    return status == TUS_OK ? 0 : 1;
}
