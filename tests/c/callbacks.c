/* What callbacks see, what they may change, and that the value with which one ends an operation is kept. */
#include "check.h"

/* ---- values */

struct stop {
    int32_t value;
    /* The request or the confirmed offset at which to say it. */
    const char *method;
    uint64_t confirmed;
    int calls;
};

static int32_t stop_before(void *user_data, tus_request *request)
{
    struct stop *stop = (struct stop *)user_data;
    stop->calls++;
    return strcmp(tus_request_method(request), stop->method) == 0 ? stop->value : 0;
}

static int32_t stop_after(void *user_data, const tus_request *request, const tus_response *response)
{
    struct stop *stop = (struct stop *)user_data;
    stop->calls++;
    CHECK(tus_response_status(response) >= 200);
    return strcmp(tus_request_method(request), stop->method) == 0 ? stop->value : 0;
}

static int32_t stop_url(void *user_data, const char *upload_url)
{
    struct stop *stop = (struct stop *)user_data;
    CHECK(strncmp(upload_url, server_url, strlen(server_url)) == 0);
    stop->calls++;
    return stop->value;
}

static int32_t stop_progress(void *user_data, const tus_progress *progress)
{
    struct stop *stop = (struct stop *)user_data;
    stop->calls++;
    return progress->confirmed >= stop->confirmed ? stop->value : 0;
}

static int32_t must_not_run(void *user_data, const char *upload_url)
{
    (void)user_data, (void)upload_url;
    CHECK(0);
    return 0;
}

enum which { BEFORE, AFTER, URL_OF_CLIENT, URL_OF_UPLOAD, PROGRESS };

/* Uploads 3000 bytes in three requests and is stopped; the upload, if there is one, is then completed. */
static void stopped_by(enum which which, const char *method, uint64_t confirmed, int32_t value, int exists)
{
    struct stop stop = {value, method, confirmed, 0};
    unsigned char *bytes = make_bytes(3000);
    tus_config *config = make_config();
    tus_upload_options *options = tus_upload_options_new();
    tus_client *client, *other = make_client();
    tus_source *source = memory_source(bytes, 3000);
    tus_info *info = (tus_info *)&stop;
    tus_error *err = NULL;
    CHECK_OK(tus_config_set_chunk_size(config, 1000));
    if (which == BEFORE)
        CHECK_OK(tus_config_set_before_request(config, stop_before, &stop, NULL));
    if (which == AFTER)
        CHECK_OK(tus_config_set_after_response(config, stop_after, &stop, NULL));
    if (which == URL_OF_CLIENT)
        CHECK_OK(tus_config_set_on_upload_url_available(config, stop_url, &stop, NULL));
    if (which == URL_OF_UPLOAD) {
        CHECK_OK(tus_config_set_on_upload_url_available(config, must_not_run, NULL, NULL));
        CHECK_OK(tus_upload_options_set_on_upload_url_available(options, stop_url, &stop, NULL));
    }
    if (which == PROGRESS)
        CHECK_OK(tus_upload_options_set_progress(options, stop_progress, &stop, NULL));
    client = client_of(config);
    CHECK_RESULT(tus_client_upload(client, source, options, &info, &err), TUS_E_CALLBACK);
    CHECK(info == NULL);
    CHECK_NUMBER(tus_error_callback_code(err), value);
    CHECK(stop.calls > 0);
    CHECK((tus_error_upload_url(err) != NULL) == exists);
    if (tus_error_upload_url(err) != NULL)
        CHECK_OK(tus_client_resume_upload(other, source, tus_error_upload_url(err), NULL, NULL, NULL));
    tus_error_free(err);
    tus_source_free(source);
    tus_upload_options_free(options);
    tus_client_unref(client);
    tus_client_unref(other);
    free(bytes);
}

static void test_values(void)
{
    stopped_by(BEFORE, "OPTIONS", 0, 1, 0);
    stopped_by(BEFORE, "POST", 0, -1, 0);
    stopped_by(BEFORE, "PATCH", 0, INT32_MAX, 1);
    stopped_by(AFTER, "OPTIONS", 0, 2, 0);
    stopped_by(AFTER, "PATCH", 0, INT32_MIN, 1);
    stopped_by(URL_OF_CLIENT, "", 0, 42, 1);
    stopped_by(URL_OF_UPLOAD, "", 0, -42, 1);
    stopped_by(PROGRESS, "", 0, 3, 0);
    stopped_by(PROGRESS, "", 2000, 4, 1);
}

/* The answer to the creation was seen, so the upload exists, and the caller must be told where. */
static void test_after_creation(void)
{
    stopped_by(AFTER, "POST", 0, 5, 1);
}

