/* Uploads whose bytes the program writes as it has them. */
#include <poll.h>
#include <pthread.h>

#include "check.h"

/* An upload on a thread of its own. */
struct upload {
    tus_client *client;
    tus_source *source;
    tus_upload_options *options;
    tus_info *info;
    tus_error *err;
    tus_status status;
    pthread_t thread;
};

static void *run_upload(void *user_data)
{
    struct upload *upload = (struct upload *)user_data;
    upload->status = tus_client_upload(upload->client, upload->source, upload->options, &upload->info, &upload->err);
    return NULL;
}

static void begin(struct upload *upload)
{
    upload->info = NULL;
    upload->err = NULL;
    NEED(pthread_create(&upload->thread, NULL, run_upload, upload) == 0);
}

static void expect_end(struct upload *upload, tus_status status)
{
    tus_error *err;
    NEED(pthread_join(upload->thread, NULL) == 0);
    err = upload->err;
    CHECK_RESULT(upload->status, status);
}

static void expect_size(struct upload *upload, uint64_t size)
{
    expect_end(upload, TUS_OK);
    CHECK_NUMBER(tus_info_size(upload->info), size);
    CHECK_NUMBER(tus_info_is_complete(upload->info), 1);
    tus_info_free(upload->info);
}

static void clean_up(struct upload *upload)
{
    tus_error_free(upload->err);
    tus_source_free(upload->source);
    tus_upload_options_free(upload->options);
    tus_client_unref(upload->client);
}

static tus_writer *make_writer(struct upload *upload, uint64_t size, size_t capacity)
{
    tus_writer *writer = NULL;
    tus_error *err = NULL;
    tus_config *config = make_config();
    memset(upload, 0, sizeof *upload);
    CHECK_OK(tus_config_set_chunk_size(config, 2000));
    upload->client = client_of(config);
    CHECK_RESULT(tus_writer_new(size, capacity, &writer, &upload->source, &err), TUS_OK);
    NEED(writer != NULL && upload->source != NULL);
    return writer;
}

/* Writes the bytes of a range, in pieces of all sizes, and waits for room. */
static void write_range(tus_writer *writer, size_t from, size_t to)
{
    unsigned char *bytes = make_bytes(to);
    size_t piece = 1, written;
    tus_error *err = NULL;
    while (from < to) {
        size_t count = piece < to - from ? piece : to - from;
        CHECK_RESULT(tus_writer_write(writer, bytes + from, count, TUS_WAIT_FOREVER, &written, &err), TUS_OK);
        NEED(err == NULL && written == count);
        from += count;
        piece = piece * 3 % 8191;
    }
    free(bytes);
}

#define WRITTEN 50001

/* A buffer far smaller than the upload, and one that is larger; a size that is told, and one that is not. */
static void test_whole(void)
{
    static const size_t capacities[] = {100, 1 << 20};
    size_t i;
    int known;
    tus_error *err = NULL;
    for (i = 0; i < COUNT(capacities); i++) {
        for (known = 0; known < 2; known++) {
            struct upload upload;
            tus_writer *writer = make_writer(&upload, known ? WRITTEN : TUS_SIZE_UNKNOWN, capacities[i]);
            begin(&upload);
            write_range(writer, 0, WRITTEN);
            if (known) /* More than was told. */
                CHECK_FAILS(tus_writer_write(writer, "x", 1, 0, NULL, &err), TUS_E_INVALID_ARGUMENT);
            CHECK_RESULT(tus_writer_finish(writer, &err), TUS_OK);
            expect_size(&upload, WRITTEN);
            CHECK_FAILS(tus_writer_write(writer, "x", 1, 0, NULL, &err), TUS_E_INVALID_STATE);
            tus_writer_free(writer);
            clean_up(&upload);
        }
    }
}

static int readable(tus_writer *writer, int timeout_ms)
{
    struct pollfd entry = {(int)tus_writer_event_handle(writer), POLLIN, 0};
    NEED(entry.fd >= 0);
    return poll(&entry, 1, timeout_ms);
}

