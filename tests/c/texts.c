/* Strings that are no URLs, no headers, no metadata, or not UTF-8: refused where they are set, and never on the wire. */
#include <errno.h>

#include "check.h"

/* Says which of many was not refused. */
static void refused(tus_status status, const char *what)
{
    if (status != TUS_E_INVALID_ARGUMENT)
        check_failed(tus_status_name(status), 0, what);
}

/* ---- URLs */

static const char *const bad_urls[] = {
    "",
    " ",
    "files/",
    "/files/",
    "//127.0.0.1/files/",
    "127.0.0.1/files/",
    "http:",
    "http:/",
    "http://",
    "http:///files/",
    "http://:80/files/",
    "http://user@/files/",
    "ftp://127.0.0.1/files/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:65536/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:-1/",
    "http://127.0.0.1:http/",
    "http://[::1/",
    "http://127.0.0.1/a\r\nX-Evil: 1",
    "http://127.0.0.1/a\nb",
    "http://127.0.0.1/a\rb",
    "http://127.0.0.1/\t",
    "http://127.0.0.1/\x7f",
    "http://127.0.0.1\r\n/",
    " http://127.0.0.1/",
    "http://127.0.0.1/%zz",
};

static void test_urls(void)
{
    size_t i;
    for (i = 0; i < COUNT(bad_urls); i++) {
        tus_config *config = make_config();
        tus_client *client = (tus_client *)config;
        tus_error *err = NULL;
        refused(tus_config_set_url(config, bad_urls[i]), bad_urls[i]);
        /* The refusal is remembered, although the URL before it was good. */
        CHECK_FAILS(tus_client_new(config, &client, &err), TUS_E_INVALID_ARGUMENT);
        CHECK(client == NULL);
        tus_config_free(config);

        config = make_config();
        refused(tus_config_allow_origin(config, bad_urls[i]), bad_urls[i]);
        tus_config_free(config);
    }
}

static void test_proxies(void)
{
    static const char *const schemes[] = {"socks4", "socks4a", "socks5", "socks5h"};
    static const char *const bad[] = {"ftp://127.0.0.1:1",      "https://127.0.0.1:1",    "http://", "http://127.0.0.1:0",
                                      "http://127.0.0.1:99999", "http://127.0.0.1:1\r\n", "a b",     "http://[::1",
                                      "http://127.0.0.1:x",     "\xff"};
    size_t i;
    for (i = 0; i < COUNT(bad); i++) {
        tus_config *config = make_config();
        refused(tus_config_set_proxy(config, bad[i]), bad[i]);
        tus_config_free(config);
    }
    for (i = 0; i < COUNT(schemes); i++) {
        tus_config *config = make_config();
        char url[64];
        snprintf(url, sizeof url, "%s://127.0.0.1:1080", schemes[i]);
        CHECK_STATUS(tus_config_set_proxy(config, url),
                     tus_has_feature("socks-proxy") ? TUS_OK : TUS_E_INVALID_ARGUMENT);
        tus_config_free(config);
    }
}

/* A URL with a user name and a password in it. */
static void test_userinfo(void)
{
    char url[512];
    tus_config *config = make_config();
    tus_client *client;
    tus_info *info;
    tus_error *err = NULL;
    snprintf(url, sizeof url, "http://us%%40er:pass%%3Aword@%s", server_url + strlen("http://"));
    CHECK_OK(tus_config_set_url(config, url));
    client = client_of(config);
    info = upload_bytes(client, "hello", 5);
    CHECK(strstr(tus_info_url(info), "pass") == NULL);
    CHECK(strchr(tus_info_url(info), '@') == NULL);
    /* The server refuses the next request. */
    CHECK_RESULT(tus_client_get_upload_info(client, tus_info_url(info), NULL, &err), TUS_E_HTTP_STATUS);
    CHECK(strstr(tus_error_message(err), "pass") == NULL);
    CHECK(strstr(tus_error_request_url(err), "pass") == NULL);
    tus_error_free(err);
    tus_info_free(info);
    tus_client_unref(client);
}

