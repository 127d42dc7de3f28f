/* Waiting for tasks, asking them before they are over, and taking their results. */
#include "tasks.h"

static const char greeting[] = "hello";

static void test_limits(void)
{
    tus_client *client = make_client();
    struct gate gate;
    struct end end;
    tus_task *task = occupy(client, &gate, &end);
    const tus_error *err = (const tus_error *)client;
    tus_progress progress;
    double begun = now_ms();
    /* Before it is over. */
    CHECK_STATUS(tus_task_wait(task, 0), TUS_E_TIMEOUT);
    CHECK_STATUS(tus_task_wait(task, 100), TUS_E_TIMEOUT);
    CHECK(now_ms() - begun >= 100);
    CHECK(now_ms() - begun < 10000);
    CHECK_STATUS(tus_task_result(task, &err), TUS_E_BUSY);
    CHECK(err == NULL);
    CHECK_STATUS(tus_task_result(task, NULL), TUS_E_BUSY);
    CHECK_NUMBER(tus_task_is_done(task), 0);
    CHECK_NUMBER(tus_task_state(task), TUS_TASK_RUNNING);
    CHECK(tus_task_take_info(task) == NULL);
    CHECK(tus_task_take_uploader(task) == NULL);
    CHECK_NUMBER(tus_task_more(task), 0);
    progress.struct_size = 1;
    CHECK_INVALID(tus_task_get_progress(task, &progress));
    CHECK_INVALID(tus_task_get_progress(task, NULL));
    progress.struct_size = sizeof progress;
    CHECK_OK(tus_task_get_progress(task, &progress));
    CHECK_NUMBER(progress.struct_size, sizeof progress);
    CHECK_NUMBER(progress.confirmed, 0);
    store(&gate.open, 1);
    /* However long. */
    CHECK_OK(tus_task_wait(task, TUS_WAIT_FOREVER));
    CHECK_ENDED(&end);
    CHECK_OK(tus_task_wait(task, INT64_MIN));
    CHECK_OK(tus_task_wait(task, INT64_MAX));
    CHECK_OK(tus_task_wait(task, 0));
    /* What was asked too early is there now. */
    {
        tus_info *info = tus_task_take_info(task);
        CHECK_NUMBER(tus_info_offset(info), 5);
        CHECK(tus_task_take_info(task) == NULL);
        tus_info_free(info);
    }
    CHECK_OK(tus_task_get_progress(task, &progress));
    CHECK_NUMBER(progress.confirmed, 5);
    CHECK_NUMBER(progress.sent, 5);
    CHECK_NUMBER(progress.total, 5);
    EXPECT_END(task, &end, TUS_OK);
    tus_client_unref(client);
}

/* Numbers of tasks that have not begun and of those without data: none yet. */
static void test_no_progress(void)
{
    tus_client *client = client_with_workers(1);
    struct gate gate;
    struct end ends[2];
    tus_task *first = occupy(client, &gate, &ends[0]), *queued, *question = NULL, *both[2];
    tus_source *source = memory_source(greeting, 5);
    tus_progress progress;
    size_t i;
    queued = begin_upload(client, source, NULL, &ends[1]);
    CHECK_OK(tus_client_get_server_info_async(client, NULL, NULL, NULL, &question, NULL));
    /* It does not wait behind uploads. */
    CHECK_OK(tus_task_wait(question, PATIENCE_MS));
    CHECK_TASK(question, TUS_OK);
    CHECK_NUMBER(tus_task_state(queued), TUS_TASK_QUEUED);
    both[0] = queued;
    both[1] = question;
    for (i = 0; i < 2; i++) {
        memset(&progress, 7, sizeof progress);
        progress.struct_size = sizeof progress;
        CHECK_OK(tus_task_get_progress(both[i], &progress));
        CHECK_NUMBER(progress.sent, 0);
        CHECK_NUMBER(progress.confirmed, 0);
        CHECK_NUMBER(progress.resumed, 0);
        CHECK(progress.total == TUS_SIZE_UNKNOWN);
        CHECK(progress.speed == 0);
        CHECK_TEXT(tus_task_upload_url(both[i]), NULL);
    }
    store(&gate.open, 1);
    EXPECT_END(first, &ends[0], TUS_OK);
    EXPECT_END(queued, &ends[1], TUS_OK);
    tus_task_unref(question);
    tus_source_free(source);
    tus_client_unref(client);
}

/* The server takes what the system's buffers hold and no more: what was sent shows, though nobody is told of it. */
static void test_stalled(void)
{
    size_t size = 64000000;
    unsigned char *bytes = (unsigned char *)calloc(1, size);
    tus_config *config = make_config();
    tus_client *client;
    tus_source *source;
    struct end end;
    tus_task *task;
    tus_progress progress;
    double patience = now_ms() + 3000;
    NEED(bytes != NULL);
    CHECK_OK(tus_config_set_upload_with_creation(config, 0));
    CHECK_OK(tus_config_set_chunk_size(config, TUS_CHUNK_WHOLE));
    client = client_of(config);
    source = memory_source(bytes, size);
    task = begin_upload(client, source, NULL, &end);
    progress.struct_size = sizeof progress;
    progress.sent = 0;
    while (progress.sent == 0 && now_ms() < patience) {
        nap(10);
        CHECK_OK(tus_task_get_progress(task, &progress));
    }
    CHECK(progress.sent > 0);
    CHECK(progress.sent < size);
    CHECK_NUMBER(progress.confirmed, 0);
    CHECK_NUMBER(progress.total, size);
    tus_task_cancel(task);
    EXPECT_END(task, &end, TUS_E_CANCELLED);
    tus_source_free(source);
    tus_client_unref(client);
    free(bytes);
}

