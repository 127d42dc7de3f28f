/* Uploads in parts: several at once by the library, and one by one by hand. */
#include "check.h"

#define SIZE 300000

static unsigned char *bytes;

/* ---- at once */

struct watched {
    tus_client *client;
    /* How many callbacks run, and how often there were two. */
    int running;
    int overlaps;
    int calls;
    uint64_t confirmed;
    uint64_t stop_at;
};

static void enter(struct watched *watched)
{
    if (__atomic_add_fetch(&watched->running, 1, __ATOMIC_SEQ_CST) != 1)
        __atomic_add_fetch(&watched->overlaps, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&watched->calls, 1, __ATOMIC_SEQ_CST);
    if (watched->client != NULL)
        CHECK_STATUS(tus_client_get_server_info(watched->client, NULL, NULL), TUS_E_BUSY);
    usleep(100);
    __atomic_sub_fetch(&watched->running, 1, __ATOMIC_SEQ_CST);
}

static int32_t before(void *user_data, tus_request *request)
{
    CHECK_OK(tus_request_set_header(request, "X-Seen", "1"));
    enter((struct watched *)user_data);
    return 0;
}

static int32_t after(void *user_data, const tus_request *request, const tus_response *response)
{
    (void)request, (void)response;
    enter((struct watched *)user_data);
    return 0;
}

static int32_t progress(void *user_data, const tus_progress *state)
{
    struct watched *watched = (struct watched *)user_data;
    CHECK_NUMBER(state->total, SIZE);
    CHECK(state->confirmed <= state->sent && state->sent <= SIZE);
    CHECK(state->confirmed >= watched->confirmed);
    CHECK(state->speed >= 0);
    watched->confirmed = state->confirmed;
    enter(watched);
    return watched->stop_at != 0 && state->confirmed >= watched->stop_at ? 7 : 0;
}

static tus_config *parts_config(void)
{
    tus_config *config = make_config();
    CHECK_OK(tus_config_set_chunk_size(config, 20000));
    return config;
}

static tus_upload_options *three_parts(struct watched *watched)
{
    tus_upload_options *options = tus_upload_options_new();
    CHECK_OK(tus_upload_options_set_parallel_uploads(options, 3));
    CHECK_OK(tus_upload_options_set_min_part_size(options, 1));
    CHECK_OK(tus_upload_options_set_remove_parts(options, 1));
    if (watched != NULL)
        CHECK_OK(tus_upload_options_set_progress(options, progress, watched, NULL));
    return options;
}

static void test_parallel(void)
{
    struct watched watched;
    tus_config *config = parts_config();
    tus_upload_options *options = three_parts(&watched);
    tus_source *source = memory_source(bytes, SIZE);
    tus_client *client;
    tus_info *info = NULL;
    tus_error *err = NULL;
    tus_stats stats;
    memset(&watched, 0, sizeof watched);
    stats.struct_size = sizeof stats;
    CHECK_OK(tus_config_set_before_request(config, before, &watched, NULL));
    CHECK_OK(tus_config_set_after_response(config, after, &watched, NULL));
    CHECK_OK(tus_config_set_metadata_for_partial_uploads(config, "part", "p\0", 2));
    CHECK_OK(tus_config_set_metadata_for_partial_uploads(config, "bare", NULL, 0));
    CHECK_OK(tus_upload_options_set_metadata_text(options, "name", "whole"));
    client = client_of(config);
    CHECK_RESULT(tus_client_get_server_info(client, NULL, &err), TUS_OK);
    watched.client = client;
    CHECK_RESULT(tus_client_upload(client, source, options, &info, &err), TUS_OK);
    CHECK_NUMBER(tus_info_is_complete(info), 1);
    CHECK_NUMBER(tus_info_offset(info), SIZE);
    CHECK_NUMBER(tus_info_concat_kind(info), TUS_CONCAT_FINAL);
    CHECK_TEXT(tus_info_metadata_text(info, "name"), "whole");
    CHECK_TEXT(tus_info_metadata_text(info, "part"), NULL);
    CHECK_OK(tus_info_get_stats(info, &stats));
    CHECK_NUMBER(stats.bytes_total, SIZE);
    CHECK_NUMBER(stats.bytes_confirmed, SIZE);
    CHECK_NUMBER(stats.bytes_sent, SIZE);
    CHECK_NUMBER(stats.chunks_completed, 15);
    CHECK(stats.progress_percent == 100);
    CHECK_NUMBER(watched.overlaps, 0);
    CHECK(watched.calls > 30);
    CHECK_NUMBER(watched.confirmed, SIZE);
    tus_info_free(info);
    tus_source_free(source);
    tus_upload_options_free(options);
    tus_client_unref(client);
}

