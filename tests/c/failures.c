/* Real failures: which status each becomes, and everything an error object tells of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "check.h"

/* ---- each status */

static tus_status status_named(const char *name)
{
    tus_status status;
    for (status = -99; status <= 0; status++) {
        if (strcmp(tus_status_name(status), name) == 0)
            return status;
    }
    check_failed(__FILE__, __LINE__, name);
    return TUS_OK;
}

static tus_client *hasty_client(const char *url)
{
    tus_config *config = make_config();
    CHECK_OK(tus_config_set_url(config, url));
    CHECK_OK(tus_config_set_upload_with_creation(config, 0));
    CHECK_OK(tus_config_set_timeouts_ms(config, 10000, 300, 10000, 0));
    CHECK_OK(tus_config_set_lock_budget_ms(config, 10));
    return client_of(config);
}

/* Runs an operation against a server that fails it: `url operation status http-status method`. */
static void fail_as(const char *url, const char *operation, const char *name, const char *http, const char *method)
{
    tus_client *client = hasty_client(url);
    tus_source *source = memory_source("hello", 5);
    tus_info *info = (tus_info *)client;
    tus_server_info *server = (tus_server_info *)client;
    tus_error *err = NULL;
    tus_status status = TUS_E_INTERNAL, want = status_named(name);
    int gone = want == TUS_E_GONE;
    if (strcmp(operation, "upload") == 0)
        status = tus_client_upload(client, source, NULL, &info, &err);
    else if (strcmp(operation, "resume") == 0)
        status = tus_client_resume_upload(client, source, "1", NULL, &info, &err);
    else if (strcmp(operation, "info") == 0)
        status = tus_client_get_upload_info(client, "1", &info, &err);
    else if (strcmp(operation, "delete") == 0)
        status = tus_client_delete_upload(client, "1", &err);
    else if (strcmp(operation, "server") == 0)
        status = tus_client_get_server_info(client, &server, &err);
    check_result(__FILE__, __LINE__, name, status, want, err);
    CHECK(strcmp(operation, "delete") == 0 || info == NULL || server == NULL);
    CHECK_NUMBER(tus_error_http_status(err), atoi(http));
    CHECK_TEXT(tus_error_request_method(err), method);
    CHECK(tus_error_request_url(err) != NULL);
    CHECK_NUMBER(tus_error_callback_code(err), 0);
    if (gone)
        CHECK_TEXT(tus_error_upload_url(err), NULL);
    tus_error_free(err);
    tus_source_free(source);
    tus_client_unref(client);
}

static void test_statuses(void)
{
    int i;
    NEED(word_count > 0 && word_count % 5 == 0);
    for (i = 0; i < word_count; i += 5)
        fail_as(words[i], words[i + 1], words[i + 2], words[i + 3], words[i + 4]);
}

/* ---- the network */

