/* Going on with an upload by its token or its URL. */
#include "check.h"

#define SIZE 3000

static unsigned char bytes[SIZE];

struct keeper {
    char token[4096];
    int calls;
    int32_t code;
};

static int32_t keep(void *user_data, const char *token)
{
    struct keeper *keeper = (struct keeper *)user_data;
    NEED(strlen(token) < sizeof keeper->token);
    strcpy(keeper->token, token);
    keeper->calls++;
    return keeper->code;
}

static int32_t stop(void *user_data, const tus_progress *progress)
{
    return progress->confirmed >= *(uint64_t *)user_data ? 7 : 0;
}

/* A file is recognised as what it is, if it had not just been changed. */
static tus_source *old_file(void)
{
    struct path path = make_file("file", SIZE);
    NEED(usleep(100000) == 0);
    return file_source(path.text);
}

static tus_client *chunked_client(const char *url)
{
    tus_config *config = make_config();
    CHECK_OK(tus_config_set_chunk_size(config, 1000));
    CHECK_OK(tus_config_set_url(config, url));
    return client_of(config);
}

/* Stopped after 2000 bytes; the error. */
static tus_error *interrupted(tus_client *client, tus_source *source, struct keeper *keeper)
{
    tus_upload_options *options = tus_upload_options_new();
    uint64_t at = 2000;
    tus_error *err = NULL;
    CHECK_OK(tus_upload_options_set_progress(options, stop, &at, NULL));
    if (keeper != NULL)
        CHECK_OK(tus_upload_options_set_on_resume_token(options, keep, keeper, NULL));
    CHECK_STATUS(tus_client_upload(client, source, options, NULL, &err), TUS_E_CALLBACK);
    tus_upload_options_free(options);
    NEED(err != NULL);
    return err;
}

static tus_status upload_with(tus_client *client, tus_source *source, const char *token, const char *url,
                              uint64_t *resumed)
{
    tus_upload_options *options = tus_upload_options_new();
    tus_info *info = NULL;
    tus_status status;
    tus_stats stats;
    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats;
    CHECK_OK(tus_upload_options_set_resume_token(options, token));
    CHECK_OK(tus_upload_options_set_upload_url(options, url));
    status = tus_client_upload(client, source, options, &info, NULL);
    if (info != NULL)
        CHECK_OK(tus_info_get_stats(info, &stats));
    *resumed = stats.bytes_resumed;
    tus_info_free(info);
    tus_upload_options_free(options);
    return status;
}

static void test_resumed(void)
{
    struct keeper keeper;
    tus_source *source = old_file(), *memory = memory_source(bytes, SIZE);
    tus_client *first = chunked_client(server_url), *second = chunked_client(server_url);
    uint64_t resumed = 99;
    tus_error *err;
    memset(&keeper, 0, sizeof keeper);
    err = interrupted(first, source, &keeper);
    CHECK(keeper.calls >= 1);
    CHECK(strncmp(keeper.token, "tus1.", 5) == 0);
    CHECK(tus_error_resume_token(err) != NULL);
    tus_error_free(err);
    CHECK_OK(upload_with(second, source, keeper.token, NULL, &resumed));
    CHECK_NUMBER(resumed, 2000);

    /* The error's is as good, and nobody need have asked for it. */
    err = interrupted(first, source, NULL);
    NEED(tus_error_resume_token(err) != NULL);
    CHECK_OK(upload_with(second, source, tus_error_resume_token(err), NULL, &resumed));
    CHECK_NUMBER(resumed, 2000);
    tus_error_free(err);

    /* What is no file is recognised by the digest of what was sent. */
    err = interrupted(first, memory, &keeper);
    CHECK_OK(upload_with(second, memory, tus_error_resume_token(err), NULL, &resumed));
    CHECK_NUMBER(resumed, 2000);
    tus_error_free(err);

    err = interrupted(first, source, NULL);
    CHECK_OK(upload_with(second, source, NULL, tus_error_upload_url(err), &resumed));
    CHECK_NUMBER(resumed, 2000);
    tus_error_free(err);
    tus_client_unref(first);
    tus_client_unref(second);
    tus_source_free(memory);
    tus_source_free(source);
}

static void test_refused(void)
{
    struct keeper keeper;
    struct path elsewhere = path_of("");
    tus_source *source = memory_source(bytes, SIZE), *shorter = memory_source(bytes, SIZE - 1);
    tus_client *client = chunked_client(server_url), *other;
    uint64_t resumed;
    tus_error *err;
    char *cut;
    memset(&keeper, 0, sizeof keeper);
    snprintf(elsewhere.text, sizeof elsewhere.text, "%selsewhere/", server_url);
    other = chunked_client(elsewhere.text);
    err = interrupted(client, source, &keeper);
    CHECK_INVALID(upload_with(client, source, "", NULL, &resumed));
    CHECK_INVALID(upload_with(client, source, "tus1.00000000.e30", NULL, &resumed));
    CHECK_INVALID(upload_with(other, source, keeper.token, NULL, &resumed));
    cut = strdup(keeper.token);
    NEED(cut != NULL);
    cut[strlen(cut) - 1] = '\0';
    CHECK_INVALID(upload_with(client, source, cut, NULL, &resumed));
    free(cut);
    CHECK_STATUS(upload_with(client, shorter, keeper.token, NULL, &resumed), TUS_E_SOURCE_CHANGED);
    CHECK_INVALID(upload_with(client, source, NULL, "http://", &resumed));
    /* A callback of the program's may end it; the upload stays. */
    tus_error_free(err);
    err = NULL;
    {
        tus_upload_options *options = tus_upload_options_new();
        keeper.code = 9;
        CHECK_OK(tus_upload_options_set_on_resume_token(options, keep, &keeper, NULL));
        CHECK_RESULT(tus_client_upload(client, source, options, NULL, &err), TUS_E_CALLBACK);
        CHECK_NUMBER(tus_error_callback_code(err), 9);
        CHECK(tus_error_upload_url(err) != NULL);
        tus_upload_options_free(options);
    }
    tus_error_free(err);
    tus_client_unref(client);
    tus_client_unref(other);
    tus_source_free(source);
    tus_source_free(shorter);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {{"resumed", test_resumed}, {"refused", test_refused}};
    fill_bytes(bytes, 0, sizeof bytes);
    return run_case(argc, argv, cases, COUNT(cases));
}
