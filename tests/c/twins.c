/* Each operation as a task gives what the blocking call gives. */
#include "tasks.h"

#define SIZE 3000
#define SENT 1000

static unsigned char bytes[SIZE + 8];

/* ---- one task after another */

static struct end last;

/* Waits for the task that was just begun; it is the caller's still. */
static tus_task *ended(tus_task *task, tus_status want)
{
    NEED(task != NULL);
    CHECK_OK(tus_task_wait(task, TUS_WAIT_FOREVER));
    CHECK_TASK(task, want);
    CHECK_ENDED(&last);
    CHECK_STATUS(last.status, want);
    return task;
}

/* The arguments of each beginning; `task` and `err` are the caller's. */
#define NOTICE tell_end, (memset(&last, 0, sizeof last), &last), release_end, &task, &err

/* None of these is the right one. */
static void take_nothing(tus_task *task)
{
    CHECK(tus_task_take_info(task) == NULL);
    CHECK(tus_task_take_metadata(task) == NULL);
    CHECK(tus_task_take_server_info(task) == NULL);
    CHECK(tus_task_take_previous_list(task) == NULL);
    CHECK(tus_task_take_uploader(task) == NULL);
    CHECK_NUMBER(tus_task_more(task), 0);
    CHECK_NUMBER(tus_task_pruned(task), 0);
}

/* Takes the result; afterwards there is none, and before only of its kind. */
static tus_info *info_of(tus_task *task)
{
    tus_info *info;
    CHECK(tus_task_take_metadata(task) == NULL);
    CHECK(tus_task_take_server_info(task) == NULL);
    CHECK(tus_task_take_previous_list(task) == NULL);
    CHECK(tus_task_take_uploader(task) == NULL);
    info = tus_task_take_info(task);
    NEED(info != NULL);
    CHECK_TEXT(tus_task_upload_url(task), tus_info_url(info));
    take_nothing(task);
    tus_task_unref(task);
    return info;
}

/* The same in all but where it is, and frees both. */
static void same_info(tus_info *have, tus_info *want)
{
    tus_stats have_stats, want_stats;
    NEED(want != NULL);
    CHECK_NUMBER(tus_info_offset(have), tus_info_offset(want));
    CHECK_NUMBER(tus_info_size(have), tus_info_size(want));
    CHECK_NUMBER(tus_info_is_complete(have), tus_info_is_complete(want));
    CHECK_NUMBER(tus_info_is_deferred(have), tus_info_is_deferred(want));
    CHECK_NUMBER(tus_info_concat_kind(have), tus_info_concat_kind(want));
    CHECK_NUMBER(tus_info_checksum(have), tus_info_checksum(want));
    CHECK_TEXT(tus_info_metadata_text(have, "name"), tus_info_metadata_text(want, "name"));
    have_stats.struct_size = want_stats.struct_size = sizeof have_stats;
    CHECK_OK(tus_info_get_stats(have, &have_stats));
    CHECK_OK(tus_info_get_stats(want, &want_stats));
    CHECK_NUMBER(have_stats.bytes_sent, want_stats.bytes_sent);
    CHECK_NUMBER(have_stats.bytes_resumed, want_stats.bytes_resumed);
    CHECK_NUMBER(have_stats.requests, want_stats.requests);
    tus_info_free(have);
    tus_info_free(want);
}

static tus_upload_options *named_options(void)
{
    tus_upload_options *options = tus_upload_options_new();
    NEED(options != NULL);
    CHECK_OK(tus_upload_options_set_metadata_text(options, "name", "f\xc3\xbcr alle"));
    return options;
}

static tus_client *chunked_client(void)
{
    tus_config *config = make_config();
    CHECK_OK(tus_config_set_chunk_size(config, SENT));
    return client_of(config);
}

/* ---- data */

