/* Tasks are cancelled, removed, paused and put in order, wherever they are. */
#include "tasks.h"

#define SIZE 300000

/* ---- cancelled */

enum { ROUNDS = 5 };

/* One task, cancelled from a thread, and when which of it happened. */
struct stopped {
    tus_client *client;
    tus_task *task;
    int refusals;
    int done;
    double asked;
    double over;
};

static void note_end(void *user_data, tus_task *task)
{
    struct stopped *stopped = (struct stopped *)user_data;
    (void)task;
    stopped->over = now_ms();
    count_up(&stopped->done);
}

static int32_t count_refusals(void *user_data, const tus_request *request, const tus_response *response)
{
    (void)request;
    if (tus_response_status(response) == 503)
        count_up(&((struct stopped *)user_data)->refusals);
    return 0;
}

static void *cancel_it(void *user_data)
{
    struct stopped *stopped = (struct stopped *)user_data;
    stopped->asked = now_ms();
    tus_task_cancel(stopped->task);
    return NULL;
}

static void *cancel_and_delete_it(void *user_data)
{
    struct stopped *stopped = (struct stopped *)user_data;
    stopped->asked = now_ms();
    tus_task_cancel_and_delete(stopped->task);
    return NULL;
}

/* The whole upload in one PATCH, and minutes before it is tried again. */
static void begin(struct stopped *stopped, tus_source *source)
{
    tus_config *config = make_config();
    tus_error *err = NULL;
    memset(stopped, 0, sizeof *stopped);
    CHECK_OK(tus_config_set_workers(config, 1));
    CHECK_OK(tus_config_set_retry(config, 5, 300000, 300000));
    CHECK_OK(tus_config_set_upload_with_creation(config, 0));
    CHECK_OK(tus_config_set_chunk_size(config, TUS_CHUNK_WHOLE));
    CHECK_OK(tus_config_set_after_response(config, count_refusals, stopped, NULL));
    stopped->client = client_of(config);
    CHECK_RESULT(tus_client_upload_async(stopped->client, source, NULL, note_end, stopped, NULL, &stopped->task, &err),
                 TUS_OK);
    NEED(stopped->task != NULL);
}

/* Cancels it from a thread, and waits; how long it took. */
static double stop(struct stopped *stopped, void *(*how)(void *))
{
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, how, stopped) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    CHECK_OK(tus_task_wait(stopped->task, PATIENCE_MS));
    CHECK_TASK(stopped->task, TUS_E_CANCELLED);
    CHECK_NUMBER(stopped->done, 1);
    return stopped->over - stopped->asked;
}

/* The best of some rounds is held against the first word: a busy machine makes one or the other slow, but not all. */
static void in_time(const double *took)
{
    double best = took[0];
    char told[100];
    int i;
    for (i = 1; i < ROUNDS; i++)
        best = took[i] < best ? took[i] : best;
    if (best <= word_number(0))
        return;
    snprintf(told, sizeof told, "a cancel took %.1f ms at best", best);
    check_failed(__FILE__, __LINE__, told);
}

static void wait_for_answer(struct stopped *stopped)
{
    CHECK(has_sent(stopped->task, SIZE));
}

/* The system's buffers hold a few MiB. */
static void wait_for_full_buffers(struct stopped *stopped)
{
    double end = now_ms() + PATIENCE_MS;
    while (tus_task_upload_url(stopped->task) == NULL && now_ms() < end)
        nap(1);
    nap(500);
    CHECK_NUMBER(tus_task_state(stopped->task), TUS_TASK_RUNNING);
}

static void wait_for_refusal(struct stopped *stopped)
{
    CHECK(reaches(&stopped->refusals, 1));
    nap(20);
}

/* What is left can be asked for, and is what the error tells. */
static void check_left(struct stopped *stopped)
{
    const tus_error *told = NULL;
    tus_error *err = NULL;
    tus_info *info = NULL;
    CHECK_STATUS(tus_task_result(stopped->task, &told), TUS_E_CANCELLED);
    NEED(tus_error_upload_url(told) != NULL);
    CHECK_TEXT(tus_error_upload_url(told), tus_task_upload_url(stopped->task));
    CHECK_NUMBER(tus_error_is_retryable(told), 1);
    CHECK_RESULT(tus_client_get_upload_info(stopped->client, tus_error_upload_url(told), &info, &err), TUS_OK);
    tus_info_free(info);
}

