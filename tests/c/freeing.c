/* Whatever has to do with a task is given back in every order, while it waits, runs, or is over. */
#include "tasks.h"

static const char greeting[] = "hello";

/* Everything of one task, and how often each part of it was released. */
struct lot {
    tus_config *config;
    tus_client *client;
    tus_source *source;
    tus_upload_options *options;
    tus_task *task;
    struct end end;
    struct gate gate;
    int hook;
    int progress;
};

static int32_t before(void *user_data, tus_request *request)
{
    (void)request;
    CHECK_NUMBER(load((int *)user_data), 0);
    return 0;
}

static int32_t progress(void *user_data, const tus_progress *state)
{
    (void)state;
    CHECK_NUMBER(load((int *)user_data), 0);
    return 0;
}

static void make(struct lot *lot)
{
    tus_error *err = NULL;
    memset(lot, 0, sizeof *lot);
    lot->config = make_config();
    CHECK_OK(tus_config_set_workers(lot->config, 1));
    /* One request for each upload. */
    CHECK_OK(tus_config_set_query_server(lot->config, 0));
    CHECK_OK(tus_config_set_before_request(lot->config, before, &lot->hook, count_up));
    lot->client = NULL;
    CHECK_RESULT(tus_client_new(lot->config, &lot->client, &err), TUS_OK);
    lot->source = gate_source(&lot->gate);
    lot->options = tus_upload_options_new();
    CHECK_OK(tus_upload_options_set_metadata_text(lot->options, "key", "value"));
    CHECK_OK(tus_upload_options_set_progress(lot->options, progress, &lot->progress, count_up));
}

enum { PARTS = 5 };

static void give_back(struct lot *lot, int part)
{
    switch (part) {
    case 0:
        tus_task_unref(lot->task);
        break;
    case 1:
        tus_client_unref(lot->client);
        break;
    case 2:
        tus_source_free(lot->source);
        break;
    case 3:
        tus_upload_options_free(lot->options);
        break;
    default:
        tus_config_free(lot->config);
    }
}

/* The n-th of all orders. */
static void order_of(int n, int order[PARTS])
{
    int parts[PARTS], i, j;
    for (i = 0; i < PARTS; i++)
        parts[i] = i;
    for (i = 0; i < PARTS; i++) {
        int left = PARTS - i, pick = n % left;
        n /= left;
        order[i] = parts[pick];
        for (j = pick; j + 1 < left; j++)
            parts[j] = parts[j + 1];
    }
}

/* All is released, once, in the end. */
static void released(struct lot *lot)
{
    CHECK(reaches(&lot->end.destroyed, 1));
    CHECK_ENDED(&lot->end);
    CHECK_STATUS(lot->end.status, TUS_OK);
    CHECK(reaches(&lot->gate.destroyed, 1));
    CHECK(reaches(&lot->progress, 1));
    CHECK(reaches(&lot->hook, 1));
    CHECK_NUMBER(load(&lot->gate.destroyed), 1);
    CHECK_NUMBER(load(&lot->progress), 1);
    CHECK_NUMBER(load(&lot->hook), 1);
}

enum moment { QUEUED, RUNNING, OVER };

static void in_order(enum moment moment, const int order[PARTS])
{
    struct lot lot;
    struct gate gate;
    struct end occupied;
    tus_task *first = NULL;
    int i;
    make(&lot);
    if (moment == QUEUED)
        first = occupy(lot.client, &gate, &occupied);
    lot.task = begin_upload(lot.client, lot.source, lot.options, &lot.end);
    if (moment == QUEUED) {
        CHECK_NUMBER(tus_task_state(lot.task), TUS_TASK_QUEUED);
    } else if (moment == RUNNING) {
        CHECK(reaches(&lot.gate.waiting, 1));
        CHECK_NUMBER(tus_task_state(lot.task), TUS_TASK_RUNNING);
    } else {
        store(&lot.gate.open, 1);
        CHECK_OK(tus_task_wait(lot.task, TUS_WAIT_FOREVER));
    }
    for (i = 0; i < PARTS; i++)
        give_back(&lot, order[i]);
    /* What the task needs is all there still. */
    if (moment != OVER) {
        CHECK_NUMBER(load(&lot.end.done), 0);
        CHECK_NUMBER(load(&lot.gate.destroyed), 0);
        CHECK_NUMBER(load(&lot.progress), 0);
        CHECK_NUMBER(load(&lot.hook), 0);
    }
    store(&lot.gate.open, 1);
    if (first != NULL) {
        store(&gate.open, 1);
        EXPECT_END(first, &occupied, TUS_OK);
        CHECK(reaches(&gate.destroyed, 1));
    }
    released(&lot);
}

