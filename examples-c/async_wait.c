/* async_wait: the smallest upload that runs beside the program.
 *
 * Shows: starting an upload, doing something else meanwhile, waiting for it, asking what became of it.
 *
 * Build: cmake -S . -B build && cmake --build build
 * Run:   build/async_wait URL FILE
 *
 * Prints the URL of the upload. Ends with 0 on success, 1 on failure, 2 on a wrong command line.
 */
#include <stdio.h>
#include "tus.h"

/* Anything at all: the upload needs no help. */
static void do_something_else(void)
{
    printf("the upload has been started, and this program goes on\n");
}

int main(int argc, char **argv)
{
    tus_config *config = NULL;
    tus_client *client = NULL;
    tus_task *task = NULL;
    tus_error *error = NULL;
    tus_status status;

    if (argc != 3) {
        fprintf(stderr, "usage: %s URL FILE\n", argv[0]);
        return 2;
    }

    config = tus_config_new();
    tus_config_set_url(config, argv[1]);
    status = tus_client_new(config, &client, &error);
    /* The four NULLs: no options, no function to be called at the end, nothing to hand to it and to release. */
    if (status == TUS_OK)
        status = tus_client_upload_file_async(client, argv[2], NULL, NULL, NULL, NULL, &task, &error);

    if (status != TUS_OK) {
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));
    } else {
        const tus_error *reason = NULL;

        do_something_else();

        /* That the waiting went well only says that the upload is over, not how. */
        status = tus_task_wait(task, TUS_WAIT_FOREVER);
        if (status == TUS_OK)
            status = tus_task_result(task, &reason);

        if (status == TUS_OK) {
            tus_info *info = tus_task_take_info(task);

            printf("%s\n", tus_info_url(info));
            tus_info_free(info);
        } else {
            /* The reason belongs to the task, which is still there. */
            fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(reason));
        }
    }

    tus_error_free(error);
    tus_task_unref(task);
    tus_client_close(client, TUS_WAIT_FOREVER);
    tus_client_unref(client);
    tus_config_free(config);
    return status == TUS_OK ? 0 : 1;
}
