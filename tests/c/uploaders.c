/* Uploads that the program drives chunk by chunk, and stops from another thread. */
#include <pthread.h>
#include <time.h>

#include "check.h"

#define SIZE 3000

static unsigned char bytes[SIZE];

static tus_client *chunked_client(void)
{
    tus_config *config = make_config();
    CHECK_OK(tus_config_set_chunk_size(config, 1000));
    return client_of(config);
}

/* Memory is recognised by its digest, which is taken only where somebody wants the token. */
static int32_t want_token(void *user_data, const char *token)
{
    (void)user_data;
    (void)token;
    return 0;
}

static tus_uploader *make_uploader(tus_client *client, tus_source *source, const tus_upload_options *options)
{
    tus_upload_options *own = tus_upload_options_new();
    tus_uploader *uploader = NULL;
    tus_error *err = NULL;
    CHECK_OK(tus_upload_options_set_on_resume_token(own, want_token, NULL, NULL));
    CHECK_RESULT(tus_client_create_uploader(client, source, options != NULL ? options : own, &uploader, &err), TUS_OK);
    NEED(uploader != NULL);
    tus_upload_options_free(own);
    return uploader;
}

static void test_chunks(void)
{
    tus_client *client = chunked_client();
    tus_source *source = memory_source(bytes, SIZE);
    tus_uploader *uploader = make_uploader(client, source, NULL);
    const char *url = tus_uploader_url(uploader);
    tus_info *info = NULL;
    tus_error *err = NULL;
    tus_stats stats;
    uint64_t offset;
    int more = 7;
    CHECK(strncmp(url, server_url, strlen(server_url)) == 0);
    CHECK_NUMBER(tus_uploader_offset(uploader), 0);
    CHECK_NUMBER(tus_uploader_is_complete(uploader), 0);
    stats.struct_size = sizeof stats;
    for (offset = 1000; offset <= SIZE; offset += 1000) {
        CHECK(tus_uploader_resume_token(uploader) != NULL);
        CHECK_RESULT(tus_uploader_upload_chunk(uploader, &more, &err), TUS_OK);
        CHECK_NUMBER(more, offset < SIZE);
        CHECK_NUMBER(tus_uploader_offset(uploader), offset);
        CHECK_NUMBER(tus_uploader_is_complete(uploader), offset == SIZE);
        CHECK_OK(tus_uploader_get_stats(uploader, &stats));
        CHECK_NUMBER(stats.bytes_confirmed, offset);
        CHECK_NUMBER(stats.chunks_completed, offset / 1000);
        CHECK_NUMBER(stats.chunks_total, 3);
        CHECK(stats.progress_percent == 100.0 * (double)offset / SIZE);
        CHECK(tus_uploader_url(uploader) == url);
    }
    CHECK_TEXT(tus_uploader_resume_token(uploader), NULL);
    CHECK_RESULT(tus_uploader_upload_chunk(uploader, &more, &err), TUS_OK);
    CHECK_NUMBER(more, 0);
    CHECK_RESULT(tus_uploader_upload_chunk(uploader, NULL, &err), TUS_OK);
    CHECK_RESULT(tus_uploader_upload(uploader, &info, &err), TUS_OK);
    CHECK_TEXT(tus_info_url(info), url);
    CHECK_NUMBER(tus_info_is_complete(info), 1);
    stats.struct_size = 1;
    CHECK_INVALID(tus_uploader_get_stats(uploader, &stats));
    CHECK_INVALID(tus_uploader_get_stats(uploader, NULL));
    tus_info_free(info);
    tus_uploader_free(uploader);
    tus_source_free(source);
    tus_client_unref(client);
}

/* One chunk, the rest at once; the server mistakes an offset and fails for good once. */
static void test_trouble(void)
{
    tus_client *client = chunked_client();
    tus_source *source = memory_source(bytes, SIZE);
    tus_uploader *uploader = make_uploader(client, source, NULL);
    tus_info *info = NULL;
    tus_error *err = NULL;
    int more = 7;
    CHECK_RESULT(tus_uploader_upload_chunk(uploader, &more, &err), TUS_OK);
    CHECK_NUMBER(tus_uploader_offset(uploader), 1000);
    CHECK_RESULT(tus_uploader_upload_chunk(uploader, &more, &err), TUS_E_HTTP_STATUS);
    CHECK_NUMBER(more, 0);
    CHECK_NUMBER(tus_error_http_status(err), 403);
    CHECK_TEXT(tus_error_upload_url(err), tus_uploader_url(uploader));
    CHECK_NUMBER(tus_uploader_offset(uploader), 1000);
    tus_error_free(err);
    err = NULL;
    CHECK_RESULT(tus_uploader_upload(uploader, &info, &err), TUS_OK);
    CHECK_NUMBER(tus_info_is_complete(info), 1);
    CHECK_NUMBER(tus_uploader_is_complete(uploader), 1);
    tus_info_free(info);
    tus_uploader_free(uploader);
    tus_source_free(source);
    tus_client_unref(client);
}

