/* memory: uploads bytes that are in memory, and looks at the upload afterwards.
 *
 * Shows: tus_source_memory with a function that releases the bytes; metadata as text and as bytes; asking the server
 * how far an upload is and what metadata it has; deleting an upload.
 *
 * Build: cmake -S . -B build && cmake --build build
 * Run:   build/memory [--delete] URL
 *        --delete removes the upload from the server again.
 *
 * Ends with 0 on success, 1 on failure, 2 on a wrong command line.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tus.h"

#define BUFFER_SIZE ((size_t)300000)

/* Called by the library when it needs the bytes no more. It gets the pointer that was registered as user_data. */
static void release_buffer(void *user_data)
{
    free(user_data);
    printf("buffer released\n");
}

/* Makes a source of BUFFER_SIZE letters. From here on the letters belong to the source. */
static tus_status make_source(tus_source **source, tus_error **error)
{
    char *letters = malloc(BUFFER_SIZE);
    size_t i;

    if (letters == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    for (i = 0; i < BUFFER_SIZE; i++)
        letters[i] = (char)('a' + i % 26);
    return tus_source_memory(letters, BUFFER_SIZE, release_buffer, letters, source, error);
}

static void print_info(const tus_info *info)
{
    const tus_metadata *metadata = tus_info_metadata_object(info);
    size_t i;

    printf("url: %s\n", tus_info_url(info));
    printf("bytes: %" PRIu64 "\n", tus_info_offset(info));
    printf("complete: %s\n", tus_info_is_complete(info) ? "yes" : "no");

    for (i = 0; i < tus_metadata_count(metadata); i++) {
        const char *key = tus_metadata_key_at(metadata, i);
        const char *text = tus_metadata_text(metadata, key);
        size_t size = 0;

        /* Values are bytes. Whether they are text as well is for the reader to know, or to try. */
        tus_metadata_value_at(metadata, i, &size);
        if (text != NULL)
            printf("metadata %s: %s\n", key, text);
        else
            printf("metadata %s: %zu bytes that are no text\n", key, size);
    }
}

static tus_status upload_and_look(tus_client *client, int delete_it, tus_error **error)
{
    static const unsigned char thumbnail[] = {0x89, 'P', 'N', 'G', 0x00, 0xff};
    tus_source *source = NULL;
    tus_upload_options *options = tus_upload_options_new();
    tus_info *uploaded = NULL;
    tus_info *asked = NULL;
    tus_status status;

    /* What a setter refuses is remembered and returned by the upload: these calls need no checks. */
    tus_upload_options_set_metadata_text(options, "filename", "alphabet.txt");
    tus_upload_options_set_metadata_text(options, "title", "Fünf Boxkämpfer");
    tus_upload_options_set_metadata(options, "thumbnail", thumbnail, sizeof thumbnail);

    status = make_source(&source, error);
    if (status == TUS_OK)
        status = tus_client_upload(client, source, options, &uploaded, error);
    tus_source_free(source);
    tus_upload_options_free(options);

    /* What the server knows, asked anew. */
    if (status == TUS_OK)
        status = tus_client_get_upload_info(client, tus_info_url(uploaded), &asked, error);
    if (status == TUS_OK)
        print_info(asked);

    if (status == TUS_OK && delete_it) {
        status = tus_client_delete_upload(client, tus_info_url(uploaded), error);
        if (status == TUS_OK)
            printf("deleted\n");
    }
    tus_info_free(asked);
    tus_info_free(uploaded);
    return status;
}

int main(int argc, char **argv)
{
    int delete_it = argc == 3 && strcmp(argv[1], "--delete") == 0;
    tus_config *config = NULL;
    tus_client *client = NULL;
    tus_error *error = NULL;
    tus_status status;

    if (argc != 2 && !delete_it) {
        fprintf(stderr, "usage: %s [--delete] URL\n", argv[0]);
        return 2;
    }

    config = tus_config_new();
    tus_config_set_url(config, argv[argc - 1]);
    status = tus_client_new(config, &client, &error);
    if (status == TUS_OK)
        status = upload_and_look(client, delete_it, &error);
    if (status != TUS_OK)
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));

    tus_error_free(error);
    tus_client_unref(client);
    tus_config_free(config);
    return status == TUS_OK ? 0 : 1;
}