static void cancelled(size_t size, void (*get_there)(struct stopped *))
{
    /* What is never read need not be anything. */
    unsigned char *bytes = (unsigned char *)calloc(1, size);
    double took[ROUNDS];
    int i;
    NEED(bytes != NULL);
    for (i = 0; i < ROUNDS; i++) {
        struct stopped stopped;
        tus_source *source = memory_source(bytes, size);
        begin(&stopped, source);
        get_there(&stopped);
        took[i] = stop(&stopped, cancel_it);
        check_left(&stopped);
        tus_task_unref(stopped.task);
        tus_source_free(source);
        tus_client_unref(stopped.client);
    }
    in_time(took);
    free(bytes);
}

static void test_answer(void)
{
    cancelled(SIZE, wait_for_answer);
}

static void test_write(void)
{
    cancelled(64000000, wait_for_full_buffers);
}

static void test_retry(void)
{
    cancelled(SIZE, wait_for_refusal);
}

static void test_queue(void)
{
    unsigned char *bytes = make_bytes(SIZE);
    double took[ROUNDS];
    int i;
    for (i = 0; i < ROUNDS; i++) {
        struct stopped stopped;
        struct gate gate;
        struct end occupied;
        tus_source *source = memory_source(bytes, SIZE);
        tus_client *client = client_with_workers(1);
        tus_task *first = occupy(client, &gate, &occupied);
        tus_error *err = NULL;
        memset(&stopped, 0, sizeof stopped);
        CHECK_RESULT(tus_client_upload_async(client, source, NULL, note_end, &stopped, NULL, &stopped.task, &err),
                     TUS_OK);
        CHECK_NUMBER(tus_task_state(stopped.task), TUS_TASK_QUEUED);
        took[i] = stop(&stopped, i % 2 == 0 ? cancel_it : cancel_and_delete_it);
        CHECK_TEXT(tus_task_upload_url(stopped.task), NULL);
        tus_task_unref(stopped.task);
        tus_source_free(source);
        tus_task_cancel(first);
        store(&gate.open, 1);
        EXPECT_END(first, &occupied, TUS_E_CANCELLED);
        tus_client_unref(client);
    }
    in_time(took);
    free(bytes);
}

/* What has no data and no place among the uploads: the server does not answer. */
static void test_question(void)
{
    double took[ROUNDS];
    int i;
    for (i = 0; i < ROUNDS; i++) {
        struct stopped stopped;
        tus_error *err = NULL;
        memset(&stopped, 0, sizeof stopped);
        stopped.client = make_client();
        CHECK_RESULT(tus_client_get_server_info_async(stopped.client, note_end, &stopped, NULL, &stopped.task, &err),
                     TUS_OK);
        CHECK(gets_to(stopped.task, TUS_TASK_RUNNING));
        nap(100);
        took[i] = stop(&stopped, cancel_it);
        CHECK(tus_task_take_server_info(stopped.task) == NULL);
        tus_task_unref(stopped.task);
        tus_client_unref(stopped.client);
    }
    in_time(took);
}

/* ---- in parts */

