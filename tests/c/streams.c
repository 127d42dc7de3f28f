/* Sources whose size is known at their end, and uploads without a size. */
#include <pthread.h>

#include "check.h"

struct stream {
    uint64_t position;
    uint64_t size;
};

static int32_t read_on(void *user_data, void *buf, size_t cap, size_t *out_len)
{
    struct stream *stream = (struct stream *)user_data;
    size_t count = cap < 700 ? cap : 700;
    if (count > stream->size - stream->position)
        count = (size_t)(stream->size - stream->position);
    fill_bytes((unsigned char *)buf, stream->position, count);
    stream->position += count;
    *out_len = count;
    return 0;
}

static int32_t seek_to(void *user_data, uint64_t offset)
{
    ((struct stream *)user_data)->position = offset;
    return 0;
}

static tus_client *chunked_client(void)
{
    tus_config *config = make_config();
    CHECK_OK(tus_config_set_chunk_size(config, 2000));
    return client_of(config);
}

static tus_source *source_of(struct stream *stream, int seeks)
{
    tus_reader_vtable vtable = {sizeof vtable, read_on, NULL, NULL};
    tus_source *source = NULL;
    tus_error *err = NULL;
    if (seeks)
        vtable.seek = seek_to;
    CHECK_RESULT(tus_source_reader(&vtable, stream, TUS_SIZE_UNKNOWN, &source, &err), TUS_OK);
    NEED(source != NULL);
    return source;
}

static int32_t no_total(void *user_data, const tus_progress *progress)
{
    if (progress->total == TUS_SIZE_UNKNOWN) {
        CHECK_NUMBER(progress->eta_ms, UINT64_MAX);
        ++*(int *)user_data;
    }
    return 0;
}

static void test_readers(void)
{
    static const uint64_t sizes[] = {0, 1, 2000, 2001, 5000};
    tus_client *client = chunked_client();
    size_t i;
    int seeks;
    for (i = 0; i < COUNT(sizes); i++) {
        for (seeks = 0; seeks < 2; seeks++) {
            struct stream stream = {0, sizes[i]};
            tus_source *source = source_of(&stream, seeks);
            tus_upload_options *options = tus_upload_options_new();
            tus_info *info = NULL;
            tus_error *err = NULL;
            int unknown = 0;
            CHECK_OK(tus_upload_options_set_progress(options, no_total, &unknown, NULL));
            CHECK_RESULT(tus_client_upload(client, source, options, &info, &err), TUS_OK);
            CHECK_NUMBER(tus_info_size(info), sizes[i]);
            CHECK_NUMBER(tus_info_is_complete(info), 1);
            CHECK(sizes[i] <= 2000 || unknown > 0);
            tus_info_free(info);
            tus_upload_options_free(options);
            tus_source_free(source);
        }
    }
    tus_client_unref(client);
}

#define PIPED 300000

static void *fill_pipe(void *user_data)
{
    unsigned char *bytes = make_bytes(PIPED);
    int fd = *(int *)user_data;
    size_t at = 0;
    while (at < PIPED) {
        ssize_t written = write(fd, bytes + at, PIPED - at);
        NEED(written > 0);
        at += (size_t)written;
    }
    close(fd);
    free(bytes);
    return NULL;
}

static void test_pipe(void)
{
    tus_config *config = make_config();
    tus_client *client;
    tus_source *source = NULL;
    tus_info *info = NULL;
    tus_error *err = NULL;
    pthread_t thread;
    int ends[2];
    CHECK_OK(tus_config_set_chunk_size(config, 100000));
    client = client_of(config);
    NEED(pipe(ends) == 0);
    NEED(pthread_create(&thread, NULL, fill_pipe, &ends[1]) == 0);
    CHECK_RESULT(tus_source_fd(ends[0], &source, &err), TUS_OK);
    close(ends[0]);
    CHECK_RESULT(tus_client_upload(client, source, NULL, &info, &err), TUS_OK);
    CHECK_NUMBER(tus_info_size(info), PIPED);
    NEED(pthread_join(thread, NULL) == 0);
    tus_info_free(info);
    tus_source_free(source);
    tus_client_unref(client);
}

