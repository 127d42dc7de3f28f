/* server_info: what a tus server says it can do.
 *
 * Shows: tus_client_get_server_info and how to go through a list of the library's; tus_has_feature, the same question
 * to the library itself.
 *
 * Build: cmake -S . -B build && cmake --build build
 * Run:   build/server_info URL
 *
 * Ends with 0 on success, 1 on failure, 2 on a wrong command line.
 */
#include <inttypes.h>
#include <stdio.h>
#include "tus.h"

static void print_library(void)
{
    static const char *const features[] = {
        "tls", "encodings", "socks-proxy", "creation", "creation-with-upload", "creation-defer-length", "expiration",
        "checksum", "termination", "concatenation", "store", "resume-token", "parallel", "uploader"};
    size_t i;

    printf("library:             libtus %s\n", tus_version_string());
    if (tus_version_number() != TUS_VERSION_NUMBER)
        printf("                     (this program was compiled with the header of another version)\n");
    printf("library features:   ");
    for (i = 0; i < sizeof features / sizeof features[0]; i++) {
        if (tus_has_feature(features[i]))
            printf(" %s", features[i]);
    }
    printf("\n");
}

static void print_server(const tus_server_info *info)
{
    size_t count;
    size_t i;

    printf("protocol versions:  ");
    count = tus_server_info_version_count(info);
    for (i = 0; i < count; i++)
        printf(" %s", tus_server_info_version_at(info, i));
    printf("%s\n", count == 0 ? " not told" : "");

    printf("extensions:         ");
    count = tus_server_info_extension_count(info);
    for (i = 0; i < count; i++)
        printf(" %s", tus_server_info_extension_at(info, i));
    printf("%s\n", count == 0 ? " none" : "");

    if (tus_server_info_max_size(info) == TUS_SIZE_UNKNOWN)
        printf("largest upload:      not told\n");
    else
        printf("largest upload:      %" PRIu64 " bytes\n", tus_server_info_max_size(info));

    printf("checksum algorithms:");
    count = tus_server_info_checksum_algorithm_count(info);
    for (i = 0; i < count; i++)
        printf(" %s", tus_server_info_checksum_algorithm_at(info, i));
    printf("%s\n", count == 0 ? " none" : "");

    printf("can delete uploads:  %s\n", tus_server_info_has_extension(info, "termination") ? "yes" : "no");
}

int main(int argc, char **argv)
{
    tus_config *config = NULL;
    tus_client *client = NULL;
    tus_server_info *info = NULL;
    tus_error *error = NULL;
    tus_status status;

    if (argc != 2) {
        fprintf(stderr, "usage: %s URL\n", argv[0]);
        return 2;
    }

    config = tus_config_new();
    tus_config_set_url(config, argv[1]);
    status = tus_client_new(config, &client, &error);
    if (status == TUS_OK)
        status = tus_client_get_server_info(client, &info, &error);

    if (status == TUS_OK) {
        print_library();
        print_server(info);
    } else {
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));
    }

    tus_error_free(error);
    tus_server_info_free(info);
    tus_client_unref(client);
    tus_config_free(config);
    return status == TUS_OK ? 0 : 1;
}
