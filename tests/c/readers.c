/* Readers of the caller's that do less, or other, than they should. */
#include "check.h"

#define SIZE 5000

struct reader {
    uint64_t position;
    uint64_t size;
    /* How many bytes a read gives at most. */
    size_t piece;
    /* At which offset what happens. */
    uint64_t at;
    int32_t code;
    int claims_more;
    int32_t seek_code;
    int seeks;
    int destroyed;
};

static int32_t read_on(void *user_data, void *buf, size_t cap, size_t *out_len)
{
    struct reader *reader = (struct reader *)user_data;
    size_t count = cap;
    CHECK(cap > 0);
    CHECK_NUMBER(*out_len, 0);
    if (reader->position >= reader->at && reader->code != 0)
        return reader->code;
    if (reader->position >= reader->at && reader->claims_more) {
        *out_len = cap + 1;
        return 0;
    }
    if (count > reader->piece)
        count = reader->piece;
    if (count > reader->size - reader->position)
        count = (size_t)(reader->size - reader->position);
    fill_bytes((unsigned char *)buf, reader->position, count);
    reader->position += count;
    *out_len = count;
    return 0;
}

static int32_t seek_to(void *user_data, uint64_t offset)
{
    struct reader *reader = (struct reader *)user_data;
    reader->seeks++;
    if (reader->seek_code != 0 && offset > 0)
        return reader->seek_code;
    reader->position = offset;
    return 0;
}

static void destroy(void *user_data)
{
    ((struct reader *)user_data)->destroyed++;
}

static struct reader make_reader(void)
{
    struct reader reader;
    memset(&reader, 0, sizeof reader);
    reader.size = SIZE;
    reader.piece = SIZE;
    reader.at = UINT64_MAX;
    return reader;
}

static tus_source *source_of(struct reader *reader, int seeks, uint64_t size)
{
    tus_reader_vtable vtable = {sizeof vtable, read_on, NULL, destroy};
    tus_source *source = NULL;
    tus_error *err = NULL;
    if (seeks)
        vtable.seek = seek_to;
    CHECK_RESULT(tus_source_reader(&vtable, reader, size, &source, &err), TUS_OK);
    NEED(source != NULL);
    return source;
}

static tus_client *chunked_client(uint64_t chunk)
{
    tus_config *config = make_config();
    CHECK_OK(tus_config_set_chunk_size(config, chunk));
    return client_of(config);
}

/* Freeing the source must release the reader, once. */
static void done(tus_source *source, const struct reader *reader)
{
    CHECK_NUMBER(reader->destroyed, 0);
    tus_source_free(source);
    CHECK_NUMBER(reader->destroyed, 1);
}

