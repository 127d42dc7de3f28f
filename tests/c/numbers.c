/* Sizes, times and counts at and beyond their limits, and what a configuration remembers of them. */
#include "check.h"

#define LARGEST ((uint64_t)INT64_MAX)

static void upload_in_chunks_of(uint64_t bytes, int of_upload, uint64_t requests)
{
    static const char data[] = "abc";
    tus_config *config = make_config();
    tus_upload_options *options = tus_upload_options_new();
    tus_client *client;
    tus_source *source = memory_source(data, 3);
    tus_info *info = NULL;
    tus_error *err = NULL;
    tus_stats stats;
    stats.struct_size = sizeof stats;
    CHECK_OK(tus_config_set_upload_with_creation(config, 0));
    CHECK_OK(tus_config_set_query_server(config, 0));
    CHECK_OK(tus_config_set_chunk_size(config, of_upload ? 1 : bytes));
    if (of_upload)
        CHECK_OK(tus_upload_options_set_chunk_size(options, bytes));
    client = client_of(config);
    CHECK_RESULT(tus_client_upload(client, source, options, &info, &err), TUS_OK);
    CHECK_OK(tus_info_get_stats(info, &stats));
    CHECK_NUMBER(stats.requests, requests);
    CHECK_NUMBER(stats.bytes_sent, 3);
    tus_info_free(info);
    tus_source_free(source);
    tus_upload_options_free(options);
    tus_client_unref(client);
}

static void test_chunks(void)
{
    static const uint64_t bad[] = {0, LARGEST + 1, UINT64_MAX - 2};
    size_t i;
    for (i = 0; i < COUNT(bad); i++) {
        tus_config *config = make_config();
        tus_upload_options *options = tus_upload_options_new();
        CHECK_INVALID(tus_config_set_chunk_size(config, bad[i]));
        CHECK_INVALID(tus_upload_options_set_chunk_size(options, bad[i]));
        tus_upload_options_free(options);
        tus_config_free(config);
    }
    upload_in_chunks_of(1, 0, 1 + 3);
    upload_in_chunks_of(2, 0, 1 + 2);
    upload_in_chunks_of(LARGEST, 0, 1 + 1);
    upload_in_chunks_of(TUS_CHUNK_WHOLE, 0, 1 + 1);
    upload_in_chunks_of(TUS_CHUNK_AUTO, 0, 1 + 1);
    upload_in_chunks_of(LARGEST, 1, 1 + 1);
    upload_in_chunks_of(TUS_CHUNK_WHOLE, 1, 1 + 1);
}

static void test_times(void)
{
    static const uint64_t bad[][3] = {{0, 1, 1}, {1, 0, 1}, {1, 1, 0}, {0, 0, 0}};
    size_t i;
    tus_config *config;
    tus_client *client;
    for (i = 0; i < COUNT(bad); i++) {
        config = make_config();
        CHECK_INVALID(tus_config_set_timeouts_ms(config, bad[i][0], bad[i][1], bad[i][2], 0));
        CHECK_INVALID(tus_client_new(config, NULL, NULL));
        tus_config_free(config);
    }
    /* Everything as large as it can be. */
    config = make_config();
    CHECK_OK(tus_config_set_timeouts_ms(config, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX));
    CHECK_OK(tus_config_set_retry(config, UINT32_MAX, UINT64_MAX, UINT64_MAX));
    CHECK_OK(tus_config_set_lock_budget_ms(config, UINT64_MAX));
    CHECK_OK(tus_config_set_max_retry_after_ms(config, UINT64_MAX));
    client = client_of(config);
    tus_info_free(upload_bytes(client, "hello", 5));
    tus_client_unref(client);
    /* Nothing is waited for, and the longest delay is shorter than the first. */
    config = make_config();
    CHECK_OK(tus_config_set_retry(config, 0, 0, 0));
    CHECK_OK(tus_config_set_lock_budget_ms(config, 0));
    CHECK_OK(tus_config_set_max_retry_after_ms(config, 0));
    CHECK_OK(tus_config_set_retry(config, 1, 1000, 1));
    client = client_of(config);
    tus_info_free(upload_bytes(client, "hello", 5));
    tus_client_unref(client);
}

static int32_t stop_in_wait(void *user_data, const tus_progress *progress)
{
    (void)progress;
    return *(int *)user_data ? 7 : 0;
}

static int32_t note_answer(void *user_data, const tus_request *request, const tus_response *response)
{
    (void)request;
    if (tus_response_status(response) == 503)
        *(int *)user_data = 1;
    return 0;
}

static int32_t wait_for_ever(void *user_data, const tus_error *error, uint32_t attempt, uint64_t *delay_ms)
{
    (void)user_data, (void)attempt;
    CHECK_NUMBER(tus_error_http_status(error), 503);
    *delay_ms = UINT64_MAX;
    return 0;
}

/* Waits that never end, from the configuration and from the caller, can still be stopped. */
static void test_endless_waits(void)
{
    int by_caller;
    for (by_caller = 0; by_caller < 2; by_caller++) {
        int refused = 0;
        tus_config *config = make_config();
        tus_upload_options *options = tus_upload_options_new();
        tus_source *source = memory_source("hello", 5);
        tus_client *client;
        tus_error *err = NULL;
        CHECK_OK(tus_config_set_retry(config, UINT32_MAX, by_caller ? 1 : UINT64_MAX, UINT64_MAX));
        if (by_caller)
            CHECK_OK(tus_config_set_should_retry(config, wait_for_ever, NULL, NULL));
        CHECK_OK(tus_config_set_after_response(config, note_answer, &refused, NULL));
        CHECK_OK(tus_upload_options_set_progress(options, stop_in_wait, &refused, NULL));
        client = client_of(config);
        CHECK_RESULT(tus_client_upload(client, source, options, NULL, &err), TUS_E_CALLBACK);
        CHECK_NUMBER(tus_error_callback_code(err), 7);
        tus_error_free(err);
        tus_source_free(source);
        tus_upload_options_free(options);
        tus_client_unref(client);
    }
}

