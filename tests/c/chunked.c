/* Uploads that are driven chunk by chunk with tasks, each end beginning the next. */
#include "tasks.h"

#define SIZE 4000
#define CHUNK 1000

static unsigned char bytes[SIZE];

static tus_client *chunked_client(void)
{
    tus_config *config = make_config();
    CHECK_OK(tus_config_set_chunk_size(config, CHUNK));
    CHECK_OK(tus_config_set_workers(config, 1));
    return client_of(config);
}

static tus_uploader *make_uploader(tus_client *client, tus_source *source, const tus_upload_options *options)
{
    tus_uploader *uploader = NULL;
    tus_error *err = NULL;
    CHECK_RESULT(tus_client_create_uploader(client, source, options, &uploader, &err), TUS_OK);
    NEED(uploader != NULL);
    return uploader;
}

/* ---- one after another */

struct drive {
    tus_uploader *uploader;
    pthread_t main;
    int chunks;
    int destroyed;
    int finished;
};

static void released(void *user_data)
{
    count_up(&((struct drive *)user_data)->destroyed);
}

static void next_chunk(void *user_data, tus_task *task)
{
    struct drive *drive = (struct drive *)user_data;
    tus_error *err = NULL;
    CHECK(!pthread_equal(pthread_self(), drive->main));
    CHECK_TASK(task, TUS_OK);
    /* The getters tell how it is after this chunk. */
    CHECK_NUMBER(tus_uploader_offset(drive->uploader), ++drive->chunks * CHUNK);
    CHECK_NUMBER(tus_task_more(task), drive->chunks * CHUNK < SIZE);
    if (!tus_task_more(task)) {
        CHECK_NUMBER(tus_uploader_is_complete(drive->uploader), 1);
        store(&drive->finished, 1);
        return;
    }
    CHECK_FAILS(tus_uploader_upload_chunk(drive->uploader, NULL, &err), TUS_E_BUSY);
    CHECK_RESULT(tus_uploader_upload_chunk_async(drive->uploader, next_chunk, drive, released, NULL, &err), TUS_OK);
}

/* What made the uploader sends its first chunk. */
static void first_chunk(void *user_data, tus_task *task)
{
    struct drive *drive = (struct drive *)user_data;
    tus_error *err = NULL;
    drive->uploader = tus_task_take_uploader(task);
    NEED(drive->uploader != NULL);
    CHECK_TEXT(tus_task_upload_url(task), tus_uploader_url(drive->uploader));
    CHECK_RESULT(tus_uploader_upload_chunk_async(drive->uploader, next_chunk, drive, released, NULL, &err), TUS_OK);
}

static void test_driven(void)
{
    tus_client *client = chunked_client();
    tus_source *source = memory_source(bytes, SIZE);
    struct drive drive;
    tus_error *err = NULL;
    memset(&drive, 0, sizeof drive);
    drive.main = pthread_self();
    CHECK_RESULT(tus_client_create_uploader_async(client, source, NULL, first_chunk, &drive, released, NULL, &err),
                 TUS_OK);
    CHECK(reaches(&drive.destroyed, 5));
    CHECK_NUMBER(drive.finished, 1);
    CHECK_NUMBER(drive.chunks, 4);
    tus_uploader_free(drive.uploader);
    tus_source_free(source);
    tus_client_unref(client);
}

/* ---- one at a time */

/* A progress function that waits, once its gate is closed: making the uploader tells the first numbers. */
static int32_t wait_in_progress(void *user_data, const tus_progress *progress)
{
    struct gate *gate = (struct gate *)user_data;
    (void)progress;
    count_up(&gate->waiting);
    CHECK(reaches(&gate->open, 1));
    return 0;
}

static tus_upload_options *waiting_options(struct gate *gate)
{
    tus_upload_options *options = tus_upload_options_new();
    memset(gate, 0, sizeof *gate);
    gate->open = 1;
    CHECK_OK(tus_upload_options_set_progress(options, wait_in_progress, gate, gate_gone));
    return options;
}

static void close_gate(struct gate *gate)
{
    store(&gate->open, 0);
    store(&gate->waiting, 0);
}

static void *upload_chunk(void *user_data)
{
    CHECK_OK(tus_uploader_upload_chunk((tus_uploader *)user_data, NULL, NULL));
    return NULL;
}

static tus_task *begin_sending(tus_uploader *uploader, struct end *end, int all)
{
    tus_task *task = NULL;
    tus_error *err = NULL;
    memset(end, 0, sizeof *end);
    calling++;
    if (all)
        CHECK_RESULT(tus_uploader_upload_async(uploader, tell_end, end, release_end, &task, &err), TUS_OK);
    else
        CHECK_RESULT(tus_uploader_upload_chunk_async(uploader, tell_end, end, release_end, &task, &err), TUS_OK);
    calling--;
    NEED(task != NULL);
    return task;
}

