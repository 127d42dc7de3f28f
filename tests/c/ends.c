/* Each task tells its end exactly once, and what `done` finds and may do. */
#include "tasks.h"

static const char greeting[] = "hello";

/* ---- exactly once */

static void test_once(void)
{
    tus_client *client = client_with_workers(1);
    tus_source *source = memory_source(greeting, 5), *other = memory_source(greeting, 5);
    struct end ends[4], occupied;
    struct gate gate;
    tus_task *tasks[4], *first;
    tus_error *err = NULL;
    char url[1000];
    size_t i;
    snprintf(url, sizeof url, "%sno-such-upload", server_url);

    /* Success and failure. */
    tasks[0] = begin_upload(client, source, NULL, &ends[0]);
    EXPECT_END(tasks[0], &ends[0], TUS_OK);
    memset(&ends[1], 0, sizeof ends[1]);
    CHECK_RESULT(tus_client_resume_upload_async(client, source, url, NULL, tell_end, &ends[1], release_end, &tasks[1],
                                                &err),
                 TUS_OK);
    EXPECT_END(tasks[1], &ends[1], TUS_E_GONE);

    /* Cancelled in the queue: the one that runs goes on, and so does the one behind. Again and again. */
    first = occupy(client, &gate, &occupied);
    tasks[2] = begin_upload(client, source, NULL, &ends[2]);
    tasks[3] = begin_upload(client, other, NULL, &ends[3]);
    CHECK_NUMBER(tus_task_state(first), TUS_TASK_RUNNING);
    CHECK_NUMBER(tus_task_state(tasks[2]), TUS_TASK_QUEUED);
    for (i = 0; i < 3; i++)
        tus_task_cancel(tasks[2]);
    CHECK_OK(tus_task_wait(tasks[2], PATIENCE_MS));
    CHECK_TASK(tasks[2], TUS_E_CANCELLED);
    CHECK_ENDED(&ends[2]);
    CHECK_NUMBER(load(&occupied.done), 0);
    CHECK_NUMBER(load(&ends[3].done), 0);
    store(&gate.open, 1);
    EXPECT_END(first, &occupied, TUS_OK);
    EXPECT_END(tasks[3], &ends[3], TUS_OK);
    /* What is over is over. */
    tus_task_cancel_and_delete(tasks[2]);
    tus_task_pause(tasks[2]);
    CHECK_NUMBER(tus_task_state(tasks[2]), TUS_TASK_DONE);
    tus_task_resume(tasks[2]);
    tus_task_set_priority(tasks[2], 7);
    nap(50);
    EXPECT_END(tasks[2], &ends[2], TUS_E_CANCELLED);

    /* Cancelled while it runs, inside the program's reader: it ends when that returns. */
    first = occupy(client, &gate, &occupied);
    tus_task_cancel(first);
    CHECK_STATUS(tus_task_wait(first, 50), TUS_E_TIMEOUT);
    CHECK_NUMBER(load(&occupied.done), 0);
    store(&gate.open, 1);
    EXPECT_END(first, &occupied, TUS_E_CANCELLED);
    CHECK_NUMBER(gate.destroyed, 1);

    /* Its own end: the reader's code. */
    first = occupy(client, &gate, &occupied);
    store(&gate.code, 17);
    store(&gate.open, 1);
    CHECK_OK(tus_task_wait(first, PATIENCE_MS));
    {
        const tus_error *told = NULL;
        CHECK_STATUS(tus_task_result(first, &told), TUS_E_CALLBACK);
        CHECK_NUMBER(tus_error_callback_code(told), 17);
    }
    EXPECT_END(first, &occupied, TUS_E_CALLBACK);
    tus_source_free(other);
    tus_source_free(source);
    tus_client_unref(client);
}

/* ---- what is wrong with the arguments */

static void never_called(void *user_data, tus_task *task)
{
    (void)user_data, (void)task;
    CHECK(!"done without a task");
}

static int released;

/* Released at once, no task, and the pointer is cleared. */
#define REFUSED(status, call)                                                                                          \
    do {                                                                                                               \
        tus_error *err = NULL;                                                                                         \
        tus_task *task = (tus_task *)(uintptr_t)&released;                                                             \
        released = 0;                                                                                                  \
        CHECK_FAILS(call, status);                                                                                     \
        CHECK(task == NULL);                                                                                           \
        CHECK_NUMBER(released, 1);                                                                                     \
    } while (0)
