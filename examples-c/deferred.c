/* deferred: uploads what another program writes, while it writes it.
 *
 * Shows: a descriptor as a source; an upload whose size nobody knows before its end; progress without a total.
 *
 * Build: cmake -S . -B build && cmake --build build
 * Run:   producer | build/deferred URL NAME
 *        NAME is what the server is told as the file's name
 *
 * Bytes of a pipe cannot be read twice, so a later run finds nothing to go on with by itself. A producer that can begin
 * from the beginning again is all it takes, though: the URL is printed before the first byte is sent, and
 *
 *     producer | build/upload --resume UPLOAD_URL -
 *
 * passes over what the server has.
 *
 * Ends with 0 on success, 1 on failure, 2 on a wrong command line, 3 if it was stopped with Ctrl-C.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include "tus.h"

#define EXIT_STOPPED 3
#define STOP 1
#define STANDARD_INPUT 0

static volatile sig_atomic_t interrupted = 0;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

static int32_t on_upload_url_available(void *user_data, const char *upload_url)
{
    (void)user_data;
    printf("upload url: %s\n", upload_url);
    fflush(stdout);
    return 0;
}

/* Called about ten times a second, also while the producer writes nothing. The total is unknown until the end. */
static int32_t on_progress(void *user_data, const tus_progress *progress)
{
    (void)user_data;
    fprintf(stderr, "\r%" PRIu64 " bytes so far", progress->confirmed);
    return interrupted ? STOP : 0;
}

static tus_status upload(tus_client *client, const char *name, tus_info **info, tus_error **error)
{
    tus_upload_options *options = tus_upload_options_new();
    tus_source *source = NULL;
    tus_status status;

    tus_upload_options_set_metadata_text(options, "filename", name);
    tus_upload_options_set_on_upload_url_available(options, on_upload_url_available, NULL, NULL);
    tus_upload_options_set_progress(options, on_progress, NULL, NULL);

    status = tus_source_fd(STANDARD_INPUT, &source, error);
    if (status == TUS_OK)
        status = tus_client_upload(client, source, options, info, error);
    tus_source_free(source);
    tus_upload_options_free(options);
    return status;
}

int main(int argc, char **argv)
{
    tus_config *config = NULL;
    tus_client *client = NULL;
    tus_info *info = NULL;
    tus_error *error = NULL;
    tus_status status;
    int exit_code = 0;

    if (argc != 3) {
        fprintf(stderr, "usage: producer | %s URL NAME\n", argv[0]);
        return 2;
    }
    signal(SIGINT, on_interrupt);

    config = tus_config_new();
    tus_config_set_url(config, argv[1]);
    status = tus_client_new(config, &client, &error);
    if (status == TUS_OK)
        status = upload(client, argv[2], &info, &error);
    fprintf(stderr, "\n");

    if (status == TUS_OK) {
        printf("done: %" PRIu64 " bytes\n", tus_info_size(info));
    } else if (interrupted) {
        fprintf(stderr, "stopped\n");
        exit_code = EXIT_STOPPED;
    } else {
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));
        exit_code = 1;
    }

    tus_error_free(error);
    tus_info_free(info);
    tus_client_unref(client);
    tus_config_free(config);
    return exit_code;
}