/* The last word of the progress function comes too late. */
static void test_too_late(void)
{
    struct stop stop = {9, "", 5, 0};
    tus_client *client = make_client();
    tus_upload_options *options = tus_upload_options_new();
    tus_source *source = memory_source("hello", 5);
    tus_error *err = NULL;
    CHECK_OK(tus_upload_options_set_progress(options, stop_progress, &stop, NULL));
    CHECK_RESULT(tus_client_upload(client, source, options, NULL, &err), TUS_OK);
    tus_source_free(source);
    tus_upload_options_free(options);
    tus_client_unref(client);
}

/* ---- should_retry */

struct retries {
    int calls;
    uint32_t attempts[8];
    uint64_t delays[8];
    int give_up_at;
};

static int32_t decide(void *user_data, const tus_error *error, uint32_t attempt, uint64_t *delay_ms)
{
    struct retries *retries = (struct retries *)user_data;
    CHECK_STATUS(tus_error_status(error), TUS_E_HTTP_STATUS);
    CHECK_NUMBER(tus_error_http_status(error), 503);
    CHECK_TEXT(tus_error_request_method(error), "POST");
    CHECK_TEXT(tus_error_response_header(error, "x-why"), "busy");
    CHECK_NUMBER(tus_error_is_retryable(error), 1);
    /* It is lent: freeing it does nothing. */
    tus_error_free((tus_error *)(uintptr_t)error);
    CHECK_NUMBER(tus_error_http_status(error), 503);
    if (retries->calls < 8) {
        retries->attempts[retries->calls] = attempt;
        retries->delays[retries->calls] = *delay_ms;
    }
    *delay_ms = 0;
    return ++retries->calls == retries->give_up_at ? -77 : 0;
}

static tus_status upload_deciding(struct retries *retries, tus_error **err)
{
    tus_config *config = make_config();
    tus_client *client;
    tus_source *source = memory_source("hello", 5);
    tus_status status;
    CHECK_OK(tus_config_set_retry(config, 3, 3600000, 3600000));
    CHECK_OK(tus_config_set_should_retry(config, decide, retries, NULL));
    client = client_of(config);
    status = tus_client_upload(client, source, NULL, NULL, err);
    tus_source_free(source);
    tus_client_unref(client);
    return status;
}

/* The server answers 503 whenever it is asked for an upload. */
static void test_should_retry(void)
{
    struct retries retries;
    tus_error *err = NULL;
    size_t i;
    /* Asked before each retry, not after the last; the delays of an hour are made none. */
    memset(&retries, 0, sizeof retries);
    CHECK_RESULT(upload_deciding(&retries, &err), TUS_E_HTTP_STATUS);
    CHECK_NUMBER(tus_error_callback_code(err), 0);
    CHECK_NUMBER(tus_error_http_status(err), 503);
    CHECK_NUMBER(retries.calls, 3);
    for (i = 0; i < 3; i++) {
        CHECK_NUMBER(retries.attempts[i], i + 1);
        CHECK(retries.delays[i] >= 1000000 && retries.delays[i] <= 3600000);
    }
    tus_error_free(err);
    err = NULL;
    /* Giving up ends with the error at hand, which keeps the value. */
    memset(&retries, 0, sizeof retries);
    retries.give_up_at = 2;
    CHECK_RESULT(upload_deciding(&retries, &err), TUS_E_HTTP_STATUS);
    CHECK_NUMBER(retries.calls, 2);
    CHECK_NUMBER(tus_error_http_status(err), 503);
    CHECK_NUMBER(tus_error_callback_code(err), -77);
    tus_error_free(err);
}

/* ---- what is seen */

struct seen {
    int before;
    int after;
    char urls[4][512];
};

static int32_t look_before(void *user_data, tus_request *request)
{
    struct seen *seen = (struct seen *)user_data;
    const char *method = tus_request_method(request), *header;
    CHECK(seen->before == seen->after);
    if (seen->before < 4)
        snprintf(seen->urls[seen->before], sizeof seen->urls[0], "%s %s", method, tus_request_url(request));
    seen->before++;
    CHECK_NUMBER(tus_request_is_trusted_origin(request), 1);
    CHECK_TEXT(tus_request_header(request, "x-of-the-client"), "always");
    if (strcmp(method, "POST") == 0) {
        CHECK_TEXT(tus_request_header(request, "upload-length"), "5");
        CHECK_TEXT(tus_request_header(request, "Tus-Resumable"), "1.0.0");
        /* A string lives until the callback returns, also if the header is changed. */
        header = tus_request_header(request, "X-Of-The-Client");
        CHECK_OK(tus_request_set_header(request, "X-Of-The-Client", "once"));
        CHECK_TEXT(header, "always");
        CHECK_TEXT(tus_request_header(request, "X-Of-The-Client"), "once");
        CHECK_OK(tus_request_set_header(request, "X-Another", "1"));
    }
    return 0;
}