#define NOTICE never_called, &released, count_up, &task, &err

static void refuses_everything(tus_client *client, tus_source *source, tus_status status)
{
    const char *path = "/no/such/file", *url = server_url;
    REFUSED(status, tus_client_upload_file_async(client, path, NULL, NOTICE));
    REFUSED(status, tus_client_upload_async(client, source, NULL, NOTICE));
    REFUSED(status, tus_client_resume_upload_async(client, source, url, NULL, NOTICE));
    REFUSED(status, tus_client_create_partial_upload_async(client, source, NULL, NOTICE));
    REFUSED(status, tus_client_create_final_upload_async(client, &url, 1, NULL, NOTICE));
    REFUSED(status, tus_client_create_deferred_upload_async(client, NULL, NOTICE));
    REFUSED(status, tus_client_get_upload_info_async(client, url, NOTICE));
    REFUSED(status, tus_client_get_metadata_async(client, url, NOTICE));
    REFUSED(status, tus_client_get_server_info_async(client, NOTICE));
    REFUSED(status, tus_client_find_previous_uploads_async(client, source, NOTICE));
    REFUSED(status, tus_client_delete_upload_async(client, url, NOTICE));
    REFUSED(status, tus_client_prune_store_async(client, 0, NOTICE));
    REFUSED(status, tus_client_create_uploader_async(client, source, NULL, NOTICE));
}

static void test_arguments(void)
{
    const tus_status invalid = TUS_E_INVALID_ARGUMENT;
    tus_client *client = make_client();
    tus_source *source = memory_source(greeting, 5);
    tus_upload_options *options = tus_upload_options_new();
    const char *urls[2] = {server_url, NULL}, *latin = "caf\xe9";
    CHECK_INVALID(tus_upload_options_set_chunk_size(options, 0));
    refuses_everything(NULL, source, invalid);
    refuses_everything((tus_client *)source, source, invalid);
    REFUSED(invalid, tus_client_upload_file_async(client, NULL, NULL, NOTICE));
    REFUSED(invalid, tus_client_upload_async(client, NULL, NULL, NOTICE));
    REFUSED(invalid, tus_client_upload_async(client, (tus_source *)client, NULL, NOTICE));
    REFUSED(invalid, tus_client_upload_async(client, source, (tus_upload_options *)source, NOTICE));
    REFUSED(invalid, tus_client_resume_upload_async(client, NULL, server_url, NULL, NOTICE));
    REFUSED(invalid, tus_client_resume_upload_async(client, source, NULL, NULL, NOTICE));
    REFUSED(invalid, tus_client_resume_upload_async(client, source, latin, NULL, NOTICE));
    REFUSED(invalid, tus_client_create_partial_upload_async(client, NULL, NULL, NOTICE));
    REFUSED(invalid, tus_client_create_final_upload_async(client, NULL, 1, NULL, NOTICE));
    REFUSED(invalid, tus_client_create_final_upload_async(client, urls, 2, NULL, NOTICE));
    REFUSED(invalid, tus_client_get_upload_info_async(client, NULL, NOTICE));
    REFUSED(invalid, tus_client_get_upload_info_async(client, latin, NOTICE));
    REFUSED(invalid, tus_client_get_metadata_async(client, NULL, NOTICE));
    REFUSED(invalid, tus_client_find_previous_uploads_async(client, NULL, NOTICE));
    REFUSED(invalid, tus_client_delete_upload_async(client, NULL, NOTICE));
    REFUSED(invalid, tus_client_create_uploader_async(client, NULL, NULL, NOTICE));
    REFUSED(invalid, tus_uploader_upload_async(NULL, NOTICE));
    REFUSED(invalid, tus_uploader_upload_chunk_async(NULL, NOTICE));
    REFUSED(invalid, tus_uploader_upload_chunk_async((tus_uploader *)client, NOTICE));
    /* What a setter had refused. */
    REFUSED(invalid, tus_client_upload_file_async(client, "/no/such/file", options, NOTICE));
    REFUSED(invalid, tus_client_upload_async(client, source, options, NOTICE));
    REFUSED(invalid, tus_client_resume_upload_async(client, source, server_url, options, NOTICE));
    REFUSED(invalid, tus_client_create_partial_upload_async(client, source, options, NOTICE));
    REFUSED(invalid, tus_client_create_final_upload_async(client, urls, 1, options, NOTICE));
    REFUSED(invalid, tus_client_create_deferred_upload_async(client, options, NOTICE));
    REFUSED(invalid, tus_client_create_uploader_async(client, source, options, NOTICE));
    /* Nobody wants to know. */
    released = 0;
    CHECK_INVALID(tus_client_upload_async(NULL, source, NULL, NULL, &released, count_up, NULL, NULL));
    CHECK_NUMBER(released, 1);
    CHECK_INVALID(tus_client_upload_async(client, NULL, NULL, NULL, NULL, NULL, NULL, NULL));
    tus_upload_options_free(options);
    tus_source_free(source);
    tus_client_unref(client);
}