static void test_uploads(void)
{
    tus_client *client = chunked_client();
    struct path path = make_file("file", SIZE);
    tus_source *source = memory_source(bytes, SIZE);
    tus_upload_options *options = named_options(), *stopping = named_options();
    tus_info *info = NULL, *begun[2] = {NULL, NULL};
    tus_task *task = NULL;
    tus_error *err = NULL;
    CHECK_OK(tus_upload_options_set_stop_at(stopping, SENT));
    /* So that the first one does not pay for it. */
    CHECK_OK(tus_client_get_server_info(client, NULL, NULL));

    CHECK_RESULT(tus_client_upload(client, source, options, &info, &err), TUS_OK);
    CHECK_RESULT(tus_client_upload_async(client, source, options, NOTICE), TUS_OK);
    same_info(info_of(ended(task, TUS_OK)), info);

    CHECK_RESULT(tus_client_upload_file(client, path.text, options, &info, &err), TUS_OK);
    CHECK_RESULT(tus_client_upload_file_async(client, path.text, options, NOTICE), TUS_OK);
    /* The name is the library's own copy. */
    memset(path.text, 'x', sizeof path.text - 1);
    same_info(info_of(ended(task, TUS_OK)), info);

    CHECK_RESULT(tus_client_upload(client, source, stopping, &begun[0], &err), TUS_OK);
    CHECK_RESULT(tus_client_upload_async(client, source, stopping, NOTICE), TUS_OK);
    begun[1] = info_of(ended(task, TUS_OK));
    CHECK_NUMBER(tus_info_offset(begun[1]), SENT);
    CHECK_RESULT(tus_client_resume_upload(client, source, tus_info_url(begun[0]), NULL, &info, &err), TUS_OK);
    CHECK_RESULT(tus_client_resume_upload_async(client, source, tus_info_url(begun[1]), NULL, NOTICE), TUS_OK);
    same_info(begun[1], begun[0]);
    same_info(info_of(ended(task, TUS_OK)), info);

    tus_upload_options_free(options);
    tus_upload_options_free(stopping);
    tus_source_free(source);
    tus_client_unref(client);
}

/* ---- creations and questions */

static tus_info *part_of(tus_client *client, size_t from, size_t to, int as_task)
{
    tus_source *source = memory_source(bytes + from, to - from);
    tus_info *info = NULL;
    tus_task *task = NULL;
    tus_error *err = NULL;
    if (as_task) {
        CHECK_RESULT(tus_client_create_partial_upload_async(client, source, NULL, NOTICE), TUS_OK);
        info = info_of(ended(task, TUS_OK));
    } else {
        CHECK_RESULT(tus_client_create_partial_upload(client, source, NULL, &info, &err), TUS_OK);
    }
    tus_source_free(source);
    CHECK_NUMBER(tus_info_concat_kind(info), TUS_CONCAT_PARTIAL);
    return info;
}

static void test_creations(void)
{
    tus_client *client = make_client();
    tus_upload_options *options = named_options();
    tus_info *parts[2][2], *finals[2] = {NULL, NULL}, *deferred = NULL, *info = NULL;
    tus_task *task = NULL;
    tus_error *err = NULL;
    int as_task;
    CHECK_OK(tus_client_get_server_info(client, NULL, NULL));
    for (as_task = 0; as_task < 2; as_task++) {
        char *urls[2];
        parts[as_task][0] = part_of(client, 0, SENT, as_task);
        parts[as_task][1] = part_of(client, SENT, SIZE, as_task);
        urls[0] = strdup(tus_info_url(parts[as_task][0]));
        urls[1] = strdup(tus_info_url(parts[as_task][1]));
        NEED(urls[0] != NULL && urls[1] != NULL);
        if (as_task) {
            CHECK_RESULT(tus_client_create_final_upload_async(client, (const char *const *)urls, 2, options, NOTICE),
                         TUS_OK);
            /* The texts are the library's own copies. */
            memset(urls[0], 'x', strlen(urls[0]));
            memset(urls[1], 'x', strlen(urls[1]));
            finals[1] = info_of(ended(task, TUS_OK));
        } else {
            CHECK_RESULT(
                tus_client_create_final_upload(client, (const char *const *)urls, 2, options, &finals[0], &err),
                TUS_OK);
        }
        free(urls[0]);
        free(urls[1]);
    }
    same_info(parts[1][0], parts[0][0]);
    same_info(parts[1][1], parts[0][1]);
    CHECK_NUMBER(tus_info_concat_kind(finals[1]), TUS_CONCAT_FINAL);
    same_info(finals[1], finals[0]);

    CHECK_RESULT(tus_client_create_deferred_upload(client, options, &deferred, &err), TUS_OK);
    CHECK_RESULT(tus_client_create_deferred_upload_async(client, options, NOTICE), TUS_OK);
    info = info_of(ended(task, TUS_OK));
    CHECK_NUMBER(tus_info_is_deferred(info), 1);
    same_info(info, deferred);
    tus_upload_options_free(options);
    tus_client_unref(client);
}

