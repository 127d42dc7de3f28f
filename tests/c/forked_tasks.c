/* After fork() the child can do nothing with the parent's tasks, and its ends are not told there; the parent goes on. */
#include <sys/wait.h>

#include "tasks.h"

static const char greeting[] = "hello";

static int released;

static void never_called(void *user_data, tus_task *task)
{
    (void)user_data, (void)task;
    CHECK(!"done without a task");
}

#define REFUSED(call)                                                                                                  \
    do {                                                                                                               \
        tus_error *err = NULL;                                                                                         \
        tus_task *task = (tus_task *)(uintptr_t)&released;                                                             \
        released = 0;                                                                                                  \
        CHECK_FAILS(call, TUS_E_FORKED);                                                                               \
        CHECK(task == NULL);                                                                                           \
        CHECK_NUMBER(released, 1);                                                                                     \
    } while (0)
#define NOTICE never_called, &released, count_up, &task, &err

static void refuses_everything(tus_client *client, tus_source *source, tus_uploader *uploader)
{
    const char *path = "/no/such/file", *url = server_url;
    REFUSED(tus_client_upload_file_async(client, path, NULL, NOTICE));
    REFUSED(tus_client_upload_async(client, source, NULL, NOTICE));
    REFUSED(tus_client_resume_upload_async(client, source, url, NULL, NOTICE));
    REFUSED(tus_client_create_partial_upload_async(client, source, NULL, NOTICE));
    REFUSED(tus_client_create_final_upload_async(client, &url, 1, NULL, NOTICE));
    REFUSED(tus_client_create_deferred_upload_async(client, NULL, NOTICE));
    REFUSED(tus_client_get_upload_info_async(client, url, NOTICE));
    REFUSED(tus_client_get_metadata_async(client, url, NOTICE));
    REFUSED(tus_client_get_server_info_async(client, NOTICE));
    REFUSED(tus_client_find_previous_uploads_async(client, source, NOTICE));
    REFUSED(tus_client_delete_upload_async(client, url, NOTICE));
    REFUSED(tus_client_prune_store_async(client, 0, NOTICE));
    REFUSED(tus_client_create_uploader_async(client, source, NULL, NOTICE));
    REFUSED(tus_uploader_upload_async(uploader, NOTICE));
    REFUSED(tus_uploader_upload_chunk_async(uploader, NOTICE));
    CHECK_STATUS(tus_client_set_workers(client, 2), TUS_E_FORKED);
    CHECK_STATUS(tus_client_close(client, TUS_WAIT_FOREVER), TUS_E_FORKED);
    CHECK_STATUS(tus_client_close(client, 0), TUS_E_FORKED);
    CHECK_NUMBER(tus_client_dispatch(client, 0), 0);
    CHECK(tus_client_event_handle(client) == -1);
}

static void is_nothing(tus_task *task)
{
    const tus_error *err = (const tus_error *)task;
    tus_progress progress;
    progress.struct_size = sizeof progress;
    CHECK_STATUS(tus_task_wait(task, TUS_WAIT_FOREVER), TUS_E_FORKED);
    CHECK_STATUS(tus_task_wait(task, 0), TUS_E_FORKED);
    CHECK_STATUS(tus_task_state(task), TUS_E_FORKED);
    CHECK_NUMBER(tus_task_is_done(task), 0);
    CHECK_STATUS(tus_task_result(task, &err), TUS_E_FORKED);
    CHECK(err == NULL);
    CHECK_STATUS(tus_task_get_progress(task, &progress), TUS_E_FORKED);
    CHECK_TEXT(tus_task_upload_url(task), NULL);
    CHECK(tus_task_take_info(task) == NULL);
    CHECK(tus_task_take_metadata(task) == NULL);
    CHECK(tus_task_take_server_info(task) == NULL);
    CHECK(tus_task_take_previous_list(task) == NULL);
    CHECK(tus_task_take_uploader(task) == NULL);
    CHECK_NUMBER(tus_task_more(task), 0);
    CHECK_NUMBER(tus_task_pruned(task), 0);
    tus_task_set_priority(task, 1);
    tus_task_pause(task);
    tus_task_resume(task);
    tus_task_cancel_and_delete(task);
    tus_task_cancel(task);
    tus_task_unref(task);
}

enum { TASKS = 4 };

