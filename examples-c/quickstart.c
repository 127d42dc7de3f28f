/* quickstart: the smallest complete upload.
 *
 * Shows: a configuration, a client, one call that uploads a file, and what to do with its result or its error.
 *
 * Build: cmake -S . -B build && cmake --build build
 * Run:   build/quickstart URL FILE
 *        URL is where the server creates uploads, for example http://127.0.0.1:1080/files/
 *
 * Prints the URL of the finished upload. Ends with 0 on success, 1 on failure, 2 on a wrong command line.
 */
#include <stdio.h>
#include "tus.h"

int main(int argc, char **argv)
{
    tus_config *config = NULL;
    tus_client *client = NULL;
    tus_info *info = NULL;
    tus_error *error = NULL;
    tus_status status;

    if (argc != 3) {
        fprintf(stderr, "usage: %s URL FILE\n", argv[0]);
        return 2;
    }

    config = tus_config_new();
    tus_config_set_url(config, argv[1]);
    status = tus_client_new(config, &client, &error);
    if (status == TUS_OK)
        status = tus_client_upload_file(client, argv[2], NULL, &info, &error);

    if (status == TUS_OK)
        printf("%s\n", tus_info_url(info));
    else
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));

    tus_error_free(error);
    tus_info_free(info);
    tus_client_unref(client);
    tus_config_free(config);
    return status == TUS_OK ? 0 : 1;
}
