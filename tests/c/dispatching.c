/* The functions for tasks run where the program's event loop calls for them, and nowhere else. */
#include <poll.h>

#include "tasks.h"

static const char greeting[] = "hello";
static pthread_t main_thread;

static tus_client *queueing_client(tus_config *config)
{
    CHECK_OK(tus_config_set_dispatch(config, TUS_DISPATCH_QUEUE));
    return client_of(config);
}

/* Whether there is something to dispatch, within so long. */
static int readable(tus_client *client, int timeout_ms)
{
    struct pollfd entry;
    int ready;
    entry.fd = (int)tus_client_event_handle(client);
    entry.events = POLLIN;
    entry.revents = 0;
    ready = poll(&entry, 1, timeout_ms);
    NEED(ready >= 0);
    CHECK(ready == 0 || entry.revents == POLLIN);
    return ready;
}

/* What a program does: waits for the handle, dispatches. */
static void loop_until(tus_client *client, const int *count, int want)
{
    double end = now_ms() + PATIENCE_MS;
    while (load(count) < want && now_ms() < end) {
        if (readable(client, 1000))
            tus_client_dispatch(client, 0);
    }
    CHECK_NUMBER(load(count), want);
}

#define CHECK_HERE(end) CHECK(pthread_equal((end)->thread, main_thread))

/* ---- the handle */

static tus_task *begin_question(tus_client *client, struct end *end)
{
    tus_task *task = NULL;
    tus_error *err = NULL;
    memset(end, 0, sizeof *end);
    calling++;
    CHECK_RESULT(tus_client_get_server_info_async(client, tell_end, end, release_end, &task, &err), TUS_OK);
    calling--;
    NEED(task != NULL);
    return task;
}