/* Each so many-th order, as the first word says. */
static void in_all_orders(enum moment moment)
{
    int n, order[PARTS];
    for (n = 0; n < 120; n += word_number(0)) {
        order_of(n, order);
        in_order(moment, order);
    }
}

static void test_queued(void)
{
    in_all_orders(QUEUED);
}

static void test_running(void)
{
    in_all_orders(RUNNING);
}

static void test_over(void)
{
    in_all_orders(OVER);
}

/* ---- many counts, and results that nobody took */

static void *unref_many(void *user_data)
{
    tus_task *task = (tus_task *)user_data;
    int i;
    for (i = 0; i < 100; i++) {
        CHECK(tus_task_ref(task) == task);
        CHECK(tus_task_state(task) >= 0);
        tus_task_unref(task);
    }
    /* The count that was taken for this thread. */
    tus_task_unref(task);
    return NULL;
}

static void test_counts(void)
{
    tus_client *client = make_client();
    tus_source *source = memory_source(greeting, 5);
    struct end end;
    tus_task *task = begin_upload(client, source, NULL, &end);
    pthread_t threads[3];
    size_t i;
    for (i = 0; i < COUNT(threads); i++)
        NEED(pthread_create(&threads[i], NULL, unref_many, tus_task_ref(task)) == 0);
    for (i = 0; i < COUNT(threads); i++)
        NEED(pthread_join(threads[i], NULL) == 0);
    EXPECT_END(task, &end, TUS_OK);
    tus_source_free(source);
    tus_client_unref(client);
}

/* An uploader that nobody took holds its source until the task is given back. */
static void test_not_taken(void)
{
    tus_client *client = make_client();
    tus_source *source = memory_source(greeting, 5);
    tus_previous_list *list = NULL;
    tus_task *task = NULL;
    tus_error *err = NULL;
    CHECK_RESULT(tus_client_create_uploader_async(client, source, NULL, NULL, NULL, NULL, &task, &err), TUS_OK);
    CHECK_OK(tus_task_wait(task, TUS_WAIT_FOREVER));
    CHECK_TASK(task, TUS_OK);
    CHECK_FAILS(tus_client_find_previous_uploads(client, source, &list, &err), TUS_E_BUSY);
    tus_task_unref(task);
    CHECK_RESULT(tus_client_upload(client, source, NULL, NULL, &err), TUS_OK);

    task = NULL;
    CHECK_RESULT(tus_client_get_server_info_async(client, NULL, NULL, NULL, &task, &err), TUS_OK);
    CHECK_OK(tus_task_wait(task, TUS_WAIT_FOREVER));
    CHECK_TASK(task, TUS_OK);
    tus_task_unref(task);
    /* Nobody waits either. */
    CHECK_RESULT(tus_client_get_server_info_async(client, NULL, NULL, NULL, &task, &err), TUS_OK);
    tus_task_unref(task);
    CHECK_OK(tus_client_close(client, TUS_WAIT_FOREVER));
    tus_source_free(source);
    tus_client_unref(client);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"queued", test_queued}, {"running", test_running},     {"over", test_over},
        {"counts", test_counts}, {"not_taken", test_not_taken},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
