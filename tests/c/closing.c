/* The end of everything that a client does, whatever it is doing. */
#include "tasks.h"

#define SIZE 3000

static unsigned char bytes[SIZE];
static const char greeting[] = "hello";

/* ---- with all sorts of things under way */

struct blocking {
    pthread_t thread;
    tus_client *client;
    tus_source *source;
    tus_status status;
    int url_known;
};

static int32_t note_url(void *user_data, const char *upload_url)
{
    CHECK(upload_url != NULL);
    count_up((int *)user_data);
    return 0;
}

static void *upload_blocking(void *user_data)
{
    struct blocking *blocking = (struct blocking *)user_data;
    tus_upload_options *options = tus_upload_options_new();
    tus_error *err = NULL;
    CHECK_OK(tus_upload_options_set_on_upload_url_available(options, note_url, &blocking->url_known, NULL));
    blocking->status = tus_client_upload(blocking->client, blocking->source, options, NULL, &err);
    CHECK(err != NULL && tus_error_upload_url(err) != NULL);
    tus_error_free(err);
    tus_upload_options_free(options);
    return NULL;
}

/* No end is told after the close. */
static int closed;

static void end_before_close(void *user_data, tus_task *task)
{
    CHECK_NUMBER(load(&closed), 0);
    tell_end(user_data, task);
}

static void release_before_close(void *user_data)
{
    CHECK_NUMBER(load(&closed), 0);
    release_end(user_data);
}

static tus_task *begin(tus_client *client, tus_source *source, struct end *end)
{
    tus_task *task = NULL;
    tus_error *err = NULL;
    memset(end, 0, sizeof *end);
    CHECK_RESULT(tus_client_upload_async(client, source, NULL, end_before_close, end, release_before_close, &task, &err),
                 TUS_OK);
    NEED(task != NULL);
    return task;
}

static void *close_too(void *user_data)
{
    CHECK_OK(tus_client_close((tus_client *)user_data, TUS_WAIT_FOREVER));
    return NULL;
}

static void refused(tus_client *client, tus_source *source, tus_uploader *uploader, const char *url)
{
    const tus_status status = TUS_E_INVALID_STATE;
    struct path path = path_of("none");
    tus_error *err = NULL;
    tus_metadata *metadata = NULL;
    tus_server_info *server = NULL;
    tus_previous_list *list = NULL;
    tus_uploader *none = NULL;
    tus_task *task = NULL;
    char value[20];
    CHECK_FAILS(tus_client_upload(client, source, NULL, NULL, &err), status);
    CHECK_FAILS(tus_client_upload_file(client, path.text, NULL, NULL, &err), status);
    CHECK_FAILS(tus_client_resume_upload(client, source, url, NULL, NULL, &err), status);
    CHECK_FAILS(tus_client_create_partial_upload(client, source, NULL, NULL, &err), status);
    CHECK_FAILS(tus_client_create_final_upload(client, &url, 1, NULL, NULL, &err), status);
    CHECK_FAILS(tus_client_create_deferred_upload(client, NULL, NULL, &err), status);
    CHECK_FAILS(tus_client_get_upload_info(client, url, NULL, &err), status);
    CHECK_FAILS(tus_client_get_metadata(client, url, &metadata, &err), status);
    CHECK_FAILS(tus_client_get_server_info(client, &server, &err), status);
    CHECK_FAILS(tus_client_find_previous_uploads(client, source, &list, &err), status);
    CHECK_FAILS(tus_client_delete_upload(client, url, &err), status);
    CHECK_FAILS(tus_client_prune_store(client, 0, NULL, &err), status);
    CHECK_FAILS(tus_client_create_uploader(client, source, NULL, &none, &err), status);
    CHECK_FAILS(tus_uploader_upload(uploader, NULL, &err), status);
    CHECK_FAILS(tus_uploader_upload_chunk(uploader, NULL, &err), status);
    CHECK_FAILS(tus_client_upload_async(client, source, NULL, NULL, NULL, NULL, &task, &err), status);
    CHECK_FAILS(tus_client_get_server_info_async(client, NULL, NULL, NULL, &task, &err), status);
    CHECK_FAILS(tus_uploader_upload_async(uploader, NULL, NULL, NULL, &task, &err), status);
    CHECK(task == NULL);
    /* What asks nobody still works. */
    CHECK_OK(tus_client_copy_header(client, "X-Kept", value, sizeof value, NULL, NULL));
    CHECK_TEXT(value, "1");
    CHECK_NUMBER(tus_uploader_offset(uploader), 0);
    CHECK_NUMBER(tus_client_dispatch(client, 0), 0);
    CHECK(tus_client_ref(client) == client);
    tus_client_unref(client);
}