/* What asks a task that is none. */
static void test_no_task(void)
{
    tus_client *client = make_client();
    tus_task *const wrong[2] = {NULL, (tus_task *)client};
    size_t i;
    for (i = 0; i < COUNT(wrong); i++) {
        const tus_error *err = (const tus_error *)client;
        tus_progress progress;
        progress.struct_size = sizeof progress;
        CHECK_INVALID(tus_task_wait(wrong[i], 0));
        CHECK_INVALID(tus_task_state(wrong[i]));
        CHECK_NUMBER(tus_task_is_done(wrong[i]), 0);
        CHECK_INVALID(tus_task_result(wrong[i], &err));
        CHECK(err == NULL);
        CHECK_INVALID(tus_task_result(wrong[i], NULL));
        CHECK_INVALID(tus_task_get_progress(wrong[i], &progress));
        CHECK_TEXT(tus_task_upload_url(wrong[i]), NULL);
        CHECK(tus_task_take_info(wrong[i]) == NULL);
        CHECK(tus_task_take_metadata(wrong[i]) == NULL);
        CHECK(tus_task_take_server_info(wrong[i]) == NULL);
        CHECK(tus_task_take_previous_list(wrong[i]) == NULL);
        CHECK(tus_task_take_uploader(wrong[i]) == NULL);
        CHECK_NUMBER(tus_task_more(wrong[i]), 0);
        CHECK_NUMBER(tus_task_pruned(wrong[i]), 0);
        CHECK(tus_task_ref(wrong[i]) == NULL);
        tus_task_cancel(wrong[i]);
        tus_task_cancel_and_delete(wrong[i]);
        tus_task_pause(wrong[i]);
        tus_task_resume(wrong[i]);
        tus_task_set_priority(wrong[i], 1);
        tus_task_unref(wrong[i]);
    }
    CHECK_INVALID(tus_client_close(NULL, 0));
    CHECK_NUMBER(tus_client_dispatch(NULL, 0), 0);
    CHECK(tus_client_event_handle(NULL) == -1);
    CHECK_INVALID(tus_client_set_workers(NULL, 1));
    CHECK_NUMBER(tus_has_feature("async"), 1);
    tus_client_unref(client);
}

static void test_closed(void)
{
    tus_client *client = make_client();
    tus_source *source = memory_source(greeting, 5);
    tus_uploader *uploader = NULL;
    tus_error *err = NULL;
    CHECK_RESULT(tus_client_create_uploader(client, source, NULL, &uploader, &err), TUS_OK);
    CHECK_OK(tus_client_close(client, TUS_WAIT_FOREVER));
    refuses_everything(client, source, TUS_E_INVALID_STATE);
    REFUSED(TUS_E_INVALID_STATE, tus_uploader_upload_async(uploader, NOTICE));
    REFUSED(TUS_E_INVALID_STATE, tus_uploader_upload_chunk_async(uploader, NOTICE));
    /* What is wrong with the arguments still comes first or not at all: no task either way. */
    released = 0;
    CHECK(tus_client_upload_async(client, NULL, NULL, never_called, &released, count_up, NULL, NULL) != TUS_OK);
    CHECK_NUMBER(released, 1);
    tus_uploader_free(uploader);
    tus_source_free(source);
    tus_client_unref(client);
}

#undef NOTICE

/* ---- never inside the call, never before its result is written */

struct slot {
    tus_task *task;
    int done;
    int destroyed;
    pthread_t caller;
};

