/* push_writer: the program pushes its data into an upload, as it would write into a file.
 *
 * Shows: tus_writer, the other way round than a reader, which is asked for data; what to do when the upload is slower
 * than the program; how to end it well, and how to end it when the data turns out to be no good.
 *
 * The data is made on the fly: lines of 16 characters, each with its own offset in hexadecimal. A real program would
 * record, compress or convert something.
 *
 * Build: cmake -S . -B build && cmake --build build
 * Run:   build/push_writer [--fail-at LINE] URL LINES
 *        --fail-at LINE  making the data fails there, to see what becomes of the upload
 *
 * Prints the URL of the upload. Ends with 0 on success, 1 on failure, 2 on a wrong command line, 3 if it was stopped
 * with Ctrl-C.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tus.h"

#define EXIT_STOPPED 3
#define LINE_SIZE 16
#define LINES_AT_ONCE 256
#define PATIENCE_MS 200

/* Between the program and the upload there is never more than this. */
#define CAPACITY ((size_t)65536)

/* What tus_writer_abort is told and the error then tells. Any number but 0 will do. */
#define PRODUCER_BROKE 42

static volatile sig_atomic_t interrupted = 0;

static void on_interrupt(int signal_number)
{
    interrupted = 1;
    signal(signal_number, SIG_DFL);
}

typedef struct producer {
    tus_writer *writer;
    uint64_t line; /* the next one */
    uint64_t lines;
    uint64_t fail_at;
    uint64_t waits; /* how often the upload was the slower one */
} producer;

/* Makes the next lines. Returns how many bytes there are; 0 at the end. */
static size_t make_lines(producer *self, char *buffer)
{
    size_t size = 0;
    int i;

    for (i = 0; i < LINES_AT_ONCE && self->line < self->lines && self->line != self->fail_at; i++) {
        char line[LINE_SIZE + 1];

        snprintf(line, sizeof line, "%015" PRIx64 "\n", self->line * LINE_SIZE);
        memcpy(buffer + size, line, LINE_SIZE);
        size += LINE_SIZE;
        self->line++;
    }
    return size;
}

/* Writes all of it, waiting where the buffer is full. Returns 0 if the upload takes no more, or after Ctrl-C. */
static int push(producer *self, const char *data, size_t size)
{
    size_t done = 0;

    while (done < size && !interrupted) {
        size_t written = 0;
        tus_status status = tus_writer_write(self->writer, data + done, size - done, PATIENCE_MS, &written, NULL);

        /* Some of it may have been taken also where not all of it was. */
        done += written;
        if (status == TUS_E_TIMEOUT)
            self->waits++;
        else if (status != TUS_OK)
            return 0; /* the upload is over; its result says why */
    }
    return !interrupted;
}

/* Makes all the data and ends it, well or not. */
static void produce(producer *self)
{
    char buffer[LINES_AT_ONCE * LINE_SIZE];
    size_t size;

    while ((size = make_lines(self, buffer)) > 0)
        if (!push(self, buffer, size))
            break;

    if (size > 0)
        return; /* not all of it was taken */
    /* That the data ends here has to be said: an upload never ends by itself where a program happened to stop. */
    if (self->line == self->fail_at || tus_writer_finish(self->writer, NULL) != TUS_OK)
        tus_writer_abort(self->writer, PRODUCER_BROKE);
}

/* Waits for what the server makes of the last bytes. Returns the program's exit status. */
static int print_result(tus_task *task)
{
    const tus_error *reason = NULL;
    tus_status status;

    do {
        if (interrupted)
            tus_task_cancel(task);
        status = tus_task_wait(task, PATIENCE_MS);
    } while (status == TUS_E_TIMEOUT);
    if (status == TUS_OK)
        status = tus_task_result(task, &reason);
    if (status == TUS_OK) {
        tus_info *info = tus_task_take_info(task);

        printf("%s\n", tus_info_url(info));
        tus_info_free(info);
        return 0;
    }
    fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(reason));
    if (tus_error_callback_code(reason) == PRODUCER_BROKE)
        fprintf(stderr, "it was this program's data that failed, with %d\n", PRODUCER_BROKE);
    if (tus_error_upload_url(reason) != NULL)
        fprintf(stderr, "what the server has stays there: %s\n", tus_error_upload_url(reason));
    return status == TUS_E_CANCELLED ? EXIT_STOPPED : 1;
}

/* Returns the program's exit status. */
static int run(tus_client *client, producer *self)
{
    tus_source *source = NULL;
    tus_task *task = NULL;
    tus_error *error = NULL;
    int exit_code = 1;
    /* A program that knows the size beforehand says it here. */
    tus_status status = tus_writer_new(TUS_SIZE_UNKNOWN, CAPACITY, &self->writer, &source, &error);

    if (status == TUS_OK)
        status = tus_client_upload_async(client, source, NULL, NULL, NULL, NULL, &task, &error);
    if (status == TUS_OK) {
        produce(self);
        fprintf(stderr, "the upload was the slower one %" PRIu64 " times\n", self->waits);
        exit_code = print_result(task);
    } else {
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));
    }

    tus_error_free(error);
    tus_task_unref(task);
    tus_source_free(source);
    tus_writer_free(self->writer);
    return exit_code;
}

static int parse_number(const char *text, uint64_t *number)
{
    char *end = NULL;

    errno = 0;
    *number = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

int main(int argc, char **argv)
{
    int has_option = argc == 5 && strcmp(argv[1], "--fail-at") == 0;
    char **words = argv + (has_option ? 3 : 1);
    producer self = {0};
    tus_config *config = NULL;
    tus_client *client = NULL;
    tus_error *error = NULL;
    int exit_code = 1;

    self.fail_at = UINT64_MAX;
    if ((argc != 3 && !has_option) || (has_option && !parse_number(argv[2], &self.fail_at))
        || !parse_number(words[1], &self.lines)) {
        fprintf(stderr, "usage: %s [--fail-at LINE] URL LINES\n", argv[0]);
        return 2;
    }
    signal(SIGINT, on_interrupt);

    config = tus_config_new();
    tus_config_set_url(config, words[0]);
    if (tus_client_new(config, &client, &error) == TUS_OK)
        exit_code = run(client, &self);
    else
        fprintf(stderr, "%s: %s\n", tus_status_name(tus_error_status(error)), tus_error_message(error));

    tus_error_free(error);
    tus_client_close(client, TUS_WAIT_FOREVER);
    tus_client_unref(client);
    tus_config_free(config);
    return exit_code;
}