static void test_everything(void)
{
    tus_config *config = make_config();
    tus_client *client, *other = make_client();
    tus_source *sources[6], *spare = memory_source(greeting, 5), *chunked = memory_source(greeting, 5);
    tus_uploader *uploader = NULL;
    struct blocking blocking;
    struct end ends[6];
    tus_task *tasks[6], *question = NULL;
    const tus_error *told = NULL;
    tus_error *err = NULL;
    pthread_t second;
    double asked, took;
    int i;
    memset(&blocking, 0, sizeof blocking);
    CHECK_OK(tus_config_set_workers(config, 2));
    CHECK_OK(tus_config_set_upload_with_creation(config, 0));
    CHECK_OK(tus_config_set_header(config, "X-Kept", "1"));
    client = client_of(config);
    CHECK_RESULT(tus_client_create_uploader(client, chunked, NULL, &uploader, &err), TUS_OK);
    for (i = 0; i < 6; i++) {
        sources[i] = memory_source(bytes, SIZE);
        if (i == 5)
            break;
        tasks[i] = begin(client, sources[i], &ends[i]);
        /* The first two run and wait for an answer. */
        if (i < 2)
            CHECK(has_sent(tasks[i], SIZE));
    }
    /* One that waited for its place, one that still does. */
    tus_task_pause(tasks[2]);
    blocking.client = client;
    blocking.source = sources[5];
    NEED(pthread_create(&blocking.thread, NULL, upload_blocking, &blocking) == 0);
    CHECK(reaches(&blocking.url_known, 1));
    nap(100);
    CHECK_OK(tus_client_get_server_info_async(client, NULL, NULL, NULL, &question, NULL));
    CHECK_NUMBER(tus_task_state(tasks[0]), TUS_TASK_RUNNING);
    CHECK_NUMBER(tus_task_state(tasks[2]), TUS_TASK_PAUSED);
    CHECK_NUMBER(tus_task_state(tasks[3]), TUS_TASK_QUEUED);

    asked = now_ms();
    NEED(pthread_create(&second, NULL, close_too, client) == 0);
    CHECK_OK(tus_client_close(client, TUS_WAIT_FOREVER));
    took = now_ms() - asked;
    store(&closed, 1);
    /* 50 ms is what is promised of each; valgrind and a busy machine take their time. */
    CHECK(took < 5000);
    for (i = 0; i < 5; i++) {
        CHECK_ENDED(&ends[i]);
        CHECK_STATUS(ends[i].status, TUS_E_CANCELLED);
        CHECK_TASK(tasks[i], TUS_E_CANCELLED);
        tus_task_resume(tasks[i]);
        tus_task_cancel(tasks[i]);
        CHECK_OK(tus_task_wait(tasks[i], 0));
    }
    CHECK_NUMBER(tus_task_is_done(question), 1);
    NEED(pthread_join(second, NULL) == 0);
    NEED(pthread_join(blocking.thread, NULL) == 0);
    CHECK_STATUS(blocking.status, TUS_E_CANCELLED);
    CHECK_OK(tus_client_close(client, 0));
    CHECK_OK(tus_client_close(client, TUS_WAIT_FOREVER));
    CHECK(tus_task_upload_url(tasks[0]) != NULL);
    refused(client, spare, uploader, tus_task_upload_url(tasks[0]));

    /* What is on the server stays, and another client goes on with it. */
    CHECK_STATUS(tus_task_result(tasks[0], &told), TUS_E_CANCELLED);
    CHECK_TEXT(tus_error_upload_url(told), tus_task_upload_url(tasks[0]));
    CHECK_RESULT(tus_client_resume_upload(other, sources[0], tus_error_upload_url(told), NULL, NULL, &err), TUS_OK);
    for (i = 0; i < 5; i++)
        tus_task_unref(tasks[i]);
    for (i = 0; i < 6; i++)
        tus_source_free(sources[i]);
    tus_task_unref(question);
    tus_uploader_free(uploader);
    tus_source_free(chunked);
    tus_source_free(spare);
    tus_client_unref(other);
    tus_client_unref(client);
}