/* Nothing waits here but poll(). */
static void test_polled(void)
{
    struct upload upload;
    tus_writer *writer = make_writer(&upload, TUS_SIZE_UNKNOWN, 1000);
    unsigned char *bytes = make_bytes(WRITTEN);
    size_t at = 0, written = 99;
    tus_error *err = NULL;
    /* Nobody reads yet: what fits is taken. */
    CHECK_NUMBER(readable(writer, 0), 1);
    CHECK_FAILS(tus_writer_write(writer, bytes, WRITTEN, 0, &written, &err), TUS_E_TIMEOUT);
    CHECK_NUMBER(written, 1000);
    CHECK_NUMBER(readable(writer, 0), 0);
    at = written;
    CHECK_FAILS(tus_writer_write(writer, bytes + at, 1, 20, &written, &err), TUS_E_TIMEOUT);
    CHECK_NUMBER(written, 0);
    begin(&upload);
    while (at < WRITTEN) {
        tus_status status;
        NEED(readable(writer, 60000) == 1);
        status = tus_writer_write(writer, bytes + at, WRITTEN - at, 0, &written, NULL);
        CHECK(status == TUS_OK || status == TUS_E_TIMEOUT);
        NEED(written > 0);
        at += written;
    }
    CHECK_RESULT(tus_writer_finish(writer, &err), TUS_OK);
    CHECK_NUMBER(readable(writer, 0), 1);
    expect_size(&upload, WRITTEN);
    tus_writer_free(writer);
    clean_up(&upload);
    free(bytes);
}

/* What is on the server stays, and is gone on with by what can be read again. */
static void resume(struct upload *upload, size_t size)
{
    unsigned char *bytes = make_bytes(size);
    tus_source *source = memory_source(bytes, size);
    tus_error *err = NULL;
    NEED(tus_error_upload_url(upload->err) != NULL);
    CHECK_RESULT(
        tus_client_resume_upload(upload->client, source, tus_error_upload_url(upload->err), NULL, NULL, &err), TUS_OK);
    tus_source_free(source);
    free(bytes);
}

static void test_aborted(void)
{
    int known;
    for (known = 0; known < 2; known++) {
        struct upload upload;
        tus_writer *writer = make_writer(&upload, known ? 5000 : TUS_SIZE_UNKNOWN, 100);
        tus_error *err = NULL;
        begin(&upload);
        write_range(writer, 0, 4500);
        tus_writer_abort(writer, 77);
        expect_end(&upload, TUS_E_CALLBACK);
        CHECK_NUMBER(tus_error_callback_code(upload.err), 77);
        CHECK_FAILS(tus_writer_write(writer, "x", 1, TUS_WAIT_FOREVER, NULL, &err), TUS_E_INVALID_STATE);
        CHECK_FAILS(tus_writer_finish(writer, &err), TUS_E_INVALID_STATE);
        CHECK_FAILS(tus_client_upload(upload.client, upload.source, NULL, NULL, &err), TUS_E_CALLBACK);
        resume(&upload, 5000);
        tus_writer_free(writer);
        clean_up(&upload);
    }
}

/* A program that forgets to finish. */
static void test_unfinished(void)
{
    struct upload upload;
    tus_writer *writer = make_writer(&upload, TUS_SIZE_UNKNOWN, 100);
    begin(&upload);
    write_range(writer, 0, 4500);
    tus_writer_free(writer);
    expect_end(&upload, TUS_E_CALLBACK);
    CHECK_NUMBER(tus_error_callback_code(upload.err), 1);
    resume(&upload, 5000);
    clean_up(&upload);
}

static void test_too_short(void)
{
    struct upload upload;
    tus_writer *writer = make_writer(&upload, 5000, 100);
    tus_error *err = NULL;
    begin(&upload);
    write_range(writer, 0, 4500);
    CHECK_RESULT(tus_writer_finish(writer, &err), TUS_OK);
    expect_end(&upload, TUS_E_SOURCE);
    tus_writer_free(writer);
    clean_up(&upload);
}

/* Stops the first upload once it has something. */
static int32_t stop_later(void *user_data, const tus_progress *progress)
{
    return __atomic_load_n((int *)user_data, __ATOMIC_SEQ_CST) && progress->confirmed >= 2000 ? 7 : 0;
}