/* Stopped in the middle, found, and finished by another client as it was begun. */
static void test_resumed(void)
{
    struct watched watched;
    struct path store = path_of("store");
    tus_upload_options *options;
    tus_source *source = memory_source(bytes, SIZE);
    tus_previous_list *list = NULL;
    tus_client *clients[2];
    tus_info *info = NULL;
    tus_error *err = NULL;
    tus_stats stats;
    size_t i;
    for (i = 0; i < 2; i++) {
        tus_config *config = parts_config();
        CHECK_OK(tus_config_set_store_dir(config, store.text));
        clients[i] = client_of(config);
    }
    memset(&watched, 0, sizeof watched);
    watched.stop_at = 100000;
    options = three_parts(&watched);
    CHECK_RESULT(tus_client_upload(clients[0], source, options, &info, &err), TUS_E_CALLBACK);
    CHECK_NUMBER(tus_error_callback_code(err), 7);
    CHECK_TEXT(tus_error_upload_url(err), NULL);
    CHECK(tus_error_resume_token(err) != NULL);
    tus_error_free(err);
    err = NULL;
    tus_client_unref(clients[0]);

    CHECK_RESULT(tus_client_find_previous_uploads(clients[1], source, &list, &err), TUS_OK);
    CHECK_NUMBER(tus_previous_list_count(list), 1);
    CHECK_NUMBER(tus_previous_list_size(list, 0), SIZE);
    CHECK(tus_previous_list_offset(list, 0) > 0);
    CHECK_NUMBER(tus_previous_list_part_count(list, 0), 3);
    for (i = 0; i < 3; i++)
        CHECK(tus_previous_list_part_url(list, 0, i) != NULL);
    CHECK_TEXT(tus_previous_list_part_url(list, 0, 3), NULL);
    CHECK_TEXT(tus_previous_list_part_url(list, 0, SIZE_MAX), NULL);
    tus_previous_list_free(list);

    stats.struct_size = sizeof stats;
    CHECK_RESULT(tus_client_upload(clients[1], source, NULL, &info, &err), TUS_OK);
    CHECK_NUMBER(tus_info_concat_kind(info), TUS_CONCAT_FINAL);
    CHECK_OK(tus_info_get_stats(info, &stats));
    CHECK(stats.bytes_resumed >= 100000);
    tus_info_free(info);
    tus_upload_options_free(options);
    tus_source_free(source);
    tus_client_unref(clients[1]);
}

static int32_t read_none(void *user_data, void *buf, size_t cap, size_t *out_len)
{
    (void)user_data, (void)buf, (void)cap;
    *out_len = 0;
    return 0;
}

/* A server without concatenation. */
static void test_fallback(void)
{
    tus_client *client = client_of(parts_config());
    tus_upload_options *options = three_parts(NULL);
    tus_source *source = memory_source(bytes, SIZE), *part = memory_source("x", 1);
    tus_reader_vtable vtable = {sizeof vtable, read_none, NULL, NULL};
    tus_source *reader = NULL;
    tus_info *info = NULL;
    tus_error *err = NULL;
    CHECK_FAILS(tus_client_upload(client, source, options, &info, &err), TUS_E_UNSUPPORTED);
    CHECK_RESULT(tus_source_reader(&vtable, NULL, TUS_SIZE_UNKNOWN, &reader, &err), TUS_OK);
    CHECK_FAILS(tus_client_upload(client, reader, options, &info, &err), TUS_E_UNSUPPORTED);
    CHECK_FAILS(tus_client_create_partial_upload(client, part, NULL, &info, &err), TUS_E_UNSUPPORTED);
    CHECK_FAILS(tus_client_create_final_upload(client, &server_url, 1, NULL, &info, &err), TUS_E_UNSUPPORTED);
    CHECK_OK(tus_upload_options_set_parallel_fallback(options, 1));
    CHECK_RESULT(tus_client_upload(client, source, options, &info, &err), TUS_OK);
    CHECK_NUMBER(tus_info_concat_kind(info), TUS_CONCAT_NONE);
    CHECK_NUMBER(tus_info_is_complete(info), 1);
    tus_info_free(info);
    CHECK_OK(tus_upload_options_set_parallel_fallback(options, 0));
    CHECK_OK(tus_upload_options_set_parallel_uploads(options, 1));
    CHECK_RESULT(tus_client_upload(client, source, options, NULL, &err), TUS_OK);
    tus_source_free(reader);
    tus_source_free(part);
    tus_source_free(source);
    tus_upload_options_free(options);
    tus_client_unref(client);
}

/* ---- by hand */

static tus_info *make_part(tus_client *client, size_t from, size_t to)
{
    tus_upload_options *options = tus_upload_options_new();
    tus_source *source = memory_source(bytes + from, to - from);
    tus_info *info = NULL;
    tus_error *err = NULL;
    CHECK_OK(tus_upload_options_set_metadata_text(options, "part", "yes"));
    CHECK_RESULT(tus_client_create_partial_upload(client, source, options, &info, &err), TUS_OK);
    NEED(info != NULL);
    CHECK_NUMBER(tus_info_concat_kind(info), TUS_CONCAT_PARTIAL);
    CHECK_NUMBER(tus_info_is_complete(info), 1);
    CHECK_NUMBER(tus_info_size(info), to - from);
    tus_source_free(source);
    tus_upload_options_free(options);
    return info;
}

