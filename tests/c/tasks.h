/* What the programs about tasks share: ends that are counted, clocks, and readers that wait to be let go on. */
#ifndef TASKS_H
#define TASKS_H

#include <pthread.h>
#include <time.h>

#include "check.h"

/* Far longer than anything here takes, valgrind and a busy machine included. */
#define PATIENCE_MS 60000

/* ---- time and counts */

static inline double now_ms(void)
{
    struct timespec now;
    NEED(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static inline void nap(unsigned ms)
{
    struct timespec time;
    time.tv_sec = ms / 1000;
    time.tv_nsec = (long)(ms % 1000) * 1000000;
    nanosleep(&time, NULL);
}

static inline int load(const int *number)
{
    return __atomic_load_n(number, __ATOMIC_SEQ_CST);
}

static inline void store(int *number, int value)
{
    __atomic_store_n(number, value, __ATOMIC_SEQ_CST);
}

/* Waits until a count is at least so high; false if that never happens. */
static inline int reaches(const int *count, int want)
{
    double end = now_ms() + PATIENCE_MS;
    while (load(count) < want && now_ms() < end)
        nap(1);
    return load(count) >= want;
}

/* Waits until a task is in a state; false if that never happens. */
static inline int gets_to(tus_task *task, int32_t state)
{
    double end = now_ms() + PATIENCE_MS;
    while (tus_task_state(task) != state && now_ms() < end)
        nap(1);
    return tus_task_state(task) == state;
}

/* Waits until so many bytes of a task were handed to the system; false if that never happens. */
static inline int has_sent(tus_task *task, uint64_t bytes)
{
    double end = now_ms() + PATIENCE_MS;
    tus_progress progress;
    progress.struct_size = sizeof progress;
    do {
        CHECK_OK(tus_task_get_progress(task, &progress));
        if (progress.sent >= bytes)
            return 1;
        nap(1);
    } while (now_ms() < end);
    return 0;
}

/* A number that the program was started with. */
static inline int word_number(int index)
{
    NEED(index < word_count);
    return atoi(words[index]);
}

/* ---- how tasks end */

/* What was told of a task's end, by `tell_end` and `release_end`. */
struct end {
    int done;
    int destroyed;
    tus_status status;
    pthread_t thread;
};

/* Whether this thread is inside a call that must not run anybody's `done`. */
static __thread int calling;

static inline void tell_end(void *user_data, tus_task *task)
{
    struct end *end = (struct end *)user_data;
    const tus_error *err = NULL;
    CHECK_NUMBER(calling, 0);
    CHECK_NUMBER(load(&end->done), 0);
    CHECK_NUMBER(load(&end->destroyed), 0);
    CHECK_NUMBER(tus_task_is_done(task), 1);
    CHECK_NUMBER(tus_task_state(task), TUS_TASK_DONE);
    end->status = tus_task_result(task, &err);
    CHECK((end->status == TUS_OK) == (err == NULL));
    end->thread = pthread_self();
    count_up(&end->done);
}

static inline void release_end(void *user_data)
{
    struct end *end = (struct end *)user_data;
    CHECK_NUMBER(load(&end->destroyed), 0);
    count_up(&end->destroyed);
}

/* `done` and `destroy` ran, once each. */
#define CHECK_ENDED(end)                                                                                               \
    do {                                                                                                               \
        CHECK_NUMBER(load(&(end)->done), 1);                                                                           \
        CHECK_NUMBER(load(&(end)->destroyed), 1);                                                                      \
    } while (0)

/* A task that is over ended so, and its error object says the same. */
static inline void check_task(const char *file, int line, tus_task *task, tus_status want)
{
    const tus_error *err = (const tus_error *)task;
    tus_status have = tus_task_result(task, &err);
    check_result(file, line, "the task's result", have, want, err);
    CHECK_NUMBER(tus_task_is_done(task), 1);
    CHECK_NUMBER(tus_task_state(task), TUS_TASK_DONE);
}

#define CHECK_TASK(task, want) check_task(__FILE__, __LINE__, task, want)

/* Waits for a task of a client that delivers on its own threads, and gives back the count of it. */
#define EXPECT_END(task, end, want)                                                                                    \
    do {                                                                                                               \
        CHECK_OK(tus_task_wait(task, PATIENCE_MS));                                                                    \
        CHECK_TASK(task, want);                                                                                        \
        CHECK_ENDED(end);                                                                                              \
        CHECK_STATUS((end)->status, want);                                                                             \
        tus_task_unref(task);                                                                                          \
    } while (0)

static inline tus_task *begin_upload(tus_client *client, tus_source *source, const tus_upload_options *options,
                                     struct end *end)
{
    tus_task *task = NULL;
    tus_error *err = NULL;
    memset(end, 0, sizeof *end);
    calling++;
    CHECK_RESULT(tus_client_upload_async(client, source, options, tell_end, end, release_end, &task, &err), TUS_OK);
    calling--;
    NEED(task != NULL);
    return task;
}

/* A client with so many places for uploads. */
static inline tus_client *client_with_workers(uint32_t workers)
{
    tus_config *config = make_config();
    CHECK_OK(tus_config_set_workers(config, workers));
    return client_of(config);
}

/* ---- a reader that waits */

/* Gives `hello` once it is opened, or the code. */
struct gate {
    int open;
    int code;
    int waiting;
    int given;
    int destroyed;
};

static inline int32_t gate_read(void *user_data, void *buf, size_t cap, size_t *out_len)
{
    struct gate *gate = (struct gate *)user_data;
    CHECK(cap >= 5);
    count_up(&gate->waiting);
    CHECK(reaches(&gate->open, 1));
    if (load(&gate->code) != 0)
        return load(&gate->code);
    *out_len = gate->given ? 0 : 5;
    memcpy(buf, "hello", *out_len);
    gate->given = 1;
    return 0;
}

static inline int32_t gate_seek(void *user_data, uint64_t offset)
{
    ((struct gate *)user_data)->given = offset >= 5;
    return 0;
}

static inline void gate_gone(void *user_data)
{
    count_up(&((struct gate *)user_data)->destroyed);
}

static inline tus_source *gate_source(struct gate *gate)
{
    tus_reader_vtable vtable = {sizeof vtable, gate_read, gate_seek, gate_gone};
    tus_source *source = NULL;
    tus_error *err = NULL;
    memset(gate, 0, sizeof *gate);
    CHECK_RESULT(tus_source_reader(&vtable, gate, 5, &source, &err), TUS_OK);
    NEED(source != NULL);
    return source;
}

/* Begins an upload that occupies a place until its gate is opened, and waits until it does. */
static inline tus_task *occupy(tus_client *client, struct gate *gate, struct end *end)
{
    tus_source *source = gate_source(gate);
    tus_task *task = begin_upload(client, source, NULL, end);
    tus_source_free(source);
    NEED(reaches(&gate->waiting, 1));
    return task;
}

#endif
