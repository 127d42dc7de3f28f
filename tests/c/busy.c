/* What is in use already: a source by another operation, a client by the operation whose callback this is. */
#include <pthread.h>

#include "check.h"

static const char greeting[] = "hello";

/* ---- one source, two operations */

struct contest {
    tus_client *other;
    tus_source *source;
    int met;
};

static void meet(struct contest *contest)
{
    tus_info *info = (tus_info *)contest;
    tus_error *err = NULL;
    CHECK_RESULT(tus_client_upload(contest->other, contest->source, NULL, &info, &err), TUS_E_BUSY);
    CHECK(info == NULL);
    CHECK_TEXT(tus_error_upload_url(err), NULL);
    tus_error_free(err);
    err = NULL;
    CHECK_FAILS(tus_client_resume_upload(contest->other, contest->source, "1", NULL, &info, &err), TUS_E_BUSY);
    contest->met++;
}

static void *meet_on_a_thread(void *contest)
{
    meet((struct contest *)contest);
    return NULL;
}

static int32_t meet_in_progress(void *user_data, const tus_progress *progress)
{
    pthread_t thread;
    (void)progress;
    meet((struct contest *)user_data);
    NEED(pthread_create(&thread, NULL, meet_on_a_thread, user_data) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    return 0;
}

static void test_source(void)
{
    struct contest contest = {NULL, NULL, 0};
    tus_client *client = make_client();
    tus_upload_options *options = tus_upload_options_new();
    tus_error *err = NULL;
    contest.other = make_client();
    contest.source = memory_source(greeting, 5);
    CHECK_OK(tus_upload_options_set_progress(options, meet_in_progress, &contest, NULL));
    CHECK_RESULT(tus_client_upload(client, contest.source, options, NULL, &err), TUS_OK);
    CHECK(contest.met >= 4);
    /* It is free again. */
    CHECK_RESULT(tus_client_upload(contest.other, contest.source, NULL, NULL, &err), TUS_OK);
    tus_source_free(contest.source);
    tus_upload_options_free(options);
    tus_client_unref(contest.other);
    tus_client_unref(client);
}

/* ---- one client, from inside its own callbacks */

struct inside {
    tus_client *client;
    tus_client *other;
    tus_source *spare;
    int calls;
};

static void *upload_on_a_thread(void *user_data)
{
    struct inside *inside = (struct inside *)user_data;
    CHECK_OK(tus_client_get_server_info(inside->client, NULL, NULL));
    return NULL;
}

static void try_everything(struct inside *inside)
{
    tus_error *err = NULL;
    tus_client *client = inside->client;
    struct path path = make_file("spare", 5);
    tus_uploader *uploader = (tus_uploader *)inside;
    char value[2];
    pthread_t thread;
    if (inside->calls++ > 0)
        return;
    CHECK_FAILS(tus_client_upload(client, inside->spare, NULL, NULL, &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_upload_file(client, path.text, NULL, NULL, &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_resume_upload(client, inside->spare, "1", NULL, NULL, &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_get_upload_info(client, "1", NULL, &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_get_metadata(client, "1", NULL, &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_get_server_info(client, NULL, &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_delete_upload(client, "1", &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_create_partial_upload(client, inside->spare, NULL, NULL, &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_create_final_upload(client, &server_url, 1, NULL, NULL, &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_create_deferred_upload(client, NULL, NULL, &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_find_previous_uploads(client, inside->spare, NULL, &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_prune_store(client, 0, NULL, &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_create_uploader(client, inside->spare, NULL, &uploader, &err), TUS_E_BUSY);
    CHECK(uploader == NULL);
    /* What does not block is welcome, and so is another client, or another thread. */
    CHECK_RESULT(tus_client_set_header(client, "X-From-Inside", "1", &err), TUS_OK);
    CHECK_RESULT(tus_client_copy_header(client, "X-From-Inside", value, sizeof value, NULL, &err), TUS_OK);
    CHECK_TEXT(value, "1");
    CHECK(tus_client_ref(client) == client);
    tus_client_unref(client);
    CHECK_RESULT(tus_client_get_server_info(inside->other, NULL, &err), TUS_OK);
    CHECK_FAILS(tus_client_get_server_info(client, NULL, &err), TUS_E_BUSY);
    NEED(pthread_create(&thread, NULL, upload_on_a_thread, inside) == 0);
    NEED(pthread_join(thread, NULL) == 0);
}

static int32_t in_before(void *user_data, tus_request *request)
{
    if (strcmp(tus_request_method(request), "OPTIONS") != 0)
        try_everything((struct inside *)user_data);
    return 0;
}

static int32_t in_after(void *user_data, const tus_request *request, const tus_response *response)
{
    (void)response;
    if (strcmp(tus_request_method(request), "OPTIONS") != 0)
        try_everything((struct inside *)user_data);
    return 0;
}

static int32_t in_retry(void *user_data, const tus_error *error, uint32_t attempt, uint64_t *delay_ms)
{
    (void)error, (void)attempt, (void)delay_ms;
    try_everything((struct inside *)user_data);
    return 0;
}

static int32_t in_url(void *user_data, const char *upload_url)
{
    (void)upload_url;
    try_everything((struct inside *)user_data);
    return 0;
}

static int32_t in_progress(void *user_data, const tus_progress *progress)
{
    if (progress->confirmed > 0)
        try_everything((struct inside *)user_data);
    return 0;
}

static void in_log(void *user_data, int32_t level, const char *line)
{
    (void)level;
    /* The log tells of the threads' requests too; a thread that ran nothing of the client's is not inside it. */
    if (strstr(line, "POST") != NULL)
        try_everything((struct inside *)user_data);
}

static int32_t in_read(void *user_data, void *buf, size_t cap, size_t *out_len)
{
    struct inside *inside = (struct inside *)user_data;
    try_everything(inside);
    CHECK(cap >= 5);
    memcpy(buf, greeting, 5);
    *out_len = 5;
    return 0;
}

static int32_t in_seek(void *user_data, uint64_t offset)
{
    (void)offset;
    try_everything((struct inside *)user_data);
    return 0;
}

enum place { BEFORE, AFTER, RETRY, URL, PROGRESS, LOG, READ, SEEK, PLACES };

static void upload_from(enum place place)
{
    struct inside inside = {NULL, NULL, NULL, 0};
    tus_config *config = make_config();
    tus_upload_options *options = tus_upload_options_new();
    tus_reader_vtable vtable = {sizeof vtable, in_read, NULL, NULL};
    tus_source *source;
    tus_info *info = NULL;
    tus_error *err = NULL;
    /* Known before, so that the thread's question costs no request. */
    CHECK_OK(tus_config_set_before_request(config, place == BEFORE ? in_before : NULL, &inside, NULL));
    CHECK_OK(tus_config_set_after_response(config, place == AFTER ? in_after : NULL, &inside, NULL));
    CHECK_OK(tus_config_set_should_retry(config, place == RETRY ? in_retry : NULL, &inside, NULL));
    CHECK_OK(tus_config_set_log(config, TUS_LOG_DEBUG, place == LOG ? in_log : NULL, &inside, NULL));
    CHECK_OK(tus_upload_options_set_on_upload_url_available(options, place == URL ? in_url : NULL, &inside, NULL));
    CHECK_OK(tus_upload_options_set_progress(options, place == PROGRESS ? in_progress : NULL, &inside, NULL));
    inside.client = client_of(config);
    inside.other = make_client();
    inside.spare = memory_source("spare", 5);
    if (place == READ || place == SEEK) {
        if (place == SEEK) {
            vtable.seek = in_seek;
            inside.calls = 1; /* `read` is not the place */
        }
        CHECK_RESULT(tus_source_reader(&vtable, &inside, 5, &source, &err), TUS_OK);
    } else {
        source = memory_source(greeting, 5);
    }
    CHECK_RESULT(tus_client_get_server_info(inside.client, NULL, &err), TUS_OK);
    if (place == SEEK)
        inside.calls = 0;
    CHECK_RESULT(tus_client_upload(inside.client, source, options, &info, &err), TUS_OK);
    CHECK(inside.calls > 0);
    CHECK_NUMBER(tus_info_is_complete(info), 1);
    tus_info_free(info);
    tus_source_free(source);
    tus_source_free(inside.spare);
    tus_upload_options_free(options);
    tus_client_unref(inside.other);
    tus_client_unref(inside.client);
}

static void test_client(void)
{
    int place;
    for (place = 0; place < PLACES; place++)
        upload_from((enum place)place);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {{"source", test_source}, {"client", test_client}};
    return run_case(argc, argv, cases, COUNT(cases));
}