/* A port on which nobody listens: bound, so that nobody else gets it meanwhile. */
static int closed_port(char *url, size_t size)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    NEED(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    NEED(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
    snprintf(url, size, "http://127.0.0.1:%d/files/?token=geheim", ntohs(address.sin_port));
    return fd;
}

static void test_refused_connection(void)
{
    char url[128];
    int fd = closed_port(url, sizeof url);
    tus_client *client = hasty_client(url);
    tus_source *source = memory_source("hello", 5);
    tus_error *err = NULL;
    size_t length = 99;
    CHECK_RESULT(tus_client_upload(client, source, NULL, NULL, &err), TUS_E_CONNECT);
    CHECK_NUMBER(tus_error_os_code(err), ECONNREFUSED);
    CHECK_NUMBER(tus_error_http_status(err), 0);
    CHECK_NUMBER(tus_error_is_retryable(err), 1);
    CHECK(tus_error_request_method(err) != NULL);
    CHECK(strstr(tus_error_request_url(err), "127.0.0.1") != NULL);
    /* The whole URL is for the program, the message for logs. */
    CHECK(strstr(tus_error_request_url(err), "geheim") != NULL);
    CHECK(strstr(tus_error_message(err), "geheim") == NULL);
    CHECK_TEXT(tus_error_upload_url(err), NULL);
    CHECK_TEXT(tus_error_response_header(err, "Date"), NULL);
    CHECK(tus_error_response_body(err, &length) == NULL);
    CHECK_NUMBER(length, 0);
    tus_error_free(err);
    tus_source_free(source);
    tus_client_unref(client);
    close(fd);
}

/* A name that no resolver has to be asked about: a part of it is too long. */
static void test_unknown_host(void)
{
    tus_client *client =
        hasty_client("http://xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/files/");
    tus_error *err = NULL;
    CHECK_RESULT(tus_client_get_server_info(client, NULL, &err), TUS_E_RESOLVE);
    CHECK_NUMBER(tus_error_http_status(err), 0);
    CHECK_NUMBER(tus_error_is_retryable(err), 1);
    tus_error_free(err);
    tus_client_unref(client);
}

/* A plain server where TLS is wanted; one that is vouched for; and one that need not be. */
static void test_tls(void)
{
    char url[512];
    tus_client *client = NULL;
    tus_config *config;
    tus_error *err = NULL;
    NEED(word_count == 2);
    /* The server answers whatever comes with text. */
    snprintf(url, sizeof url, "https%s", server_url + strlen("http"));
    config = make_config();
    CHECK_OK(tus_config_set_url(config, url));
    CHECK_OK(tus_config_set_tls_ca_file(config, words[1]));
    client = client_of(config);
    CHECK_RESULT(tus_client_get_server_info(client, NULL, &err), TUS_E_TLS);
    CHECK_TEXT(tus_error_request_method(err), "OPTIONS");
    tus_error_free(err);
    err = NULL;
    tus_client_unref(client);

    config = make_config();
    CHECK_OK(tus_config_set_url(config, words[0]));
    CHECK_OK(tus_config_set_tls_ca_file(config, words[1]));
    client = client_of(config);
    CHECK_RESULT(tus_client_get_server_info(client, NULL, &err), TUS_OK);
    tus_client_unref(client);
    config = make_config();
    CHECK_OK(tus_config_set_url(config, words[0]));
    CHECK_OK(tus_config_set_tls_verify(config, 0));
    client = client_of(config);
    CHECK_RESULT(tus_client_get_server_info(client, NULL, &err), TUS_OK);
    tus_client_unref(client);
}

/* Files of certificates that are none, or not there: found out when the client is made. */
static void test_certificate_files(void)
{
    struct path nonsense = make_file("nonsense", 100), missing = path_of("missing");
    tus_config *config = make_config();
    tus_client *client = (tus_client *)config;
    tus_error *err = NULL;
    CHECK_OK(tus_config_set_url(config, "https://127.0.0.1/files/"));
    CHECK_OK(tus_config_set_tls_ca_file(config, nonsense.text));
    CHECK_FAILS(tus_client_new(config, &client, &err), TUS_E_TLS);
    CHECK(client == NULL);
    CHECK_OK(tus_config_set_tls_ca_file(config, missing.text));
    CHECK_RESULT(tus_client_new(config, &client, &err), TUS_E_TLS);
    CHECK_NUMBER(tus_error_os_code(err), ENOENT);
    CHECK(strstr(tus_error_message(err), missing.text) != NULL);
    tus_error_free(err);
    err = NULL;
    tus_config_free(config);

    NEED(word_count == 1);
    config = make_config();
    CHECK_OK(tus_config_set_tls_ca_file(config, words[0]));
    CHECK_OK(tus_config_set_tls_client_certificate(config, nonsense.text, nonsense.text));
    CHECK_FAILS(tus_client_new(config, &client, &err), TUS_E_TLS);
    CHECK_OK(tus_config_set_tls_client_certificate(config, missing.text, missing.text));
    CHECK_FAILS(tus_client_new(config, &client, &err), TUS_E_TLS);
    tus_config_free(config);
}

/* The same server's certificate, vouched for by nobody. */
static void test_untrusted(void)
{
    tus_config *config = make_config();
    tus_client *client;
    tus_error *err = NULL;
    NEED(word_count == 2);
    CHECK_OK(tus_config_set_url(config, words[0]));
    CHECK_OK(tus_config_set_tls_ca_file(config, words[1]));
    client = client_of(config);
    CHECK_RESULT(tus_client_get_server_info(client, NULL, &err), TUS_E_TLS);
    CHECK_NUMBER(tus_error_http_status(err), 0);
    CHECK_NUMBER(tus_error_is_retryable(err), 0);
    tus_error_free(err);
    tus_client_unref(client);
}

/* ---- everything an error tells */

#define BODY_LIMIT 65536

static void test_details(void)
{
    char url[512];
    tus_client *client;
    tus_config *config = make_config();
    unsigned char *bytes = make_bytes(3000);
    tus_source *source = memory_source(bytes, 3000);
    tus_error *err = NULL;
    const char *told;
    const unsigned char *body;
    size_t i, length = 0;

    /* The second request with data is refused, by a server whose URLs have secrets in their queries. */
    snprintf(url, sizeof url, "%s?token=geheim", server_url);
    CHECK_OK(tus_config_set_url(config, url));
    CHECK_OK(tus_config_set_chunk_size(config, 1000));
    client = client_of(config);
    CHECK_RESULT(tus_client_upload(client, source, NULL, NULL, &err), TUS_E_HTTP_STATUS);
    CHECK_NUMBER(tus_error_http_status(err), 403);
    CHECK_NUMBER(tus_error_os_code(err), 0);
    CHECK_NUMBER(tus_error_callback_code(err), 0);
    CHECK_NUMBER(tus_error_is_retryable(err), 0);
    CHECK_TEXT(tus_error_request_method(err), "PATCH");
    told = tus_error_request_url(err);
    NEED(told != NULL);
    CHECK(strncmp(told, server_url, strlen(server_url)) == 0);
    CHECK(strstr(told, "geheim") != NULL);
    CHECK(strstr(tus_error_message(err), "geheim") == NULL);
    /* Nor the upload's id. */
    CHECK(strrchr(tus_error_upload_url(err), '/') != NULL);
    snprintf(url, sizeof url, "%s", strrchr(tus_error_upload_url(err), '/') + 1);
    url[strcspn(url, "?")] = '\0';
    CHECK(url[0] != '\0' && strstr(tus_error_message(err), url) == NULL);
    CHECK(strstr(tus_error_message(err), "403") != NULL);
    CHECK_TEXT(tus_error_response_header(err, "X-Twice"), "first");
    CHECK_TEXT(tus_error_response_header(err, "x-tWICE"), "first");
    CHECK_NUMBER(tus_error_response_header_count(err, "X-TWICE"), 2);
    CHECK_TEXT(tus_error_response_header_at(err, "X-Twice", 0), "first");
    CHECK_TEXT(tus_error_response_header_at(err, "X-Twice", 1), "second");
    CHECK_TEXT(tus_error_response_header_at(err, "X-Twice", 2), NULL);
    CHECK_NUMBER(tus_error_response_header_count(err, "X-Not-There"), 0);
    CHECK_TEXT(tus_error_response_header(err, "X-Not-There"), NULL);
    CHECK_TEXT(tus_error_response_header(err, ""), NULL);
    CHECK_TEXT(tus_error_response_header(err, NULL), NULL);
    body = (const unsigned char *)tus_error_response_body(err, &length);
    NEED(body != NULL);
    CHECK_NUMBER(length, BODY_LIMIT);
    for (i = 0; i < length && body[i] == i % 251; i++)
        ;
    CHECK_NUMBER(i, length);
    CHECK(tus_error_response_body(err, NULL) == (const void *)body);
    /* The upload's own URL is whole: it is needed to go on. */
    told = tus_error_upload_url(err);
    NEED(told != NULL);
    CHECK(strstr(told, "geheim") != NULL);
    CHECK_OK(tus_client_resume_upload(client, source, told, NULL, NULL, NULL));
    tus_error_free(err);
    tus_source_free(source);
    tus_client_unref(client);
    free(bytes);
}

/* The lines of the log carry no secrets either. */
static void no_secrets(void *user_data, int32_t level, const char *line)
{
    ++*(int *)user_data;
    CHECK(level >= TUS_LOG_ERROR && level <= TUS_LOG_DEBUG);
    CHECK(strstr(line, "geheim") == NULL);
    CHECK(strchr(line, '\n') == NULL);
}

static void test_log(void)
{
    char url[512];
    int lines = 0;
    tus_config *config = make_config();
    tus_client *client;
    tus_source *source = memory_source("hello", 5);
    tus_error *err = NULL;
    snprintf(url, sizeof url, "http://user:geheim@%s?token=geheim", server_url + strlen("http://"));
    CHECK_OK(tus_config_set_url(config, url));
    CHECK_OK(tus_config_set_header(config, "X-Secret", "geheim"));
    CHECK_OK(tus_config_set_log(config, TUS_LOG_DEBUG, no_secrets, &lines, NULL));
    client = client_of(config);
    CHECK_RESULT(tus_client_upload(client, source, NULL, NULL, &err), TUS_E_HTTP_STATUS);
    CHECK(strstr(tus_error_message(err), "geheim") == NULL);
    tus_error_free(err);
    CHECK(lines > 0);
    tus_source_free(source);
    tus_client_unref(client);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"statuses", test_statuses},
        {"refused_connection", test_refused_connection},
        {"unknown_host", test_unknown_host},
        {"tls", test_tls},
        {"certificate_files", test_certificate_files},
        {"untrusted", test_untrusted},
        {"details", test_details},
        {"log", test_log},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