/* ---- stopped */

static double now_s(void)
{
    struct timespec now;
    NEED(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct stopper {
    tus_uploader *uploader;
    double at;
};

static void *cancel_soon(void *user_data)
{
    struct stopper *stopper = (struct stopper *)user_data;
    int i;
    NEED(usleep(200000) == 0);
    stopper->at = now_s();
    for (i = 0; i < 3; i++)
        tus_uploader_cancel(stopper->uploader);
    return NULL;
}

/* The server never answers the second chunk. */
static void test_cancelled(void)
{
    tus_client *client = chunked_client();
    tus_source *source = memory_source(bytes, SIZE);
    struct stopper stopper = {NULL, 0};
    tus_info *info = NULL;
    tus_error *err = NULL;
    pthread_t thread;
    double late;
    int more = 7;
    stopper.uploader = make_uploader(client, source, NULL);
    CHECK_RESULT(tus_uploader_upload_chunk(stopper.uploader, NULL, &err), TUS_OK);
    NEED(pthread_create(&thread, NULL, cancel_soon, &stopper) == 0);
    CHECK_RESULT(tus_uploader_upload(stopper.uploader, &info, &err), TUS_E_CANCELLED);
    late = now_s() - stopper.at;
    NEED(pthread_join(thread, NULL) == 0);
    /* 50 ms is what is promised; valgrind and a busy machine take their time. */
    CHECK(late < 5);
    CHECK(info == NULL);
    CHECK_TEXT(tus_error_upload_url(err), tus_uploader_url(stopper.uploader));
    CHECK(tus_error_resume_token(err) != NULL);
    CHECK_NUMBER(tus_error_is_retryable(err), 1);
    tus_error_free(err);
    err = NULL;
    CHECK_NUMBER(tus_uploader_offset(stopper.uploader), 1000);
    CHECK_FAILS(tus_uploader_upload_chunk(stopper.uploader, &more, &err), TUS_E_CANCELLED);
    CHECK_FAILS(tus_uploader_upload(stopper.uploader, &info, &err), TUS_E_CANCELLED);
    /* What it leaves can be continued, with the same source once the uploader is gone. */
    {
        tus_upload_options *options = tus_upload_options_new();
        CHECK_OK(tus_upload_options_set_upload_url(options, tus_uploader_url(stopper.uploader)));
        CHECK_FAILS(tus_client_upload(client, source, options, NULL, &err), TUS_E_BUSY);
        tus_uploader_free(stopper.uploader);
        CHECK_RESULT(tus_client_upload(client, source, options, NULL, &err), TUS_OK);
        tus_upload_options_free(options);
    }
    tus_source_free(source);
    tus_client_unref(client);
}

/* A pipe that nobody writes to, and then it is used again. */
static void test_cancelled_reading(void)
{
    tus_client *client = chunked_client();
    tus_source *source = NULL;
    struct stopper stopper = {NULL, 0};
    tus_error *err = NULL;
    pthread_t thread;
    int ends[2];
    NEED(pipe(ends) == 0);
    CHECK_RESULT(tus_source_fd(ends[0], &source, &err), TUS_OK);
    /* One chunk and one byte, so that the uploader knows that there is more than one. */
    NEED(write(ends[1], bytes, 1001) == 1001);
    stopper.uploader = make_uploader(client, source, NULL);
    CHECK_RESULT(tus_uploader_upload_chunk(stopper.uploader, NULL, &err), TUS_OK);
    NEED(pthread_create(&thread, NULL, cancel_soon, &stopper) == 0);
    CHECK_RESULT(tus_uploader_upload_chunk(stopper.uploader, NULL, &err), TUS_E_CANCELLED);
    CHECK(now_s() - stopper.at < 5);
    NEED(pthread_join(thread, NULL) == 0);
    tus_uploader_free(stopper.uploader);
    NEED(write(ends[1], bytes + 1001, SIZE - 1001) == SIZE - 1001);
    close(ends[1]);
    CHECK_OK(tus_client_resume_upload(client, source, tus_error_upload_url(err), NULL, NULL, NULL));
    tus_error_free(err);
    close(ends[0]);
    tus_source_free(source);
    tus_client_unref(client);
}

/* ---- in use */

struct inside {
    tus_client *client;
    tus_source *source;
    tus_uploader *uploader;
    int calls;
    int cancel;
};

static void *from_a_thread(void *user_data)
{
    struct inside *inside = (struct inside *)user_data;
    tus_error *err = NULL;
    tus_stats stats;
    int more = 7;
    CHECK_FAILS(tus_uploader_upload_chunk(inside->uploader, &more, &err), TUS_E_BUSY);
    CHECK_FAILS(tus_uploader_upload(inside->uploader, NULL, &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_upload(inside->client, inside->source, NULL, NULL, &err), TUS_E_BUSY);
    /* The getters do not wait. */
    stats.struct_size = sizeof stats;
    CHECK_OK(tus_uploader_get_stats(inside->uploader, &stats));
    CHECK_NUMBER(tus_uploader_offset(inside->uploader), 0);
    CHECK_NUMBER(tus_uploader_is_complete(inside->uploader), 0);
    CHECK(tus_uploader_url(inside->uploader) != NULL);
    CHECK(tus_uploader_resume_token(inside->uploader) != NULL);
    return NULL;
}

static int32_t look_around(void *user_data, const tus_progress *progress)
{
    struct inside *inside = (struct inside *)user_data;
    tus_uploader *another = NULL;
    tus_error *err = NULL;
    pthread_t thread;
    if (inside->uploader == NULL || progress->confirmed != 1000 || inside->calls++ > 0)
        return 0;
    from_a_thread(inside);
    NEED(pthread_create(&thread, NULL, from_a_thread, inside) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    CHECK_FAILS(tus_client_create_uploader(inside->client, inside->source, NULL, &another, &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_get_server_info(inside->client, NULL, &err), TUS_E_BUSY);
    if (inside->cancel)
        tus_uploader_cancel(inside->uploader);
    return 0;
}

static void test_busy(void)
{
    int cancel;
    for (cancel = 0; cancel < 2; cancel++) {
        struct inside inside = {NULL, NULL, NULL, 0, 0};
        tus_upload_options *options = tus_upload_options_new();
        tus_uploader *another = NULL;
        tus_error *err = NULL;
        inside.client = chunked_client();
        inside.source = memory_source(bytes, SIZE);
        inside.cancel = cancel;
        CHECK_OK(tus_upload_options_set_progress(options, look_around, &inside, NULL));
        CHECK_OK(tus_upload_options_set_on_resume_token(options, want_token, NULL, NULL));
        inside.uploader = make_uploader(inside.client, inside.source, options);
        /* As long as it lives, the source is its. */
        CHECK_FAILS(tus_client_create_uploader(inside.client, inside.source, NULL, &another, &err), TUS_E_BUSY);
        CHECK(another == NULL);
        CHECK_FAILS(tus_client_upload(inside.client, inside.source, NULL, NULL, &err), TUS_E_BUSY);
        CHECK_FAILS(tus_client_find_previous_uploads(inside.client, inside.source, NULL, &err), TUS_E_BUSY);
        CHECK_RESULT(tus_uploader_upload(inside.uploader, NULL, &err), cancel ? TUS_E_CANCELLED : TUS_OK);
        tus_error_free(err);
        err = NULL;
        CHECK(inside.calls > 0);
        tus_uploader_free(inside.uploader);
        another = make_uploader(inside.client, inside.source, NULL);
        CHECK_RESULT(tus_uploader_upload(another, NULL, &err), TUS_OK);
        tus_uploader_free(another);
        tus_source_free(inside.source);
        tus_upload_options_free(options);
        tus_client_unref(inside.client);
    }
}

/* ---- freed */

static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

static void test_orders(void)
{
    size_t order, step;
    for (order = 0; order < COUNT(orders); order++) {
        tus_client *client = chunked_client();
        tus_source *source = NULL;
        tus_uploader *uploader;
        tus_error *err = NULL;
        int released = 0;
        CHECK_RESULT(tus_source_memory(bytes, SIZE, count_up, &released, &source, &err), TUS_OK);
        uploader = make_uploader(client, source, NULL);
        CHECK_RESULT(tus_uploader_upload_chunk(uploader, NULL, &err), TUS_OK);
        for (step = 0; step < 3; step++) {
            CHECK_NUMBER(released, 0);
            if (orders[order][step] == 0) {
                tus_client_unref(client);
            } else if (orders[order][step] == 1) {
                tus_source_free(source);
            } else {
                if (step == 2)
                    CHECK_RESULT(tus_uploader_upload(uploader, NULL, &err), TUS_OK);
                tus_uploader_free(uploader);
            }
            /* Released by the later one of source and uploader. */
            if (step < 2 && orders[order][2] == 0 && step == 1)
                break;
        }
        if (step == 1)
            tus_client_unref(client);
        CHECK_NUMBER(released, 1);
    }
}

static int32_t free_everything(void *user_data, const tus_progress *progress)
{
    struct inside *inside = (struct inside *)user_data;
    if (inside->uploader == NULL || progress->confirmed == 0)
        return 0;
    tus_uploader_free(inside->uploader);
    tus_source_free(inside->source);
    tus_client_unref(inside->client);
    inside->uploader = NULL;
    return 0;
}

/* Freed from inside: the call goes on with what it holds. */
static void test_freed_inside(void)
{
    struct inside inside = {NULL, NULL, NULL, 0, 0};
    tus_upload_options *options = tus_upload_options_new();
    tus_info *info = NULL;
    tus_error *err = NULL;
    int released = 0, destroyed = 0;
    inside.client = chunked_client();
    CHECK_RESULT(tus_source_memory(bytes, SIZE, count_up, &released, &inside.source, &err), TUS_OK);
    CHECK_OK(tus_upload_options_set_progress(options, free_everything, &inside, NULL));
    CHECK_OK(tus_upload_options_set_on_upload_url_available(options, NULL, &destroyed, count_up));
    inside.uploader = make_uploader(inside.client, inside.source, options);
    tus_upload_options_free(options);
    CHECK_RESULT(tus_uploader_upload(inside.uploader, &info, &err), TUS_OK);
    CHECK(inside.uploader == NULL);
    CHECK_NUMBER(tus_info_is_complete(info), 1);
    CHECK_NUMBER(released, 1);
    CHECK_NUMBER(destroyed, 1);
    tus_info_free(info);
}

/* ---- begun elsewhere */

static void test_continued(void)
{
    tus_client *client = chunked_client();
    struct path path = make_file("file", SIZE);
    tus_source *source = NULL;
    tus_upload_options *options = tus_upload_options_new();
    tus_uploader *uploader;
    tus_error *err = NULL;
    char *url, *token;
    /* A file is recognised as what it is, if it had not just been changed. */
    NEED(usleep(100000) == 0);
    source = file_source(path.text);
    uploader = make_uploader(client, source, NULL);
    CHECK_RESULT(tus_uploader_upload_chunk(uploader, NULL, &err), TUS_OK);
    url = strdup(tus_uploader_url(uploader));
    token = strdup(tus_uploader_resume_token(uploader));
    NEED(url != NULL && token != NULL);
    tus_uploader_free(uploader);

    CHECK_OK(tus_upload_options_set_resume_token(options, token));
    uploader = make_uploader(client, source, options);
    CHECK_NUMBER(tus_uploader_offset(uploader), 1000);
    CHECK_TEXT(tus_uploader_url(uploader), url);
    CHECK_RESULT(tus_uploader_upload_chunk(uploader, NULL, &err), TUS_OK);
    tus_uploader_free(uploader);

    CHECK_OK(tus_upload_options_set_resume_token(options, NULL));
    CHECK_OK(tus_upload_options_set_upload_url(options, url));
    uploader = make_uploader(client, source, options);
    CHECK_NUMBER(tus_uploader_offset(uploader), 2000);
    CHECK_TEXT(tus_uploader_resume_token(uploader), NULL);
    CHECK_RESULT(tus_uploader_upload(uploader, NULL, &err), TUS_OK);
    tus_uploader_free(uploader);
    free(url);
    free(token);
    tus_upload_options_free(options);
    tus_source_free(source);
    tus_client_unref(client);
}

/* What is wrong shows before anything is made on the server. */
static void test_refused(void)
{
    tus_client *client = chunked_client(), *urlless;
    tus_config *config = tus_config_new();
    tus_source *source = memory_source(bytes, SIZE);
    tus_upload_options *options = tus_upload_options_new();
    tus_uploader *uploader = (tus_uploader *)client;
    tus_error *err = NULL;
    urlless = client_of(config);
    CHECK_FAILS(tus_client_create_uploader(urlless, source, NULL, &uploader, &err), TUS_E_INVALID_STATE);
    CHECK(uploader == NULL);
    CHECK_FAILS(tus_client_create_uploader(client, source, NULL, NULL, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_OK(tus_upload_options_set_parallel_uploads(options, 2));
    CHECK_FAILS(tus_client_create_uploader(client, source, options, &uploader, &err), TUS_E_UNSUPPORTED);
    CHECK_OK(tus_upload_options_set_parallel_uploads(options, 0));
    CHECK_OK(tus_upload_options_set_resume_token(options, "no token"));
    CHECK_FAILS(tus_client_create_uploader(client, source, options, &uploader, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_INVALID(tus_upload_options_set_chunk_size(options, 0));
    CHECK_FAILS(tus_client_create_uploader(client, source, options, &uploader, &err), TUS_E_INVALID_ARGUMENT);
    tus_upload_options_free(options);
    tus_source_free(source);
    tus_client_unref(urlless);
    tus_client_unref(client);
}

/* From the next chunk on. */
static void test_sizes(void)
{
    tus_client *client = chunked_client();
    tus_source *source = memory_source(bytes, SIZE);
    tus_uploader *uploader = make_uploader(client, source, NULL);
    tus_error *err = NULL;
    int more = 0;
    CHECK_RESULT(tus_uploader_upload_chunk(uploader, &more, &err), TUS_OK);
    CHECK_NUMBER(tus_uploader_offset(uploader), 1000);
    CHECK_OK(tus_uploader_set_chunk_size(uploader, 500));
    CHECK_RESULT(tus_uploader_upload_chunk(uploader, &more, &err), TUS_OK);
    CHECK_NUMBER(tus_uploader_offset(uploader), 1500);
    CHECK_OK(tus_uploader_set_chunk_size(uploader, TUS_CHUNK_WHOLE));
    CHECK_RESULT(tus_uploader_upload_chunk(uploader, &more, &err), TUS_OK);
    CHECK_NUMBER(tus_uploader_offset(uploader), SIZE);
    CHECK_NUMBER(more, 0);
    tus_uploader_free(uploader);
    tus_source_free(source);
    tus_client_unref(client);
}

/* The server never answers the first chunk of three uploads, of which each has limits of its own. */
static void test_limits(void)
{
    tus_client *client = chunked_client();
    tus_source *source = memory_source(bytes, SIZE);
    tus_upload_options *options = tus_upload_options_new();
    tus_uploader *uploader;
    tus_task *task = NULL;
    tus_error *err = NULL;
    int more = 0;
    CHECK_OK(tus_upload_options_set_retry(options, 0, 1, 1));
    CHECK_OK(tus_upload_options_set_request_timeouts_ms(options, 60000, 700, 60000));
    uploader = make_uploader(client, source, options);
    CHECK_RESULT(tus_uploader_upload_chunk(uploader, &more, &err), TUS_E_TIMEOUT);
    tus_error_free(err);
    err = NULL;
    CHECK_RESULT(tus_uploader_upload_chunk(uploader, &more, &err), TUS_OK);
    CHECK_RESULT(tus_uploader_upload(uploader, NULL, &err), TUS_OK);
    tus_uploader_free(uploader);
    CHECK_FAILS(tus_client_upload(client, source, options, NULL, &err), TUS_E_TIMEOUT);
    CHECK_RESULT(tus_client_upload_async(client, source, options, NULL, NULL, NULL, &task, &err), TUS_OK);
    CHECK_OK(tus_task_wait(task, 60000));
    CHECK_STATUS(tus_task_result(task, NULL), TUS_E_TIMEOUT);
    tus_task_unref(task);
    tus_upload_options_free(options);

    options = tus_upload_options_new();
    CHECK_INVALID(tus_upload_options_set_request_timeouts_ms(options, 1, 0, 1));
    CHECK_FAILS(tus_client_upload(client, source, options, NULL, &err), TUS_E_INVALID_ARGUMENT);
    tus_upload_options_free(options);
    tus_source_free(source);
    tus_client_unref(client);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"chunks", test_chunks},
        {"trouble", test_trouble},
        {"cancelled", test_cancelled},
        {"cancelled_reading", test_cancelled_reading},
        {"busy", test_busy},
        {"orders", test_orders},
        {"freed_inside", test_freed_inside},
        {"continued", test_continued},
        {"refused", test_refused},
        {"sizes", test_sizes},
        {"limits", test_limits},
    };
    fill_bytes(bytes, 0, sizeof bytes);
    return run_case(argc, argv, cases, COUNT(cases));
}