/* The whole operation has a limit, whatever the single limits and waits are. */
static void test_deadline(void)
{
    tus_config *config = make_config();
    tus_client *client;
    tus_source *source = memory_source("hello", 5);
    tus_error *err = NULL;
    CHECK_OK(tus_config_set_timeouts_ms(config, 3600000, 3600000, 3600000, 400));
    CHECK_OK(tus_config_set_retry(config, 5, 3600000, 3600000));
    client = client_of(config);
    /* The server does not answer. */
    CHECK_RESULT(tus_client_upload(client, source, NULL, NULL, &err), TUS_E_TIMEOUT);
    CHECK_NUMBER(tus_error_http_status(err), 0);
    CHECK_NUMBER(tus_error_is_retryable(err), 1);
    tus_error_free(err);
    err = NULL;
    /* It answers 503: the next try would come too late, so it is not waited for. */
    CHECK_RESULT(tus_client_upload(client, source, NULL, NULL, &err), TUS_E_TIMEOUT);
    CHECK_NUMBER(tus_error_http_status(err), 503);
    tus_error_free(err);
    tus_source_free(source);
    tus_client_unref(client);
}

static int32_t never(void *user_data, tus_request *request)
{
    (void)user_data, (void)request;
    return 0;
}

/* The first refusal is returned by the call that uses the object, whatever came after it. */
static void test_remembered(void)
{
    tus_config *config = make_config();
    tus_upload_options *options = tus_upload_options_new();
    tus_client *client = (tus_client *)config;
    tus_source *source = memory_source("hello", 5);
    tus_info *info = NULL;
    tus_error *err = NULL;
    CHECK_STATUS(tus_config_set_metadata_encoding(config, "utf-16"), TUS_E_UNSUPPORTED);
    CHECK_INVALID(tus_config_set_chunk_size(config, 0));
    CHECK_INVALID(tus_config_set_url(config, "ftp://h/"));
    CHECK_OK(tus_config_set_before_request(config, never, NULL, NULL));
    CHECK_RESULT(tus_client_new(config, &client, &err), TUS_E_UNSUPPORTED);
    CHECK(client == NULL);
    CHECK(strstr(tus_error_message(err), "utf-16") != NULL || strstr(tus_error_message(err), "UTF-16") != NULL);
    tus_error_free(err);
    err = NULL;
    /* It stays so, also when the value is set well afterwards. */
    CHECK_OK(tus_config_set_metadata_encoding(config, "utf-8"));
    CHECK_FAILS(tus_client_new(config, &client, &err), TUS_E_UNSUPPORTED);
    tus_config_free(config);

    /* A level that is none. */
    config = make_config();
    CHECK_INVALID(tus_config_set_log(config, 0, NULL, NULL, NULL));
    CHECK_INVALID(tus_config_set_log(config, 5, NULL, NULL, NULL));
    CHECK_INVALID(tus_client_new(config, NULL, NULL));
    tus_config_free(config);

    client = make_client();
    CHECK_INVALID(tus_upload_options_set_metadata_text(options, "a b", "x"));
    CHECK_INVALID(tus_upload_options_set_chunk_size(options, 0));
    CHECK_RESULT(tus_client_upload(client, source, options, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(strstr(tus_error_message(err), "a b") != NULL);
    tus_error_free(err);
    err = NULL;
    CHECK_FAILS(tus_client_resume_upload(client, source, "1", options, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_upload_file(client, make_file("file", 1).text, options, &info, &err),
                TUS_E_INVALID_ARGUMENT);
    tus_source_free(source);
    tus_upload_options_free(options);
    tus_client_unref(client);
}

/* Without a URL there are only uploads that exist. */
static void test_without_url(void)
{
    tus_config *config = tus_config_new();
    tus_client *client, *maker = make_client();
    tus_source *source = memory_source("hello", 5);
    tus_info *info = NULL, *known = upload_bytes(maker, "hello", 5);
    tus_server_info *server = (tus_server_info *)&info;
    tus_error *err = NULL;
    CHECK_OK(tus_config_set_proxy(config, NULL));
    client = client_of(config);
    CHECK_FAILS(tus_client_upload(client, source, NULL, &info, &err), TUS_E_INVALID_STATE);
    CHECK_FAILS(tus_client_upload_file(client, make_file("file", 1).text, NULL, &info, &err), TUS_E_INVALID_STATE);
    CHECK_FAILS(tus_client_get_server_info(client, &server, &err), TUS_E_INVALID_STATE);
    CHECK(server == NULL);
    CHECK_RESULT(tus_client_get_upload_info(client, tus_info_url(known), &info, &err), TUS_OK);
    CHECK_NUMBER(tus_info_is_complete(info), 1);
    tus_info_free(info);
    CHECK_RESULT(tus_client_resume_upload(client, source, tus_info_url(known), NULL, NULL, &err), TUS_OK);
    CHECK_RESULT(tus_client_delete_upload(client, tus_info_url(known), &err), TUS_OK);
    tus_info_free(known);
    tus_source_free(source);
    tus_client_unref(maker);
    tus_client_unref(client);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"chunks", test_chunks},
        {"times", test_times},
        {"endless_waits", test_endless_waits},
        {"deadline", test_deadline},
        {"remembered", test_remembered},
        {"without_url", test_without_url},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