/* Three at once: paused and gone on with, then another one that is removed, all of it. */
static void test_parts(void)
{
    unsigned char *bytes = make_bytes(SIZE);
    tus_upload_options *options = tus_upload_options_new();
    tus_config *config = make_config();
    tus_client *client;
    tus_source *source = memory_source(bytes, SIZE);
    tus_progress before, after;
    const tus_error *told = NULL;
    struct end end;
    tus_task *task;
    CHECK_OK(tus_config_set_upload_with_creation(config, 0));
    CHECK_OK(tus_config_set_chunk_size(config, 10000));
    CHECK_OK(tus_upload_options_set_parallel_uploads(options, 3));
    CHECK_OK(tus_upload_options_set_min_part_size(options, 1));
    CHECK_OK(tus_upload_options_set_remove_parts(options, 1));
    client = client_of(config);
    before.struct_size = after.struct_size = sizeof before;
    task = begin_upload(client, source, options, &end);
    CHECK(has_sent(task, 30000));
    tus_task_pause(task);
    nap(500);
    CHECK_OK(tus_task_get_progress(task, &before));
    nap(500);
    CHECK_OK(tus_task_get_progress(task, &after));
    CHECK_NUMBER(after.sent, before.sent);
    CHECK_NUMBER(after.confirmed, before.confirmed);
    CHECK(after.confirmed < SIZE);
    CHECK_NUMBER(after.total, SIZE);
    CHECK_NUMBER(load(&end.done), 0);
    tus_task_resume(task);
    EXPECT_END(task, &end, TUS_OK);

    task = begin_upload(client, source, options, &end);
    CHECK(has_sent(task, 30000));
    tus_task_cancel_and_delete(task);
    CHECK_OK(tus_task_wait(task, PATIENCE_MS));
    CHECK_STATUS(tus_task_result(task, &told), TUS_E_CANCELLED);
    CHECK_TEXT(tus_error_upload_url(told), NULL);
    EXPECT_END(task, &end, TUS_E_CANCELLED);
    tus_upload_options_free(options);
    tus_source_free(source);
    tus_client_unref(client);
    free(bytes);
}

/* ---- removed */

/* The first word is where it is: whether it waits for an answer or for the next try. */
static void test_deleted(void)
{
    unsigned char *bytes = make_bytes(SIZE);
    tus_source *source = memory_source(bytes, SIZE);
    const tus_error *told = NULL;
    tus_error *err = NULL;
    struct stopped stopped;
    char *url;
    begin(&stopped, source);
    if (strcmp(words[0], "answer") == 0)
        wait_for_answer(&stopped);
    else
        wait_for_refusal(&stopped);
    url = strdup(tus_task_upload_url(stopped.task));
    NEED(url != NULL);
    stop(&stopped, cancel_and_delete_it);
    CHECK_STATUS(tus_task_result(stopped.task, &told), TUS_E_CANCELLED);
    CHECK_TEXT(tus_error_upload_url(told), NULL);
    CHECK_TEXT(tus_error_resume_token(told), NULL);
    CHECK_TEXT(tus_task_upload_url(stopped.task), NULL);
    CHECK_FAILS(tus_client_get_upload_info(stopped.client, url, NULL, &err), TUS_E_GONE);
    tus_task_unref(stopped.task);
    free(url);
    tus_source_free(source);
    tus_client_unref(stopped.client);
    free(bytes);
}

/* The server does not want to: the upload stays, and is told. Or it never answers, until a cancel ends that too. */
static void test_not_deleted(void)
{
    unsigned char *bytes = make_bytes(SIZE);
    tus_source *source = memory_source(bytes, SIZE);
    struct stopped stopped;
    begin(&stopped, source);
    wait_for_refusal(&stopped);
    if (strcmp(words[0], "silent") == 0) {
        tus_task_cancel_and_delete(stopped.task);
        CHECK_STATUS(tus_task_wait(stopped.task, 500), TUS_E_TIMEOUT);
        CHECK_NUMBER(stopped.done, 0);
        stop(&stopped, cancel_it);
    } else {
        stop(&stopped, cancel_and_delete_it);
    }
    check_left(&stopped);
    tus_task_unref(stopped.task);
    tus_source_free(source);
    tus_client_unref(stopped.client);
    free(bytes);
}

/* What is complete is not removed. */
static void test_complete(void)
{
    tus_client *client = make_client();
    tus_source *source = memory_source("hello", 5);
    struct end end;
    tus_task *task = begin_upload(client, source, NULL, &end);
    tus_error *err = NULL;
    CHECK_OK(tus_task_wait(task, TUS_WAIT_FOREVER));
    tus_task_cancel_and_delete(task);
    CHECK_RESULT(tus_client_get_upload_info(client, tus_task_upload_url(task), NULL, &err), TUS_OK);
    EXPECT_END(task, &end, TUS_OK);
    tus_source_free(source);
    tus_client_unref(client);
}

/* ---- paused */

