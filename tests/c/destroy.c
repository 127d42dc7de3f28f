/* Destroy functions run exactly once, when the last that needs the data is gone; objects may go in any order. */
#include "check.h"

static int32_t before(void *user_data, tus_request *request)
{
    (void)request;
    CHECK_NUMBER(*(int *)user_data, 0);
    return 0;
}

static int32_t after(void *user_data, const tus_request *request, const tus_response *response)
{
    (void)request, (void)response;
    CHECK_NUMBER(*(int *)user_data, 0);
    return 0;
}

static int32_t retry(void *user_data, const tus_error *error, uint32_t attempt, uint64_t *delay_ms)
{
    (void)error, (void)attempt, (void)delay_ms;
    CHECK_NUMBER(*(int *)user_data, 0);
    return 0;
}

static int32_t with_url(void *user_data, const char *upload_url)
{
    CHECK(upload_url != NULL);
    CHECK_NUMBER(*(int *)user_data, 0);
    return 0;
}

static int32_t progress(void *user_data, const tus_progress *state)
{
    CHECK_NUMBER(state->struct_size, sizeof *state);
    CHECK_NUMBER(*(int *)user_data, 0);
    return 0;
}

static void log_line(void *user_data, int32_t level, const char *line)
{
    CHECK(level >= TUS_LOG_ERROR && level <= TUS_LOG_DEBUG && line != NULL);
    CHECK_NUMBER(*(int *)user_data, 0);
}

enum { HOOKS = 5 };

static void register_all(tus_config *config, int *counts)
{
    CHECK_OK(tus_config_set_before_request(config, before, &counts[0], count_up));
    CHECK_OK(tus_config_set_after_response(config, after, &counts[1], count_up));
    CHECK_OK(tus_config_set_should_retry(config, retry, &counts[2], count_up));
    CHECK_OK(tus_config_set_on_upload_url_available(config, with_url, &counts[3], count_up));
    CHECK_OK(tus_config_set_log(config, TUS_LOG_DEBUG, log_line, &counts[4], count_up));
}

static void check_counts(int line, const int *counts, size_t count, int want)
{
    size_t i;
    for (i = 0; i < count; i++)
        check_number(__FILE__, line, "times destroyed", (unsigned long long)counts[i], (unsigned long long)want);
}

#define CHECK_COUNTS(counts, want) check_counts(__LINE__, counts, COUNT(counts), want)

static void test_config(void)
{
    int first[HOOKS] = {0}, second[HOOKS] = {0}, none[HOOKS] = {0};
    tus_config *config = make_config();
    tus_client *clients[2] = {NULL, NULL};

    /* Replaced. */
    register_all(config, first);
    CHECK_COUNTS(first, 0);
    register_all(config, second);
    CHECK_COUNTS(first, 1);
    CHECK_COUNTS(second, 0);

    /* Clients keep them alive, the last one to its last count. */
    CHECK_OK(tus_client_new(config, &clients[0], NULL));
    CHECK_OK(tus_client_new(config, &clients[1], NULL));
    register_all(config, none);
    CHECK_COUNTS(second, 0);
    tus_config_free(config);
    CHECK_COUNTS(none, 1);
    tus_info_free(upload_bytes(clients[0], "hello", 5));
    tus_client_unref(clients[0]);
    CHECK_COUNTS(second, 0);
    CHECK(tus_client_ref(clients[1]) == clients[1]);
    tus_client_unref(clients[1]);
    CHECK_COUNTS(second, 0);
    tus_info_free(upload_bytes(clients[1], "hello", 5));
    tus_client_unref(clients[1]);
    CHECK_COUNTS(second, 1);
    CHECK_COUNTS(first, 1);
}

/* No function: the data is released at once. A function that cannot be registered: the same. */
static void test_at_once(void)
{
    int counts[HOOKS + 2] = {0}, level[3] = {0}, replaced = 0;
    tus_config *config = make_config();
    tus_upload_options *options = tus_upload_options_new();
    CHECK_OK(tus_config_set_before_request(config, NULL, &counts[0], count_up));
    CHECK_OK(tus_config_set_after_response(config, NULL, &counts[1], count_up));
    CHECK_OK(tus_config_set_should_retry(config, NULL, &counts[2], count_up));
    CHECK_OK(tus_config_set_on_upload_url_available(config, NULL, &counts[3], count_up));
    CHECK_OK(tus_config_set_log(config, TUS_LOG_WARN, NULL, &counts[4], count_up));
    CHECK_OK(tus_upload_options_set_progress(options, NULL, &counts[5], count_up));
    CHECK_OK(tus_upload_options_set_on_upload_url_available(options, NULL, &counts[6], count_up));
    CHECK_COUNTS(counts, 1);
    CHECK_INVALID(tus_config_set_log(config, 0, log_line, &level[0], count_up));
    CHECK_INVALID(tus_config_set_log(config, -1, log_line, &level[1], count_up));
    CHECK_INVALID(tus_config_set_log(config, 5, log_line, &level[2], count_up));
    CHECK_COUNTS(level, 1);
    /* NULL takes away what was there. */
    CHECK_OK(tus_upload_options_set_progress(options, progress, &replaced, count_up));
    CHECK_NUMBER(replaced, 0);
    CHECK_OK(tus_upload_options_set_progress(options, NULL, NULL, NULL));
    CHECK_NUMBER(replaced, 1);
    tus_upload_options_free(options);
    tus_config_free(config);
    CHECK_COUNTS(counts, 1);
    CHECK_COUNTS(level, 1);
    CHECK_NUMBER(replaced, 1);
}