/* As a task or as a blocking call: the second one is refused, by the task where it is one. */
static void test_busy(void)
{
    int as_task;
    for (as_task = 0; as_task < 2; as_task++) {
        tus_client *client = chunked_client();
        tus_source *source = memory_source(bytes, SIZE);
        struct gate gate;
        tus_upload_options *options = waiting_options(&gate);
        tus_uploader *uploader;
        tus_task *task = NULL, *second;
        tus_error *err = NULL;
        struct end ends[2];
        pthread_t thread;
        int i;
        /* One that sends, one that is refused. */
        CHECK_OK(tus_client_set_workers(client, 2));
        uploader = make_uploader(client, source, options);
        close_gate(&gate);
        if (as_task)
            task = begin_sending(uploader, &ends[0], 0);
        else
            NEED(pthread_create(&thread, NULL, upload_chunk, uploader) == 0);
        CHECK(reaches(&gate.waiting, 1));
        CHECK_FAILS(tus_uploader_upload_chunk(uploader, NULL, &err), TUS_E_BUSY);
        CHECK_FAILS(tus_uploader_upload(uploader, NULL, &err), TUS_E_BUSY);
        for (i = 0; i < 2; i++) {
            second = begin_sending(uploader, &ends[1], i);
            CHECK_OK(tus_task_wait(second, PATIENCE_MS));
            CHECK_NUMBER(tus_task_more(second), 0);
            CHECK(tus_task_take_info(second) == NULL);
            EXPECT_END(second, &ends[1], TUS_E_BUSY);
        }
        second = begin_upload(client, source, NULL, &ends[1]);
        EXPECT_END(second, &ends[1], TUS_E_BUSY);
        store(&gate.open, 1);
        if (as_task)
            EXPECT_END(task, &ends[0], TUS_OK);
        else
            NEED(pthread_join(thread, NULL) == 0);
        CHECK_NUMBER(tus_uploader_offset(uploader), CHUNK);
        /* What was refused did no harm. */
        task = begin_sending(uploader, &ends[0], 1);
        EXPECT_END(task, &ends[0], TUS_OK);
        CHECK_NUMBER(tus_uploader_is_complete(uploader), 1);
        tus_uploader_free(uploader);
        tus_upload_options_free(options);
        tus_source_free(source);
        tus_client_unref(client);
    }
}

/* ---- freed and stopped */

/* While its task runs, or waits; it goes on to its end, and so does what it needs. */
static void test_freed(void)
{
    int queued;
    for (queued = 0; queued < 2; queued++) {
        tus_client *client = chunked_client();
        struct gate gate, occupied_gate;
        tus_upload_options *options = waiting_options(&gate);
        tus_source *source = NULL;
        tus_uploader *uploader;
        tus_task *task, *first = NULL;
        tus_error *err = NULL;
        tus_info *info;
        struct end end, occupied;
        int source_gone = 0;
        CHECK_RESULT(tus_source_memory(bytes, SIZE, count_up, &source_gone, &source, &err), TUS_OK);
        uploader = make_uploader(client, source, options);
        close_gate(&gate);
        if (queued)
            first = occupy(client, &occupied_gate, &occupied);
        task = begin_sending(uploader, &end, 1);
        if (queued)
            CHECK_NUMBER(tus_task_state(task), TUS_TASK_QUEUED);
        else
            CHECK(reaches(&gate.waiting, 1));
        tus_uploader_free(uploader);
        tus_source_free(source);
        tus_upload_options_free(options);
        tus_client_unref(client);
        CHECK_NUMBER(load(&end.done), 0);
        CHECK_NUMBER(load(&source_gone), 0);
        CHECK_NUMBER(load(&gate.destroyed), 0);
        store(&gate.open, 1);
        if (first != NULL) {
            store(&occupied_gate.open, 1);
            EXPECT_END(first, &occupied, TUS_OK);
        }
        CHECK_OK(tus_task_wait(task, PATIENCE_MS));
        info = tus_task_take_info(task);
        CHECK_NUMBER(tus_info_is_complete(info), 1);
        tus_info_free(info);
        EXPECT_END(task, &end, TUS_OK);
        CHECK(reaches(&source_gone, 1));
        CHECK(reaches(&gate.destroyed, 1));
    }
}

/* The server does not answer the second chunk: the task is cancelled, and the uploader can go on. */
static void test_cancelled(void)
{
    tus_client *client = chunked_client();
    tus_source *source = memory_source(bytes, SIZE);
    tus_uploader *uploader = make_uploader(client, source, NULL);
    struct end end;
    tus_task *task = begin_sending(uploader, &end, 1);
    tus_error *err = NULL;
    double asked;
    int more = 0;
    CHECK(has_sent(task, 2 * CHUNK));
    nap(50);
    asked = now_ms();
    tus_task_cancel(task);
    CHECK_OK(tus_task_wait(task, PATIENCE_MS));
    /* 50 ms is what is promised; valgrind and a busy machine take their time. */
    CHECK(now_ms() - asked < 5000);
    EXPECT_END(task, &end, TUS_E_CANCELLED);
    CHECK_NUMBER(tus_uploader_offset(uploader), CHUNK);
    CHECK_RESULT(tus_uploader_upload_chunk(uploader, &more, &err), TUS_OK);
    CHECK_NUMBER(more, 1);
    /* The uploader itself is stopped: for good. */
    tus_uploader_cancel(uploader);
    task = begin_sending(uploader, &end, 0);
    EXPECT_END(task, &end, TUS_E_CANCELLED);
    tus_uploader_free(uploader);
    tus_source_free(source);
    tus_client_unref(client);
}

/* The same by way of the uploader, while its task runs. */
static void test_stopped(void)
{
    tus_client *client = chunked_client();
    tus_source *source = memory_source(bytes, SIZE);
    tus_uploader *uploader = make_uploader(client, source, NULL);
    struct end end;
    tus_task *task = begin_sending(uploader, &end, 1);
    double asked;
    CHECK(has_sent(task, 2 * CHUNK));
    asked = now_ms();
    tus_uploader_cancel(uploader);
    CHECK_OK(tus_task_wait(task, PATIENCE_MS));
    CHECK(now_ms() - asked < 5000);
    EXPECT_END(task, &end, TUS_E_CANCELLED);
    tus_uploader_free(uploader);
    tus_source_free(source);
    tus_client_unref(client);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"driven", test_driven},       {"busy", test_busy},       {"freed", test_freed},
        {"cancelled", test_cancelled}, {"stopped", test_stopped},
    };
    fill_bytes(bytes, 0, sizeof bytes);
    return run_case(argc, argv, cases, COUNT(cases));
}