static uint64_t offset_of(tus_client *client, tus_task *task)
{
    tus_info *info = NULL;
    tus_error *err = NULL;
    uint64_t offset;
    CHECK_RESULT(tus_client_get_upload_info(client, tus_task_upload_url(task), &info, &err), TUS_OK);
    offset = tus_info_offset(info);
    tus_info_free(info);
    return offset;
}

/* The server reads slowly. */
static void test_paused(void)
{
    unsigned char *bytes = make_bytes(SIZE);
    tus_config *config = make_config();
    tus_client *client;
    tus_source *source = memory_source(bytes, SIZE), *other = memory_source(bytes, 5);
    tus_task *task, *next;
    struct end ends[2];
    tus_progress before, after;
    uint64_t stored;
    CHECK_OK(tus_config_set_workers(config, 1));
    CHECK_OK(tus_config_set_upload_with_creation(config, 0));
    CHECK_OK(tus_config_set_chunk_size(config, 50000));
    client = client_of(config);
    before.struct_size = after.struct_size = sizeof before;
    task = begin_upload(client, source, NULL, &ends[0]);
    CHECK(has_sent(task, 60000));
    tus_task_pause(task);
    CHECK_NUMBER(tus_task_state(task), TUS_TASK_PAUSED);
    /* 50 ms is what is promised; valgrind and a busy machine take their time. */
    nap(500);
    CHECK_OK(tus_task_get_progress(task, &before));
    stored = offset_of(client, task);
    CHECK(before.confirmed < SIZE);
    nap(500);
    CHECK_OK(tus_task_get_progress(task, &after));
    CHECK_NUMBER(after.sent, before.sent);
    CHECK_NUMBER(after.confirmed, before.confirmed);
    CHECK_NUMBER(offset_of(client, task), stored);
    CHECK_NUMBER(tus_task_state(task), TUS_TASK_PAUSED);
    CHECK_NUMBER(tus_task_is_done(task), 0);
    CHECK_STATUS(tus_task_wait(task, 10), TUS_E_TIMEOUT);
    /* Its place is another's meanwhile. */
    next = begin_upload(client, other, NULL, &ends[1]);
    EXPECT_END(next, &ends[1], TUS_OK);
    CHECK_NUMBER(tus_task_state(task), TUS_TASK_PAUSED);
    CHECK_NUMBER(load(&ends[0].done), 0);
    tus_task_resume(task);
    CHECK(tus_task_state(task) != TUS_TASK_PAUSED);
    EXPECT_END(task, &ends[0], TUS_OK);
    tus_source_free(other);
    tus_source_free(source);
    tus_client_unref(client);
    free(bytes);
}

/* Again and again, from two threads. */
static void *pause_often(void *user_data)
{
    int i;
    for (i = 0; i < 20; i++) {
        tus_task_pause((tus_task *)user_data);
        nap(7);
        tus_task_resume((tus_task *)user_data);
        nap(11);
    }
    return NULL;
}

static void test_paused_often(void)
{
    unsigned char *bytes = make_bytes(SIZE);
    tus_config *config = make_config();
    tus_client *client;
    tus_source *source = memory_source(bytes, SIZE);
    tus_task *task;
    struct end end;
    pthread_t threads[2];
    int i;
    CHECK_OK(tus_config_set_upload_with_creation(config, 0));
    client = client_of(config);
    task = begin_upload(client, source, NULL, &end);
    for (i = 0; i < 2; i++)
        NEED(pthread_create(&threads[i], NULL, pause_often, task) == 0);
    for (i = 0; i < 2; i++)
        NEED(pthread_join(threads[i], NULL) == 0);
    EXPECT_END(task, &end, TUS_OK);
    tus_source_free(source);
    tus_client_unref(client);
    free(bytes);
}

