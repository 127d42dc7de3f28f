/* What the test programs share: checks, the cases of a program, and makers of clients, files and bytes.
 *
 * A program is run as `program CASE URL FOLDER [WORDS]`. A check that fails is told on stderr and makes the exit code 1;
 * a program that has nothing to tell prints nothing, so that whatever is printed comes from the library.
 */
#ifndef CHECK_H
#define CHECK_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tus.h"

/* ---- what the program was started with */

static const char *server_url;
static const char *folder;
static char **words;
static int word_count;

/* ---- checks */

static int check_failures;

static inline void check_failed(const char *file, int line, const char *text)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, text);
    __atomic_add_fetch(&check_failures, 1, __ATOMIC_SEQ_CST);
}

static inline void check_number(const char *file, int line, const char *text, unsigned long long have,
                                unsigned long long want)
{
    char told[600];
    if (have == want)
        return;
    snprintf(told, sizeof told, "%s is %lld, not %lld", text, (long long)have, (long long)want);
    check_failed(file, line, told);
}

static inline void check_text(const char *file, int line, const char *text, const char *have, const char *want)
{
    char told[2000];
    if (have == want || (have != NULL && want != NULL && strcmp(have, want) == 0))
        return;
    snprintf(told, sizeof told, "%s is \"%s\", not \"%s\"", text, have ? have : "NULL", want ? want : "NULL");
    check_failed(file, line, told);
}

static inline void check_status(const char *file, int line, const char *text, tus_status have, tus_status want)
{
    char told[600];
    if (have == want)
        return;
    snprintf(told, sizeof told, "%s is %s, not %s", text, tus_status_name(have), tus_status_name(want));
    check_failed(file, line, told);
}

/* A call that failed must say the same in its error object, with a message; a call that did not must leave it alone. */
static inline void check_result(const char *file, int line, const char *text, tus_status have, tus_status want,
                                const tus_error *err)
{
    char told[2000];
    if (have != want) {
        snprintf(told, sizeof told, "%s is %s, not %s: %s", text, tus_status_name(have), tus_status_name(want),
                 err ? tus_error_message(err) : "no error object");
        check_failed(file, line, told);
    } else if (want == TUS_OK && err != NULL) {
        check_failed(file, line, "a success wrote an error object");
    } else if (want != TUS_OK && (err == NULL || tus_error_status(err) != want || *tus_error_message(err) == '\0')) {
        snprintf(told, sizeof told, "%s: the error object does not tell the failure", text);
        check_failed(file, line, told);
    }
}

