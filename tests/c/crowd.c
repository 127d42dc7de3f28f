/* Thousands of small uploads as tasks, half of them cancelled at random moments by two threads.
 *
 * The first word says how many. How many succeeded is printed.
 */
#include "tasks.h"

static struct crowd {
    struct end *ends;
    tus_task **tasks;
    int count;
    int begun;
    int source_gone;
} crowd;

/* A row of numbers that look random, and are the same each time. */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Cancels each second one of its half, a little behind or far behind whoever begins them. */
static void *cancel_some(void *user_data)
{
    uint32_t state = (uint32_t)(uintptr_t)user_data + 77;
    int i;
    for (i = (int)(uintptr_t)user_data; i < crowd.count; i += 2) {
        uint32_t random = next_random(&state);
        CHECK(reaches(&crowd.begun, i + 1));
        if (random % 2 != 0)
            continue;
        if (random % 64 == 0)
            nap(random / 64 % 5);
        if (random % 3 == 0)
            tus_task_cancel_and_delete(crowd.tasks[i]);
        else
            tus_task_cancel(crowd.tasks[i]);
        /* Some of them twice, and some that are long over. */
        if (random % 5 == 0)
            tus_task_cancel(crowd.tasks[(int)(random / 64 % (uint32_t)(i + 1))]);
    }
    return NULL;
}

static void run(int mode)
{
    static const char greeting[] = "hello";
    tus_config *config = make_config();
    tus_client *client;
    pthread_t threads[2];
    int i, ok = 0, cancelled = 0;
    size_t dispatched = 0;
    crowd.count = word_number(0);
    crowd.ends = (struct end *)calloc((size_t)crowd.count, sizeof *crowd.ends);
    crowd.tasks = (tus_task **)calloc((size_t)crowd.count, sizeof *crowd.tasks);
    NEED(crowd.ends != NULL && crowd.tasks != NULL);
    CHECK_OK(tus_config_set_dispatch(config, mode));
    CHECK_OK(tus_config_set_workers(config, 8));
    client = client_of(config);
    for (i = 0; i < 2; i++)
        NEED(pthread_create(&threads[i], NULL, cancel_some, (void *)(uintptr_t)i) == 0);
    for (i = 0; i < crowd.count; i++) {
        tus_source *source = NULL;
        tus_error *err = NULL;
        CHECK_RESULT(tus_source_memory(greeting, 5, count_up, &crowd.source_gone, &source, &err), TUS_OK);
        CHECK_RESULT(tus_client_upload_async(client, source, NULL, tell_end, &crowd.ends[i], release_end,
                                             &crowd.tasks[i], &err),
                     TUS_OK);
        NEED(crowd.tasks[i] != NULL);
        tus_source_free(source);
        count_up(&crowd.begun);
    }
    for (i = 0; i < 2; i++)
        NEED(pthread_join(threads[i], NULL) == 0);
    for (i = 0; i < crowd.count; i++) {
        tus_status status;
        CHECK_OK(tus_task_wait(crowd.tasks[i], TUS_WAIT_FOREVER));
        status = tus_task_result(crowd.tasks[i], NULL);
        ok += status == TUS_OK;
        cancelled += status == TUS_E_CANCELLED;
        if (mode == TUS_DISPATCH_QUEUE && i % 100 == 0)
            dispatched += tus_client_dispatch(client, 30);
    }
    CHECK_NUMBER(ok + cancelled, crowd.count);
    if (mode == TUS_DISPATCH_QUEUE) {
        dispatched += tus_client_dispatch(client, 0);
        CHECK_NUMBER(dispatched, crowd.count);
    }
    for (i = 0; i < crowd.count; i++) {
        CHECK_ENDED(&crowd.ends[i]);
        CHECK_STATUS(crowd.ends[i].status, tus_task_result(crowd.tasks[i], NULL));
        tus_task_unref(crowd.tasks[i]);
    }
    CHECK_OK(tus_client_close(client, TUS_WAIT_FOREVER));
    CHECK_NUMBER(crowd.source_gone, crowd.count);
    tus_client_unref(client);
    free(crowd.ends);
    free(crowd.tasks);
    printf("%d\n", ok);
}

static void test_workers(void)
{
    run(TUS_DISPATCH_WORKER);
}

static void test_queue(void)
{
    run(TUS_DISPATCH_QUEUE);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {{"workers", test_workers}, {"queue", test_queue}};
    return run_case(argc, argv, cases, COUNT(cases));
}