/* What waits for its place does not begin while it is paused, and what is paused can be cancelled. */
static void test_paused_in_the_queue(void)
{
    tus_client *client = client_with_workers(1);
    tus_source *sources[3];
    struct gate gate;
    struct end occupied, ends[3];
    tus_task *first = occupy(client, &gate, &occupied), *tasks[3];
    int i;
    for (i = 0; i < 3; i++) {
        sources[i] = memory_source("hello", 5);
        tasks[i] = begin_upload(client, sources[i], NULL, &ends[i]);
    }
    tus_task_pause(tasks[0]);
    tus_task_pause(tasks[1]);
    CHECK_NUMBER(tus_task_state(tasks[0]), TUS_TASK_PAUSED);
    CHECK_NUMBER(tus_task_state(tasks[2]), TUS_TASK_QUEUED);
    store(&gate.open, 1);
    EXPECT_END(first, &occupied, TUS_OK);
    EXPECT_END(tasks[2], &ends[2], TUS_OK);
    nap(100);
    CHECK_NUMBER(tus_task_state(tasks[0]), TUS_TASK_PAUSED);
    CHECK_TEXT(tus_task_upload_url(tasks[0]), NULL);
    tus_task_cancel(tasks[1]);
    EXPECT_END(tasks[1], &ends[1], TUS_E_CANCELLED);
    CHECK_NUMBER(load(&ends[0].done), 0);
    tus_task_resume(tasks[0]);
    EXPECT_END(tasks[0], &ends[0], TUS_OK);
    for (i = 0; i < 3; i++)
        tus_source_free(sources[i]);
    tus_client_unref(client);
}

/* Paused in the middle, then cancelled. */
static void test_paused_and_cancelled(void)
{
    unsigned char *bytes = make_bytes(SIZE);
    double took[ROUNDS];
    int i;
    for (i = 0; i < ROUNDS; i++) {
        struct stopped stopped;
        tus_source *source = memory_source(bytes, SIZE);
        begin(&stopped, source);
        wait_for_answer(&stopped);
        tus_task_pause(stopped.task);
        nap(100);
        CHECK_NUMBER(tus_task_state(stopped.task), TUS_TASK_PAUSED);
        took[i] = stop(&stopped, cancel_it);
        check_left(&stopped);
        tus_task_unref(stopped.task);
        tus_source_free(source);
        tus_client_unref(stopped.client);
    }
    in_time(took);
    free(bytes);
}

/* ---- who is next */

enum { RIVALS = 7 };

static int begun[RIVALS + 1];
static int begun_count;

/* A reader that says when its upload began, with its number. */
static int32_t begin_reading(void *user_data, void *buf, size_t cap, size_t *out_len)
{
    int *state = (int *)user_data;
    CHECK(cap >= 5);
    *out_len = 0;
    if (state[1]++ == 0) {
        int place = __atomic_fetch_add(&begun_count, 1, __ATOMIC_SEQ_CST);
        NEED(place < RIVALS);
        begun[place] = state[0];
        memcpy(buf, "hello", 5);
        *out_len = 5;
    }
    return 0;
}

static void test_priorities(void)
{
    static const int32_t priorities[RIVALS] = {0, 5, INT32_MIN, 5, INT32_MAX, 1, 2};
    /* Number 5 is moved up and number 6 down before anything begins. */
    static const int order[RIVALS] = {4, 5, 1, 3, 0, 6, 2};
    const tus_reader_vtable vtable = {sizeof vtable, begin_reading, NULL, NULL};
    tus_client *client = client_with_workers(1);
    struct gate gate;
    struct end occupied, ends[RIVALS];
    tus_task *first = occupy(client, &gate, &occupied), *tasks[RIVALS];
    tus_error *err = NULL;
    int states[RIVALS][2], i;
    for (i = 0; i < RIVALS; i++) {
        tus_upload_options *options = tus_upload_options_new();
        tus_source *source = NULL;
        states[i][0] = i;
        states[i][1] = 0;
        CHECK_RESULT(tus_source_reader(&vtable, states[i], 5, &source, &err), TUS_OK);
        CHECK_OK(tus_upload_options_set_priority(options, priorities[i]));
        tasks[i] = begin_upload(client, source, options, &ends[i]);
        tus_upload_options_free(options);
        tus_source_free(source);
        CHECK_NUMBER(tus_task_state(tasks[i]), TUS_TASK_QUEUED);
    }
    tus_task_set_priority(tasks[5], 6);
    tus_task_set_priority(tasks[6], 100);
    tus_task_set_priority(tasks[6], -1);
    store(&gate.open, 1);
    EXPECT_END(first, &occupied, TUS_OK);
    for (i = 0; i < RIVALS; i++)
        EXPECT_END(tasks[i], &ends[i], TUS_OK);
    CHECK_NUMBER(begun_count, RIVALS);
    for (i = 0; i < RIVALS; i++)
        CHECK_NUMBER(begun[i], order[i]);
    CHECK_INVALID(tus_upload_options_set_priority(NULL, 1));
    tus_client_unref(client);
}

