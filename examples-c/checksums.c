/* checksums: lets the server check that what it got is what was sent.
 *
 * Shows: choosing an algorithm and how much it matters; what the server knows of checksums; which one was used.
 *
 * Build: cmake -S . -B build && cmake --build build
 * Run:   build/checksums ALGORITHM POLICY URL FILE
 *        ALGORITHM  sha1, sha256, sha512, md5, auto (the best that the server knows) or none
 *        POLICY     required, if-available or off
 *
 * Ends with 0 on success, 1 on failure, 2 on a wrong command line, 3 if the server cannot do what is required.
 */
#include <stdio.h>
#include <string.h>
#include "tus.h"

#define EXIT_UNSUPPORTED 3

typedef struct choice {
    const char *name;
    int32_t value;
} choice;

static const choice algorithms[] = {
    {"none", TUS_CHECKSUM_NONE},     {"sha1", TUS_CHECKSUM_SHA1}, {"sha256", TUS_CHECKSUM_SHA256},
    {"sha512", TUS_CHECKSUM_SHA512}, {"md5", TUS_CHECKSUM_MD5},   {"auto", TUS_CHECKSUM_AUTO}};

static const choice policies[] = {
    {"off", TUS_CHECKSUM_OFF},
    {"if-available", TUS_CHECKSUM_IF_AVAILABLE},
    {"required", TUS_CHECKSUM_REQUIRED}};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static int find_value(const choice *choices, size_t count, const char *name, int32_t *value)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (strcmp(choices[i].name, name) == 0) {
            *value = choices[i].value;
            return 1;
        }
    }
    return 0;
}

static const char *name_of_algorithm(int32_t value)
{
    size_t i;

    for (i = 0; i < COUNT(algorithms); i++) {
        if (algorithms[i].value == value)
            return algorithms[i].name;
    }
    return "one that this program does not know";
}

static tus_status print_server(tus_client *client, tus_error **error)
{
    tus_server_info *server = NULL;
    tus_status status = tus_client_get_server_info(client, &server, error);
    size_t i;

    if (status == TUS_OK) {
        printf("the server knows:");
        for (i = 0; i < tus_server_info_checksum_algorithm_count(server); i++)
            printf(" %s", tus_server_info_checksum_algorithm_at(server, i));
        printf("%s\n", i == 0 ? " none" : "");
    }
    tus_server_info_free(server);
    return status;
}

int main(int argc, char **argv)
{
    int32_t algorithm = TUS_CHECKSUM_NONE;
    int32_t policy = TUS_CHECKSUM_OFF;
    tus_config *config = NULL;
    tus_client *client = NULL;
    tus_info *info = NULL;
    tus_error *error = NULL;
    tus_status status;

    if (argc != 5 || !find_value(algorithms, COUNT(algorithms), argv[1], &algorithm)
        || !find_value(policies, COUNT(policies), argv[2], &policy)) {
        fprintf(stderr, "usage: %s none|sha1|sha256|sha512|md5|auto off|if-available|required URL FILE\n", argv[0]);
        return 2;
    }

    config = tus_config_new();
    tus_config_set_checksum(config, algorithm, policy);
    tus_config_set_url(config, argv[3]);
    status = tus_client_new(config, &client, &error);
    if (status == TUS_OK)
        status = print_server(client, &error);
    if (status == TUS_OK)
        status = tus_client_upload_file(client, argv[4], NULL, &info, &error);

    if (status == TUS_OK) {
        printf("the server checked: %s\n", name_of_algorithm(tus_info_checksum(info)));
        printf("done: %s\n", tus_info_url(info));
    } else {
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));
    }

    tus_error_free(error);
    tus_info_free(info);
    tus_client_unref(client);
    tus_config_free(config);
    if (status == TUS_E_UNSUPPORTED)
        return EXIT_UNSUPPORTED;
    return status == TUS_OK ? 0 : status == TUS_E_INVALID_ARGUMENT ? 2 : 1;
}