/* ---- a function of the program's that does not return */

static int32_t stay_in_progress(void *user_data, const tus_progress *progress)
{
    struct gate *gate = (struct gate *)user_data;
    (void)progress;
    count_up(&gate->waiting);
    CHECK(reaches(&gate->open, 1));
    return 0;
}

static void stay_in_done(void *user_data, tus_task *task)
{
    struct gate *gate = (struct gate *)user_data;
    CHECK_NUMBER(tus_task_is_done(task), 1);
    count_up(&gate->waiting);
    CHECK(reaches(&gate->open, 1));
}

static void done_at_once(void *user_data, tus_task *task)
{
    (void)user_data;
    CHECK_NUMBER(tus_task_is_done(task), 1);
}

static void destroyed_slowly(void *user_data)
{
    struct gate *gate = (struct gate *)user_data;
    count_up(&gate->waiting);
    CHECK(reaches(&gate->open, 1));
    count_up(&gate->destroyed);
}

enum place { IN_READ, IN_PROGRESS, IN_DONE, IN_DESTROY, PLACES };

static void test_timeout(void)
{
    int place;
    for (place = 0; place < PLACES; place++) {
        tus_client *client = make_client();
        tus_upload_options *options = tus_upload_options_new();
        tus_source *source = NULL;
        tus_task *task = NULL;
        tus_error *err = NULL;
        struct gate gate;
        struct end end;
        double asked;
        memset(&end, 0, sizeof end);
        source = place == IN_READ ? gate_source(&gate) : memory_source(greeting, 5);
        if (place != IN_READ)
            memset(&gate, 0, sizeof gate);
        if (place == IN_PROGRESS)
            CHECK_OK(tus_upload_options_set_progress(options, stay_in_progress, &gate, NULL));
        if (place == IN_DONE)
            CHECK_RESULT(tus_client_upload_async(client, source, options, stay_in_done, &gate, gate_gone, &task, &err),
                         TUS_OK);
        else if (place == IN_DESTROY)
            CHECK_RESULT(
                tus_client_upload_async(client, source, options, done_at_once, &gate, destroyed_slowly, &task, &err),
                TUS_OK);
        else
            CHECK_RESULT(tus_client_upload_async(client, source, options, tell_end, &end, release_end, &task, &err),
                         TUS_OK);
        NEED(task != NULL);
        CHECK(reaches(&gate.waiting, 1));
        CHECK_STATUS(tus_client_close(client, 0), TUS_E_TIMEOUT);
        asked = now_ms();
        CHECK_STATUS(tus_client_close(client, 100), TUS_E_TIMEOUT);
        CHECK(now_ms() - asked >= 99 && now_ms() - asked < 10000);
        /* Nothing new meanwhile, though it is not over. */
        CHECK_FAILS(tus_client_get_server_info(client, NULL, &err), TUS_E_INVALID_STATE);
        CHECK_NUMBER(tus_task_is_done(task), place == IN_DONE || place == IN_DESTROY);
        store(&gate.open, 1);
        CHECK_OK(tus_client_close(client, TUS_WAIT_FOREVER));
        if (place == IN_READ || place == IN_PROGRESS) {
            CHECK_ENDED(&end);
            CHECK_TASK(task, TUS_E_CANCELLED);
        } else {
            CHECK_NUMBER(gate.destroyed, 1);
            CHECK_TASK(task, TUS_OK);
        }
        CHECK_OK(tus_task_wait(task, 0));
        tus_task_unref(task);
        tus_source_free(source);
        tus_upload_options_free(options);
        CHECK_OK(tus_client_close(client, 0));
        tus_client_unref(client);
    }
}

/* ---- a removal that was asked for before */

