/* batch: uploads all files of a folder, some at a time.
 *
 * Shows: starting everything at once and leaving it to the client how many run (tus_config_set_workers); watching many
 * tasks from one thread without a callback; going on when some fail; ending everything at once with tus_client_close.
 *
 * Build: cmake -S . -B build && cmake --build build    (needs POSIX)
 * Run:   build/batch [--jobs N] URL FOLDER
 *        --jobs N  how many uploads run at once, 1 to 1024 (default 4)
 *
 * Folders within the folder are left alone. Prints one line for each file as soon as its upload is over, and a summary;
 * on a terminal, also one for each that runs, with how far it is. Ctrl-C ends those that run and begins no more.
 *
 * Ends with 0 if all files were uploaded, 1 if some were not, 2 on a wrong command line, 3 if it was stopped with
 * Ctrl-C.
 */
#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tus.h"

#define EXIT_STOPPED 3
#define DEFAULT_JOBS 4
#define MAX_JOBS 1024
#define DRAW_INTERVAL_MS 200
#define NAME_WIDTH 50 /* of a running upload's line, so that it fits a terminal */

typedef struct item {
    char *path;
    const char *name; /* within the path */
    tus_task *task;   /* NULL: not begun, or over and told */
} item;

typedef struct batch {
    item *items;
    size_t count;
    size_t uploaded;
    size_t failed;
    uint64_t bytes;
    int is_terminal;
    size_t lines_drawn;
} batch;

static volatile sig_atomic_t interrupted = 0;

static void on_interrupt(int signal_number)
{
    interrupted = 1;
    signal(signal_number, SIG_DFL);
}

/* Memory, or the end of the program. */
static void *need(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return memory;
}

/* --- the folder --------------------------------------------------------------------------------------------------- */

static int by_path(const void *left, const void *right)
{
    return strcmp(((const item *)left)->path, ((const item *)right)->path);
}

/* What is no file for certain is passed over: folders, and what might never end. What cannot be looked at is taken, so
 * that its failure is told. */
static int is_wanted(const char *path)
{
    struct stat state;

    return stat(path, &state) != 0 || S_ISREG(state.st_mode);
}

static void add_item(batch *self, const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = need(malloc(size));
    item *added;

    snprintf(path, size, "%s/%s", folder, name);
    if (!is_wanted(path)) {
        free(path);
        return;
    }
    self->items = need(realloc(self->items, (self->count + 1) * sizeof *self->items));
    added = &self->items[self->count++];
    added->path = path;
    added->name = path + strlen(folder) + 1;
    added->task = NULL;
}

