/* The command line of upload.c. What concerns the library goes straight into its configuration and options. */
#ifndef UPLOAD_ARGUMENTS_H
#define UPLOAD_ARGUMENTS_H

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tus.h"

/* The library's defaults of the settings that can only be set together with one that we set. */
#define RETRY_BASE_DELAY_MS 1000
#define RETRY_MAX_DELAY_MS 60000

enum action {
    ACTION_UPLOAD,
    ACTION_RESUME,
    ACTION_INFO,
    ACTION_DELETE
};

typedef struct arguments {
    const char *program;
    enum action action;
    char **operands;    /* what is no option */
    int operand_count;
    int file_count;     /* the operands that are files come first */
    const char *file;   /* the one whose turn it is */
    const char *url;    /* where to create the upload, or the upload itself */
    const char *store;
    int in_parts;
    int has_token;
    int has_metadata;
    int verbose;
    int quiet;
    int help;
} arguments;

static void print_usage(FILE *stream, const char *program)
{
    fprintf(stream, "usage: %s [options] FILE... URL               - as FILE is the standard input\n", program);
    fprintf(stream, "       %s [options] --resume UPLOAD_URL FILE\n", program);
    fprintf(stream, "       %s [options] --info UPLOAD_URL\n", program);
    fprintf(stream, "       %s [options] --delete UPLOAD_URL\n", program);
    fprintf(stream,
            "\n"
            "  --resume UPLOAD_URL      go on with an upload that was interrupted\n"
            "  --token TOKEN            go on with one that is told by its token\n"
            "  --store FOLDER           keep there what is unfinished, and go on with it by itself\n"
            "  --verify                 compare all that was sent earlier before going on with it\n"
            "  --info UPLOAD_URL        tell what the server knows of an upload\n"
            "  --delete UPLOAD_URL      remove an upload from the server\n"
            "\n"
            "  --metadata KEY=VALUE     tell the server something about the file; may be repeated\n"
            "  --header 'NAME: VALUE'   send a header with each request; may be repeated\n"
            "  --chunk-size N[k|m|g]    bytes in one request; or auto (default), or whole\n"
            "  --parallel N             send N parts at once\n"
            "  --checksum ALGORITHM     have the server check the bytes: sha1, sha256, sha512, md5 or auto;\n"
            "                           with \",required\" behind it no byte is sent without\n"
            "  --stop-at N[k|m|g]       stop when the server has so many bytes\n"
            "\n"
            "  --retries N              failed tries in a row before giving up (default 5)\n"
            "  --timeout S              seconds without an answer or a byte moving until a try has failed\n"
            "  --proxy URL              use this proxy; '' for none, whatever the environment says\n"
            "  --ca FILE                trust these certificate authorities (PEM)\n"
            "  --insecure               do not verify the server's certificate\n"
            "\n"
            "  --verbose                log every request to stderr\n"
            "  --quiet                  no progress\n"
            "  --help                   this text\n");
}

static int is_standard_input(const char *file)
{
    return strcmp(file, "-") == 0;
}