static void test_by_hand(void)
{
    tus_client *client = make_client();
    tus_info *parts[2], *final = NULL, *asked = NULL;
    tus_upload_options *options = tus_upload_options_new();
    const char *urls[2], *bad[2];
    tus_error *err = NULL;
    parts[0] = make_part(client, 0, 1000);
    parts[1] = make_part(client, 1000, 3000);
    urls[0] = tus_info_url(parts[0]);
    urls[1] = tus_info_url(parts[1]);
    CHECK_OK(tus_upload_options_set_metadata_text(options, "name", "whole"));
    CHECK_RESULT(tus_client_create_final_upload(client, urls, 2, options, &final, &err), TUS_OK);
    NEED(final != NULL);
    CHECK_NUMBER(tus_info_concat_kind(final), TUS_CONCAT_FINAL);
    CHECK_NUMBER(tus_info_is_complete(final), 1);
    CHECK_NUMBER(tus_info_size(final), 3000);
    CHECK_TEXT(tus_info_metadata_text(final, "name"), "whole");
    CHECK_RESULT(tus_client_get_upload_info(client, tus_info_url(final), &asked, &err), TUS_OK);
    CHECK_NUMBER(tus_info_concat_kind(asked), TUS_CONCAT_FINAL);
    tus_info_free(asked);
    CHECK_RESULT(tus_client_get_upload_info(client, urls[0], &asked, &err), TUS_OK);
    CHECK_NUMBER(tus_info_concat_kind(asked), TUS_CONCAT_PARTIAL);
    CHECK_TEXT(tus_info_metadata_text(asked, "part"), "yes");
    tus_info_free(asked);

    CHECK_FAILS(tus_client_create_final_upload(client, urls, 0, options, &asked, &err), TUS_E_INVALID_ARGUMENT);
    CHECK(asked == NULL);
    CHECK_FAILS(tus_client_create_final_upload(client, NULL, 0, options, &asked, &err), TUS_E_INVALID_ARGUMENT);
    CHECK_FAILS(tus_client_create_final_upload(client, urls, SIZE_MAX, options, &asked, &err),
                TUS_E_INVALID_ARGUMENT);
    bad[0] = urls[0];
    bad[1] = NULL;
    CHECK_FAILS(tus_client_create_final_upload(client, bad, 2, options, &asked, &err), TUS_E_INVALID_ARGUMENT);
    bad[1] = "\xff";
    CHECK_FAILS(tus_client_create_final_upload(client, bad, 2, options, &asked, &err), TUS_E_INVALID_ARGUMENT);
    tus_info_free(final);
    tus_info_free(parts[0]);
    tus_info_free(parts[1]);
    tus_upload_options_free(options);
    tus_client_unref(client);
}

/* A part of which half is there. */
static void test_unfinished(void)
{
    tus_config *config = make_config();
    tus_upload_options *options = tus_upload_options_new();
    tus_source *source = memory_source(bytes, 3000);
    tus_info *part = NULL, *final = NULL;
    tus_client *client;
    const char *url;
    tus_error *err = NULL;
    CHECK_OK(tus_config_set_chunk_size(config, 1500));
    client = client_of(config);
    CHECK_OK(tus_upload_options_set_stop_at(options, 1500));
    CHECK_RESULT(tus_client_create_partial_upload(client, source, options, &part, &err), TUS_OK);
    NEED(part != NULL);
    CHECK_NUMBER(tus_info_is_complete(part), 0);
    CHECK_NUMBER(tus_info_offset(part), 1500);
    url = tus_info_url(part);
    CHECK_FAILS(tus_client_create_final_upload(client, &url, 1, NULL, &final, &err), TUS_E_INVALID_STATE);
    CHECK_OK(tus_upload_options_set_unfinished_parts(options, 1));
    CHECK_RESULT(tus_client_create_final_upload(client, &url, 1, options, &final, &err), TUS_OK);
    CHECK(tus_info_url(final) != NULL);
    CHECK_RESULT(tus_client_resume_upload(client, source, url, NULL, NULL, &err), TUS_OK);
    tus_info_free(final);
    tus_info_free(part);
    tus_source_free(source);
    tus_upload_options_free(options);
    tus_client_unref(client);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"parallel", test_parallel}, {"resumed", test_resumed},       {"fallback", test_fallback},
        {"by_hand", test_by_hand},   {"unfinished", test_unfinished},
    };
    int result;
    bytes = make_bytes(SIZE);
    result = run_case(argc, argv, cases, COUNT(cases));
    free(bytes);
    return result;
}