static int32_t look_after(void *user_data, const tus_request *request, const tus_response *response)
{
    struct seen *seen = (struct seen *)user_data;
    tus_request *changed = (tus_request *)(uintptr_t)request;
    size_t length = 99;
    seen->after++;
    CHECK(seen->before == seen->after);
    CHECK_STATUS(tus_request_set_header(changed, "X-Late", "1"), TUS_E_INVALID_STATE);
    CHECK_TEXT(tus_request_header(request, "X-Late"), NULL);
    CHECK_TEXT(tus_response_header(response, "X-Not-There"), NULL);
    CHECK_NUMBER(tus_response_header_count(response, "X-Not-There"), 0);
    CHECK_NUMBER(tus_response_header_count(response, "tus-resumable"), 1);
    CHECK_TEXT(tus_response_header_at(response, "Tus-Resumable", 0), tus_response_header(response, "Tus-Resumable"));
    CHECK_TEXT(tus_response_header_at(response, "Tus-Resumable", 1), NULL);
    if (strcmp(tus_request_method(request), "POST") == 0) {
        CHECK_TEXT(tus_request_header(request, "X-Another"), "1");
        CHECK_NUMBER(tus_response_status(response), 201);
        CHECK(tus_response_header(response, "LOCATION") != NULL);
        CHECK(memcmp(tus_response_body(response, &length), "a\0b", 3) == 0);
        CHECK_NUMBER(length, 3);
    } else {
        CHECK(tus_response_body(response, &length) == NULL);
        CHECK_NUMBER(length, 0);
    }
    return 0;
}

static void test_seen(void)
{
    struct seen seen;
    char expected[512];
    tus_config *config = make_config();
    tus_client *client;
    tus_info *info;
    memset(&seen, 0, sizeof seen);
    CHECK_OK(tus_config_set_header(config, "X-Of-The-Client", "always"));
    CHECK_OK(tus_config_set_before_request(config, look_before, &seen, NULL));
    CHECK_OK(tus_config_set_after_response(config, look_after, &seen, NULL));
    client = client_of(config);
    info = upload_bytes(client, "hello", 5);
    CHECK_OK(tus_client_get_upload_info(client, tus_info_url(info), NULL, NULL));
    CHECK_NUMBER(seen.before, 4);
    CHECK_NUMBER(seen.after, 4);
    snprintf(expected, sizeof expected, "OPTIONS %s", server_url);
    CHECK_TEXT(seen.urls[0], expected);
    snprintf(expected, sizeof expected, "POST %s", server_url);
    CHECK_TEXT(seen.urls[1], expected);
    snprintf(expected, sizeof expected, "PATCH %s", tus_info_url(info));
    CHECK_TEXT(seen.urls[2], expected);
    snprintf(expected, sizeof expected, "HEAD %s", tus_info_url(info));
    CHECK_TEXT(seen.urls[3], expected);
    tus_info_free(info);
    tus_client_unref(client);
}

/* ---- another origin */

struct origins {
    int trusted;
    int elsewhere;
};

static int32_t look_at_origin(void *user_data, tus_request *request)
{
    struct origins *origins = (struct origins *)user_data;
    if (strncmp(tus_request_url(request), server_url, strlen(server_url)) == 0) {
        CHECK_NUMBER(tus_request_is_trusted_origin(request), 1);
        return 0;
    }
    origins->elsewhere++;
    CHECK_NUMBER(tus_request_is_trusted_origin(request), origins->trusted);
    CHECK_TEXT(tus_request_header(request, "Authorization"), origins->trusted ? "Bearer geheim" : NULL);
    CHECK_STATUS(tus_request_set_header(request, "X-Token", "geheim"), origins->trusted ? TUS_OK : TUS_E_UNSUPPORTED);
    return 0;
}

/* The server creates its uploads on another one, `words[0]`; the second time that one is allowed. */
static void test_origins(void)
{
    struct origins origins;
    NEED(word_count == 1);
    for (origins.trusted = 0; origins.trusted < 2; origins.trusted++) {
        unsigned char *bytes = make_bytes(3000);
        tus_config *config = make_config();
        tus_client *client;
        origins.elsewhere = 0;
        CHECK_OK(tus_config_set_upload_with_creation(config, 0));
        CHECK_OK(tus_config_set_header(config, "Authorization", "Bearer geheim"));
        CHECK_OK(tus_config_set_before_request(config, look_at_origin, &origins, NULL));
        if (origins.trusted)
            CHECK_OK(tus_config_allow_origin(config, words[0]));
        client = client_of(config);
        tus_info_free(upload_bytes(client, bytes, 3000));
        CHECK_NUMBER(origins.elsewhere, 1);
        tus_client_unref(client);
        free(bytes);
    }
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"values", test_values},     {"after_creation", test_after_creation}, {"too_late", test_too_late},
        {"should_retry", test_should_retry}, {"seen", test_seen},
        {"origins", test_origins},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