#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, "not so: " #condition))
#define CHECK_NUMBER(have, want)                                                                                       \
    check_number(__FILE__, __LINE__, #have, (unsigned long long)(have), (unsigned long long)(want))
#define CHECK_TEXT(have, want) check_text(__FILE__, __LINE__, #have, have, want)
#define CHECK_STATUS(call, want) check_status(__FILE__, __LINE__, #call, call, want)
#define CHECK_OK(call) CHECK_STATUS(call, TUS_OK)
#define CHECK_INVALID(call) CHECK_STATUS(call, TUS_E_INVALID_ARGUMENT)
/* The call's last argument is `&err`, and `err` is NULL before: the details must be those of the status. */
#define CHECK_RESULT(call, want)                                                                                       \
    do {                                                                                                               \
        tus_status result_ = (call);                                                                                   \
        check_result(__FILE__, __LINE__, #call, result_, want, err);                                                   \
    } while (0)
/* The same where the details do not matter. */
#define CHECK_FAILS(call, want)                                                                                        \
    do {                                                                                                               \
        CHECK_RESULT(call, want);                                                                                      \
        tus_error_free(err);                                                                                           \
        err = NULL;                                                                                                    \
    } while (0)
/* What the test itself needs of the machine. */
#define NEED(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            check_failed(__FILE__, __LINE__, "needed: " #condition);                                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- cases */

struct check_case {
    const char *name;
    void (*run)(void);
};

static inline int run_case(int argc, char **argv, const struct check_case *cases, size_t count)
{
    size_t i;
    if (argc < 4) {
        fprintf(stderr, "usage: %s CASE URL FOLDER [WORDS]\n", argv[0]);
        return 2;
    }
    server_url = argv[2];
    folder = argv[3];
    words = argv + 4;
    word_count = argc - 4;
    for (i = 0; i < count; i++) {
        if (strcmp(cases[i].name, argv[1]) == 0) {
            cases[i].run();
            return check_failures == 0 ? 0 : 1;
        }
    }
    fprintf(stderr, "%s: no case %s\n", argv[0], argv[1]);
    return 2;
}

/* ---- bytes and files */

/* The bytes that uploads here are made of: no piece repeats within what is compared. */
static inline unsigned char byte_at(uint64_t offset)
{
    return (unsigned char)(offset * 31 + offset / 251 + offset / 65521);
}

static inline void fill_bytes(unsigned char *bytes, uint64_t from, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        bytes[i] = byte_at(from + i);
}

/* `count` of them, to be freed with free(). */
static inline unsigned char *make_bytes(size_t count)
{
    unsigned char *bytes = (unsigned char *)malloc(count + 1);
    NEED(bytes != NULL);
    fill_bytes(bytes, 0, count);
    return bytes;
}

struct path {
    char text[1024];
};

static inline struct path path_of(const char *name)
{
    struct path path;
    snprintf(path.text, sizeof path.text, "%s/%s", folder, name);
    return path;
}

static inline void write_file(const char *path, size_t size)
{
    unsigned char *bytes = make_bytes(size);
    FILE *file = fopen(path, "wb");
    NEED(file != NULL);
    NEED(fwrite(bytes, 1, size, file) == size);
    NEED(fclose(file) == 0);
    free(bytes);
}

static inline struct path make_file(const char *name, size_t size)
{
    struct path path = path_of(name);
    write_file(path.text, size);
    return path;
}

/* ---- objects */

/* A configuration for the server: small delays, no proxy of the environment. */
static inline tus_config *make_config(void)
{
    tus_config *config = tus_config_new();
    NEED(config != NULL);
    CHECK_OK(tus_config_set_url(config, server_url));
    CHECK_OK(tus_config_set_proxy(config, NULL));
    CHECK_OK(tus_config_set_retry(config, 3, 1, 5));
    return config;
}

/* Makes the client and frees the configuration. */
static inline tus_client *client_of(tus_config *config)
{
    tus_client *client = NULL;
    tus_error *err = NULL;
    CHECK_RESULT(tus_client_new(config, &client, &err), TUS_OK);
    NEED(client != NULL);
    tus_config_free(config);
    return client;
}

static inline tus_client *make_client(void)
{
    return client_of(make_config());
}

static inline tus_source *memory_source(const void *bytes, size_t count)
{
    tus_source *source = NULL;
    tus_error *err = NULL;
    CHECK_RESULT(tus_source_memory(bytes, count, NULL, NULL, &source, &err), TUS_OK);
    NEED(source != NULL);
    return source;
}

static inline tus_source *file_source(const char *path)
{
    tus_source *source = NULL;
    tus_error *err = NULL;
    CHECK_RESULT(tus_source_file(path, &source, &err), TUS_OK);
    NEED(source != NULL);
    return source;
}

/* Uploads bytes in memory and expects success. */
static inline tus_info *upload_bytes(tus_client *client, const void *bytes, size_t count)
{
    tus_source *source = memory_source(bytes, count);
    tus_info *info = NULL;
    tus_error *err = NULL;
    CHECK_RESULT(tus_client_upload(client, source, NULL, &info, &err), TUS_OK);
    tus_source_free(source);
    NEED(info != NULL);
    return info;
}

/* ---- callbacks */

/* A destroy function that counts. */
static inline void count_up(void *user_data)
{
    __atomic_add_fetch((int *)user_data, 1, __ATOMIC_SEQ_CST);
}

#endif