static void test_questions(void)
{
    tus_client *client = make_client();
    tus_upload_options *options = named_options();
    tus_source *source = memory_source(bytes, SIZE);
    tus_info *upload = NULL, *info = NULL;
    tus_metadata *metadata[2] = {NULL, NULL};
    tus_server_info *server[2] = {NULL, NULL};
    tus_task *task = NULL;
    tus_error *err = NULL;
    size_t i, len[2];
    CHECK_RESULT(tus_client_upload(client, source, options, &upload, &err), TUS_OK);

    CHECK_RESULT(tus_client_get_upload_info(client, tus_info_url(upload), &info, &err), TUS_OK);
    CHECK_RESULT(tus_client_get_upload_info_async(client, tus_info_url(upload), NOTICE), TUS_OK);
    same_info(info_of(ended(task, TUS_OK)), info);

    CHECK_RESULT(tus_client_get_metadata(client, tus_info_url(upload), &metadata[0], &err), TUS_OK);
    CHECK_RESULT(tus_client_get_metadata_async(client, tus_info_url(upload), NOTICE), TUS_OK);
    CHECK(tus_task_take_info(ended(task, TUS_OK)) == NULL);
    metadata[1] = tus_task_take_metadata(task);
    NEED(metadata[1] != NULL);
    take_nothing(task);
    tus_task_unref(task);
    CHECK_NUMBER(tus_metadata_count(metadata[1]), tus_metadata_count(metadata[0]));
    CHECK_TEXT(tus_metadata_key_at(metadata[1], 0), tus_metadata_key_at(metadata[0], 0));
    CHECK_TEXT((const char *)tus_metadata_value_at(metadata[1], 0, &len[1]),
               (const char *)tus_metadata_value_at(metadata[0], 0, &len[0]));
    CHECK_NUMBER(len[1], len[0]);
    tus_metadata_free(metadata[0]);
    tus_metadata_free(metadata[1]);

    CHECK_RESULT(tus_client_get_server_info(client, &server[0], &err), TUS_OK);
    CHECK_RESULT(tus_client_get_server_info_async(client, NOTICE), TUS_OK);
    CHECK(tus_task_take_metadata(ended(task, TUS_OK)) == NULL);
    server[1] = tus_task_take_server_info(task);
    NEED(server[1] != NULL);
    CHECK_TEXT(tus_task_upload_url(task), NULL);
    take_nothing(task);
    tus_task_unref(task);
    CHECK_NUMBER(tus_server_info_extension_count(server[1]), tus_server_info_extension_count(server[0]));
    CHECK(tus_server_info_extension_count(server[1]) > 0);
    for (i = 0; i < tus_server_info_extension_count(server[1]); i++)
        CHECK_TEXT(tus_server_info_extension_at(server[1], i), tus_server_info_extension_at(server[0], i));
    CHECK_NUMBER(tus_server_info_max_size(server[1]), tus_server_info_max_size(server[0]));
    tus_server_info_free(server[0]);
    tus_server_info_free(server[1]);

    /* A deletion has nothing to take, and after it there is nothing to ask for. */
    CHECK_RESULT(tus_client_delete_upload_async(client, tus_info_url(upload), NOTICE), TUS_OK);
    take_nothing(ended(task, TUS_OK));
    tus_task_unref(task);
    CHECK_FAILS(tus_client_get_upload_info(client, tus_info_url(upload), NULL, &err), TUS_E_GONE);
    tus_info_free(upload);
    tus_upload_options_free(options);
    tus_source_free(source);
    tus_client_unref(client);
}