/* Copies the first `length` characters of a text; the caller frees the copy. */
static char *copy_text(const char *text, size_t length)
{
    char *copy = malloc(length + 1);

    if (copy == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

/* Reads digits up to the first character that is none. Returns what follows, or NULL if there is no such number. */
static const char *parse_digits(const char *text, uint64_t *number)
{
    char *end = NULL;
    unsigned long long value;

    if (text[0] < '0' || text[0] > '9')
        return NULL;
    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno != 0)
        return NULL;
    *number = value;
    return end;
}

static int parse_number(const char *text, uint64_t max, uint64_t *number)
{
    const char *rest = parse_digits(text, number);

    return rest != NULL && *rest == '\0' && *number <= max;
}

/* Reads "4096", "64k", "8m" or "1g". */
static int parse_size(const char *text, uint64_t *size)
{
    const char *rest = parse_digits(text, size);
    unsigned shift = 0;

    if (rest == NULL)
        return 0;
    switch (*rest) {
    case 'k': case 'K': shift = 10; break;
    case 'm': case 'M': shift = 20; break;
    case 'g': case 'G': shift = 30; break;
    default: break;
    }
    if (shift != 0)
        rest++;
    if (*rest != '\0' || *size > (uint64_t)INT64_MAX >> shift)
        return 0;
    *size <<= shift;
    return 1;
}

static int parse_chunk_size(const char *text, uint64_t *size)
{
    if (strcmp(text, "auto") == 0)
        *size = TUS_CHUNK_AUTO;
    else if (strcmp(text, "whole") == 0)
        *size = TUS_CHUNK_WHOLE;
    else
        return parse_size(text, size) && *size > 0;
    return 1;
}

/* "ALGORITHM" or "ALGORITHM,required". */
static int set_checksum(tus_config *config, const char *text)
{
    static const struct {
        const char *name;
        int32_t value;
    } algorithms[] = {{"sha1", TUS_CHECKSUM_SHA1},     {"sha256", TUS_CHECKSUM_SHA256}, {"sha512", TUS_CHECKSUM_SHA512},
                      {"md5", TUS_CHECKSUM_MD5},       {"auto", TUS_CHECKSUM_AUTO}};
    size_t length = strcspn(text, ",");
    int32_t policy = TUS_CHECKSUM_IF_AVAILABLE;
    size_t i;

    if (strcmp(text + length, ",required") == 0)
        policy = TUS_CHECKSUM_REQUIRED;
    else if (text[length] != '\0')
        return 0;
    for (i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        if (strlen(algorithms[i].name) == length && strncmp(algorithms[i].name, text, length) == 0) {
            tus_config_set_checksum(config, algorithms[i].value, policy);
            return 1;
        }
    }
    return 0;
}

/* "KEY=VALUE". Whether the key can be sent is checked by the library. */
static int add_metadata(tus_upload_options *options, const char *text)
{
    const char *equals = strchr(text, '=');
    char *key;

    if (equals == NULL)
        return 0;
    key = copy_text(text, (size_t)(equals - text));
    tus_upload_options_set_metadata_text(options, key, equals + 1);
    free(key);
    return 1;
}

/* "Name: value". Whether the header can be sent is checked by the library. */
static int add_header(tus_config *config, const char *text)
{
    const char *colon = strchr(text, ':');
    const char *begin;
    const char *end;
    char *name;
    char *value;

    if (colon == NULL)
        return 0;
    begin = colon + 1;
    end = begin + strlen(begin);
    while (begin < end && *begin == ' ')
        begin++;
    while (end > begin && end[-1] == ' ')
        end--;
    name = copy_text(text, (size_t)(colon - text));
    value = copy_text(begin, (size_t)(end - begin));
    tus_config_set_header(config, name, value);
    free(name);
    free(value);
    return 1;
}

/* The options without a value. */
static int take_switch(arguments *args, tus_config *config, const char *name)
{
    if (strcmp(name, "--verify") == 0)
        tus_config_set_verify_resumed(config, 1);
    else if (strcmp(name, "--insecure") == 0)
        tus_config_set_tls_verify(config, 0);
    else if (strcmp(name, "--verbose") == 0)
        args->verbose = 1;
    else if (strcmp(name, "--quiet") == 0)
        args->quiet = 1;
    else if (strcmp(name, "--help") == 0)
        args->help = 1;
    else
        return 0;
    return 1;
}

/* What the value of an option must be; NULL if this is no option with a value. */
static const char *find_rule(const char *name)
{
    static const struct {
        const char *name;
        const char *rule;
    } rules[] = {
        {"--resume", "the URL of an upload"},
        {"--info", "the URL of an upload"},
        {"--delete", "the URL of an upload"},
        {"--token", "a token that an earlier run has printed"},
        {"--store", "a folder"},
        {"--metadata", "KEY=VALUE"},
        {"--header", "'NAME: VALUE'"},
        {"--chunk-size", "auto, whole, or a number of bytes from 1, with k, m or g behind it for 2^10, 2^20 or 2^30"},
        {"--parallel", "a number from 1 to 1000"},
        {"--checksum", "sha1, sha256, sha512, md5 or auto, with \",required\" behind it if it must be"},
        {"--stop-at", "a number of bytes, with k, m or g behind it for 2^10, 2^20 or 2^30"},
        {"--retries", "a number from 0 to 4294967295"},
        {"--timeout", "a number of seconds from 1 to 4294967295"},
        {"--proxy", "the URL of a proxy, or '' for none"},
        {"--ca", "a file with certificates (PEM)"}};
    size_t i;

    for (i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (strcmp(name, rules[i].name) == 0)
            return rules[i].rule;
    }
    return NULL;
}

/* The options that concern every request. Returns 0 if the value is none for this option. */
static int take_client_option(arguments *args, tus_config *config, const char *name, const char *value)
{
    uint64_t number = 0;

    if (strcmp(name, "--store") == 0) {
        args->store = value;
        tus_config_set_store_dir(config, value);
    } else if (strcmp(name, "--header") == 0) {
        return add_header(config, value);
    } else if (strcmp(name, "--chunk-size") == 0) {
        if (!parse_chunk_size(value, &number))
            return 0;
        tus_config_set_chunk_size(config, number);
    } else if (strcmp(name, "--checksum") == 0) {
        return set_checksum(config, value);
    } else if (strcmp(name, "--retries") == 0) {
        if (!parse_number(value, UINT32_MAX, &number))
            return 0;
        tus_config_set_retry(config, (uint32_t)number, RETRY_BASE_DELAY_MS, RETRY_MAX_DELAY_MS);
    } else if (strcmp(name, "--timeout") == 0) {
        if (!parse_number(value, UINT32_MAX, &number) || number == 0)
            return 0;
        number *= 1000;
        tus_config_set_timeouts_ms(config, number, number, number, 0);
    } else if (strcmp(name, "--proxy") == 0) {
        tus_config_set_proxy(config, value);
    } else if (strcmp(name, "--ca") == 0) {
        tus_config_set_tls_ca_file(config, value);
    }
    return 1;
}

/* The options that say what is to be done. Returns 0 if the value is none for this option. */
static int take_upload_option(arguments *args, tus_upload_options *options, const char *name, const char *value)
{
    uint64_t number = 0;

    if (strcmp(name, "--resume") == 0) {
        args->action = ACTION_RESUME;
        args->url = value;
    } else if (strcmp(name, "--info") == 0) {
        args->action = ACTION_INFO;
        args->url = value;
    } else if (strcmp(name, "--delete") == 0) {
        args->action = ACTION_DELETE;
        args->url = value;
    } else if (strcmp(name, "--token") == 0) {
        args->has_token = 1;
        tus_upload_options_set_resume_token(options, value);
    } else if (strcmp(name, "--metadata") == 0) {
        args->has_metadata = 1;
        return add_metadata(options, value);
    } else if (strcmp(name, "--parallel") == 0) {
        if (!parse_number(value, 1000, &number) || number == 0)
            return 0;
        args->in_parts = number > 1;
        tus_upload_options_set_parallel_uploads(options, (uint32_t)number);
    } else if (strcmp(name, "--stop-at") == 0) {
        if (!parse_size(value, &number))
            return 0;
        tus_upload_options_set_stop_at(options, number);
    }
    return 1;
}

/* FILE... URL, only FILE with --resume, none with --info and --delete. */
static void sort_operands(arguments *args)
{
    args->file_count = args->operand_count;
    if (args->action == ACTION_UPLOAD && args->operand_count > 0) {
        args->file_count--;
        args->url = args->operands[args->file_count];
    }
    args->file = args->file_count > 0 ? args->operands[0] : NULL;
}

/* What fits together. Returns what does not, or NULL. */
static const char *find_contradiction(const arguments *args)
{
    int needs_file = args->action == ACTION_UPLOAD || args->action == ACTION_RESUME;
    int i;

    if (args->url == NULL || (needs_file && args->file == NULL))
        return "FILE or URL is missing; --help tells more";
    if (!needs_file && args->file != NULL)
        return "--info and --delete take no FILE";
    if (args->action == ACTION_RESUME && args->file_count > 1)
        return "--resume takes one FILE, that of the upload";
    if (args->has_token && args->file_count > 1)
        return "--token takes one FILE, that of the upload";
    for (i = 0; i < args->file_count; i++) {
        if (is_standard_input(args->operands[i]) && args->file_count > 1)
            return "the standard input cannot be one of several files";
    }
    if (args->action != ACTION_UPLOAD && args->has_metadata)
        return "metadata belongs to the beginning of an upload";
    if (needs_file && args->in_parts && (args->action == ACTION_RESUME || is_standard_input(args->file)))
        return "only a new upload of a file can be sent in parts";
    return NULL;
}

/* Reads the command line. Returns 0, with the reason on stderr, if it makes no sense. */
static int parse_arguments(int argc, char **argv, arguments *args, tus_config *config, tus_upload_options *options)
{
    const char *contradiction;
    int only_operands = 0;
    int index;

    args->program = argc > 0 ? argv[0] : "upload";
    /* They move together at the beginning of argv, where nothing is that is still to be read. */
    args->operands = argv + 1;
    for (index = 1; index < argc; index++) {
        const char *word = argv[index];

        if (only_operands || word[0] != '-' || is_standard_input(word)) {
            args->operands[args->operand_count++] = argv[index];
        } else if (strcmp(word, "--") == 0) {
            only_operands = 1;
        } else if (find_rule(word) != NULL) {
            if (index + 1 >= argc) {
                fprintf(stderr, "%s: %s needs a value: %s\n", args->program, word, find_rule(word));
                return 0;
            }
            index++;
            if (!take_client_option(args, config, word, argv[index])
                || !take_upload_option(args, options, word, argv[index])) {
                fprintf(stderr, "%s: %s takes %s, not \"%s\"\n", args->program, word, find_rule(word), argv[index]);
                return 0;
            }
        } else if (!take_switch(args, config, word)) {
            fprintf(stderr, "%s: no such option: %s\n", args->program, word);
            return 0;
        }
    }
    if (args->help)
        return 1;
    sort_operands(args);
    contradiction = find_contradiction(args);
    if (contradiction != NULL)
        fprintf(stderr, "%s: %s\n", args->program, contradiction);
    return contradiction == NULL;
}

#endif