/* The upload fails under a writer that waits; another one goes on behind what was taken. */
static void test_goes_on(void)
{
    struct upload upload;
    tus_writer *writer = make_writer(&upload, TUS_SIZE_UNKNOWN, 100);
    unsigned char *bytes = make_bytes(5000);
    size_t at, written = 0;
    tus_error *err = NULL;
    char *url;
    int stop = 1;
    upload.options = tus_upload_options_new();
    CHECK_OK(tus_upload_options_set_progress(upload.options, stop_later, &stop, NULL));
    begin(&upload);
    CHECK_FAILS(tus_writer_write(writer, bytes, 5000, TUS_WAIT_FOREVER, &written, &err), TUS_E_INVALID_STATE);
    CHECK(written >= 2000 && written < 5000);
    at = written;
    expect_end(&upload, TUS_E_CALLBACK);
    CHECK_NUMBER(tus_error_callback_code(upload.err), 7);
    CHECK_NUMBER(readable(writer, 0), 1);
    CHECK_FAILS(tus_writer_write(writer, bytes + at, 1, 0, &written, &err), TUS_E_INVALID_STATE);
    NEED(tus_error_upload_url(upload.err) != NULL);
    url = strdup(tus_error_upload_url(upload.err));
    NEED(url != NULL);
    tus_error_free(upload.err);
    __atomic_store_n(&stop, 0, __ATOMIC_SEQ_CST);
    CHECK_OK(tus_upload_options_set_upload_url(upload.options, url));
    begin(&upload);
    while (at < 5000) {
        /* Refused until the operation is there. */
        tus_status status = tus_writer_write(writer, bytes + at, 5000 - at, TUS_WAIT_FOREVER, &written, NULL);
        CHECK(status == TUS_OK || status == TUS_E_INVALID_STATE);
        at += written;
    }
    CHECK_RESULT(tus_writer_finish(writer, &err), TUS_OK);
    expect_size(&upload, 5000);
    tus_writer_free(writer);
    clean_up(&upload);
    free(url);
    free(bytes);
}

static void *write_for_ever(void *user_data)
{
    tus_error *err = NULL;
    CHECK_FAILS(tus_writer_write((tus_writer *)user_data, "12345678", 8, TUS_WAIT_FOREVER, NULL, &err),
                TUS_E_INVALID_STATE);
    return NULL;
}

/* Whatever goes first, whoever waits is woken. */
static void test_freed(void)
{
    int which;
    for (which = 0; which < 3; which++) {
        struct upload upload;
        tus_writer *writer = make_writer(&upload, TUS_SIZE_UNKNOWN, 4);
        const struct timespec moment = {0, 50000000};
        pthread_t thread;
        NEED(pthread_create(&thread, NULL, write_for_ever, writer) == 0);
        nanosleep(&moment, NULL);
        CHECK_NUMBER(readable(writer, 0), 0);
        if (which == 0) {
            tus_source_free(upload.source);
            upload.source = NULL;
        } else if (which == 1) {
            tus_writer_abort(writer, 5);
        } else {
            tus_writer_free(writer);
        }
        NEED(pthread_join(thread, NULL) == 0);
        if (which < 2)
            tus_writer_free(writer);
        clean_up(&upload);
    }
}

static void test_refused(void)
{
    struct upload upload;
    tus_writer *writer = make_writer(&upload, 5, 3), *none = (tus_writer *)&upload;
    tus_source *no_source = (tus_source *)&upload;
    size_t written = 99;
    tus_error *err = NULL;
    CHECK_FAILS(tus_writer_new(5, 0, &none, &no_source, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(none == NULL && no_source == NULL);
    CHECK_FAILS(tus_writer_new(5, SIZE_MAX, &none, &no_source, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_writer_new(UINT64_MAX - 1, 3, &none, &no_source, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_writer_new(5, 3, NULL, &no_source, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_writer_new(5, 3, &none, NULL, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(none == NULL && no_source == NULL);
    CHECK_FAILS(tus_writer_write(NULL, "x", 1, 0, &written, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_NUMBER(written, 0);
    CHECK_FAILS(tus_writer_write((tus_writer *)upload.client, "x", 1, 0, NULL, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_writer_write(writer, NULL, 1, 0, NULL, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_RESULT(tus_writer_write(writer, NULL, 0, 0, NULL, &err), TUS_OK);
    /* Not even what would fit of it. */
    written = 99;
    CHECK_FAILS(tus_writer_write(writer, "123456", 6, 0, &written, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_NUMBER(written, 0);
    CHECK_FAILS(tus_writer_finish(NULL, &err), TUS_E_INVALID_ARGUMENT);
    tus_writer_abort(NULL, 1);
    CHECK(tus_writer_event_handle(NULL) == -1);
    tus_writer_free(NULL);
    CHECK_NUMBER(tus_has_feature("writer"), 1);
    tus_writer_free(writer);
    clean_up(&upload);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"whole", test_whole},           {"polled", test_polled},       {"aborted", test_aborted},
        {"unfinished", test_unfinished}, {"too_short", test_too_short}, {"goes_on", test_goes_on},
        {"freed", test_freed},           {"refused", test_refused},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