static void look_at_slot(void *user_data, tus_task *task)
{
    struct slot *slot = (struct slot *)user_data;
    /* What the call wrote is there, though it may not have returned yet. */
    CHECK(__atomic_load_n(&slot->task, __ATOMIC_SEQ_CST) == task);
    CHECK(!pthread_equal(pthread_self(), slot->caller));
    CHECK_NUMBER(tus_task_is_done(task), 1);
    count_up(&slot->done);
}

static void release_slot(void *user_data)
{
    struct slot *slot = (struct slot *)user_data;
    CHECK_NUMBER(load(&slot->done), 1);
    count_up(&slot->destroyed);
}

enum { ROUNDS = 300 };

/* Tasks that are over at once, begun by the thousand: none is over before it has begun. */
static void test_written_first(void)
{
    static struct slot slots[ROUNDS];
    tus_client *client = client_with_workers(8);
    struct path missing = path_of("missing");
    size_t i;
    for (i = 0; i < ROUNDS; i++) {
        tus_error *err = NULL;
        slots[i].caller = pthread_self();
        CHECK_RESULT(tus_client_upload_file_async(client, missing.text, NULL, look_at_slot, &slots[i], release_slot,
                                                  &slots[i].task, &err),
                     TUS_OK);
        NEED(slots[i].task != NULL);
        /* Cancelled from the queue or just done: not on this thread either. */
        if (i % 3 == 0)
            tus_task_cancel(slots[i].task);
    }
    for (i = 0; i < ROUNDS; i++) {
        CHECK_OK(tus_task_wait(slots[i].task, TUS_WAIT_FOREVER));
        CHECK_NUMBER(slots[i].done, 1);
        CHECK_NUMBER(slots[i].destroyed, 1);
        tus_task_unref(slots[i].task);
    }
    tus_client_unref(client);
}

/* ---- inside `done` */

struct inside {
    tus_client *client;
    tus_client *other;
    tus_source *spare;
    tus_task *victims[2];
    struct end victim_ends[2];
    struct end next;
    struct gate gates[2];
    tus_task *kept;
    tus_task *own;
    int done;
    int destroyed;
};

