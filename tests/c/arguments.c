/* NULL where a string or a result is due, and where it is allowed. */
#include "check.h"

static int32_t in_callback(void *user_data, tus_request *request)
{
    ++*(int *)user_data;
    CHECK_TEXT(tus_request_header(request, NULL), NULL);
    CHECK_INVALID(tus_request_set_header(request, NULL, "value"));
    CHECK_INVALID(tus_request_set_header(request, NULL, NULL));
    CHECK_OK(tus_request_set_header(request, "X-Not-There", NULL));
    return 0;
}

static int32_t after_callback(void *user_data, const tus_request *request, const tus_response *response)
{
    (void)request;
    ++*(int *)user_data;
    CHECK_TEXT(tus_response_header(response, NULL), NULL);
    CHECK(tus_response_body(response, NULL) == NULL);
    return 0;
}

/* Each setter with a NULL is refused; a configuration that refused something makes no client, so each gets its own. */
#define REFUSED(type, call)                                                                                            \
    do {                                                                                                               \
        tus_##type *c = tus_##type##_new();                                                                            \
        CHECK_INVALID(call);                                                                                           \
        tus_##type##_free(c);                                                                                          \
    } while (0)

static void test_setters(void)
{
    tus_config *config = make_config();
    tus_upload_options *options = tus_upload_options_new();
    tus_source *source = memory_source(NULL, 0);
    tus_client *client;
    tus_error *err = NULL;

    REFUSED(config, tus_config_set_url(c, NULL));
    REFUSED(config, tus_config_set_header(c, NULL, "value"));
    REFUSED(config, tus_config_set_header(c, NULL, NULL));
    REFUSED(config, tus_config_allow_origin(c, NULL));
    REFUSED(config, tus_config_set_tls_ca_file(c, NULL));
    REFUSED(config, tus_config_set_tls_ca_file(c, ""));
    REFUSED(config, tus_config_set_tls_client_certificate(c, NULL, "key.pem"));
    REFUSED(config, tus_config_set_tls_client_certificate(c, "chain.pem", NULL));
    REFUSED(config, tus_config_set_tls_client_certificate(c, "", "key.pem"));
    REFUSED(config, tus_config_set_tls_client_certificate(c, "chain.pem", ""));
    REFUSED(config, tus_config_set_user_agent(c, NULL));
    REFUSED(config, tus_config_set_metadata_encoding(c, NULL));
    REFUSED(upload_options, tus_upload_options_set_metadata(c, NULL, "value", 5));
    REFUSED(upload_options, tus_upload_options_set_metadata(c, "key", NULL, 1));
    REFUSED(upload_options, tus_upload_options_set_metadata(c, "key", "value", SIZE_MAX));
    REFUSED(upload_options, tus_upload_options_set_metadata_text(c, NULL, "value"));
    REFUSED(upload_options, tus_upload_options_set_metadata_text(c, "key", NULL));

    REFUSED(config, tus_config_set_store_dir(c, NULL));
    REFUSED(config, tus_config_set_store_dir(c, ""));
    REFUSED(config, tus_config_set_metadata_for_partial_uploads(c, NULL, "value", 5));
    REFUSED(config, tus_config_set_metadata_for_partial_uploads(c, "key", NULL, 1));
    REFUSED(upload_options, tus_upload_options_set_upload_url(c, "\xff"));
    REFUSED(upload_options, tus_upload_options_set_resume_token(c, "\xff"));

    /* Where NULL has a meaning. */
    CHECK_OK(tus_config_set_store(config, NULL, NULL));
    CHECK_OK(tus_config_set_metadata_for_partial_uploads(config, "key", NULL, 0));
    CHECK_OK(tus_config_set_fingerprint_callback(config, NULL, NULL, NULL));
    CHECK_OK(tus_config_set_credentials(config, NULL, NULL, NULL));
    CHECK_OK(tus_config_set_on_expiring(config, NULL, NULL, NULL));
    CHECK_OK(tus_upload_options_set_upload_url(options, NULL));
    CHECK_OK(tus_upload_options_set_resume_token(options, NULL));
    CHECK_OK(tus_upload_options_set_on_resume_token(options, NULL, NULL, NULL));
    CHECK_OK(tus_config_set_header(config, "X-Removed", "value"));
    CHECK_OK(tus_config_set_header(config, "X-Removed", NULL));
    CHECK_OK(tus_config_set_proxy(config, NULL));
    CHECK_OK(tus_config_set_proxy(config, ""));
    CHECK_OK(tus_config_set_before_request(config, NULL, NULL, NULL));
    CHECK_OK(tus_config_set_after_response(config, NULL, NULL, NULL));
    CHECK_OK(tus_config_set_should_retry(config, NULL, NULL, NULL));
    CHECK_OK(tus_config_set_on_upload_url_available(config, NULL, NULL, NULL));
    CHECK_OK(tus_config_set_log(config, TUS_LOG_INFO, NULL, NULL, NULL));
    CHECK_OK(tus_upload_options_set_metadata(options, "empty", NULL, 0));
    CHECK_OK(tus_upload_options_set_progress(options, NULL, NULL, NULL));
    CHECK_OK(tus_upload_options_set_on_upload_url_available(options, NULL, NULL, NULL));
    CHECK_INVALID(tus_client_new(config, NULL, NULL));
    CHECK_FAILS(tus_client_new(config, NULL, &err), TUS_E_INVALID_ARGUMENT);
    client = client_of(config);
    CHECK_FAILS(tus_client_set_header(client, NULL, "value", &err), TUS_E_INVALID_ARGUMENT);
    CHECK_INVALID(tus_client_set_header(client, NULL, NULL, NULL));
    CHECK_OK(tus_client_set_header(client, "X-Removed", NULL, NULL));
    CHECK_OK(tus_client_upload(client, source, options, NULL, NULL));
    tus_source_free(source);
    tus_upload_options_free(options);
    tus_client_unref(client);
}