static void test_memory(void)
{
    int released[5] = {0};
    tus_client *client = make_client();
    tus_source *source = NULL;
    tus_error *err = NULL;
    CHECK_FAILS(tus_source_memory(NULL, 1, count_up, &released[0], &source, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_source_memory("x", SIZE_MAX, count_up, &released[1], &source, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_source_memory("x", 1, count_up, &released[2], NULL, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_RESULT(tus_source_memory("hello", 5, count_up, &released[3], &source, &err), TUS_OK);
    CHECK_RESULT(tus_client_upload(client, source, NULL, NULL, &err), TUS_OK);
    CHECK_NUMBER(released[3], 0);
    tus_source_free(source);
    CHECK_RESULT(tus_source_memory(NULL, 0, count_up, &released[4], &source, &err), TUS_OK);
    CHECK_NUMBER(released[4], 0);
    tus_source_free(source);
    CHECK_COUNTS(released, 1);
    tus_client_unref(client);
}

/* Everything an operation uses is freed while it runs; what belongs to it lasts until it returns. */
struct everything {
    tus_client *client;
    tus_source *source;
    tus_upload_options *options;
    int released;
    int destroyed[2];
    int freed;
};

static int32_t free_everything(void *user_data, const tus_progress *state)
{
    struct everything *all = (struct everything *)user_data;
    (void)state;
    if (!all->freed) {
        all->freed = 1;
        tus_source_free(all->source);
        tus_upload_options_free(all->options);
        tus_client_unref(all->client);
    }
    CHECK_NUMBER(all->released, 0);
    CHECK_NUMBER(all->destroyed[0], 0);
    CHECK_NUMBER(all->destroyed[1], 0);
    return 0;
}

static void destroyed_progress(void *user_data)
{
    ((struct everything *)user_data)->destroyed[0]++;
}

static void test_while_running(void)
{
    struct everything all;
    tus_config *config = make_config();
    tus_info *info = NULL;
    tus_error *err = NULL;
    memset(&all, 0, sizeof all);
    CHECK_OK(tus_config_set_before_request(config, before, &all.destroyed[1], count_up));
    all.client = client_of(config);
    all.options = tus_upload_options_new();
    CHECK_OK(tus_upload_options_set_progress(all.options, free_everything, &all, destroyed_progress));
    CHECK_RESULT(tus_source_memory("hello", 5, count_up, &all.released, &all.source, &err), TUS_OK);
    CHECK_RESULT(tus_client_upload(all.client, all.source, all.options, &info, &err), TUS_OK);
    CHECK_NUMBER(all.freed, 1);
    CHECK_NUMBER(all.released, 1);
    CHECK_NUMBER(all.destroyed[0], 1);
    CHECK_NUMBER(all.destroyed[1], 1);
    CHECK_NUMBER(tus_info_is_complete(info), 1);
    tus_info_free(info);
}

/* Made of one another, freed from either end. */
static void test_orders(void)
{
    int order;
    for (order = 0; order < 2; order++) {
        tus_config *config = make_config();
        tus_client *client = NULL;
        tus_source *source = memory_source("hello", 5);
        tus_upload_options *options = tus_upload_options_new();
        tus_info *info = NULL;
        tus_metadata *metadata = NULL;
        tus_server_info *server = NULL;
        tus_error *err = NULL;
        CHECK_OK(tus_upload_options_set_metadata_text(options, "key", "value"));
        CHECK_OK(tus_client_new(config, &client, NULL));
        CHECK_OK(tus_client_upload(client, source, options, &info, NULL));
        CHECK_OK(tus_client_get_metadata(client, tus_info_url(info), &metadata, NULL));
        CHECK_OK(tus_client_get_server_info(client, &server, NULL));
        CHECK_INVALID(tus_client_delete_upload(client, NULL, &err));
        if (order == 0) {
            tus_config_free(config);
            tus_client_unref(client);
            tus_source_free(source);
            tus_upload_options_free(options);
        }
        /* The library's metadata of a result is not the caller's to free. */
        tus_metadata_free((tus_metadata *)(uintptr_t)tus_info_metadata_object(info));
        CHECK_TEXT(tus_info_metadata_text(info, "key"), "value");
        tus_info_free(info);
        CHECK_TEXT(tus_metadata_text(metadata, "key"), "value");
        CHECK_NUMBER(tus_server_info_has_extension(server, "creation"), 1);
        CHECK_INVALID(tus_error_status(err));
        tus_error_free(err);
        tus_metadata_free(metadata);
        tus_server_info_free(server);
        if (order == 1) {
            tus_upload_options_free(options);
            tus_source_free(source);
            tus_client_unref(client);
            tus_config_free(config);
        }
    }
    tus_error_free(NULL);
    tus_info_free(NULL);
    tus_metadata_free(NULL);
    tus_server_info_free(NULL);
    tus_upload_options_free(NULL);
    tus_source_free(NULL);
    tus_client_unref(NULL);
    tus_config_free(NULL);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"config", test_config},   {"at_once", test_at_once},           {"memory", test_memory},
        {"orders", test_orders},   {"while_running", test_while_running},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