static void do_everything(void *user_data, tus_task *task)
{
    struct inside *inside = (struct inside *)user_data;
    tus_client *client = inside->client;
    tus_info *info;
    tus_uploader *uploader = NULL;
    tus_task *next = NULL;
    tus_error *err = NULL;
    char value[20];
    tus_progress progress;
    /* Nobody else's `done` runs inside this one. */
    calling++;
    CHECK_TASK(task, TUS_OK);
    CHECK_NUMBER(load(&inside->destroyed), 0);
    /* What it has is here. */
    CHECK(tus_task_upload_url(task) != NULL);
    progress.struct_size = sizeof progress;
    CHECK_OK(tus_task_get_progress(task, &progress));
    CHECK_NUMBER(progress.confirmed, 5);
    info = tus_task_take_info(task);
    CHECK_NUMBER(tus_info_is_complete(info), 1);
    CHECK_TEXT(tus_info_url(info), tus_task_upload_url(task));
    CHECK(tus_task_take_info(task) == NULL);

    /* What blocks is refused, a wait for what is over is none. */
    CHECK_FAILS(tus_client_upload(client, inside->spare, NULL, NULL, &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_get_server_info(client, NULL, &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_delete_upload(client, tus_info_url(info), &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_prune_store(client, 0, NULL, &err), TUS_E_BUSY);
    CHECK_FAILS(tus_client_create_uploader(client, inside->spare, NULL, &uploader, &err), TUS_E_BUSY);
    CHECK_STATUS(tus_client_close(client, 0), TUS_E_BUSY);
    CHECK_STATUS(tus_client_close(client, TUS_WAIT_FOREVER), TUS_E_BUSY);
    CHECK_STATUS(tus_task_wait(inside->victims[0], TUS_WAIT_FOREVER), TUS_E_BUSY);
    CHECK_STATUS(tus_task_wait(inside->victims[0], 1), TUS_E_BUSY);
    CHECK_STATUS(tus_task_wait(inside->victims[0], 0), TUS_E_TIMEOUT);
    CHECK_NUMBER(tus_client_dispatch(client, 0), 0);
    CHECK_STATUS(tus_task_result(inside->victims[0], NULL), TUS_E_BUSY);
    tus_info_free(info);

    /* What does not block is welcome, and so is another client. */
    CHECK_RESULT(tus_client_set_header(client, "X-From-Inside", "1", &err), TUS_OK);
    CHECK_RESULT(tus_client_copy_header(client, "X-From-Inside", value, sizeof value, NULL, &err), TUS_OK);
    CHECK_OK(tus_client_set_workers(client, 2));
    CHECK_RESULT(tus_client_get_server_info(inside->other, NULL, &err), TUS_OK);
    CHECK(tus_task_ref(task) == task);
    inside->kept = task;
    /* The count of whoever began it, and one more. */
    CHECK(tus_task_ref(task) == task);
    tus_task_unref(task);
    tus_task_unref(inside->own);

    /* The next one, and the end of others: one that runs, one in the queue. */
    memset(&inside->next, 0, sizeof inside->next);
    CHECK_RESULT(tus_client_upload_async(client, inside->spare, NULL, tell_end, &inside->next, release_end, &next, &err),
                 TUS_OK);
    CHECK(next != NULL && next != task);
    tus_task_unref(next);
    tus_task_cancel(inside->victims[0]);
    tus_task_cancel(inside->victims[1]);
    tus_task_cancel(task);
    store(&inside->gates[0].open, 1);
    store(&inside->gates[1].open, 1);
    /* The last count of the client but for those of its tasks. */
    tus_client_unref(client);
    count_up(&inside->done);
    calling--;
}

static void release_inside(void *user_data)
{
    struct inside *inside = (struct inside *)user_data;
    CHECK_NUMBER(load(&inside->done), 1);
    count_up(&inside->destroyed);
}

/* A destroy function is as far inside as `done`. */
static void destroyed_config(void *user_data)
{
    count_up((int *)user_data);
}

static int32_t before_nothing(void *user_data, tus_request *request)
{
    (void)request;
    CHECK_NUMBER(load((int *)user_data), 0);
    return 0;
}

static void test_inside(void)
{
    static struct inside inside;
    tus_config *config = make_config();
    tus_source *source = memory_source(greeting, 5), *queued = gate_source(&inside.gates[1]);
    tus_error *err = NULL;
    int config_gone = 0;
    CHECK_OK(tus_config_set_workers(config, 2));
    CHECK_OK(tus_config_set_before_request(config, before_nothing, &config_gone, destroyed_config));
    inside.client = client_of(config);
    inside.other = make_client();
    inside.spare = memory_source(greeting, 5);
    inside.victims[0] = occupy(inside.client, &inside.gates[0], &inside.victim_ends[0]);
    /* With one place left: this one takes it, and the other one waits behind. */
    CHECK_OK(tus_client_set_workers(inside.client, 1));
    CHECK_RESULT(tus_client_upload_async(inside.client, source, NULL, do_everything, &inside, release_inside,
                                         &inside.own, &err),
                 TUS_OK);
    inside.victims[1] = begin_upload(inside.client, queued, NULL, &inside.victim_ends[1]);
    tus_task_set_priority(inside.victims[1], -5);
    CHECK_OK(tus_client_set_workers(inside.client, 2));
    CHECK(reaches(&inside.destroyed, 1));
    CHECK_NUMBER(inside.done, 1);
    EXPECT_END(inside.victims[0], &inside.victim_ends[0], TUS_E_CANCELLED);
    CHECK(reaches(&inside.next.destroyed, 1));
    CHECK_ENDED(&inside.next);
    CHECK_STATUS(inside.next.status, TUS_OK);
    EXPECT_END(inside.victims[1], &inside.victim_ends[1], TUS_E_CANCELLED);
    CHECK_OK(tus_task_wait(inside.kept, TUS_WAIT_FOREVER));
    CHECK_TASK(inside.kept, TUS_OK);
    CHECK(tus_task_take_info(inside.kept) == NULL);
    tus_task_unref(inside.kept);
    tus_source_free(inside.spare);
    tus_source_free(queued);
    tus_source_free(source);
    tus_client_unref(inside.other);
    /* Nobody holds the client any more; the thread that let it go last may be about to say so. */
    CHECK(reaches(&config_gone, 1));
    nap(20);
    CHECK_NUMBER(load(&config_gone), 1);
}

/* ---- each done begins the next */

struct chain {
    tus_client *client;
    tus_source *source;
    int left;
    int links;
    int destroyed;
};

static void release_link(void *user_data)
{
    count_up(&((struct chain *)user_data)->destroyed);
}

static void begin_next(void *user_data, tus_task *task)
{
    struct chain *chain = (struct chain *)user_data;
    tus_error *err = NULL;
    if (task != NULL)
        CHECK_TASK(task, TUS_OK);
    count_up(&chain->links);
    if (chain->left-- == 0)
        return;
    /* The source is free again: it was in use only while the task ran. */
    CHECK_RESULT(tus_client_upload_async(chain->client, chain->source, NULL, begin_next, chain, release_link, NULL, &err),
                 TUS_OK);
}

static void test_chain(void)
{
    struct chain chain = {NULL, NULL, 20, -1, 0};
    chain.client = client_with_workers(1);
    chain.source = memory_source(greeting, 5);
    begin_next(&chain, NULL);
    CHECK(reaches(&chain.destroyed, 20));
    CHECK_NUMBER(load(&chain.links), 20);
    CHECK_OK(tus_client_close(chain.client, TUS_WAIT_FOREVER));
    CHECK_NUMBER(chain.destroyed, 20);
    tus_source_free(chain.source);
    tus_client_unref(chain.client);
}

/* ---- from hooks */

struct hooked {
    tus_client *client;
    struct end ends[2];
    int begun;
    int released;
};

static void begin_one(struct hooked *hooked, int which)
{
    tus_error *err = NULL;
    calling++;
    CHECK_RESULT(tus_client_get_server_info_async(hooked->client, tell_end, &hooked->ends[which], release_end, NULL,
                                                  &err),
                 TUS_OK);
    calling--;
}

static int32_t begin_in_hook(void *user_data, tus_request *request)
{
    struct hooked *hooked = (struct hooked *)user_data;
    if (strcmp(tus_request_method(request), "POST") == 0 && __atomic_fetch_add(&hooked->begun, 1, __ATOMIC_SEQ_CST) == 0)
        begin_one(hooked, 0);
    return 0;
}

static void begin_in_destroy(void *user_data)
{
    struct hooked *hooked = (struct hooked *)user_data;
    begin_one(hooked, 1);
    count_up(&hooked->released);
}

/* Operations begin from a hook and from a destroy function: of a task, and of a blocking call. */
static void test_hooks(void)
{
    int blocking;
    for (blocking = 0; blocking < 2; blocking++) {
        static struct hooked hooked;
        tus_config *config = make_config();
        tus_source *source = memory_source(greeting, 5);
        tus_error *err = NULL;
        memset(&hooked, 0, sizeof hooked);
        CHECK_OK(tus_config_set_workers(config, 1));
        CHECK_OK(tus_config_set_before_request(config, begin_in_hook, &hooked, NULL));
        hooked.client = client_of(config);
        if (blocking)
            CHECK_RESULT(tus_client_upload(hooked.client, source, NULL, NULL, &err), TUS_OK);
        else
            CHECK_RESULT(tus_client_upload_async(hooked.client, source, NULL, NULL, &hooked, begin_in_destroy, NULL,
                                                 &err),
                         TUS_OK);
        CHECK(reaches(&hooked.ends[0].destroyed, 1));
        CHECK_ENDED(&hooked.ends[0]);
        CHECK_STATUS(hooked.ends[0].status, TUS_OK);
        if (!blocking) {
            CHECK(reaches(&hooked.ends[1].destroyed, 1));
            CHECK_ENDED(&hooked.ends[1]);
            CHECK_STATUS(hooked.ends[1].status, TUS_OK);
            /* The task that it began may be over before it returns. */
            CHECK(reaches(&hooked.released, 1));
            CHECK_NUMBER(load(&hooked.released), 1);
        }
        tus_source_free(source);
        CHECK_OK(tus_client_close(hooked.client, TUS_WAIT_FOREVER));
        tus_client_unref(hooked.client);
    }
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"once", test_once},   {"arguments", test_arguments},         {"no_task", test_no_task},
        {"closed", test_closed}, {"written_first", test_written_first}, {"inside", test_inside},
        {"chain", test_chain}, {"hooks", test_hooks},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
