/* glib_loop: an upload within GLib's main loop, as programs with GTK have one.
 *
 * Shows: the client's handle as a source of the loop, beside a timer and Ctrl-C; in which order all of it ends.
 *
 * Build: cmake -S . -B build && cmake --build build    (needs GLib 2 with its headers)
 * Run:   build/glib_loop URL FILE
 *
 * Prints the URL of the upload. Ends with 0 on success, 1 on failure, 2 on a wrong command line, 3 if it was cancelled
 * with Ctrl-C.
 */
#include <glib-unix.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include "tus.h"

#define EXIT_CANCELLED 3
#define TICK_MS 100

/* Everything that callbacks touch, those of GLib and those of the library. All run on the loop's thread: no lock. */
typedef struct program {
    GMainLoop *loop;
    GThread *thread;
    tus_client *client;
    tus_task *task;
    uint64_t callbacks;
    uint64_t ticks;
    int is_cancelled;
    int exit_code;
} program;

/* What this example promises. */
static void check_thread(program *self)
{
    if (g_thread_self() != self->thread)
        g_error("a callback on another thread");
    self->callbacks++;
}

/* --- what the library calls, within tus_client_dispatch ---------------------------------------------------------- */

static int32_t on_progress(void *user_data, const tus_progress *progress)
{
    check_thread(user_data);
    fprintf(stderr, "\r%" PRIu64 " bytes sent, %" PRIu64 " of %" PRIu64 " bytes acknowledged", progress->sent,
            progress->confirmed, progress->total);
    fflush(stderr);
    return 0;
}

/* Once, however the upload ended. */
static void on_done(void *user_data, tus_task *task)
{
    program *self = user_data;
    const tus_error *reason = NULL;
    tus_status status = tus_task_result(task, &reason);

    check_thread(self);
    fprintf(stderr, "\n");
    if (status == TUS_OK) {
        tus_info *info = tus_task_take_info(task);

        printf("%s\n", tus_info_url(info));
        tus_info_free(info);
        self->exit_code = 0;
    } else {
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(reason));
        self->exit_code = self->is_cancelled ? EXIT_CANCELLED : 1;
    }
    g_main_loop_quit(self->loop);
}

/* --- what GLib calls ---------------------------------------------------------------------------------------------- */

static gboolean on_events(gint handle, GIOCondition condition, gpointer user_data)
{
    program *self = user_data;

    (void)handle;
    (void)condition;
    tus_client_dispatch(self->client, 0);
    return G_SOURCE_CONTINUE;
}

/* Goes on ticking while the upload runs. */
static gboolean on_tick(gpointer user_data)
{
    program *self = user_data;

    self->ticks++;
    return G_SOURCE_CONTINUE;
}

static gboolean on_interrupt(gpointer user_data)
{
    program *self = user_data;

    self->is_cancelled = 1;
    tus_task_cancel(self->task); /* on_done comes a moment later */
    return G_SOURCE_CONTINUE;
}

/* Runs the loop to the end of the upload. */
static void run(program *self)
{
    int handle = (int)tus_client_event_handle(self->client);
    guint sources[3];
    size_t i;

    if (handle < 0) {
        fprintf(stderr, "the client has no handle to wait for\n");
        return;
    }
    sources[0] = g_unix_fd_add(handle, G_IO_IN, on_events, self);
    sources[1] = g_timeout_add(TICK_MS, on_tick, self);
    sources[2] = g_unix_signal_add(SIGINT, on_interrupt, self);
    g_main_loop_run(self->loop);
    for (i = 0; i < sizeof sources / sizeof sources[0]; i++)
        g_source_remove(sources[i]);
}

int main(int argc, char **argv)
{
    program self = {0};
    tus_config *config = NULL;
    tus_upload_options *options = NULL;
    tus_error *error = NULL;
    tus_status status;

    if (argc != 3) {
        fprintf(stderr, "usage: %s URL FILE\n", argv[0]);
        return 2;
    }
    self.loop = g_main_loop_new(NULL, FALSE);
    self.thread = g_thread_self();
    self.exit_code = 1;

    config = tus_config_new();
    tus_config_set_url(config, argv[1]);
    tus_config_set_dispatch(config, TUS_DISPATCH_QUEUE);
    options = tus_upload_options_new();
    tus_upload_options_set_progress(options, on_progress, &self, NULL);

    status = tus_client_new(config, &self.client, &error);
    if (status == TUS_OK)
        status = tus_client_upload_file_async(self.client, argv[2], options, on_done, &self, NULL, &self.task, &error);
    if (status == TUS_OK)
        run(&self);
    else
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));

    /* Nothing watches the client's handle any more. Closing the client cancels an upload that the loop has left alone,
     * and calls on_done for it here, so the loop goes last. */
    tus_client_close(self.client, TUS_WAIT_FOREVER);
    g_main_loop_unref(self.loop);
    fprintf(stderr, "%" PRIu64 " callbacks, all on the loop's thread; %" PRIu64 " ticks\n", self.callbacks, self.ticks);

    tus_error_free(error);
    tus_task_unref(self.task);
    tus_upload_options_free(options);
    tus_client_unref(self.client);
    tus_config_free(config);
    return self.exit_code;
}