/* Lists the folder's files by name. Returns 0, with the reason on stderr, if it cannot be read. */
static int read_folder(batch *self, const char *folder)
{
    DIR *stream = opendir(folder);
    struct dirent *entry;
    int code;

    if (stream == NULL) {
        perror(folder);
        return 0;
    }
    while (errno = 0, (entry = readdir(stream)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            add_item(self, folder, entry->d_name);
    code = errno;
    closedir(stream);
    if (code != 0) {
        fprintf(stderr, "%s: %s\n", folder, strerror(code));
        return 0;
    }
    if (self->count > 0)
        qsort(self->items, self->count, sizeof *self->items, by_path);
    return 1;
}

static void free_items(batch *self)
{
    size_t i;

    for (i = 0; i < self->count; i++) {
        tus_task_unref(self->items[i].task);
        free(self->items[i].path);
    }
    free(self->items);
}

/* --- what is shown ------------------------------------------------------------------------------------------------ */

/* Removes the lines of what runs from the terminal. */
static void erase_running(batch *self)
{
    if (self->lines_drawn > 0)
        fprintf(stderr, "\033[%zuA\033[J", self->lines_drawn);
    self->lines_drawn = 0;
}

/* Whole percent of what was sent; 100 not before the server has acknowledged everything. */
static int percent_of(const tus_progress *progress)
{
    int percent;

    if (progress->confirmed == progress->total)
        return 100;
    if (progress->total == TUS_SIZE_UNKNOWN)
        return 0; /* it has not begun */
    percent = (int)((double)progress->sent / (double)progress->total * 100.0);
    return percent > 99 ? 99 : percent;
}

static void draw_running(batch *self)
{
    size_t i;

    for (i = 0; self->is_terminal && i < self->count; i++) {
        const item *one = &self->items[i];
        tus_progress progress = {0};

        progress.struct_size = sizeof progress;
        if (one->task == NULL || tus_task_state(one->task) != TUS_TASK_RUNNING
            || tus_task_get_progress(one->task, &progress) != TUS_OK)
            continue;
        fprintf(stderr, "%3d%%      %.*s\n", percent_of(&progress), NAME_WIDTH, one->name);
        self->lines_drawn++;
    }
}

static void tell_failure(batch *self, const item *one, tus_status status, const tus_error *reason)
{
    int is_cancelled = status == TUS_E_CANCELLED;

    printf("%s %s: %s: %s\n", is_cancelled ? "cancelled" : "failed   ", one->name, tus_status_name(status),
           tus_error_message(reason));
    if (!is_cancelled)
        self->failed++;
}

/* Tells how a task ended and lets go of it. */
static void tell_end(batch *self, item *one)
{
    const tus_error *reason = NULL;
    tus_status status = tus_task_result(one->task, &reason);

    if (status == TUS_OK) {
        tus_info *info = tus_task_take_info(one->task);

        printf("uploaded  %s: %s\n", one->name, tus_info_url(info));
        self->uploaded++;
        self->bytes += tus_info_size(info);
        tus_info_free(info);
    } else {
        tell_failure(self, one, status, reason);
    }
    tus_task_unref(one->task);
    one->task = NULL;
}

/* Tells of all tasks that have ended meanwhile. Returns one that has not, or NULL. */
static tus_task *look_at_all(batch *self)
{
    tus_task *left = NULL;
    size_t i;

    erase_running(self);
    for (i = 0; i < self->count; i++) {
        item *one = &self->items[i];

        if (one->task != NULL && tus_task_is_done(one->task))
            tell_end(self, one);
        else if (one->task != NULL && (left == NULL || tus_task_state(one->task) == TUS_TASK_RUNNING))
            left = one->task;
    }
    fflush(stdout);
    draw_running(self);
    return left;
}

/* --- the uploads -------------------------------------------------------------------------------------------------- */

/* A task that waits for its turn costs next to nothing: its file is not even opened. */
static void start_all(batch *self, tus_client *client)
{
    size_t i;

    for (i = 0; i < self->count && !interrupted; i++) {
        item *one = &self->items[i];
        tus_error *error = NULL;
        tus_status status =
            tus_client_upload_file_async(client, one->path, NULL, NULL, NULL, NULL, &one->task, &error);

        if (status != TUS_OK)
            tell_failure(self, one, status, error);
        tus_error_free(error);
    }
}

/* Returns when all is over. */
static void run(batch *self, tus_client *client)
{
    tus_task *left;

    start_all(self, client);
    /* Which one is waited for does not matter: it is looked at all of them anyway, every now and then. */
    while ((left = look_at_all(self)) != NULL && !interrupted)
        tus_task_wait(left, DRAW_INTERVAL_MS);

    /* Ends all that is left, the queue included: every task has a result then. */
    if (interrupted) {
        tus_client_close(client, TUS_WAIT_FOREVER);
        look_at_all(self);
    }
}

static int parse_jobs(const char *text, uint32_t *jobs)
{
    char *end = NULL;
    long number = strtol(text, &end, 10);

    *jobs = (uint32_t)number;
    return end != text && *end == '\0' && number >= 1 && number <= MAX_JOBS;
}

int main(int argc, char **argv)
{
    int has_option = argc == 5 && strcmp(argv[1], "--jobs") == 0;
    char **words = argv + (has_option ? 3 : 1);
    uint32_t jobs = DEFAULT_JOBS;
    batch self = {0};
    tus_config *config = NULL;
    tus_client *client = NULL;
    tus_error *error = NULL;
    int exit_code = 1;

    if ((argc != 3 && !has_option) || (has_option && !parse_jobs(argv[2], &jobs))) {
        fprintf(stderr, "usage: %s [--jobs N] URL FOLDER\n", argv[0]);
        return 2;
    }
    self.is_terminal = isatty(STDERR_FILENO);
    signal(SIGINT, on_interrupt);

    config = tus_config_new();
    tus_config_set_url(config, words[0]);
    tus_config_set_workers(config, jobs);
    if (tus_client_new(config, &client, &error) != TUS_OK) {
        fprintf(stderr, "%s: %s\n", tus_status_name(tus_error_status(error)), tus_error_message(error));
    } else if (read_folder(&self, words[1])) {
        run(&self, client);
        printf("%zu uploaded with %" PRIu64 " bytes, %zu failed, %zu not done\n", self.uploaded, self.bytes,
               self.failed, self.count - self.uploaded - self.failed);
        if (self.uploaded == self.count)
            exit_code = 0;
        else if (interrupted)
            exit_code = EXIT_STOPPED;
    }

    tus_error_free(error);
    free_items(&self);
    tus_client_close(client, TUS_WAIT_FOREVER);
    tus_client_unref(client);
    tus_config_free(config);
    return exit_code;
}