/* ---- headers */

struct field {
    const char *name;
    const char *value;
};

static const struct field bad_fields[] = {
    /* Names that are none. */
    {"", "x"},
    {" ", "x"},
    {"X Evil", "x"},
    {" X-Evil", "x"},
    {"X-Evil ", "x"},
    {"X-Evil:", "x"},
    {"X-Evil\r\nX-Evil2", "x"},
    {"X-Evil\n", "x"},
    {"X-\xc3\xa4", "x"},
    {"X(Evil)", "x"},
    /* Values that would end the field, or be changed on the way. */
    {"X-Evil", "a\r\nX-Evil2: b"},
    {"X-Evil", "a\nb"},
    {"X-Evil", "a\rb"},
    {"X-Evil", "\x01"},
    {"X-Evil", "\x7f"},
    {"X-Evil", "\x1b[0m"},
    {"X-Evil", " a"},
    {"X-Evil", "a "},
    {"X-Evil", "\ta"},
    /* The library's own. */
    {"Host", "evil"},
    {"host", "evil"},
    {"Content-Length", "0"},
    {"CONTENT-LENGTH", "0"},
    {"Content-Type", "text/plain"},
    {"Content-Encoding", "gzip"},
    {"Transfer-Encoding", "chunked"},
    {"Connection", "close"},
    {"Keep-Alive", "1"},
    {"Upgrade", "h2c"},
    {"Expect", "100-continue"},
    {"TE", "trailers"},
    {"Trailer", "Upload-Checksum"},
    {"Proxy-Authorization", "Basic x"},
    {"X-HTTP-Method-Override", "DELETE"},
    {"Tus-Resumable", "2.0.0"},
    {"tus-version", "x"},
    {"Tus-Extension", "x"},
    {"Upload-Offset", "99"},
    {"upload-length", "99"},
    {"Upload-Metadata", "a"},
    {"Upload-Defer-Length", "1"},
    {"Upload-Concat", "partial"},
    {"Upload-Checksum", "sha1 x"},
    {"upload-expires", "x"},
};

static int32_t refuse_in_callback(void *user_data, tus_request *request)
{
    size_t i;
    ++*(int *)user_data;
    for (i = 0; i < COUNT(bad_fields); i++)
        refused(tus_request_set_header(request, bad_fields[i].name, bad_fields[i].value), bad_fields[i].name);
    CHECK_INVALID(tus_request_set_header(request, "Host", NULL));
    CHECK_INVALID(tus_request_set_header(request, "Tus-Resumable", NULL));
    CHECK_TEXT(tus_request_header(request, "X-Evil"), NULL);
    return 0;
}