/* Whether it is let finish, or the second close ends it, as the first word says. */
static void test_removal(void)
{
    tus_config *config = make_config();
    tus_client *client, *other = make_client();
    tus_source *source = memory_source(bytes, SIZE);
    const tus_error *told = NULL;
    tus_error *err = NULL;
    struct end end;
    tus_task *task;
    char *url;
    CHECK_OK(tus_config_set_upload_with_creation(config, 0));
    client = client_of(config);
    task = begin_upload(client, source, NULL, &end);
    CHECK(has_sent(task, SIZE));
    nap(50);
    url = strdup(tus_task_upload_url(task));
    NEED(url != NULL);
    tus_task_cancel_and_delete(task);
    if (strcmp(words[0], "silent") == 0) {
        double asked;
        CHECK_STATUS(tus_client_close(client, 200), TUS_E_TIMEOUT);
        CHECK_NUMBER(load(&end.done), 0);
        asked = now_ms();
        CHECK_OK(tus_client_close(client, TUS_WAIT_FOREVER));
        CHECK(now_ms() - asked < 5000);
        CHECK_STATUS(tus_task_result(task, &told), TUS_E_CANCELLED);
        CHECK_TEXT(tus_error_upload_url(told), url);
        CHECK_RESULT(tus_client_get_upload_info(other, url, NULL, &err), TUS_OK);
    } else {
        CHECK_OK(tus_client_close(client, TUS_WAIT_FOREVER));
        CHECK_STATUS(tus_task_result(task, &told), TUS_E_CANCELLED);
        CHECK_TEXT(tus_error_upload_url(told), NULL);
        CHECK_FAILS(tus_client_get_upload_info(other, url, NULL, &err), TUS_E_GONE);
    }
    EXPECT_END(task, &end, TUS_E_CANCELLED);
    free(url);
    tus_source_free(source);
    tus_client_unref(other);
    tus_client_unref(client);
}

/* ---- from inside */

struct inside {
    tus_client *client;
    int calls;
};

static int32_t close_in_hook(void *user_data, tus_request *request)
{
    struct inside *inside = (struct inside *)user_data;
    (void)request;
    if (inside->client != NULL && inside->calls++ == 0) {
        CHECK_STATUS(tus_client_close(inside->client, 0), TUS_E_BUSY);
        CHECK_STATUS(tus_client_close(inside->client, TUS_WAIT_FOREVER), TUS_E_BUSY);
    }
    return 0;
}

static void close_in_destroy(void *user_data)
{
    struct inside *inside = (struct inside *)user_data;
    CHECK_STATUS(tus_client_close(inside->client, TUS_WAIT_FOREVER), TUS_E_BUSY);
    inside->calls++;
}

/* Refused, and nothing has happened: the upload goes on, and so does the client. */
static void test_inside(void)
{
    int mode;
    for (mode = TUS_DISPATCH_WORKER; mode <= TUS_DISPATCH_QUEUE; mode++) {
        struct inside hook = {NULL, 0}, destroy = {NULL, 0};
        tus_config *config = make_config();
        tus_source *source = memory_source(greeting, 5);
        tus_task *task = NULL;
        tus_error *err = NULL;
        double end = now_ms() + PATIENCE_MS;
        tus_client *client;
        CHECK_OK(tus_config_set_dispatch(config, mode));
        CHECK_OK(tus_config_set_before_request(config, close_in_hook, &hook, NULL));
        client = client_of(config);
        destroy.client = client;
        __atomic_store_n(&hook.client, client, __ATOMIC_SEQ_CST);
        CHECK_RESULT(tus_client_upload_async(client, source, NULL, NULL, &destroy, close_in_destroy, &task, &err),
                     TUS_OK);
        CHECK_OK(tus_task_wait(task, TUS_WAIT_FOREVER));
        while (mode == TUS_DISPATCH_QUEUE && tus_client_dispatch(client, 0) == 0 && now_ms() < end)
            nap(1);
        CHECK_TASK(task, TUS_OK);
        CHECK(hook.calls > 0);
        CHECK_NUMBER(destroy.calls, 1);
        CHECK_RESULT(tus_client_get_server_info(client, NULL, &err), TUS_OK);
        tus_task_unref(task);
        tus_source_free(source);
        CHECK_OK(tus_client_close(client, 1000));
        tus_client_unref(client);
    }
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"everything", test_everything},
        {"timeout", test_timeout},
        {"removal", test_removal},
        {"inside", test_inside},
    };
    fill_bytes(bytes, 0, sizeof bytes);
    return run_case(argc, argv, cases, COUNT(cases));
}
