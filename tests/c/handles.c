/* Every function with pointers that are none of its objects: NULL, another kind, no longer marked as alive. */
#include "check.h"

/* One of each kind. */
struct handles {
    tus_config *config;
    tus_client *client;
    tus_source *source;
    tus_upload_options *options;
    tus_info *info;
    tus_metadata *metadata;
    tus_server_info *server;
    tus_error *error;
    tus_previous_list *previous;
    tus_uploader *uploader;
    tus_request *request;
    tus_response *response;
};

static int32_t before(void *user_data, tus_request *request)
{
    (void)user_data, (void)request;
    return 0;
}

static int32_t after(void *user_data, const tus_request *request, const tus_response *response)
{
    (void)user_data, (void)request, (void)response;
    return 0;
}

static int32_t retry(void *user_data, const tus_error *error, uint32_t attempt, uint64_t *delay_ms)
{
    (void)user_data, (void)error, (void)attempt, (void)delay_ms;
    return 0;
}

static int32_t with_url(void *user_data, const char *upload_url)
{
    (void)user_data, (void)upload_url;
    return 0;
}

static int32_t progress(void *user_data, const tus_progress *state)
{
    (void)user_data, (void)state;
    return 0;
}

static int32_t with_credentials(void *user_data, const tus_response *refusal, tus_credentials *out)
{
    (void)user_data, (void)refusal, (void)out;
    return 0;
}

static int32_t expiring(void *user_data, const char *upload_url, uint64_t expires_s)
{
    (void)user_data, (void)upload_url, (void)expires_s;
    return 0;
}

static int32_t fingerprint(void *user_data, const char *name, uint64_t size, tus_sink *out)
{
    (void)user_data, (void)name, (void)size, (void)out;
    return 0;
}

static int32_t find(void *user_data, const char *key, tus_sink *out)
{
    (void)user_data, (void)key, (void)out;
    return 0;
}

static int32_t put(void *user_data, const char *key, const char *upload_url, const void *record, size_t len)
{
    (void)user_data, (void)key, (void)upload_url, (void)record, (void)len;
    return 0;
}

static int32_t remove_entry(void *user_data, const char *key, const char *upload_url)
{
    (void)user_data, (void)key, (void)upload_url;
    return 0;
}

static void log_line(void *user_data, int32_t level, const char *line)
{
    (void)user_data, (void)level, (void)line;
}

static void refuse_error(tus_error *bad)
{
    size_t length = 99;
    CHECK_INVALID(tus_error_status(bad));
    CHECK(tus_error_message(bad) != NULL);
    CHECK_NUMBER(tus_error_http_status(bad), 0);
    CHECK_NUMBER(tus_error_os_code(bad), 0);
    CHECK_NUMBER(tus_error_callback_code(bad), 0);
    CHECK_NUMBER(tus_error_is_retryable(bad), 0);
    CHECK_TEXT(tus_error_upload_url(bad), NULL);
    CHECK_TEXT(tus_error_resume_token(bad), NULL);
    CHECK_TEXT(tus_error_request_method(bad), NULL);
    CHECK_TEXT(tus_error_request_url(bad), NULL);
    CHECK_TEXT(tus_error_response_header(bad, "Date"), NULL);
    CHECK(tus_error_response_body(bad, &length) == NULL);
    CHECK_NUMBER(length, 0);
    CHECK(tus_error_response_body(bad, NULL) == NULL);
    tus_error_free(bad);
}

static void refuse_exchange(tus_request *request, tus_response *response)
{
    size_t length = 99;
    CHECK_TEXT(tus_request_method(request), NULL);
    CHECK_TEXT(tus_request_url(request), NULL);
    CHECK_TEXT(tus_request_header(request, "Host"), NULL);
    CHECK_NUMBER(tus_request_is_trusted_origin(request), 0);
    CHECK_INVALID(tus_request_set_header(request, "X-Any", "value"));
    CHECK_NUMBER(tus_response_status(response), 0);
    CHECK_TEXT(tus_response_header(response, "Date"), NULL);
    CHECK(tus_response_body(response, &length) == NULL);
    CHECK_NUMBER(length, 0);
}

