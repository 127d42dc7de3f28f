/*
 * What uploads of libtus cost that wait for their turn, and those that run.
 *
 *   PROGRAM KIND URL FOLDER LARGE COUNT
 *
 *   queued-files, queued-memory   COUNT small uploads wait behind one that the server holds
 *   running                       COUNT uploads of LARGE at once, each held by the server in the middle of its PATCH
 *
 * URL is where the server holds every PATCH. One small upload is made before, which it does not hold, so that what comes
 * with the first use of the library is not counted. Prints the resident memory of one upload, the threads of the
 * process, and the times that it took to submit and to cancel all.
 */
#include "libtus.h"

struct job {
    const char *kind, *url, *folder, *large;
    unsigned count;
};

enum { SMALL = 4096 };

static const char *small_file(const struct job *job, unsigned index)
{
    static char path[4096];
    if (snprintf(path, sizeof path, "%s/%05u", job->folder, index) >= (int)sizeof path) die("the path is too long");
    return path;
}

static tus_task *submit_file(tus_client *client, const char *path)
{
    tus_task *task = NULL;
    tus_error *error = NULL;
    check(tus_client_upload_file_async(client, path, NULL, NULL, NULL, NULL, &task, &error), error);
    return task;
}

/* Submits an upload from memory that all of them share. Its source lives on with the task. */
static tus_task *submit_memory(tus_client *client)
{
    static char bytes[SMALL];
    tus_task *task = NULL;
    tus_error *error = NULL;
    tus_source *source = NULL;
    check(tus_source_memory(bytes, sizeof bytes, NULL, NULL, &source, &error), error);
    check(tus_client_upload_async(client, source, NULL, NULL, NULL, NULL, &task, &error), error);
    tus_source_free(source);
    return task;
}

static tus_task *submit(tus_client *client, const struct job *job, unsigned index)
{
    if (strcmp(job->kind, "running") == 0) return submit_file(client, job->large);
    if (strcmp(job->kind, "queued-files") == 0) return submit_file(client, small_file(job, index));
    if (strcmp(job->kind, "queued-memory") == 0) return submit_memory(client);
    die("%s: no such kind", job->kind);
}

/* Waits until these uploads have been created and have sent what the buffers between here and the server take. */
static void until_held(tus_task **tasks, unsigned count)
{
    for (unsigned index = 0; index < count; index++) {
        while (!tus_task_upload_url(tasks[index])) {
            if (tus_task_is_done(tasks[index])) die("an upload ended that was to be held");
            usleep(1000);
        }
    }
    usleep(200000);
}

static void must_be_cancelled(tus_task *task)
{
    tus_status status = result_of(task, NULL);
    if (status != TUS_E_CANCELLED) die("an upload ended with %s", tus_status_name(status));
    tus_task_unref(task);
}

static void measure(const struct job *job)
{
    int running = strcmp(job->kind, "running") == 0;
    tus_task **tasks = malloc(job->count * sizeof *tasks);
    if (!tasks) die("no memory");
    memset(tasks, 1, job->count * sizeof *tasks); /* its pages are not the library's */
    tus_client *client = client_for(job->url, 0, running ? job->count : 1, 0);

    tus_task *first = submit_file(client, small_file(job, 0));
    const tus_error *error = NULL;
    if (result_of(first, &error) != TUS_OK) die("the first upload failed: %s", tus_error_message(error));
    tus_task_unref(first);
    first = running ? NULL : submit_file(client, job->large);
    if (first) until_held(&first, 1);

    unsigned long before = status_number("VmRSS:");
    uint64_t start = nanoseconds(CLOCK_MONOTONIC);
    for (unsigned index = 0; index < job->count; index++) tasks[index] = submit(client, job, index);
    uint64_t submitted = nanoseconds(CLOCK_MONOTONIC) - start;
    if (running) until_held(tasks, job->count);
    unsigned long after = status_number("VmRSS:"), threads = status_number("Threads:");

    start = nanoseconds(CLOCK_MONOTONIC);
    for (unsigned index = 0; index < job->count; index++) tus_task_cancel(tasks[index]);
    for (unsigned index = 0; index < job->count; index++) check(tus_task_wait(tasks[index], TUS_WAIT_FOREVER), NULL);
    uint64_t cancelled = nanoseconds(CLOCK_MONOTONIC) - start;
    for (unsigned index = 0; index < job->count; index++) must_be_cancelled(tasks[index]);
    if (first) {
        tus_task_cancel(first);
        must_be_cancelled(first);
    }
    tus_client_unref(client);
    free(tasks);
    double each = (after > before ? (double)(after - before) : 0.0) * 1024 / job->count;
    printf("each_bytes=%.0f threads=%lu submit_ns=%" PRIu64 " cancel_ns=%" PRIu64 "\n", each, threads, submitted, cancelled);
}

int main(int argc, char **argv)
{
    if (argc != 6) die("usage: see tus_queue.c");
    struct job job = {argv[1], argv[2], argv[3], argv[4], (unsigned)number(argv[5])};
    measure(&job);
    return 0;
}
