/* Headers at run time: told, renewed when the server refuses them; and a warning before an upload expires. */
#include "check.h"

#define SIZE 3000

static unsigned char bytes[SIZE];

/* ---- renewed */

struct renewal {
    tus_client *client;
    int calls;
    int32_t code;
    int set;
};

static int32_t renew(void *user_data, const tus_response *refusal, tus_credentials *out)
{
    struct renewal *renewal = (struct renewal *)user_data;
    char value[32];
    renewal->calls++;
    CHECK_NUMBER(tus_response_status(refusal), 401);
    CHECK_TEXT(tus_response_header(refusal, "X-Why"), "old");
    CHECK_INVALID(tus_credentials_set_header(out, "Upload-Offset", "1"));
    CHECK_INVALID(tus_credentials_set_header(out, "X-Bad", "a\nb"));
    CHECK_INVALID(tus_credentials_set_header(out, NULL, "a"));
    CHECK_STATUS(tus_client_get_server_info(renewal->client, NULL, NULL), TUS_E_BUSY);
    if (renewal->set) {
        CHECK_OK(tus_credentials_set_header(out, "Authorization", "Bearer new"));
        CHECK_OK(tus_credentials_set_header(out, "X-Old", NULL));
    }
    /* Not before the callback has returned. */
    CHECK_OK(tus_client_copy_header(renewal->client, "authorization", value, sizeof value, NULL, NULL));
    CHECK_TEXT(value, "Bearer old");
    return renewal->code;
}

static tus_client *client_with(struct renewal *renewal)
{
    tus_config *config = make_config();
    CHECK_OK(tus_config_set_chunk_size(config, 1000));
    CHECK_OK(tus_config_set_header(config, "Authorization", "Bearer old"));
    CHECK_OK(tus_config_set_header(config, "X-Old", "1"));
    CHECK_OK(tus_config_set_credentials(config, renew, renewal, NULL));
    renewal->client = client_of(config);
    return renewal->client;
}

static void check_header(tus_client *client, const char *name, const char *want)
{
    char value[32] = "untouched";
    size_t length = 99;
    tus_error *err = NULL;
    if (want == NULL) {
        CHECK_FAILS(tus_client_copy_header(client, name, value, sizeof value, &length, &err), TUS_E_NOT_FOUND);
        CHECK_TEXT(value, "");
        CHECK_NUMBER(length, 0);
    } else {
        CHECK_RESULT(tus_client_copy_header(client, name, value, sizeof value, &length, &err), TUS_OK);
        CHECK_TEXT(value, want);
        CHECK_NUMBER(length, strlen(want));
    }
}

/* The server takes the old ones for the creation only. */
static void test_renewed(void)
{
    struct renewal renewal = {NULL, 0, 0, 1};
    tus_client *client = client_with(&renewal);
    tus_source *source = memory_source(bytes, SIZE);
    tus_error *err = NULL;
    CHECK_RESULT(tus_client_upload(client, source, NULL, NULL, &err), TUS_OK);
    CHECK_NUMBER(renewal.calls, 1);
    check_header(client, "Authorization", "Bearer new");
    check_header(client, "X-Old", NULL);
    tus_source_free(source);
    tus_client_unref(client);
}

/* There are no others: said so, or nothing said. */
static void test_given_up(void)
{
    static const int32_t codes[] = {9, 0};
    size_t i;
    for (i = 0; i < COUNT(codes); i++) {
        struct renewal renewal = {NULL, 0, 0, 0};
        tus_client *client = client_with(&renewal);
        tus_error *err = NULL;
        renewal.code = codes[i];
        renewal.set = codes[i] != 0;
        CHECK_RESULT(tus_client_get_upload_info(client, "1", NULL, &err), TUS_E_HTTP_STATUS);
        CHECK_NUMBER(tus_error_http_status(err), 401);
        CHECK_NUMBER(tus_error_callback_code(err), codes[i]);
        CHECK_NUMBER(renewal.calls, 1);
        check_header(client, "Authorization", "Bearer old");
        tus_error_free(err);
        tus_client_unref(client);
    }
}

static void test_headers(void)
{
    tus_config *config = make_config();
    tus_client *client;
    tus_error *err = NULL;
    char value[5];
    size_t length = 99;
    CHECK_OK(tus_config_set_header(config, "X-Four", "four"));
    CHECK_OK(tus_config_set_header(config, "X-Empty", ""));
    client = client_of(config);
    check_header(client, "x-FOUR", "four");
    check_header(client, "X-Empty", "");
    check_header(client, "X-None", NULL);
    check_header(client, "", NULL);
    CHECK_RESULT(tus_client_copy_header(client, "X-Four", NULL, 0, &length, &err), TUS_OK);
    CHECK_NUMBER(length, 4);
    CHECK_RESULT(tus_client_copy_header(client, "X-Four", value, 5, NULL, &err), TUS_OK);
    CHECK_TEXT(value, "four");
    length = 99;
    CHECK_FAILS(tus_client_copy_header(client, "X-Four", value, 4, &length, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_NUMBER(length, 4);
    CHECK_TEXT(value, "");
    CHECK_FAILS(tus_client_copy_header(client, "X-Four", NULL, 4, &length, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_copy_header(client, NULL, value, 5, &length, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_copy_header(client, "\xff", value, 5, &length, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_RESULT(tus_client_set_header(client, "X-Four", "4", &err), TUS_OK);
    check_header(client, "X-Four", "4");
    tus_client_unref(client);
}

/* ---- about to expire */

struct warned {
    char url[1024];
    uint64_t at;
    int calls;
    int32_t code;
};

static int32_t warn(void *user_data, const char *upload_url, uint64_t expires_s)
{
    struct warned *warned = (struct warned *)user_data;
    snprintf(warned->url, sizeof warned->url, "%s", upload_url);
    warned->at = expires_s;
    warned->calls++;
    return warned->code;
}

/* The server says that the upload is gone by now, and takes it all the same. */
static void test_expiring(void)
{
    int stop;
    for (stop = 0; stop < 2; stop++) {
        struct warned warned;
        tus_config *config = make_config();
        tus_source *source = memory_source(bytes, SIZE);
        tus_client *client;
        tus_info *info = NULL;
        tus_error *err = NULL;
        memset(&warned, 0, sizeof warned);
        warned.code = stop ? 5 : 0;
        CHECK_OK(tus_config_set_chunk_size(config, 500));
        CHECK_OK(tus_config_set_on_expiring(config, warn, &warned, NULL));
        client = client_of(config);
        CHECK_RESULT(tus_client_upload(client, source, NULL, &info, &err), stop ? TUS_E_CALLBACK : TUS_OK);
        CHECK_NUMBER(warned.calls, 1);
        CHECK_NUMBER(warned.at, 784111777);
        if (stop) {
            CHECK_NUMBER(tus_error_callback_code(err), 5);
            CHECK_TEXT(warned.url, tus_error_upload_url(err));
            warned.code = 0;
            CHECK_OK(tus_client_resume_upload(client, source, tus_error_upload_url(err), NULL, NULL, NULL));
        } else {
            CHECK_TEXT(warned.url, tus_info_url(info));
        }
        tus_error_free(err);
        tus_info_free(info);
        tus_source_free(source);
        tus_client_unref(client);
    }
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"renewed", test_renewed},
        {"given_up", test_given_up},
        {"headers", test_headers},
        {"expiring", test_expiring},
    };
    fill_bytes(bytes, 0, sizeof bytes);
    return run_case(argc, argv, cases, COUNT(cases));
}