static void test_operations(void)
{
    tus_client *client = make_client();
    tus_source *source = memory_source("hello", 5), *none = (tus_source *)&client;
    tus_info *info = NULL;
    tus_error *err = NULL;
    tus_reader_vtable vtable = {sizeof vtable, NULL, NULL, NULL};

    info = (tus_info *)&client;
    CHECK_FAILS(tus_client_upload_file(client, NULL, NULL, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(info == NULL);
    CHECK_FAILS(tus_client_upload_file(client, "", NULL, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_resume_upload(client, source, NULL, NULL, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_get_upload_info(client, NULL, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_get_metadata(client, NULL, NULL, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_delete_upload(client, NULL, &err), TUS_E_INVALID_ARGUMENT);
    /* An empty reference is no upload. */
    CHECK_FAILS(tus_client_resume_upload(client, source, "", NULL, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_get_upload_info(client, "", &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_delete_upload(client, "", &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_delete_upload(client, "ftp://127.0.0.1/1", &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_get_upload_info(client, "a\r\nX-Evil: 1", &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_INVALID(tus_client_upload_file(client, NULL, NULL, NULL, NULL));
    CHECK_INVALID(tus_client_get_upload_info(client, NULL, NULL, NULL));

    CHECK_FAILS(tus_source_file(NULL, &none, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(none == NULL);
    none = (tus_source *)&client;
    CHECK_FAILS(tus_source_file("", &none, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(none == NULL);
    CHECK_FAILS(tus_source_file("/etc/passwd", NULL, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_source_fd(0, NULL, &err), TUS_E_INVALID_ARGUMENT);
    none = (tus_source *)&client;
    CHECK_FAILS(tus_source_memory(NULL, 1, NULL, NULL, &none, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(none == NULL);
    CHECK_FAILS(tus_source_memory("x", SIZE_MAX, NULL, NULL, &none, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_source_memory("x", 1, NULL, NULL, NULL, &err), TUS_E_INVALID_ARGUMENT);
    none = (tus_source *)&client;
    CHECK_FAILS(tus_source_reader(NULL, NULL, 1, &none, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(none == NULL);
    CHECK_FAILS(tus_source_reader(&vtable, NULL, 1, &none, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_INVALID(tus_source_file(NULL, NULL, NULL));
    CHECK_INVALID(tus_source_memory(NULL, 1, NULL, NULL, NULL, NULL));
    tus_source_free(source);
    tus_client_unref(client);
}

/* Nobody has to take a result or an error. */
static void test_results(void)
{
    int calls = 0;
    tus_config *config = make_config();
    tus_client *client;
    tus_source *source = memory_source("hello", 5);
    tus_info *info = NULL;
    tus_server_info *server = NULL;
    struct path path = make_file("file", 5);

    CHECK_OK(tus_config_set_before_request(config, in_callback, &calls, NULL));
    CHECK_OK(tus_config_set_after_response(config, after_callback, &calls, NULL));
    client = client_of(config);
    CHECK_OK(tus_client_upload(client, source, NULL, NULL, NULL));
    CHECK_OK(tus_client_upload_file(client, path.text, NULL, NULL, NULL));
    CHECK_OK(tus_client_upload(client, source, NULL, &info, NULL));
    NEED(info != NULL);
    CHECK_OK(tus_client_resume_upload(client, source, tus_info_url(info), NULL, NULL, NULL));
    CHECK_OK(tus_client_get_upload_info(client, tus_info_url(info), NULL, NULL));
    CHECK_OK(tus_client_get_metadata(client, tus_info_url(info), NULL, NULL));
    CHECK_OK(tus_client_get_server_info(client, NULL, NULL));
    CHECK_OK(tus_client_get_server_info(client, &server, NULL));
    CHECK(calls > 0 && calls % 2 == 0);

    CHECK(tus_info_metadata(info, NULL, NULL) == NULL);
    CHECK_TEXT(tus_info_metadata_text(info, NULL), NULL);
    CHECK_INVALID(tus_info_get_stats(info, NULL));
    CHECK(tus_metadata_value(tus_info_metadata_object(info), NULL, NULL) == NULL);
    CHECK_TEXT(tus_metadata_text(tus_info_metadata_object(info), NULL), NULL);
    CHECK_NUMBER(tus_server_info_has_extension(server, NULL), 0);
    CHECK_NUMBER(tus_has_feature(NULL), 0);
    CHECK_OK(tus_client_delete_upload(client, tus_info_url(info), NULL));
    tus_server_info_free(server);
    tus_info_free(info);
    tus_source_free(source);
    tus_client_unref(client);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"setters", test_setters},
        {"operations", test_operations},
        {"results", test_results},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