static void test_headers(void)
{
    int calls = 0;
    size_t i;
    tus_error *err = NULL;
    tus_config *config = make_config();
    tus_client *client;
    CHECK_OK(tus_config_set_header(config, "X-Good", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"));
    CHECK_OK(tus_config_set_header(config, "x-good-2", "one"));
    CHECK_OK(tus_config_set_header(config, "X-Good-2", "two"));
    CHECK_OK(tus_config_set_header(config, "X-Empty", ""));
    CHECK_OK(tus_config_set_header(config, "X-Gone", "x"));
    CHECK_OK(tus_config_set_header(config, "X-Gone", NULL));
    CHECK_OK(tus_config_set_before_request(config, refuse_in_callback, &calls, NULL));
    client = client_of(config);
    for (i = 0; i < COUNT(bad_fields); i++) {
        config = make_config();
        refused(tus_config_set_header(config, bad_fields[i].name, bad_fields[i].value), bad_fields[i].name);
        CHECK_INVALID(tus_client_new(config, NULL, NULL));
        tus_config_free(config);
        refused(tus_client_set_header(client, bad_fields[i].name, bad_fields[i].value, &err), bad_fields[i].name);
        CHECK_INVALID(tus_error_status(err));
        tus_error_free(err);
        err = NULL;
    }
    config = make_config();
    CHECK_INVALID(tus_config_set_user_agent(config, "evil\r\nX-Evil: 1"));
    tus_config_free(config);
    tus_info_free(upload_bytes(client, "hello", 5));
    CHECK_NUMBER(calls, 3);
    tus_client_unref(client);
}

/* ---- metadata */

static const char *const bad_keys[] = {"",      " ",      "a b",     "a,b",  "a\r\nX-Evil: 1", "a\n", "\t",
                                       "\x7f", "a\x01", "k\xc3\xa9y", ",", " a",             "a ", "\xf0\x9f\x98\x80"};

static void test_metadata_keys(void)
{
    size_t i;
    tus_client *client = make_client();
    tus_source *source = memory_source("hello", 5);
    for (i = 0; i < COUNT(bad_keys); i++) {
        tus_upload_options *options = tus_upload_options_new();
        tus_info *info = NULL;
        tus_error *err = NULL;
        CHECK_INVALID(tus_upload_options_set_metadata(options, bad_keys[i], "x", 1));
        CHECK_INVALID(tus_upload_options_set_metadata_text(options, bad_keys[i], "x"));
        /* Remembered: no operation goes out with them. */
        CHECK_FAILS(tus_client_upload(client, source, options, &info, &err), TUS_E_INVALID_ARGUMENT);
        CHECK(info == NULL);
        tus_upload_options_free(options);
    }
    tus_source_free(source);
    tus_client_unref(client);
}

#define LARGE 10240

static void test_metadata_values(void)
{
    static const char all_sorts[] = "line 1\r\nline 2\0\xff\xfe, a b";
    char large[LARGE + 1];
    size_t length = 0;
    tus_client *client = make_client();
    tus_source *source = memory_source("hello", 5);
    tus_upload_options *options = tus_upload_options_new();
    tus_info *info = NULL;
    tus_error *err = NULL;

    memset(large, 'x', LARGE);
    large[LARGE] = '\0';
    CHECK_OK(tus_upload_options_set_metadata(options, "twice", "first", 5));
    CHECK_OK(tus_upload_options_set_metadata(options, "raw", all_sorts, sizeof all_sorts));
    CHECK_OK(tus_upload_options_set_metadata_text(options, "emoji", "\xf0\x9f\x98\x80 \xe2\x82\xac"));
    CHECK_OK(tus_upload_options_set_metadata_text(options, "crlf", "a\r\nX-Evil: 1"));
    CHECK_OK(tus_upload_options_set_metadata(options, "nothing", NULL, 0));
    CHECK_OK(tus_upload_options_set_metadata_text(options, "empty", ""));
    CHECK_OK(tus_upload_options_set_metadata_text(options, "Twice", "another key"));
    CHECK_OK(tus_upload_options_set_metadata_text(options, "twice", "second"));
    CHECK_OK(tus_upload_options_set_metadata(options, "!#%&'*+-.^_`|~:;=?@", "visible", 7));
    CHECK_RESULT(tus_client_upload(client, source, options, &info, &err), TUS_OK);
    NEED(info != NULL);
    CHECK_TEXT(tus_info_metadata_text(info, "twice"), "second");
    CHECK(memcmp(tus_info_metadata(info, "raw", &length), all_sorts, sizeof all_sorts) == 0);
    CHECK_NUMBER(length, sizeof all_sorts);
    CHECK_TEXT(tus_info_metadata_text(info, "raw"), NULL);
    CHECK_TEXT(tus_info_metadata_text(info, "emoji"), "\xf0\x9f\x98\x80 \xe2\x82\xac");
    CHECK_TEXT(tus_info_metadata_text(info, "TWICE"), NULL);
    tus_info_free(info);

    /* More than servers take: refused before any request, unless it is wanted. */
    CHECK_OK(tus_upload_options_set_metadata_text(options, "large", large));
    CHECK_FAILS(tus_client_upload(client, source, options, &info, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_OK(tus_upload_options_set_large_metadata(options, 1));
    CHECK_RESULT(tus_client_upload(client, source, options, &info, &err), TUS_OK);
    CHECK_TEXT(tus_info_metadata_text(info, "large"), large);
    tus_info_free(info);
    tus_upload_options_free(options);
    tus_source_free(source);
    tus_client_unref(client);
}

/* Characters that the server's encoding lacks. */
static void test_encodings(void)
{
    static const char *const none[] = {"", "no-such-encoding", "utf-8x", "\xff"};
    size_t i, length = 0;
    tus_config *config = make_config();
    tus_client *client;
    tus_source *source = memory_source("hello", 5);
    tus_upload_options *options = tus_upload_options_new();
    tus_info *info = NULL;
    tus_error *err = NULL;
    const void *value;

    for (i = 0; i < COUNT(none); i++) {
        tus_config *refused = make_config();
        CHECK_INVALID(tus_config_set_metadata_encoding(refused, none[i]));
        tus_config_free(refused);
    }
    if (!tus_has_feature("encodings")) {
        CHECK_STATUS(tus_config_set_metadata_encoding(config, "latin1"), TUS_E_UNSUPPORTED);
        tus_config_free(config);
    } else {
        tus_config *refused = make_config();
        CHECK_STATUS(tus_config_set_metadata_encoding(refused, "utf-16"), TUS_E_UNSUPPORTED);
        tus_config_free(refused);
        CHECK_OK(tus_config_set_metadata_encoding(config, "ISO-8859-1"));
        client = client_of(config);
        CHECK_OK(tus_upload_options_set_metadata_text(options, "text", "gr\xc3\xbc\xc3\x9f"));
        CHECK_RESULT(tus_client_upload(client, source, options, &info, &err), TUS_OK);
        NEED(info != NULL);
        value = tus_info_metadata(info, "text", &length);
        CHECK(length == 4 && memcmp(value, "gr\xfc\xdf", 4) == 0);
        CHECK_TEXT(tus_info_metadata_text(info, "text"), "gr\xc3\xbc\xc3\x9f");
        tus_info_free(info);
        CHECK_OK(tus_upload_options_set_metadata_text(options, "text", "\xe6\x97\xa5"));
        CHECK_FAILS(tus_client_upload(client, source, options, &info, &err), TUS_E_INVALID_ARGUMENT);
        /* The name of a file is no reason to fail: it goes as the bytes it is. */
        CHECK_RESULT(tus_client_upload_file(client, make_file("\xe6\x97\xa5", 5).text, NULL, NULL, &err), TUS_OK);
        tus_client_unref(client);
    }
    tus_upload_options_free(options);
    tus_source_free(source);
}

/* ---- not UTF-8 */

/* A byte that never occurs, a sequence that ends early, a surrogate, an overlong form, a number beyond the last. */
static const char *const not_utf8[] = {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80"};

static int32_t utf8_in_callback(void *user_data, const tus_request *request, const tus_response *response)
{
    const char *bad = *(const char **)user_data;
    CHECK_TEXT(tus_request_header(request, bad), NULL);
    CHECK_TEXT(tus_response_header(response, bad), NULL);
    return 0;
}

static int32_t utf8_before(void *user_data, tus_request *request)
{
    const char *bad = *(const char **)user_data;
    CHECK_INVALID(tus_request_set_header(request, bad, "x"));
    CHECK_INVALID(tus_request_set_header(request, "X-Evil", bad));
    return 0;
}

static void refuse_in_settings(const char *bad)
{
    tus_config *config = tus_config_new();
    tus_upload_options *options = tus_upload_options_new();
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1/%s", bad);
    CHECK_INVALID(tus_config_set_url(config, url));
    CHECK_INVALID(tus_config_set_header(config, bad, "x"));
    CHECK_INVALID(tus_config_set_header(config, "X-Evil", bad));
    CHECK_INVALID(tus_config_allow_origin(config, url));
    CHECK_INVALID(tus_config_set_proxy(config, bad));
    CHECK_INVALID(tus_config_set_user_agent(config, bad));
    CHECK_INVALID(tus_config_set_metadata_encoding(config, bad));
    CHECK_INVALID(tus_upload_options_set_metadata(options, bad, "x", 1));
    CHECK_INVALID(tus_upload_options_set_metadata_text(options, bad, "x"));
    CHECK_INVALID(tus_upload_options_set_metadata_text(options, "key", bad));
    CHECK_NUMBER(tus_has_feature(bad), 0);
    tus_config_free(config);
    tus_upload_options_free(options);
}

static void refuse_in_operations(const char *bad)
{
    tus_config *config = make_config();
    tus_client *client;
    tus_source *source = memory_source("hello", 5);
    tus_info *info;
    tus_server_info *server = NULL;
    tus_error *err = NULL;
    size_t length = 99;
    CHECK_OK(tus_config_set_before_request(config, utf8_before, &bad, NULL));
    CHECK_OK(tus_config_set_after_response(config, utf8_in_callback, &bad, NULL));
    client = client_of(config);
    CHECK_FAILS(tus_client_set_header(client, bad, "x", &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_set_header(client, "X-Evil", bad, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_resume_upload(client, source, bad, NULL, NULL, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_get_upload_info(client, bad, NULL, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_get_metadata(client, bad, NULL, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_RESULT(tus_client_delete_upload(client, bad, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_TEXT(tus_error_response_header(err, bad), NULL);
    tus_error_free(err);
    info = upload_bytes(client, "hello", 5);
    CHECK(tus_info_metadata(info, bad, &length) == NULL);
    CHECK_NUMBER(length, 0);
    CHECK_TEXT(tus_info_metadata_text(info, bad), NULL);
    CHECK(tus_metadata_value(tus_info_metadata_object(info), bad, NULL) == NULL);
    CHECK_TEXT(tus_metadata_text(tus_info_metadata_object(info), bad), NULL);
    CHECK_OK(tus_client_get_server_info(client, &server, NULL));
    CHECK_NUMBER(tus_server_info_has_extension(server, bad), 0);
    tus_server_info_free(server);
    tus_info_free(info);
    tus_source_free(source);
    tus_client_unref(client);
}

/* Paths are bytes, so they may be anything; the name of such a file is sent as the bytes it is. */
static void test_utf8(void)
{
    size_t i, length = 0;
    struct path path;
    tus_client *client = make_client();
    tus_info *info = NULL;
    tus_error *err = NULL;
    for (i = 0; i < COUNT(not_utf8); i++) {
        refuse_in_settings(not_utf8[i]);
        refuse_in_operations(not_utf8[i]);
    }
    path = make_file("na\xefve", 5);
    CHECK_RESULT(tus_client_upload_file(client, path.text, NULL, &info, &err), TUS_OK);
    NEED(info != NULL);
    CHECK(memcmp(tus_info_metadata(info, "filename", &length), "na\xefve", 5) == 0);
    CHECK_NUMBER(length, 5);
    CHECK_TEXT(tus_info_metadata_text(info, "filename"), NULL);
    tus_info_free(info);
    CHECK_RESULT(tus_client_upload_file(client, path_of("na\xefve/\xff").text, NULL, &info, &err), TUS_E_SOURCE);
    CHECK_NUMBER(tus_error_os_code(err), ENOTDIR);
    tus_error_free(err);
    tus_client_unref(client);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"urls", test_urls},
        {"proxies", test_proxies},
        {"userinfo", test_userinfo},
        {"headers", test_headers},
        {"metadata_keys", test_metadata_keys},
        {"metadata_values", test_metadata_values},
        {"encodings", test_encodings},
        {"utf8", test_utf8},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