/* Readable exactly while something waits, from the first to the last. */
static void test_handle(void)
{
    tus_client *client = queueing_client(make_config()), *other = make_client();
    struct end ends[5];
    tus_task *tasks[5];
    intptr_t handle = tus_client_event_handle(client);
    size_t i;
    NEED(handle >= 0);
    CHECK_NUMBER(fcntl((int)handle, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    CHECK_NUMBER(readable(client, 0), 0);
    CHECK_NUMBER(tus_client_dispatch(client, 0), 0);
    for (i = 0; i < 5; i++) {
        tasks[i] = begin_question(client, &ends[i]);
        /* As soon as there is a result; `done` waits. */
        CHECK_OK(tus_task_wait(tasks[i], TUS_WAIT_FOREVER));
        CHECK_TASK(tasks[i], TUS_OK);
        CHECK_NUMBER(load(&ends[i].done), 0);
        CHECK_NUMBER(load(&ends[i].destroyed), 0);
        CHECK_NUMBER(readable(client, 0), 1);
    }
    CHECK_NUMBER(tus_client_dispatch(client, 2), 2);
    CHECK_ENDED(&ends[0]);
    CHECK_ENDED(&ends[1]);
    CHECK_NUMBER(ends[2].done, 0);
    CHECK_NUMBER(readable(client, 0), 1);
    CHECK_NUMBER(tus_client_dispatch(client, 1), 1);
    CHECK_ENDED(&ends[2]);
    CHECK_NUMBER(ends[3].done, 0);
    CHECK_NUMBER(tus_client_dispatch(client, 0), 2);
    CHECK_NUMBER(readable(client, 0), 0);
    CHECK_NUMBER(tus_client_dispatch(client, 0), 0);
    for (i = 0; i < 5; i++) {
        CHECK_ENDED(&ends[i]);
        CHECK_HERE(&ends[i]);
        CHECK_STATUS(ends[i].status, TUS_OK);
        tus_task_unref(tasks[i]);
    }
    CHECK(tus_client_event_handle(client) == handle);
    CHECK_NUMBER(tus_client_dispatch(client, SIZE_MAX), 0);

    /* Without a function for the end nothing waits. */
    tasks[0] = NULL;
    CHECK_OK(tus_client_get_server_info_async(client, NULL, NULL, NULL, &tasks[0], NULL));
    CHECK_OK(tus_task_wait(tasks[0], TUS_WAIT_FOREVER));
    CHECK_NUMBER(readable(client, 0), 0);
    CHECK_NUMBER(tus_client_dispatch(client, 0), 0);
    tus_task_unref(tasks[0]);

    /* A client without a queue has nothing to dispatch. */
    tasks[0] = begin_question(other, &ends[0]);
    CHECK_OK(tus_task_wait(tasks[0], TUS_WAIT_FOREVER));
    CHECK_ENDED(&ends[0]);
    CHECK(!pthread_equal(ends[0].thread, main_thread));
    CHECK_NUMBER(tus_client_dispatch(other, 0), 0);
    if (tus_client_event_handle(other) >= 0)
        CHECK_NUMBER(readable(other, 0), 0);
    tus_task_unref(tasks[0]);
    tus_client_unref(other);
    tus_client_unref(client);
}

static int released_here;

static void release_here(void *user_data)
{
    CHECK(pthread_equal(pthread_self(), main_thread));
    count_up((int *)user_data);
}

/* Data without `done` is released in its turn, on the program's thread too. Nothing is asked of the handle before. */
static void test_released(void)
{
    tus_client *client = queueing_client(make_config());
    tus_task *task = NULL;
    CHECK_OK(tus_client_get_server_info_async(client, NULL, &released_here, release_here, &task, NULL));
    CHECK_OK(tus_task_wait(task, TUS_WAIT_FOREVER));
    CHECK_NUMBER(released_here, 0);
    /* The handle is made late and knows what waits already. */
    CHECK_NUMBER(readable(client, 0), 1);
    CHECK_NUMBER(tus_client_dispatch(client, 0), 1);
    CHECK_NUMBER(released_here, 1);
    CHECK_NUMBER(readable(client, 0), 0);
    tus_task_unref(task);
    tus_client_unref(client);
}

/* ---- progress */

struct watched {
    tus_client *client;
    int calls;
    int answers;
    int off_thread;
    int code;
    int stopped;
    tus_progress last;
    struct end end;
};

static int32_t watch(void *user_data, const tus_progress *progress)
{
    struct watched *watched = (struct watched *)user_data;
    CHECK(pthread_equal(pthread_self(), main_thread));
    CHECK_NUMBER(watched->end.done, 0);
    CHECK_NUMBER(watched->stopped, 0);
    CHECK_NUMBER(tus_client_dispatch(watched->client, 0), 0);
    CHECK_STATUS(tus_client_close(watched->client, 0), TUS_E_BUSY);
    CHECK_STATUS(tus_client_get_server_info(watched->client, NULL, NULL), TUS_E_BUSY);
    CHECK(progress->sent <= progress->total && progress->confirmed <= progress->sent);
    CHECK(progress->confirmed >= watched->last.confirmed);
    watched->calls++;
    watched->last = *progress;
    watched->stopped = progress->sent > 0 && watched->code != 0;
    return watched->stopped ? watched->code : 0;
}

/* What needs an answer at once never comes here. */
static int32_t count_answers(void *user_data, const tus_request *request, const tus_response *response)
{
    struct watched *watched = (struct watched *)user_data;
    (void)request, (void)response;
    count_up(&watched->answers);
    if (!pthread_equal(pthread_self(), main_thread))
        count_up(&watched->off_thread);
    return 0;
}

static tus_client *watched_client(struct watched *watched, uint64_t chunk)
{
    tus_config *config = make_config();
    memset(watched, 0, sizeof *watched);
    CHECK_OK(tus_config_set_chunk_size(config, chunk));
    CHECK_OK(tus_config_set_upload_with_creation(config, 0));
    CHECK_OK(tus_config_set_after_response(config, count_answers, watched, NULL));
    return queueing_client(config);
}

static tus_task *begin_watched(tus_client *client, struct watched *watched, tus_source *source)
{
    tus_upload_options *options = tus_upload_options_new();
    tus_task *task;
    watched->client = client;
    CHECK_OK(tus_upload_options_set_progress(options, watch, watched, NULL));
    task = begin_upload(client, source, options, &watched->end);
    tus_upload_options_free(options);
    return task;
}

/* Many updates while nobody dispatches: the newest one is told, once, and before the end. */
static void test_coalesced(void)
{
    struct watched watched;
    tus_client *client = watched_client(&watched, 100);
    unsigned char *bytes = make_bytes(5000);
    tus_source *source = memory_source(bytes, 5000);
    tus_task *task = begin_watched(client, &watched, source);
    size_t ran;
    CHECK_OK(tus_task_wait(task, TUS_WAIT_FOREVER));
    CHECK_NUMBER(watched.calls, 0);
    CHECK_NUMBER(watched.answers, 2 + 50);
    CHECK_NUMBER(watched.off_thread, 2 + 50);
    CHECK_NUMBER(readable(client, 0), 1);
    ran = tus_client_dispatch(client, 0);
    CHECK(ran >= 1 && ran <= 2);
    CHECK_NUMBER(watched.calls, 1);
    CHECK_NUMBER(watched.last.confirmed, 5000);
    CHECK_ENDED(&watched.end);
    CHECK_HERE(&watched.end);
    CHECK_NUMBER(readable(client, 0), 0);
    tus_task_unref(task);
    tus_source_free(source);
    tus_client_unref(client);
    free(bytes);
}

/* The server reads slowly; the program's loop says that it is enough. */
static void test_stopped(void)
{
    struct watched watched;
    tus_client *client = watched_client(&watched, TUS_CHUNK_WHOLE);
    unsigned char *bytes = make_bytes(300000);
    tus_source *source = memory_source(bytes, 300000);
    tus_task *task = begin_watched(client, &watched, source);
    const tus_error *told = NULL;
    double begun = now_ms();
    watched.code = 9;
    loop_until(client, &watched.end.done, 1);
    CHECK(now_ms() - begun < 10000);
    CHECK_NUMBER(watched.stopped, 1);
    CHECK_STATUS(tus_task_result(task, &told), TUS_E_CALLBACK);
    CHECK_NUMBER(tus_error_callback_code(told), 9);
    CHECK(tus_error_upload_url(told) != NULL);
    CHECK_ENDED(&watched.end);
    tus_task_unref(task);
    tus_source_free(source);
    tus_client_unref(client);
    free(bytes);
}

/* The loop of a program with several uploads: everything comes here, in its order. */
static void test_loop(void)
{
    static struct watched watched[8];
    tus_client *client = queueing_client(make_config());
    unsigned char *bytes = make_bytes(70008);
    tus_source *sources[8];
    tus_task *tasks[8];
    int i, over = 0;
    double end = now_ms() + PATIENCE_MS;
    for (i = 0; i < 8; i++) {
        sources[i] = memory_source(bytes, 70000 + (size_t)i);
        tasks[i] = begin_watched(client, &watched[i], sources[i]);
    }
    while (over < 8 && now_ms() < end) {
        if (readable(client, 1000))
            tus_client_dispatch(client, 3);
        for (i = over = 0; i < 8; i++)
            over += watched[i].end.done;
    }
    CHECK_NUMBER(over, 8);
    CHECK_NUMBER(readable(client, 0), 0);
    for (i = 0; i < 8; i++) {
        CHECK_ENDED(&watched[i].end);
        CHECK_HERE(&watched[i].end);
        CHECK(watched[i].calls > 0);
        CHECK_NUMBER(watched[i].last.confirmed, 70000 + i);
        EXPECT_END(tasks[i], &watched[i].end, TUS_OK);
        tus_source_free(sources[i]);
    }
    tus_client_unref(client);
    free(bytes);
}

/* ---- from inside */

struct inside {
    tus_client *client;
    tus_task *blocked;
    tus_task *next;
    struct end next_end;
    int destroyed;
    int done;
};

static void look_around(void *user_data, tus_task *task)
{
    struct inside *inside = (struct inside *)user_data;
    tus_error *err = NULL;
    CHECK(pthread_equal(pthread_self(), main_thread));
    calling++;
    CHECK_NUMBER(tus_client_dispatch(inside->client, 0), 0);
    CHECK_NUMBER(tus_client_dispatch(inside->client, 1), 0);
    CHECK_STATUS(tus_client_close(inside->client, TUS_WAIT_FOREVER), TUS_E_BUSY);
    CHECK_STATUS(tus_task_wait(inside->blocked, TUS_WAIT_FOREVER), TUS_E_BUSY);
    CHECK_STATUS(tus_task_wait(inside->blocked, 0), TUS_E_TIMEOUT);
    CHECK_OK(tus_task_wait(task, TUS_WAIT_FOREVER));
    CHECK_FAILS(tus_client_get_server_info(inside->client, NULL, &err), TUS_E_BUSY);
    inside->next = begin_question(inside->client, &inside->next_end);
    /* Even if it has its result by now, its turn is the next call's. */
    nap(200);
    CHECK_NUMBER(inside->next_end.done, 0);
    inside->done++;
    calling--;
}

static void released_inside(void *user_data)
{
    struct inside *inside = (struct inside *)user_data;
    CHECK_NUMBER(inside->done, 1);
    CHECK_NUMBER(tus_client_dispatch(inside->client, 0), 0);
    CHECK_STATUS(tus_client_close(inside->client, 0), TUS_E_BUSY);
    inside->destroyed++;
}

static void test_inside(void)
{
    struct inside inside;
    struct gate gate;
    struct end end;
    tus_task *task = NULL;
    tus_error *err = NULL;
    memset(&inside, 0, sizeof inside);
    inside.client = queueing_client(make_config());
    inside.blocked = occupy(inside.client, &gate, &end);
    CHECK_RESULT(tus_client_get_server_info_async(inside.client, look_around, &inside, released_inside, &task, &err),
                 TUS_OK);
    CHECK_OK(tus_task_wait(task, TUS_WAIT_FOREVER));
    CHECK_NUMBER(tus_client_dispatch(inside.client, 0), 1);
    CHECK_NUMBER(inside.done, 1);
    CHECK_NUMBER(inside.destroyed, 1);
    CHECK_NUMBER(inside.next_end.done, 0);
    CHECK_OK(tus_task_wait(inside.next, TUS_WAIT_FOREVER));
    CHECK_NUMBER(tus_client_dispatch(inside.client, 0), 1);
    CHECK_ENDED(&inside.next_end);
    store(&gate.open, 1);
    loop_until(inside.client, &end.done, 1);
    CHECK_HERE(&end);
    EXPECT_END(inside.blocked, &end, TUS_OK);
    tus_task_unref(inside.next);
    tus_task_unref(task);
    tus_client_unref(inside.client);
}

struct hooked {
    tus_client *client;
    int calls;
};

static int32_t dispatch_in_hook(void *user_data, tus_request *request)
{
    struct hooked *hooked = (struct hooked *)user_data;
    if (strcmp(tus_request_method(request), "POST") != 0)
        return 0;
    CHECK(!pthread_equal(pthread_self(), main_thread));
    CHECK_NUMBER(readable(hooked->client, 0), 1);
    CHECK_NUMBER(tus_client_dispatch(hooked->client, 0), 0);
    CHECK_STATUS(tus_client_close(hooked->client, 0), TUS_E_BUSY);
    hooked->calls++;
    return 0;
}

/* A hook runs on the library's thread and must not bring the program's functions there. */
static void test_in_hook(void)
{
    struct hooked hooked = {NULL, 0};
    tus_config *config = make_config();
    tus_source *source = memory_source(greeting, 5);
    struct end ends[2];
    tus_task *tasks[2];
    CHECK_OK(tus_config_set_before_request(config, dispatch_in_hook, &hooked, NULL));
    hooked.client = queueing_client(config);
    tasks[0] = begin_question(hooked.client, &ends[0]);
    CHECK_OK(tus_task_wait(tasks[0], TUS_WAIT_FOREVER));
    tasks[1] = begin_upload(hooked.client, source, NULL, &ends[1]);
    CHECK_OK(tus_task_wait(tasks[1], TUS_WAIT_FOREVER));
    CHECK_NUMBER(hooked.calls, 1);
    CHECK_NUMBER(load(&ends[0].done), 0);
    CHECK_NUMBER(tus_client_dispatch(hooked.client, 0), 2);
    CHECK_HERE(&ends[0]);
    CHECK_HERE(&ends[1]);
    EXPECT_END(tasks[0], &ends[0], TUS_OK);
    EXPECT_END(tasks[1], &ends[1], TUS_OK);
    tus_source_free(source);
    tus_client_unref(hooked.client);
}

/* Cancelled from the queue, even by the thread that dispatches: its turn comes in dispatch. */
static void test_cancelled(void)
{
    tus_config *config = make_config();
    tus_client *client;
    tus_source *source = memory_source(greeting, 5);
    struct gate gate;
    struct end ends[2];
    tus_task *first, *queued;
    CHECK_OK(tus_config_set_workers(config, 1));
    client = queueing_client(config);
    first = occupy(client, &gate, &ends[0]);
    queued = begin_upload(client, source, NULL, &ends[1]);
    CHECK_NUMBER(readable(client, 0), 0);
    calling++;
    tus_task_cancel(queued);
    calling--;
    CHECK_OK(tus_task_wait(queued, TUS_WAIT_FOREVER));
    CHECK_NUMBER(load(&ends[1].done), 0);
    CHECK_NUMBER(readable(client, 0), 1);
    CHECK_NUMBER(tus_client_dispatch(client, 0), 1);
    CHECK_HERE(&ends[1]);
    EXPECT_END(queued, &ends[1], TUS_E_CANCELLED);
    store(&gate.open, 1);
    loop_until(client, &ends[0].done, 1);
    EXPECT_END(first, &ends[0], TUS_OK);
    tus_source_free(source);
    tus_client_unref(client);
}

/* ---- nobody dispatches */

/* The end of everything delivers on the thread that asked for it. */
static void test_closed(void)
{
    struct watched watched;
    tus_client *client = watched_client(&watched, 1000);
    unsigned char *bytes = make_bytes(5000);
    tus_source *source = memory_source(bytes, 5000);
    struct end ends[3];
    struct gate gate;
    tus_task *task = begin_watched(client, &watched, source), *tasks[3];
    CHECK_OK(tus_task_wait(task, TUS_WAIT_FOREVER));
    tasks[0] = begin_question(client, &ends[0]);
    CHECK_OK(tus_task_wait(tasks[0], TUS_WAIT_FOREVER));
    tasks[1] = begin_question(client, &ends[1]);
    tasks[2] = occupy(client, &gate, &ends[2]);
    CHECK_STATUS(tus_client_close(client, 100), TUS_E_TIMEOUT);
    store(&gate.open, 1);
    CHECK_OK(tus_client_close(client, TUS_WAIT_FOREVER));
    CHECK_ENDED(&watched.end);
    CHECK_HERE(&watched.end);
    CHECK_STATUS(watched.end.status, TUS_OK);
    CHECK_HERE(&ends[0]);
    CHECK_HERE(&ends[1]);
    CHECK_HERE(&ends[2]);
    EXPECT_END(tasks[0], &ends[0], TUS_OK);
    CHECK_ENDED(&ends[1]);
    EXPECT_END(tasks[2], &ends[2], TUS_E_CANCELLED);
    CHECK_NUMBER(readable(client, 0), 0);
    CHECK_NUMBER(tus_client_dispatch(client, 0), 0);
    tus_task_unref(tasks[1]);
    tus_task_unref(task);
    tus_source_free(source);
    tus_client_unref(client);
    free(bytes);
}

/* Another thread is in a function that it has dispatched: the end waits for that. */
static void *dispatch_it(void *user_data)
{
    CHECK_NUMBER(tus_client_dispatch((tus_client *)user_data, 0), 1);
    return NULL;
}

static void stay_at_gate(void *user_data, tus_task *task)
{
    struct gate *gate = (struct gate *)user_data;
    CHECK_NUMBER(tus_task_is_done(task), 1);
    count_up(&gate->waiting);
    CHECK(reaches(&gate->open, 1));
}

static void test_closed_meanwhile(void)
{
    tus_client *client = queueing_client(make_config());
    tus_task *task = NULL, *next;
    struct gate gate;
    struct end end;
    pthread_t thread;
    memset(&gate, 0, sizeof gate);
    CHECK_OK(tus_client_get_server_info_async(client, stay_at_gate, &gate, gate_gone, &task, NULL));
    CHECK_OK(tus_task_wait(task, TUS_WAIT_FOREVER));
    NEED(pthread_create(&thread, NULL, dispatch_it, client) == 0);
    CHECK(reaches(&gate.waiting, 1));
    next = begin_question(client, &end);
    CHECK_OK(tus_task_wait(next, TUS_WAIT_FOREVER));
    CHECK_STATUS(tus_client_close(client, 100), TUS_E_TIMEOUT);
    CHECK_NUMBER(load(&gate.destroyed), 0);
    CHECK_NUMBER(load(&end.done), 0);
    store(&gate.open, 1);
    CHECK_OK(tus_client_close(client, TUS_WAIT_FOREVER));
    CHECK_NUMBER(gate.destroyed, 1);
    CHECK_HERE(&end);
    NEED(pthread_join(thread, NULL) == 0);
    EXPECT_END(next, &end, TUS_OK);
    tus_task_unref(task);
    tus_client_unref(client);
}

/* Nobody has a client any more who could dispatch: each end is told all the same. */
static void test_abandoned(void)
{
    tus_client *client = queueing_client(make_config());
    struct end ends[3];
    struct gate gate;
    tus_task *tasks[3];
    tasks[0] = begin_question(client, &ends[0]);
    CHECK_OK(tus_task_wait(tasks[0], TUS_WAIT_FOREVER));
    tasks[1] = occupy(client, &gate, &ends[1]);
    tasks[2] = begin_question(client, &ends[2]);
    tus_task_unref(tasks[2]);
    CHECK_NUMBER(load(&ends[0].done), 0);
    tus_client_unref(client);
    store(&gate.open, 1);
    CHECK(reaches(&ends[0].destroyed, 1));
    CHECK(reaches(&ends[1].destroyed, 1));
    CHECK(reaches(&ends[2].destroyed, 1));
    EXPECT_END(tasks[0], &ends[0], TUS_OK);
    EXPECT_END(tasks[1], &ends[1], TUS_OK);
    CHECK_ENDED(&ends[2]);
}

/* ---- two threads */

enum { CROWD = 200 };

static struct {
    tus_client *client;
    int in_done;
    int done;
    int destroyed;
    size_t counted[2];
    int slow_entered;
    int may_leave;
} shared;

static void count_done(void *user_data, tus_task *task)
{
    (void)user_data;
    CHECK_NUMBER(__atomic_fetch_add(&shared.in_done, 1, __ATOMIC_SEQ_CST), 0);
    CHECK_NUMBER(tus_task_is_done(task), 1);
    count_up(&shared.done);
    __atomic_sub_fetch(&shared.in_done, 1, __ATOMIC_SEQ_CST);
}

static void count_destroyed(void *user_data)
{
    (void)user_data;
    count_up(&shared.destroyed);
}

static void *dispatch_often(void *user_data)
{
    size_t *counted = (size_t *)user_data;
    double end = now_ms() + PATIENCE_MS;
    while (load(&shared.done) < CROWD && now_ms() < end) {
        size_t ran = tus_client_dispatch(shared.client, 7);
        CHECK(ran <= 7);
        *counted += ran;
    }
    return NULL;
}

static void stay(void *user_data, tus_task *task)
{
    (void)user_data, (void)task;
    store(&shared.slow_entered, 1);
    CHECK(reaches(&shared.may_leave, 1));
}

static void *dispatch_once(void *user_data)
{
    (void)user_data;
    CHECK_NUMBER(tus_client_dispatch(shared.client, 0), 1);
    return NULL;
}

static void test_two_threads(void)
{
    pthread_t threads[2];
    tus_task *task = NULL;
    struct end end;
    int i;
    shared.client = queueing_client(make_config());
    for (i = 0; i < 2; i++)
        NEED(pthread_create(&threads[i], NULL, dispatch_often, &shared.counted[i]) == 0);
    for (i = 0; i < CROWD; i++)
        CHECK_OK(tus_client_upload_file_async(shared.client, "/no/such/file", NULL, count_done, NULL, count_destroyed,
                                              NULL, NULL));
    for (i = 0; i < 2; i++)
        NEED(pthread_join(threads[i], NULL) == 0);
    CHECK_NUMBER(shared.done, CROWD);
    CHECK_NUMBER(shared.destroyed, CROWD);
    CHECK_NUMBER(shared.counted[0] + shared.counted[1], CROWD);

    /* While one is in a function, the other one has nothing to do, whatever waits. */
    CHECK_OK(tus_client_get_server_info_async(shared.client, stay, NULL, NULL, &task, NULL));
    CHECK_OK(tus_task_wait(task, TUS_WAIT_FOREVER));
    tus_task_unref(task);
    NEED(pthread_create(&threads[0], NULL, dispatch_once, NULL) == 0);
    CHECK(reaches(&shared.slow_entered, 1));
    task = begin_question(shared.client, &end);
    CHECK_OK(tus_task_wait(task, TUS_WAIT_FOREVER));
    CHECK_NUMBER(readable(shared.client, 0), 1);
    CHECK_NUMBER(tus_client_dispatch(shared.client, 0), 0);
    CHECK_NUMBER(load(&end.done), 0);
    store(&shared.may_leave, 1);
    NEED(pthread_join(threads[0], NULL) == 0);
    CHECK_NUMBER(tus_client_dispatch(shared.client, 0), 1);
    EXPECT_END(task, &end, TUS_OK);
    tus_client_unref(shared.client);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"handle", test_handle},       {"released", test_released},   {"coalesced", test_coalesced},
        {"stopped", test_stopped},     {"loop", test_loop},           {"inside", test_inside},
        {"cancelled", test_cancelled}, {"closed", test_closed},       {"abandoned", test_abandoned},
        {"closed_meanwhile", test_closed_meanwhile},
        {"in_hook", test_in_hook},
        {"two_threads", test_two_threads},
    };
    main_thread = pthread_self();
    return run_case(argc, argv, cases, COUNT(cases));
}