/* ---- the store */

static tus_client *storing_client(const char *name)
{
    struct path path = path_of(name);
    tus_config *config = make_config();
    CHECK_OK(tus_config_set_chunk_size(config, SENT));
    CHECK_OK(tus_config_set_store_dir(config, path.text));
    return client_of(config);
}

static void leave_unfinished(tus_client *client, tus_source *source)
{
    tus_upload_options *options = tus_upload_options_new();
    tus_error *err = NULL;
    CHECK_OK(tus_upload_options_set_stop_at(options, SENT));
    CHECK_RESULT(tus_client_upload(client, source, options, NULL, &err), TUS_OK);
    tus_upload_options_free(options);
}

static void test_stored(void)
{
    tus_client *client = storing_client("first"), *other = storing_client("second");
    tus_source *source = memory_source(bytes, SIZE), *smaller = memory_source(bytes, SIZE - 1);
    tus_previous_list *lists[2] = {NULL, NULL};
    tus_task *task = NULL;
    tus_error *err = NULL;
    uint64_t removed = 0;
    leave_unfinished(client, source);
    leave_unfinished(client, smaller);
    leave_unfinished(other, source);
    leave_unfinished(other, smaller);

    CHECK_RESULT(tus_client_find_previous_uploads(client, source, &lists[0], &err), TUS_OK);
    CHECK_RESULT(tus_client_find_previous_uploads_async(client, source, NOTICE), TUS_OK);
    CHECK(tus_task_take_info(ended(task, TUS_OK)) == NULL);
    lists[1] = tus_task_take_previous_list(task);
    NEED(lists[1] != NULL);
    take_nothing(task);
    tus_task_unref(task);
    CHECK_NUMBER(tus_previous_list_count(lists[1]), 1);
    CHECK_TEXT(tus_previous_list_url(lists[1], 0), tus_previous_list_url(lists[0], 0));
    CHECK_NUMBER(tus_previous_list_offset(lists[1], 0), tus_previous_list_offset(lists[0], 0));
    CHECK_NUMBER(tus_previous_list_size(lists[1], 0), SIZE);
    CHECK_NUMBER(tus_previous_list_created_s(lists[1], 0), tus_previous_list_created_s(lists[0], 0));
    tus_previous_list_free(lists[0]);
    tus_previous_list_free(lists[1]);

    nap(2100);
    CHECK_RESULT(tus_client_prune_store(client, 1, &removed, &err), TUS_OK);
    CHECK_NUMBER(removed, 2);
    CHECK_RESULT(tus_client_prune_store_async(other, 1, NOTICE), TUS_OK);
    CHECK_NUMBER(tus_task_pruned(ended(task, TUS_OK)), removed);
    /* It is a number and may be asked for again; there is nothing else. */
    CHECK_NUMBER(tus_task_pruned(task), removed);
    CHECK(tus_task_take_previous_list(task) == NULL);
    CHECK_NUMBER(tus_task_more(task), 0);
    tus_task_unref(task);
    CHECK_RESULT(tus_client_prune_store_async(other, 1, NOTICE), TUS_OK);
    CHECK_NUMBER(tus_task_pruned(ended(task, TUS_OK)), 0);
    tus_task_unref(task);
    tus_source_free(smaller);
    tus_source_free(source);
    tus_client_unref(other);
    tus_client_unref(client);
}

/* ---- uploaders */