/* ---- until the last function has returned */

struct slow {
    int in_done;
    int in_destroy;
    int may_end;
    int over;
};

static void slow_done(void *user_data, tus_task *task)
{
    struct slow *slow = (struct slow *)user_data;
    CHECK_NUMBER(tus_task_is_done(task), 1);
    /* It is over but for this function: a wait for itself is none. */
    CHECK_STATUS(tus_task_wait(task, 0), TUS_OK);
    store(&slow->in_done, 1);
    CHECK(reaches(&slow->may_end, 1));
}

static void slow_destroy(void *user_data)
{
    struct slow *slow = (struct slow *)user_data;
    store(&slow->in_destroy, 1);
    CHECK(reaches(&slow->may_end, 2));
    nap(50);
    store(&slow->over, 1);
}

struct waiter {
    pthread_t thread;
    tus_task *task;
    struct slow *slow;
    tus_info *info;
};

static void *wait_and_take(void *user_data)
{
    struct waiter *waiter = (struct waiter *)user_data;
    CHECK_OK(tus_task_wait(waiter->task, TUS_WAIT_FOREVER));
    CHECK_NUMBER(load(&waiter->slow->over), 1);
    waiter->info = tus_task_take_info(waiter->task);
    return NULL;
}

static void test_to_the_end(void)
{
    tus_client *client = make_client();
    tus_source *source = memory_source(greeting, 5);
    struct slow slow = {0, 0, 0, 0};
    struct waiter waiters[2];
    tus_task *task = NULL;
    tus_error *err = NULL;
    size_t i;
    CHECK_RESULT(tus_client_upload_async(client, source, NULL, slow_done, &slow, slow_destroy, &task, &err), TUS_OK);
    for (i = 0; i < 2; i++) {
        waiters[i].task = task;
        waiters[i].slow = &slow;
        NEED(pthread_create(&waiters[i].thread, NULL, wait_and_take, &waiters[i]) == 0);
    }
    CHECK(reaches(&slow.in_done, 1));
    CHECK_NUMBER(tus_task_is_done(task), 1);
    CHECK_TASK(task, TUS_OK);
    CHECK_STATUS(tus_task_wait(task, 0), TUS_E_TIMEOUT);
    CHECK_STATUS(tus_task_wait(task, 50), TUS_E_TIMEOUT);
    CHECK_NUMBER(load(&slow.in_destroy), 0);
    store(&slow.may_end, 1);
    CHECK(reaches(&slow.in_destroy, 1));
    CHECK_STATUS(tus_task_wait(task, 50), TUS_E_TIMEOUT);
    store(&slow.may_end, 2);
    CHECK_OK(tus_task_wait(task, TUS_WAIT_FOREVER));
    CHECK_NUMBER(load(&slow.over), 1);
    for (i = 0; i < 2; i++)
        NEED(pthread_join(waiters[i].thread, NULL) == 0);
    /* Only one of them got it. */
    CHECK((waiters[0].info == NULL) != (waiters[1].info == NULL));
    tus_info_free(waiters[0].info);
    tus_info_free(waiters[1].info);
    CHECK(tus_task_take_info(task) == NULL);
    CHECK_TASK(task, TUS_OK);
    tus_task_unref(task);
    tus_source_free(source);
    tus_client_unref(client);
}

/* ---- from inside */

struct inside {
    tus_client *client;
    tus_task *of_other;
    tus_task *own;
    int calls;
};

static int32_t wait_inside(void *user_data, const tus_progress *progress)
{
    struct inside *inside = (struct inside *)user_data;
    (void)progress;
    /* Those of another client may be waited for, the own one would never come. */
    CHECK_OK(tus_task_wait(inside->of_other, TUS_WAIT_FOREVER));
    if (inside->own != NULL && inside->calls++ == 0) {
        CHECK_STATUS(tus_task_wait(inside->own, TUS_WAIT_FOREVER), TUS_E_BUSY);
        CHECK_STATUS(tus_task_wait(inside->own, 10), TUS_E_BUSY);
        CHECK_STATUS(tus_task_wait(inside->own, 0), TUS_E_TIMEOUT);
        CHECK_STATUS(tus_client_close(inside->client, 10), TUS_E_BUSY);
        CHECK_STATUS(tus_task_result(inside->own, NULL), TUS_E_BUSY);
    }
    return 0;
}

static void test_inside(void)
{
    tus_client *other = make_client();
    tus_upload_options *options = tus_upload_options_new();
    tus_source *source = memory_source(greeting, 5), *of_other = memory_source(greeting, 5);
    struct inside inside = {NULL, NULL, NULL, 0};
    struct end ends[2];
    struct gate gate;
    tus_task *first;
    inside.client = client_with_workers(1);
    CHECK_OK(tus_upload_options_set_progress(options, wait_inside, &inside, NULL));
    inside.of_other = begin_upload(other, of_other, NULL, &ends[0]);
    {
        struct end occupied;
        first = occupy(inside.client, &gate, &occupied);
        inside.own = begin_upload(inside.client, source, options, &ends[1]);
        store(&gate.open, 1);
        EXPECT_END(first, &occupied, TUS_OK);
    }
    EXPECT_END(inside.own, &ends[1], TUS_OK);
    CHECK(inside.calls > 0);
    EXPECT_END(inside.of_other, &ends[0], TUS_OK);
    tus_upload_options_free(options);
    tus_source_free(of_other);
    tus_source_free(source);
    tus_client_unref(inside.client);
    tus_client_unref(other);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"limits", test_limits},
        {"no_progress", test_no_progress},
        {"stalled", test_stalled},
        {"to_the_end", test_to_the_end},
        {"inside", test_inside},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