static void in_child(tus_client *client, tus_client *queueing, tus_source *source, tus_uploader *uploader,
                     tus_task *const *tasks, struct end *ends)
{
    tus_client *own;
    struct end end;
    tus_task *task;
    int i;
    refuses_everything(client, source, uploader);
    CHECK_STATUS(tus_client_close(queueing, TUS_WAIT_FOREVER), TUS_E_FORKED);
    CHECK_NUMBER(tus_client_dispatch(queueing, 0), 0);
    CHECK(tus_client_event_handle(queueing) == -1);
    for (i = 0; i < TASKS; i++)
        is_nothing(tasks[i]);
    tus_uploader_free(uploader);
    tus_client_unref(queueing);
    tus_client_unref(client);

    /* One of the child's own, with the source that nobody uses. */
    own = client_with_workers(2);
    task = begin_upload(own, source, NULL, &end);
    EXPECT_END(task, &end, TUS_OK);
    CHECK_OK(tus_client_close(own, TUS_WAIT_FOREVER));
    tus_client_unref(own);
    tus_source_free(source);
    /* Nothing of the parent's was told here: the last one was over before. */
    for (i = 0; i < TASKS; i++) {
        CHECK_NUMBER(ends[i].done, i == 2);
        CHECK_NUMBER(ends[i].destroyed, i == 2);
    }
}

static void test_forked(void)
{
    tus_config *config = make_config();
    tus_client *client = client_with_workers(1), *queueing;
    tus_source *source = memory_source(greeting, 5), *spare = memory_source(greeting, 5),
               *chunked = memory_source(greeting, 5);
    tus_uploader *uploader = NULL;
    tus_task *tasks[TASKS];
    tus_error *err = NULL;
    struct end ends[TASKS];
    struct gate gate;
    tus_info *info;
    int i, status = -1;
    pid_t child;
    CHECK_OK(tus_config_set_dispatch(config, TUS_DISPATCH_QUEUE));
    queueing = client_of(config);
    CHECK(tus_client_event_handle(queueing) >= 0);
    CHECK_RESULT(tus_client_create_uploader(client, chunked, NULL, &uploader, &err), TUS_OK);
    /* One that is over, one that runs, one that waits, and one whose end waits. */
    tasks[2] = begin_upload(client, source, NULL, &ends[2]);
    CHECK_OK(tus_task_wait(tasks[2], TUS_WAIT_FOREVER));
    tasks[0] = occupy(client, &gate, &ends[0]);
    tasks[1] = begin_upload(client, source, NULL, &ends[1]);
    tasks[3] = NULL;
    memset(&ends[3], 0, sizeof ends[3]);
    CHECK_RESULT(tus_client_get_server_info_async(queueing, tell_end, &ends[3], release_end, &tasks[3], &err), TUS_OK);
    CHECK_OK(tus_task_wait(tasks[3], TUS_WAIT_FOREVER));

    child = fork();
    NEED(child >= 0);
    if (child == 0) {
        in_child(client, queueing, spare, uploader, tasks, ends);
        _exit(check_failures == 0 ? 0 : 1);
    }
    NEED(waitpid(child, &status, 0) == child);
    CHECK_NUMBER(status, 0);

    /* The parent knows nothing of it. */
    CHECK_NUMBER(tus_task_state(tasks[0]), TUS_TASK_RUNNING);
    CHECK_NUMBER(tus_task_state(tasks[1]), TUS_TASK_QUEUED);
    store(&gate.open, 1);
    EXPECT_END(tasks[0], &ends[0], TUS_OK);
    EXPECT_END(tasks[1], &ends[1], TUS_OK);
    info = tus_task_take_info(tasks[2]);
    CHECK_NUMBER(tus_info_is_complete(info), 1);
    tus_info_free(info);
    EXPECT_END(tasks[2], &ends[2], TUS_OK);
    CHECK_NUMBER(tus_client_dispatch(queueing, 0), 1);
    EXPECT_END(tasks[3], &ends[3], TUS_OK);
    memset(&ends[0], 0, sizeof ends[0]);
    CHECK_RESULT(tus_uploader_upload_async(uploader, tell_end, &ends[0], release_end, &tasks[0], &err), TUS_OK);
    EXPECT_END(tasks[0], &ends[0], TUS_OK);
    CHECK_OK(tus_client_close(client, TUS_WAIT_FOREVER));
    for (i = 0; i < 3; i++)
        CHECK_ENDED(&ends[i]);
    tus_uploader_free(uploader);
    tus_source_free(chunked);
    tus_source_free(spare);
    tus_source_free(source);
    tus_client_unref(queueing);
    tus_client_unref(client);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {{"forked", test_forked}};
    return run_case(argc, argv, cases, COUNT(cases));
}