static tus_info *by_hand(tus_client *client, int as_task)
{
    tus_source *source = memory_source(bytes, SIZE);
    tus_upload_options *options = named_options();
    tus_uploader *uploader = NULL;
    tus_info *info = NULL;
    tus_task *task = NULL;
    tus_error *err = NULL;
    int more = 0;
    if (as_task) {
        CHECK_RESULT(tus_client_create_uploader_async(client, source, options, NOTICE), TUS_OK);
        CHECK(tus_task_take_info(ended(task, TUS_OK)) == NULL);
        uploader = tus_task_take_uploader(task);
        NEED(uploader != NULL);
        take_nothing(task);
        tus_task_unref(task);
        CHECK_RESULT(tus_uploader_upload_chunk_async(uploader, NOTICE), TUS_OK);
        more = tus_task_more(ended(task, TUS_OK));
        CHECK_NUMBER(tus_task_more(task), more);
        CHECK(tus_task_take_info(task) == NULL);
        CHECK(tus_task_take_uploader(task) == NULL);
        tus_task_unref(task);
    } else {
        CHECK_RESULT(tus_client_create_uploader(client, source, options, &uploader, &err), TUS_OK);
        NEED(uploader != NULL);
        CHECK_RESULT(tus_uploader_upload_chunk(uploader, &more, &err), TUS_OK);
    }
    CHECK_NUMBER(more, 1);
    CHECK_NUMBER(tus_uploader_offset(uploader), SENT);
    if (as_task) {
        CHECK_RESULT(tus_uploader_upload_async(uploader, NOTICE), TUS_OK);
        info = info_of(ended(task, TUS_OK));
        /* All is sent. */
        CHECK_RESULT(tus_uploader_upload_chunk_async(uploader, NOTICE), TUS_OK);
        CHECK_NUMBER(tus_task_more(ended(task, TUS_OK)), 0);
        tus_task_unref(task);
    } else {
        CHECK_RESULT(tus_uploader_upload(uploader, &info, &err), TUS_OK);
    }
    CHECK_NUMBER(tus_uploader_is_complete(uploader), 1);
    tus_uploader_free(uploader);
    tus_upload_options_free(options);
    tus_source_free(source);
    return info;
}

static void test_uploaders(void)
{
    tus_client *client = chunked_client();
    tus_info *blocking;
    CHECK_OK(tus_client_get_server_info(client, NULL, NULL));
    blocking = by_hand(client, 0);
    same_info(by_hand(client, 1), blocking);
    tus_client_unref(client);
}

/* ---- failures are the task's, with the same words */

static void same_failure(tus_task *task, tus_status status, tus_error **want)
{
    const tus_error *have = NULL;
    ended(task, status);
    CHECK_STATUS(tus_task_result(task, &have), status);
    NEED(have != NULL && *want != NULL);
    CHECK_TEXT(tus_error_message(have), tus_error_message(*want));
    CHECK_NUMBER(tus_error_http_status(have), tus_error_http_status(*want));
    CHECK_NUMBER(tus_error_os_code(have), tus_error_os_code(*want));
    CHECK_NUMBER(tus_error_is_retryable(have), tus_error_is_retryable(*want));
    CHECK_TEXT(tus_error_upload_url(have), tus_error_upload_url(*want));
    take_nothing(task);
    tus_task_unref(task);
    tus_error_free(*want);
    *want = NULL;
}

