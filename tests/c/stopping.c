/* The progress function stops an upload wherever it is, at once, and the upload can be resumed. */
#include <time.h>

#include "check.h"

#define SIZE 300000

struct stopper {
    /* Stop at the first call after this was reached. */
    uint64_t confirmed;
    uint64_t sent;
    int refusals;
    int seen_refusals;
    int calls;
    uint64_t last_sent;
};

static int32_t maybe_stop(void *user_data, const tus_progress *progress)
{
    struct stopper *stopper = (struct stopper *)user_data;
    stopper->calls++;
    CHECK(progress->struct_size >= sizeof *progress);
    CHECK_NUMBER(progress->total, SIZE);
    CHECK(progress->confirmed <= progress->sent && progress->sent <= progress->total);
    stopper->last_sent = progress->sent;
    return progress->confirmed >= stopper->confirmed && progress->sent >= stopper->sent &&
                   stopper->seen_refusals >= stopper->refusals
               ? 21
               : 0;
}

static int32_t count_refusals(void *user_data, const tus_request *request, const tus_response *response)
{
    (void)request;
    if (tus_response_status(response) == 503)
        ((struct stopper *)user_data)->seen_refusals++;
    return 0;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void stop_and_resume(struct stopper stopper, int exists)
{
    unsigned char *bytes = make_bytes(SIZE);
    tus_config *config = make_config();
    tus_upload_options *options = tus_upload_options_new();
    tus_client *client, *other = make_client();
    tus_source *source = memory_source(bytes, SIZE);
    tus_info *info = NULL;
    tus_error *err = NULL;
    double started = seconds();
    CHECK_OK(tus_config_set_chunk_size(config, 100000));
    /* Waits of minutes, none of which is to be sat through. */
    CHECK_OK(tus_config_set_retry(config, 5, 300000, 300000));
    CHECK_OK(tus_config_set_after_response(config, count_refusals, &stopper, NULL));
    CHECK_OK(tus_upload_options_set_progress(options, maybe_stop, &stopper, NULL));
    client = client_of(config);
    CHECK_RESULT(tus_client_upload(client, source, options, NULL, &err), TUS_E_CALLBACK);
    CHECK_NUMBER(tus_error_callback_code(err), 21);
    CHECK_NUMBER(tus_error_is_retryable(err), 1);
    CHECK(stopper.calls > 0);
    CHECK(seconds() - started < 60);
    CHECK((tus_error_upload_url(err) != NULL) == exists);
    if (exists && tus_error_upload_url(err) != NULL) {
        CHECK_OK(tus_client_resume_upload(other, source, tus_error_upload_url(err), NULL, &info, NULL));
        CHECK_NUMBER(tus_info_is_complete(info), 1);
        CHECK_NUMBER(tus_info_offset(info), SIZE);
        CHECK_TEXT(tus_info_url(info), tus_error_upload_url(err));
        tus_info_free(info);
    }
    tus_error_free(err);
    tus_source_free(source);
    tus_upload_options_free(options);
    tus_client_unref(client);
    tus_client_unref(other);
    free(bytes);
}

static void test_at_start(void)
{
    struct stopper stopper = {0, 0, 0, 0, 0, 0};
    stop_and_resume(stopper, 0);
}

/* Between two requests. */
static void test_middle(void)
{
    struct stopper stopper = {100000, 0, 0, 0, 0, 0};
    stop_and_resume(stopper, 1);
}

/* The server takes its time to read: while bytes move. */
static void test_while_sending(void)
{
    struct stopper stopper = {0, 1, 0, 0, 0, 0};
    stop_and_resume(stopper, 1);
}

/* The server has refused a request, and the next try is minutes away. */
static void test_retry_wait(void)
{
    struct stopper stopper = {100000, 0, 1, 0, 0, 0};
    stop_and_resume(stopper, 1);
}

/* The server has everything of a request and never answers. */
static void test_answer_wait(void)
{
    struct stopper stopper = {100000, 200000, 0, 0, 0, 0};
    stop_and_resume(stopper, 1);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"at_start", test_at_start},     {"middle", test_middle},           {"while_sending", test_while_sending},
        {"retry_wait", test_retry_wait}, {"answer_wait", test_answer_wait},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