static void refuse_config(tus_config *bad)
{
    tus_client *client = (tus_client *)&bad;
    tus_error *err = NULL;
    int destroyed = 0;
    tus_store_vtable store = {sizeof store, find, put, remove_entry, NULL, count_up};
    CHECK_INVALID(tus_config_set_url(bad, server_url));
    CHECK_INVALID(tus_config_set_header(bad, "X-Any", "value"));
    CHECK_INVALID(tus_config_allow_origin(bad, server_url));
    CHECK_INVALID(tus_config_set_chunk_size(bad, 1));
    CHECK_INVALID(tus_config_set_retry(bad, 1, 1, 1));
    CHECK_INVALID(tus_config_set_lock_budget_ms(bad, 1));
    CHECK_INVALID(tus_config_set_max_retry_after_ms(bad, 1));
    CHECK_INVALID(tus_config_set_timeouts_ms(bad, 1, 1, 1, 1));
    CHECK_INVALID(tus_config_set_tls_verify(bad, 1));
    CHECK_INVALID(tus_config_set_tls_ca_file(bad, "ca.pem"));
    CHECK_INVALID(tus_config_set_tls_client_certificate(bad, "chain.pem", "key.pem"));
    CHECK_INVALID(tus_config_set_proxy(bad, NULL));
    CHECK_INVALID(tus_config_set_user_agent(bad, "any"));
    CHECK_INVALID(tus_config_set_metadata_encoding(bad, "utf-8"));
    CHECK_INVALID(tus_config_set_upload_with_creation(bad, 1));
    CHECK_INVALID(tus_config_set_query_server(bad, 1));
    CHECK_INVALID(tus_config_set_locations(bad, TUS_LOCATIONS_ANY));
    CHECK_INVALID(tus_config_set_capabilities(bad, NULL, TUS_SIZE_UNKNOWN, NULL));
    CHECK_INVALID(tus_config_set_override_patch_method(bad, 1));
    CHECK_INVALID(tus_config_set_add_request_id(bad, 1));
    CHECK_INVALID(tus_config_set_before_request(bad, before, &destroyed, count_up));
    CHECK_INVALID(tus_config_set_after_response(bad, after, &destroyed, count_up));
    CHECK_INVALID(tus_config_set_should_retry(bad, retry, &destroyed, count_up));
    CHECK_INVALID(tus_config_set_on_upload_url_available(bad, with_url, &destroyed, count_up));
    CHECK_INVALID(tus_config_set_log(bad, TUS_LOG_DEBUG, log_line, &destroyed, count_up));
    CHECK_INVALID(tus_config_set_checksum(bad, TUS_CHECKSUM_AUTO, TUS_CHECKSUM_REQUIRED));
    CHECK_INVALID(tus_config_set_checksum_trailers(bad, 1));
    CHECK_INVALID(tus_config_set_metadata_for_partial_uploads(bad, "key", "value", 5));
    CHECK_INVALID(tus_config_set_store_dir(bad, folder));
    CHECK_INVALID(tus_config_set_store(bad, &store, &destroyed));
    CHECK_INVALID(tus_config_set_store(bad, NULL, NULL));
    CHECK_INVALID(tus_config_set_fingerprint(bad, TUS_FINGERPRINT_CONTENT));
    CHECK_INVALID(tus_config_set_fingerprint_callback(bad, fingerprint, &destroyed, count_up));
    CHECK_INVALID(tus_config_set_verify_resumed(bad, 1));
    CHECK_INVALID(tus_config_set_credentials(bad, with_credentials, &destroyed, count_up));
    CHECK_INVALID(tus_config_set_on_expiring(bad, expiring, &destroyed, count_up));
    CHECK_NUMBER(destroyed, 9);
    CHECK_FAILS(tus_client_new(bad, &client, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(client == NULL);
    CHECK_INVALID(tus_client_new(bad, NULL, NULL));
    tus_config_free(bad);
}

static void refuse_options(tus_upload_options *bad)
{
    int destroyed = 0;
    CHECK_INVALID(tus_upload_options_set_metadata(bad, "key", "value", 5));
    CHECK_INVALID(tus_upload_options_set_metadata_text(bad, "key", "value"));
    CHECK_INVALID(tus_upload_options_set_large_metadata(bad, 1));
    CHECK_INVALID(tus_upload_options_set_stop_at(bad, 1));
    CHECK_INVALID(tus_upload_options_set_chunk_size(bad, 1));
    CHECK_INVALID(tus_upload_options_set_progress(bad, progress, &destroyed, count_up));
    CHECK_INVALID(tus_upload_options_set_on_upload_url_available(bad, with_url, &destroyed, count_up));
    CHECK_INVALID(tus_upload_options_set_parallel_uploads(bad, 2));
    CHECK_INVALID(tus_upload_options_set_min_part_size(bad, 1));
    CHECK_INVALID(tus_upload_options_set_parallel_fallback(bad, 1));
    CHECK_INVALID(tus_upload_options_set_remove_parts(bad, 1));
    CHECK_INVALID(tus_upload_options_set_upload_url(bad, "1"));
    CHECK_INVALID(tus_upload_options_set_resume_token(bad, "1"));
    CHECK_INVALID(tus_upload_options_set_unfinished_parts(bad, 1));
    CHECK_INVALID(tus_upload_options_set_on_resume_token(bad, with_url, &destroyed, count_up));
    CHECK_NUMBER(destroyed, 3);
    tus_upload_options_free(bad);
}

static void refuse_info(tus_info *bad)
{
    tus_stats stats;
    size_t length = 99;
    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats;
    stats.requests = 1;
    CHECK_TEXT(tus_info_url(bad), NULL);
    CHECK_NUMBER(tus_info_offset(bad), 0);
    CHECK_NUMBER(tus_info_size(bad), TUS_SIZE_UNKNOWN);
    CHECK_NUMBER(tus_info_is_complete(bad), 0);
    CHECK_NUMBER(tus_info_is_deferred(bad), 0);
    CHECK_NUMBER(tus_info_expires(bad), 0);
    CHECK_NUMBER(tus_info_concat_kind(bad), TUS_CONCAT_NONE);
    CHECK_NUMBER(tus_info_checksum(bad), TUS_CHECKSUM_NONE);
    CHECK(tus_info_metadata(bad, "key", &length) == NULL);
    CHECK(tus_info_metadata(bad, "key", NULL) == NULL);
    CHECK_TEXT(tus_info_metadata_text(bad, "key"), NULL);
    CHECK(tus_info_metadata_object(bad) == NULL);
    CHECK_INVALID(tus_info_get_stats(bad, &stats));
    CHECK_NUMBER(stats.requests, 1);
    tus_info_free(bad);
}

static void refuse_metadata(tus_metadata *bad)
{
    size_t length = 99;
    CHECK_NUMBER(tus_metadata_count(bad), 0);
    CHECK_TEXT(tus_metadata_key_at(bad, 0), NULL);
    CHECK(tus_metadata_value_at(bad, 0, &length) == NULL);
    CHECK(tus_metadata_value(bad, "key", &length) == NULL);
    CHECK_TEXT(tus_metadata_text(bad, "key"), NULL);
    tus_metadata_free(bad);
}

static void refuse_server_info(tus_server_info *bad)
{
    CHECK_NUMBER(tus_server_info_version_count(bad), 0);
    CHECK_TEXT(tus_server_info_version_at(bad, 0), NULL);
    CHECK_NUMBER(tus_server_info_has_extension(bad, "creation"), 0);
    CHECK_NUMBER(tus_server_info_extension_count(bad), 0);
    CHECK_TEXT(tus_server_info_extension_at(bad, 0), NULL);
    CHECK_NUMBER(tus_server_info_max_size(bad), TUS_SIZE_UNKNOWN);
    CHECK_NUMBER(tus_server_info_checksum_algorithm_count(bad), 0);
    CHECK_TEXT(tus_server_info_checksum_algorithm_at(bad, 0), NULL);
    tus_server_info_free(bad);
}

static void refuse_previous(tus_previous_list *bad)
{
    CHECK_NUMBER(tus_previous_list_count(bad), 0);
    CHECK_TEXT(tus_previous_list_url(bad, 0), NULL);
    CHECK_TEXT(tus_previous_list_fingerprint(bad, 0), NULL);
    CHECK_NUMBER(tus_previous_list_offset(bad, 0), 0);
    CHECK_NUMBER(tus_previous_list_size(bad, 0), TUS_SIZE_UNKNOWN);
    CHECK_NUMBER(tus_previous_list_expires_s(bad, 0), 0);
    CHECK_NUMBER(tus_previous_list_created_s(bad, 0), 0);
    CHECK_NUMBER(tus_previous_list_part_count(bad, 0), 0);
    CHECK_TEXT(tus_previous_list_part_url(bad, 0, 0), NULL);
    tus_previous_list_free(bad);
}

static void refuse_uploader(tus_uploader *bad)
{
    tus_info *info = (tus_info *)&bad;
    tus_error *err = NULL;
    tus_stats stats;
    int more = 7;
    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats;
    CHECK_FAILS(tus_uploader_upload(bad, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(info == NULL);
    CHECK_FAILS(tus_uploader_upload_chunk(bad, &more, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_NUMBER(more, 0);
    CHECK_NUMBER(tus_uploader_is_complete(bad), 0);
    CHECK_NUMBER(tus_uploader_offset(bad), 0);
    CHECK_TEXT(tus_uploader_url(bad), NULL);
    CHECK_TEXT(tus_uploader_resume_token(bad), NULL);
    CHECK_INVALID(tus_uploader_get_stats(bad, &stats));
    tus_uploader_cancel(bad);
    tus_uploader_free(bad);
}

/* What only callbacks get. */
static void refuse_lent(void *bad)
{
    CHECK_INVALID(tus_sink_write((tus_sink *)bad, "x", 1));
    CHECK_INVALID(tus_credentials_set_header((tus_credentials *)bad, "X-Any", "value"));
}

static void refuse_client_too(tus_client *bad, tus_source *source)
{
    tus_info *info = (tus_info *)&bad;
    tus_previous_list *previous = (tus_previous_list *)&bad;
    tus_uploader *uploader = (tus_uploader *)&bad;
    tus_error *err = NULL;
    char value[8] = "before";
    size_t length = 99;
    uint64_t removed = 99;
    CHECK_FAILS(tus_client_copy_header(bad, "X-Any", value, sizeof value, &length, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_TEXT(value, "");
    CHECK_NUMBER(length, 0);
    CHECK_FAILS(tus_client_create_partial_upload(bad, source, NULL, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(info == NULL);
    info = (tus_info *)&bad;
    CHECK_FAILS(tus_client_create_final_upload(bad, &server_url, 1, NULL, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(info == NULL);
    info = (tus_info *)&bad;
    CHECK_FAILS(tus_client_create_deferred_upload(bad, NULL, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(info == NULL);
    CHECK_FAILS(tus_client_find_previous_uploads(bad, source, &previous, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(previous == NULL);
    previous = (tus_previous_list *)&bad;
    CHECK_FAILS(tus_client_list_stored(bad, &previous, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(previous == NULL);
    CHECK_FAILS(tus_client_forget(bad, server_url, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_prune_store(bad, 1, &removed, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_NUMBER(removed, 0);
    CHECK_FAILS(tus_client_create_uploader(bad, source, NULL, &uploader, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(uploader == NULL);
}

static void refuse_client(tus_client *bad, tus_source *source)
{
    /* Results that are not NULL before, to see that they are set to NULL first. */
    tus_info *info = (tus_info *)&bad;
    tus_metadata *metadata = (tus_metadata *)&bad;
    tus_server_info *server = (tus_server_info *)&bad;
    tus_error *err = NULL;
    CHECK(tus_client_ref(bad) == NULL);
    CHECK_FAILS(tus_client_set_header(bad, "X-Any", "value", &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_upload_file(bad, "/etc/passwd", NULL, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(info == NULL);
    info = (tus_info *)&bad;
    CHECK_FAILS(tus_client_upload(bad, source, NULL, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(info == NULL);
    info = (tus_info *)&bad;
    CHECK_FAILS(tus_client_resume_upload(bad, source, server_url, NULL, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(info == NULL);
    info = (tus_info *)&bad;
    CHECK_FAILS(tus_client_get_upload_info(bad, server_url, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(info == NULL);
    CHECK_FAILS(tus_client_get_metadata(bad, server_url, &metadata, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(metadata == NULL);
    CHECK_FAILS(tus_client_get_server_info(bad, &server, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(server == NULL);
    CHECK_FAILS(tus_client_delete_upload(bad, server_url, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_INVALID(tus_client_upload(bad, source, NULL, NULL, NULL));
    refuse_client_too(bad, source);
    tus_client_unref(bad);
}

static void refuse_source(tus_source *bad, tus_client *client)
{
    tus_info *info = (tus_info *)&bad;
    tus_previous_list *previous = (tus_previous_list *)&bad;
    tus_uploader *uploader = (tus_uploader *)&bad;
    tus_error *err = NULL;
    CHECK_FAILS(tus_client_upload(client, bad, NULL, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(info == NULL);
    info = (tus_info *)&bad;
    CHECK_FAILS(tus_client_resume_upload(client, bad, "1", NULL, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(info == NULL);
    info = (tus_info *)&bad;
    CHECK_FAILS(tus_client_create_partial_upload(client, bad, NULL, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(info == NULL);
    CHECK_FAILS(tus_client_find_previous_uploads(client, bad, &previous, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(previous == NULL);
    CHECK_FAILS(tus_client_create_uploader(client, bad, NULL, &uploader, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(uploader == NULL);
    tus_source_free(bad);
}

static void refuse_as_options(tus_upload_options *bad, tus_client *client, tus_source *source)
{
    struct path path = make_file("small", 3);
    tus_info *info = (tus_info *)&bad;
    tus_uploader *uploader = (tus_uploader *)&bad;
    tus_error *err = NULL;
    CHECK_FAILS(tus_client_upload(client, source, bad, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(info == NULL);
    CHECK_FAILS(tus_client_upload_file(client, path.text, bad, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_resume_upload(client, source, "1", bad, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_create_partial_upload(client, source, bad, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_create_final_upload(client, &server_url, 1, bad, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_create_deferred_upload(client, bad, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_create_uploader(client, source, bad, &uploader, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(uploader == NULL);
}

/* Every function is called with the handle of `bad` that it takes; `good` has what else it needs. */
static void refuse_all(const struct handles *bad, const struct handles *good)
{
    refuse_error(bad->error);
    refuse_exchange(bad->request, bad->response);
    refuse_config(bad->config);
    refuse_options(bad->options);
    refuse_info(bad->info);
    refuse_metadata(bad->metadata);
    refuse_server_info(bad->server);
    refuse_previous(bad->previous);
    refuse_uploader(bad->uploader);
    refuse_lent(bad->info);
    refuse_client(bad->client, good->source);
    refuse_source(bad->source, good->client);
    if (bad->options != NULL)
        refuse_as_options(bad->options, good->client, good->source);
}

static struct handles make_all(void)
{
    struct handles all;
    tus_source *source;
    memset(&all, 0, sizeof all);
    all.config = make_config();
    all.client = make_client();
    all.source = memory_source("hello", 5);
    all.options = tus_upload_options_new();
    CHECK_OK(tus_upload_options_set_metadata_text(all.options, "key", "value"));
    CHECK_OK(tus_client_upload(all.client, all.source, all.options, &all.info, NULL));
    CHECK_OK(tus_client_get_metadata(all.client, tus_info_url(all.info), &all.metadata, NULL));
    CHECK_OK(tus_client_get_server_info(all.client, &all.server, NULL));
    CHECK_INVALID(tus_client_get_upload_info(all.client, NULL, NULL, &all.error));
    CHECK_OK(tus_client_find_previous_uploads(all.client, all.source, &all.previous, NULL));
    source = memory_source("hello", 5);
    CHECK_OK(tus_client_create_uploader(all.client, source, NULL, &all.uploader, NULL));
    tus_source_free(source);
    return all;
}

/* Each object must still be what it was, whatever was tried with its pointer. */
static void still_alive(const struct handles *all)
{
    tus_client *another = NULL;
    tus_source *source = all->source;
    tus_info *info = NULL;
    CHECK_OK(tus_client_new(all->config, &another, NULL));
    tus_client_unref(another);
    CHECK_OK(tus_client_upload(all->client, source, all->options, &info, NULL));
    CHECK_TEXT(tus_info_metadata_text(info, "key"), "value");
    tus_info_free(info);
    CHECK_NUMBER(tus_info_is_complete(all->info), 1);
    CHECK_TEXT(tus_metadata_text(all->metadata, "key"), "value");
    CHECK_NUMBER(tus_server_info_has_extension(all->server, "creation"), 1);
    CHECK_INVALID(tus_error_status(all->error));
    CHECK_NUMBER(tus_previous_list_count(all->previous), 0);
    CHECK(tus_uploader_url(all->uploader) != NULL);
    CHECK_OK(tus_uploader_upload(all->uploader, NULL, NULL));
    CHECK_NUMBER(tus_uploader_is_complete(all->uploader), 1);
}

static void free_all(const struct handles *all)
{
    tus_uploader_free(all->uploader);
    tus_previous_list_free(all->previous);
    tus_error_free(all->error);
    tus_server_info_free(all->server);
    tus_metadata_free(all->metadata);
    tus_info_free(all->info);
    tus_upload_options_free(all->options);
    tus_source_free(all->source);
    tus_client_unref(all->client);
    tus_config_free(all->config);
}

static void test_null(void)
{
    struct handles good = make_all(), bad;
    memset(&bad, 0, sizeof bad);
    refuse_all(&bad, &good);
    still_alive(&good);
    free_all(&good);
}

/* Each pointer is one to the object `by` places further on. */
static struct handles mixed_up(const struct handles *good, size_t by)
{
    struct handles bad;
    void *all[sizeof bad / sizeof(void *)], *turned[COUNT(all)];
    size_t i;
    memcpy(all, good, sizeof all);
    for (i = 0; i < COUNT(all); i++)
        turned[i] = all[(i + by) % COUNT(all)];
    memcpy(&bad, turned, sizeof bad);
    return bad;
}

/* In here there are a request and an answer too. */
static int32_t refuse_other_kinds(void *user_data, const tus_request *request, const tus_response *response)
{
    struct handles *all = (struct handles *)user_data;
    size_t by;
    all->request = (tus_request *)(uintptr_t)request;
    all->response = (tus_response *)(uintptr_t)response;
    for (by = 1; by < sizeof *all / sizeof(void *); by++) {
        struct handles bad = mixed_up(all, by);
        refuse_all(&bad, all);
    }
    CHECK_TEXT(tus_request_method(request), "OPTIONS");
    CHECK_NUMBER(tus_response_status(response), 204);
    return 0;
}

static void test_other_kind(void)
{
    struct handles all = make_all();
    tus_config *config = make_config();
    tus_client *watched;
    CHECK_OK(tus_config_set_after_response(config, refuse_other_kinds, &all, NULL));
    watched = client_of(config);
    CHECK_OK(tus_client_get_server_info(watched, NULL, NULL));
    CHECK(all.request != NULL);
    still_alive(&all);
    free_all(&all);
    tus_client_unref(watched);
}

/* Copies of the beginnings of living objects, with the mark by which the library knows them overwritten; `shift` moves
 * the pointers off their alignment. */
static void refuse_marked(const struct handles *good, uint32_t mark, size_t shift)
{
    static uint64_t memory[sizeof *good / sizeof(void *)][16];
    struct handles bad;
    void *from[COUNT(memory)], *to[COUNT(memory)];
    size_t i;
    memcpy(from, good, sizeof from);
    for (i = 0; i < COUNT(memory); i++) {
        memset(memory[i], 0, sizeof memory[i]);
        if (from[i] != NULL)
            memcpy(memory[i], from[i], 8);
        if (shift == 0)
            memcpy(memory[i], &mark, sizeof mark);
        to[i] = (char *)memory[i] + shift;
    }
    memcpy(&bad, to, sizeof bad);
    refuse_all(&bad, good);
}

static void test_overwritten(void)
{
    struct handles good = make_all();
    refuse_marked(&good, 0xF4EED0BEu, 0); /* what the library leaves of an object that it frees */
    refuse_marked(&good, 0, 0);
    refuse_marked(&good, UINT32_MAX, 0);
    refuse_marked(&good, 0x6F6C6C61u, 0); /* text */
    refuse_marked(&good, 0, 1);
    still_alive(&good);
    free_all(&good);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"null", test_null},
        {"other_kind", test_other_kind},
        {"overwritten", test_overwritten},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