static void test_refused(void)
{
    /* A record of a later version, with members that this one does not know. */
    struct {
        tus_reader_vtable known;
        void (*unknown)(void);
    } later = {{sizeof later, read_on, seek_to, destroy}, NULL};
    static const size_t bad_sizes[] = {0, 1, sizeof(tus_reader_vtable) - 1, 1 << 20, SIZE_MAX};
    struct reader reader = make_reader();
    tus_reader_vtable vtable = {sizeof vtable, NULL, seek_to, destroy};
    tus_source *source = (tus_source *)&reader;
    tus_client *client = make_client();
    tus_error *err = NULL;
    size_t i;

    CHECK_FAILS(tus_source_reader(&vtable, &reader, SIZE, &source, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(source == NULL);
    CHECK_NUMBER(reader.destroyed, 1);
    vtable.read = read_on;
    CHECK_FAILS(tus_source_reader(&vtable, &reader, (uint64_t)INT64_MAX + 1, &source, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_NUMBER(reader.destroyed, 2);
    CHECK_FAILS(tus_source_reader(&vtable, &reader, SIZE, NULL, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_NUMBER(reader.destroyed, 3);
    for (i = 0; i < COUNT(bad_sizes); i++) {
        vtable.struct_size = bad_sizes[i];
        source = (tus_source *)&reader;
        CHECK_FAILS(tus_source_reader(&vtable, &reader, SIZE, &source, &err), TUS_E_INVALID_ARGUMENT);
        CHECK(source == NULL);
    }
    /* Where the record ends is not known there, so `destroy` cannot be called. */
    CHECK(reader.destroyed == 3 || reader.destroyed == 5);

    CHECK_RESULT(tus_source_reader(&later.known, &reader, SIZE, &source, &err), TUS_OK);
    tus_source_free(source);

    tus_client_unref(client);
}

static void test_short_reads(void)
{
    static const size_t pieces[] = {1, 7, 4096};
    size_t i;
    int seeks;
    for (i = 0; i < COUNT(pieces); i++) {
        for (seeks = 0; seeks < 2; seeks++) {
            struct reader reader = make_reader();
            tus_client *client = chunked_client(1999);
            tus_source *source = source_of(&reader, seeks, SIZE);
            tus_error *err = NULL;
            reader.piece = pieces[i];
            CHECK_RESULT(tus_client_upload(client, source, NULL, NULL, &err), TUS_OK);
            done(source, &reader);
            tus_client_unref(client);
        }
    }
}

/* More than its size is never asked for. */
static void test_too_long(void)
{
    struct reader reader = make_reader();
    tus_client *client = make_client();
    tus_source *source;
    tus_error *err = NULL;
    reader.size = SIZE + 1000;
    source = source_of(&reader, 1, SIZE);
    CHECK_RESULT(tus_client_upload(client, source, NULL, NULL, &err), TUS_OK);
    done(source, &reader);
    tus_client_unref(client);
}

/* A reader that cannot give its first byte leaves nothing on the server. */
static void test_fails_at_once(void)
{
    int which;
    for (which = 0; which < 3; which++) {
        struct reader reader = make_reader();
        tus_client *client = make_client();
        tus_source *source = source_of(&reader, which != 1, SIZE);
        tus_info *info = (tus_info *)&reader;
        tus_error *err = NULL;
        reader.at = 0;
        if (which == 0)
            reader.code = INT32_MIN;
        else if (which == 1)
            reader.claims_more = 1;
        else
            reader.size = 0;
        CHECK_RESULT(tus_client_upload(client, source, NULL, &info, &err), which == 0 ? TUS_E_CALLBACK : TUS_E_SOURCE);
        CHECK(info == NULL);
        CHECK_NUMBER(tus_error_callback_code(err), which == 0 ? INT32_MIN : 0);
        CHECK_TEXT(tus_error_upload_url(err), NULL);
        CHECK_TEXT(tus_error_request_method(err), NULL);
        tus_error_free(err);
        done(source, &reader);
        tus_client_unref(client);
    }
}

/* The caller's own code in the middle: the upload stays, and another source goes on with it. */
static void test_fails_on_the_way(void)
{
    int by_seek;
    for (by_seek = 0; by_seek < 2; by_seek++) {
        struct reader reader = make_reader(), good = make_reader();
        tus_client *client = chunked_client(1000);
        tus_source *source = source_of(&reader, 1, SIZE);
        tus_upload_options *options = tus_upload_options_new();
        tus_info *info = NULL;
        tus_error *err = NULL;
        reader.piece = 500;
        CHECK_OK(tus_upload_options_set_stop_at(options, 3000));
        CHECK_RESULT(tus_client_upload(client, source, options, &info, &err), TUS_OK);
        NEED(info != NULL);
        CHECK_NUMBER(tus_info_offset(info), 3000);
        if (by_seek) {
            reader.seek_code = 77;
            reader.position = 0;
            /* To somewhere else first, so that it has to seek. */
            tus_source_free(source);
            source = source_of(&reader, 1, SIZE);
            CHECK_NUMBER(reader.destroyed, 1);
            reader.destroyed = 0;
        } else {
            reader.at = 3500;
            reader.code = 77;
        }
        CHECK_RESULT(tus_client_resume_upload(client, source, tus_info_url(info), NULL, NULL, &err), TUS_E_CALLBACK);
        CHECK_NUMBER(tus_error_callback_code(err), 77);
        CHECK_TEXT(tus_error_upload_url(err), tus_info_url(info));
        done(source, &reader);
        source = source_of(&good, 1, SIZE);
        CHECK_OK(tus_client_resume_upload(client, source, tus_error_upload_url(err), NULL, NULL, NULL));
        done(source, &good);
        tus_error_free(err);
        tus_info_free(info);
        tus_upload_options_free(options);
        tus_client_unref(client);
    }
}

/* A reader that ends before its size leaves bytes that nobody can complete: the library removes them. */
static void test_ends_early(void)
{
    struct reader reader = make_reader();
    tus_client *client = chunked_client(1000);
    tus_source *source = source_of(&reader, 1, SIZE);
    tus_error *err = NULL;
    reader.piece = 500;
    reader.size = 2500;
    CHECK_RESULT(tus_client_upload(client, source, NULL, NULL, &err), TUS_E_SOURCE);
    CHECK_TEXT(tus_error_upload_url(err), NULL);
    CHECK_NUMBER(tus_error_is_retryable(err), 0);
    tus_error_free(err);
    done(source, &reader);
    tus_client_unref(client);
}

/* A reader that says it wrote beyond the buffer is not believed, and its bytes are not sent. */
static void test_claims_too_much(void)
{
    struct reader reader = make_reader();
    tus_client *client = chunked_client(1000);
    tus_source *source = source_of(&reader, 1, SIZE);
    tus_error *err = NULL;
    const char *url;
    reader.piece = 500;
    reader.at = 2500;
    reader.claims_more = 1;
    CHECK_RESULT(tus_client_upload(client, source, NULL, NULL, &err), TUS_E_SOURCE);
    url = tus_error_upload_url(err);
    if (url != NULL) {
        reader.claims_more = 0;
        CHECK_OK(tus_client_resume_upload(client, source, url, NULL, NULL, NULL));
    }
    tus_error_free(err);
    done(source, &reader);
    tus_client_unref(client);
}

/* The server refuses a request with data: a reader that only goes forward has its bytes sent again. */
static void test_sent_again(void)
{
    int seeks;
    for (seeks = 0; seeks < 2; seeks++) {
        struct reader reader = make_reader();
        tus_client *client = chunked_client(2000);
        tus_source *source = source_of(&reader, seeks, SIZE);
        tus_info *info = NULL;
        tus_error *err = NULL;
        tus_stats stats;
        stats.struct_size = sizeof stats;
        CHECK_RESULT(tus_client_upload(client, source, NULL, &info, &err), TUS_OK);
        CHECK_OK(tus_info_get_stats(info, &stats));
        CHECK_NUMBER(stats.retries, 1);
        CHECK_NUMBER(stats.chunks_failed, 0);
        CHECK_NUMBER(stats.chunks_retried, 1);
        CHECK_NUMBER(stats.chunks_completed, 3);
        CHECK_NUMBER(stats.bytes_sent, SIZE + 2000);
        CHECK(seeks ? reader.seeks > 0 : reader.seeks == 0);
        tus_info_free(info);
        done(source, &reader);
        tus_client_unref(client);
    }
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"refused", test_refused},
        {"short_reads", test_short_reads},
        {"too_long", test_too_long},
        {"fails_at_once", test_fails_at_once},
        {"fails_on_the_way", test_fails_on_the_way},
        {"ends_early", test_ends_early},
        {"claims_too_much", test_claims_too_much},
        {"sent_again", test_sent_again},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