static void test_failures(void)
{
    tus_client *client = chunked_client(), *urlless = client_of(tus_config_new());
    struct path missing = path_of("missing");
    tus_source *source = memory_source(bytes, SIZE);
    tus_uploader *uploader = NULL;
    tus_metadata *metadata = NULL;
    tus_task *task = NULL;
    tus_error *err = NULL, *want = NULL;
    char url[1000];
    CHECK_OK(tus_client_get_server_info(client, NULL, NULL));
    snprintf(url, sizeof url, "%sno-such-upload", server_url);

    CHECK_STATUS(tus_client_upload_file(client, missing.text, NULL, NULL, &want), TUS_E_SOURCE);
    CHECK_RESULT(tus_client_upload_file_async(client, missing.text, NULL, NOTICE), TUS_OK);
    same_failure(task, TUS_E_SOURCE, &want);
    CHECK_STATUS(tus_client_get_upload_info(client, url, NULL, &want), TUS_E_GONE);
    CHECK_RESULT(tus_client_get_upload_info_async(client, url, NOTICE), TUS_OK);
    same_failure(task, TUS_E_GONE, &want);
    CHECK_STATUS(tus_client_get_metadata(client, url, &metadata, &want), TUS_E_GONE);
    CHECK_RESULT(tus_client_get_metadata_async(client, url, NOTICE), TUS_OK);
    same_failure(task, TUS_E_GONE, &want);
    CHECK_STATUS(tus_client_resume_upload(client, source, url, NULL, NULL, &want), TUS_E_GONE);
    CHECK_RESULT(tus_client_resume_upload_async(client, source, url, NULL, NOTICE), TUS_OK);
    same_failure(task, TUS_E_GONE, &want);

    /* What is in use, and what this client lacks, is told by the task too. */
    CHECK_RESULT(tus_client_create_uploader(client, source, NULL, &uploader, &err), TUS_OK);
    CHECK_STATUS(tus_client_upload(client, source, NULL, NULL, &want), TUS_E_BUSY);
    CHECK_RESULT(tus_client_upload_async(client, source, NULL, NOTICE), TUS_OK);
    same_failure(task, TUS_E_BUSY, &want);
    tus_uploader_free(uploader);
    CHECK_STATUS(tus_client_upload(urlless, source, NULL, NULL, &want), TUS_E_INVALID_STATE);
    CHECK_RESULT(tus_client_upload_async(urlless, source, NULL, NOTICE), TUS_OK);
    same_failure(task, TUS_E_INVALID_STATE, &want);
    tus_source_free(source);
    tus_client_unref(urlless);
    tus_client_unref(client);
}

/* ---- nobody looks */

/* Without a place for the task, without `done`, without anything. */
static void test_unattended(void)
{
    tus_client *client = make_client();
    tus_source *sources[4];
    tus_task *task = NULL;
    tus_error *err = NULL;
    struct end end;
    int released = 0, over = 0;
    size_t i;
    for (i = 0; i < 3; i++)
        sources[i] = memory_source(bytes, SIZE + i);
    memset(&end, 0, sizeof end);
    CHECK_RESULT(tus_client_upload_async(client, sources[0], NULL, tell_end, &end, release_end, NULL, &err), TUS_OK);
    CHECK(reaches(&end.destroyed, 1));
    CHECK_ENDED(&end);
    CHECK_STATUS(end.status, TUS_OK);

    CHECK_RESULT(tus_client_upload_async(client, sources[1], NULL, NULL, &released, count_up, &task, NULL), TUS_OK);
    NEED(task != NULL);
    CHECK_OK(tus_task_wait(task, TUS_WAIT_FOREVER));
    CHECK_TASK(task, TUS_OK);
    CHECK_NUMBER(load(&released), 1);
    tus_task_unref(task);
    task = NULL;

    CHECK_RESULT(tus_client_upload_async(client, sources[2], NULL, tell_end, (memset(&end, 0, sizeof end), &end), NULL,
                                         &task, &err),
                 TUS_OK);
    NEED(task != NULL);
    CHECK_OK(tus_task_wait(task, TUS_WAIT_FOREVER));
    CHECK_NUMBER(end.done, 1);
    tus_task_unref(task);

    /* Only the bytes tell that it is over: they are released then. */
    CHECK_RESULT(tus_source_memory(bytes, SIZE + 3, count_up, &over, &sources[3], &err), TUS_OK);
    CHECK_OK(tus_client_upload_async(client, sources[3], NULL, NULL, NULL, NULL, NULL, NULL));
    for (i = 0; i < COUNT(sources); i++)
        tus_source_free(sources[i]);
    /* It goes on without any handle. */
    tus_client_unref(client);
    CHECK(reaches(&over, 1));
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"uploads", test_uploads},     {"creations", test_creations}, {"questions", test_questions},
        {"stored", test_stored},       {"uploaders", test_uploaders}, {"failures", test_failures},
        {"unattended", test_unattended},
    };
    fill_bytes(bytes, 0, sizeof bytes);
    return run_case(argc, argv, cases, COUNT(cases));
}