/* ---- how many at once */

static void test_workers(void)
{
    static const uint32_t wrong[] = {0, 1025, UINT32_MAX};
    tus_config *config = make_config();
    tus_client *client = NULL;
    struct gate gates[4];
    struct end ends[4];
    tus_task *tasks[4];
    tus_error *err = NULL;
    size_t i;
    for (i = 0; i < COUNT(wrong); i++) {
        tus_config *refusing = make_config();
        CHECK_INVALID(tus_config_set_workers(refusing, wrong[i]));
        CHECK_FAILS(tus_client_new(refusing, &client, &err), TUS_E_INVALID_ARGUMENT);
        tus_config_free(refusing);
    }
    for (i = 0; i < 3; i++) {
        static const int32_t modes[] = {7, -1, 2};
        tus_config *refusing = make_config();
        CHECK_INVALID(tus_config_set_dispatch(refusing, modes[i]));
        CHECK_FAILS(tus_client_new(refusing, &client, &err), TUS_E_INVALID_ARGUMENT);
        tus_config_free(refusing);
    }
    CHECK_INVALID(tus_config_set_workers(NULL, 1));
    CHECK_INVALID(tus_config_set_dispatch(NULL, TUS_DISPATCH_WORKER));
    CHECK_OK(tus_config_set_dispatch(config, TUS_DISPATCH_QUEUE));
    CHECK_OK(tus_config_set_dispatch(config, TUS_DISPATCH_WORKER));
    CHECK_OK(tus_config_set_workers(config, 1024));
    CHECK_OK(tus_config_set_workers(config, 1));
    client = client_of(config);

    for (i = 0; i < 4; i++) {
        tus_source *source = gate_source(&gates[i]);
        tasks[i] = begin_upload(client, source, NULL, &ends[i]);
        tus_source_free(source);
    }
    CHECK(reaches(&gates[0].waiting, 1));
    nap(100);
    CHECK_NUMBER(load(&gates[1].waiting), 0);
    for (i = 0; i < COUNT(wrong); i++)
        CHECK_INVALID(tus_client_set_workers(client, wrong[i]));
    CHECK_OK(tus_client_set_workers(client, 3));
    CHECK(reaches(&gates[1].waiting, 1));
    CHECK(reaches(&gates[2].waiting, 1));
    nap(100);
    CHECK_NUMBER(load(&gates[3].waiting), 0);
    /* Fewer: all three go on, and the last one waits until they are over. */
    CHECK_OK(tus_client_set_workers(client, 1));
    store(&gates[0].open, 1);
    EXPECT_END(tasks[0], &ends[0], TUS_OK);
    store(&gates[1].open, 1);
    EXPECT_END(tasks[1], &ends[1], TUS_OK);
    nap(100);
    CHECK_NUMBER(load(&gates[3].waiting), 0);
    CHECK_NUMBER(tus_task_state(tasks[3]), TUS_TASK_QUEUED);
    store(&gates[2].open, 1);
    store(&gates[3].open, 1);
    EXPECT_END(tasks[2], &ends[2], TUS_OK);
    EXPECT_END(tasks[3], &ends[3], TUS_OK);
    CHECK_OK(tus_client_set_workers(client, 1024));
    tus_client_unref(client);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"answer", test_answer},
        {"write", test_write},
        {"retry", test_retry},
        {"queue", test_queue},
        {"question", test_question},
        {"parts", test_parts},
        {"deleted", test_deleted},
        {"not_deleted", test_not_deleted},
        {"complete", test_complete},
        {"paused", test_paused},
        {"paused_often", test_paused_often},
        {"paused_in_the_queue", test_paused_in_the_queue},
        {"paused_and_cancelled", test_paused_and_cancelled},
        {"priorities", test_priorities},
        {"workers", test_workers},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