/* Nobody writes: the progress function ends the wait. */
static int32_t stop_soon(void *user_data, const tus_progress *progress)
{
    (void)progress;
    return ++*(int *)user_data >= 3 ? 7 : 0;
}

static void test_silent_pipe(void)
{
    tus_client *client = chunked_client();
    tus_upload_options *options = tus_upload_options_new();
    tus_source *source = NULL;
    tus_error *err = NULL;
    int ends[2], calls = 0;
    NEED(pipe(ends) == 0);
    CHECK_RESULT(tus_source_fd(ends[0], &source, &err), TUS_OK);
    CHECK_OK(tus_upload_options_set_progress(options, stop_soon, &calls, NULL));
    CHECK_RESULT(tus_client_upload(client, source, options, NULL, &err), TUS_E_CALLBACK);
    CHECK_NUMBER(tus_error_callback_code(err), 7);
    tus_error_free(err);
    err = NULL;
    /* The next operation is not ended by what ended this one. */
    NEED(write(ends[1], "\0", 1) == 1);
    close(ends[1]);
    CHECK_RESULT(tus_client_upload(client, source, NULL, NULL, &err), TUS_OK);
    close(ends[0]);
    tus_upload_options_free(options);
    tus_source_free(source);
    tus_client_unref(client);
}

static void test_deferred(void)
{
    tus_client *client = chunked_client();
    tus_upload_options *options = tus_upload_options_new();
    unsigned char *bytes = make_bytes(3000);
    tus_source *source = memory_source(bytes, 3000);
    struct stream stream = {0, 5000};
    tus_source *reader = source_of(&stream, 0);
    tus_info *info = NULL;
    tus_error *err = NULL;
    CHECK_OK(tus_upload_options_set_metadata_text(options, "name", "later"));
    CHECK_RESULT(tus_client_create_deferred_upload(client, options, &info, &err), TUS_OK);
    NEED(info != NULL);
    CHECK_NUMBER(tus_info_is_deferred(info), 1);
    CHECK_NUMBER(tus_info_size(info), TUS_SIZE_UNKNOWN);
    CHECK_NUMBER(tus_info_is_complete(info), 0);
    CHECK_TEXT(tus_info_metadata_text(info, "name"), "later");
    CHECK_RESULT(tus_client_resume_upload(client, source, tus_info_url(info), NULL, NULL, &err), TUS_OK);
    tus_info_free(info);
    CHECK_RESULT(tus_client_create_deferred_upload(client, NULL, &info, &err), TUS_OK);
    CHECK_RESULT(tus_client_resume_upload(client, reader, tus_info_url(info), NULL, NULL, &err), TUS_OK);
    tus_info_free(info);
    tus_source_free(reader);
    tus_source_free(source);
    tus_upload_options_free(options);
    tus_client_unref(client);
    free(bytes);
}

/* A server that must know the size. */
static void test_unsupported(void)
{
    tus_client *client = chunked_client();
    struct stream streams[2] = {{0, 5000}, {0, 2000}};
    tus_source *large = source_of(&streams[0], 0), *small = source_of(&streams[1], 0);
    tus_info *info = NULL;
    tus_error *err = NULL;
    CHECK_FAILS(tus_client_create_deferred_upload(client, NULL, &info, &err), TUS_E_UNSUPPORTED);
    CHECK_FAILS(tus_client_upload(client, large, NULL, &info, &err), TUS_E_UNSUPPORTED);
    /* What fits into one chunk has a size. */
    CHECK_RESULT(tus_client_upload(client, small, NULL, &info, &err), TUS_OK);
    CHECK_NUMBER(tus_info_size(info), 2000);
    tus_info_free(info);
    tus_source_free(large);
    tus_source_free(small);
    tus_client_unref(client);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"readers", test_readers},   {"pipe", test_pipe},               {"silent_pipe", test_silent_pipe},
        {"deferred", test_deferred}, {"unsupported", test_unsupported},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
