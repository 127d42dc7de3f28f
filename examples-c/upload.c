/* upload: a command that uploads files or its standard input, shows how far it is, and can be interrupted and resumed.
 *
 * Shows: most settings of a client; a progress callback that also stops the upload; what an error tells and how to
 * resume after it, by URL, by store or by token; what a server tells of an upload, and removing it.
 *
 * Build: cmake -S . -B build && cmake --build build
 * Run:   build/upload FILE... URL                       creates an upload at URL for each file and sends it
 *        producer | build/upload - URL                  the same with what the producer writes
 *        build/upload --resume UPLOAD_URL FILE          goes on with an upload
 *        build/upload --info UPLOAD_URL                 tells what the server knows of it
 *        build/upload --delete UPLOAD_URL               removes it
 *        build/upload --help                            the options
 *
 * On success the upload's URL is printed on stdout. Progress, warnings, log and errors go to stderr. Of several files each is
 * sent, whatever became of the others; the exit status is that of the first one that failed.
 *
 * Ctrl-C stops the upload and leaves it on the server. Then, after --stop-at, and after any failure that leaves an
 * upload behind, stdout gets one line that can be pasted into a shell, with the options of the first run added where
 * they are needed:
 *
 *     resume with: build/upload --resume UPLOAD_URL FILE
 *
 * Exit status: 0    the upload is complete, or as far as --stop-at said
 *              1    failed for another reason than those below
 *              2    the command line is wrong, or the library refuses a value in it
 *              3    the file cannot be read, or changed meanwhile
 *              4    the network: no such host, no connection, TLS, a broken connection, a time limit
 *              5    the server refused, or does not do what it should
 *              130  interrupted by Ctrl-C
 */
#ifndef _WIN32
#define _POSIX_C_SOURCE 200809L
#endif

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tus.h"
#include "upload_arguments.h"
#include "upload_hint.h"
#include "upload_platform.h"
#include "upload_progress.h"

#define EXIT_OK 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define EXIT_FILE 3
#define EXIT_NETWORK 4
#define EXIT_SERVER 5
#define EXIT_INTERRUPTED 130

/* What the progress callback returns after Ctrl-C. Any number but 0 stops the upload. */
#define STOP_INTERRUPTED 130

#define STANDARD_INPUT 0

/* Called about ten times a second, also while nothing moves. */
static int32_t on_progress(void *user_data, const tus_progress *progress)
{
    if (interrupted)
        return STOP_INTERRUPTED;
    show_progress(user_data, progress);
    return 0;
}

static void on_log(void *user_data, int32_t level, const char *line)
{
    (void)user_data;
    (void)level;
    fprintf(stderr, "%s\n", line);
}

/* Whoever keeps tokens would do it here, as a precaution against crashes. The hint takes the last one from the error;
 * that this function is there has the library note by what the file will be recognised. */
static int32_t on_resume_token(void *user_data, const char *token)
{
    (void)user_data;
    (void)token;
    return 0;
}

static int exit_code_of(tus_status status, const tus_error *error)
{
    if (status == TUS_OK)
        return EXIT_OK;
    if (tus_error_callback_code(error) == STOP_INTERRUPTED)
        return EXIT_INTERRUPTED;
    if (status == TUS_E_INVALID_ARGUMENT)
        return EXIT_USAGE;
    /* The codes come in groups, so that codes of later versions find their place, too. */
    if (status <= -20 && status > -40)
        return EXIT_FILE;
    if (status == TUS_E_TIMEOUT || (status <= -40 && status > -60))
        return EXIT_NETWORK;
    if (status == TUS_E_UNSUPPORTED || (status <= -60 && status > -80))
        return EXIT_SERVER;
    return EXIT_FAILED;
}

/* What is no failure, but may have to be acted on. In the log they stand anyway. */
static void print_warning(const arguments *args, const char *text, const char *url)
{
    if (!args->verbose)
        fprintf(stderr, "%s: warning: %s%s%s\n", args->program, text, url != NULL ? ": " : "", url != NULL ? url : "");
}

static void report_success(const arguments *args, const tus_info *info)
{
    tus_stats stats = {0};
    int is_noted = 1;
    size_t i;

    for (i = 0; i < tus_info_warning_count(info); i++) {
        is_noted = is_noted && tus_info_warning_code(info, i) != TUS_W_NOT_STORED;
        print_warning(args, tus_info_warning(info, i), tus_info_warning_url(info, i));
    }

    if (tus_info_is_complete(info))
        printf("%s\n", tus_info_url(info));
    else
        print_hint(args, tus_info_url(info), NULL, is_noted);
    stats.struct_size = sizeof stats;
    if (!args->quiet && tus_info_get_stats(info, &stats) == TUS_OK) {
        double seconds = (double)stats.elapsed_ms / 1000.0;
        char sent[24];
        char resumed[24];

        format_bytes(sent, sizeof sent, (double)stats.bytes_sent);
        format_bytes(resumed, sizeof resumed, (double)stats.bytes_resumed);
        fprintf(stderr, "sent %s in %.1f s", sent, seconds);
        if (stats.bytes_resumed > 0)
            fprintf(stderr, ", %s were there before", resumed);
        if (stats.retries > 0)
            fprintf(stderr, ", tries that failed: %" PRIu64, stats.retries);
        if (tus_info_checksum(info) != TUS_CHECKSUM_NONE)
            fprintf(stderr, ", with checksums");
        fprintf(stderr, "\n");
    }
}

static void report_failure(const arguments *args, tus_status status, const tus_error *error)
{
    const char *upload_url = tus_error_upload_url(error);
    const char *token = tus_error_resume_token(error);
    int is_lost = upload_url == NULL && token == NULL;
    int is_noted = 1;
    size_t i;

    for (i = 0; i < tus_error_warning_count(error); i++) {
        is_noted = is_noted && tus_error_warning_code(error, i) != TUS_W_NOT_STORED;
        print_warning(args, tus_error_warning(error, i), tus_error_warning_url(error, i));
    }
    if (exit_code_of(status, error) == EXIT_INTERRUPTED)
        fprintf(stderr, "%s: interrupted%s\n", args->program, is_lost ? ", nothing is on the server" : "");
    else if (args->file_count > 1)
        fprintf(stderr, "%s: %s: %s: %s\n", args->program, args->file, tus_status_name(status), tus_error_message(error));
    else
        fprintf(stderr, "%s: %s: %s\n", args->program, tus_status_name(status), tus_error_message(error));
    print_hint(args, upload_url, token, is_noted);
}

/* What the server tells of an upload. */
static void print_info(const tus_info *info)
{
    const tus_metadata *metadata = tus_info_metadata_object(info);
    size_t i;

    printf("url: %s\n", tus_info_url(info));
    printf("bytes: %" PRIu64, tus_info_offset(info));
    if (!tus_info_is_deferred(info))
        printf(" of %" PRIu64, tus_info_size(info));
    printf("\ncomplete: %s\n", tus_info_is_complete(info) ? "yes" : "no");
    if (tus_info_expires(info) != 0)
        printf("expires: %" PRIu64 " s after the beginning of 1970\n", tus_info_expires(info));
    for (i = 0; i < tus_metadata_count(metadata); i++) {
        const char *key = tus_metadata_key_at(metadata, i);
        const char *text = tus_metadata_text(metadata, key);

        printf("metadata %s: %s\n", key, text != NULL ? text : "no text");
    }
}

/* Of a new upload, the file's name goes along as metadata; that of an older one is there already, a pipe has none. */
static tus_status run_upload(tus_client *client, const arguments *args, const tus_upload_options *options,
                             tus_info **info, tus_error **error)
{
    int from_input = is_standard_input(args->file);
    tus_source *source = NULL;
    tus_status status;

    if (args->action == ACTION_UPLOAD && !from_input)
        return tus_client_upload_file(client, args->file, options, info, error);

    if (from_input)
        status = tus_source_fd(STANDARD_INPUT, &source, error);
    else
        status = tus_source_file(args->file, &source, error);
    if (status == TUS_OK && args->action == ACTION_RESUME)
        status = tus_client_resume_upload(client, source, args->url, options, info, error);
    else if (status == TUS_OK)
        status = tus_client_upload(client, source, options, info, error);
    tus_source_free(source);
    return status;
}

/* Does what the arguments say, for the file whose turn it is. Returns the exit status for it. */
static int run_one(tus_client *client, const arguments *args, tus_upload_options *options)
{
    progress_view view = {0};
    tus_info *info = NULL;
    tus_error *error = NULL;
    tus_status status;
    int exit_code;

    if (!args->quiet)
        view.style = stderr_is_terminal() && !args->verbose ? PROGRESS_BAR : PROGRESS_LINES;
    tus_upload_options_set_progress(options, on_progress, &view, NULL);
    if (args->action == ACTION_INFO)
        status = tus_client_get_upload_info(client, args->url, &info, &error);
    else if (args->action == ACTION_DELETE)
        status = tus_client_delete_upload(client, args->url, &error);
    else
        status = run_upload(client, args, options, &info, &error);
    end_progress(&view);

    if (status != TUS_OK)
        report_failure(args, status, error);
    else if (args->action == ACTION_INFO)
        print_info(info);
    else if (args->action != ACTION_DELETE)
        report_success(args, info);
    exit_code = exit_code_of(status, error);

    tus_error_free(error);
    tus_info_free(info);
    return exit_code;
}

/* Does what the arguments say. Returns the program's exit status. */
static int run(arguments *args, tus_config *config, tus_upload_options *options)
{
    tus_client *client = NULL;
    tus_error *error = NULL;
    tus_status status;
    int exit_code;
    int i;

    if (args->verbose)
        tus_config_set_log(config, TUS_LOG_DEBUG, on_log, NULL, NULL);
    /* In parts, an upload has no URL before its end. Without a store only a token leads back to it. */
    if (args->store == NULL && (args->in_parts || args->has_token))
        tus_upload_options_set_on_resume_token(options, on_resume_token, NULL, NULL);
    /* For an upload that exists its own URL is enough. Headers go where the user has named the URL, and nowhere else. */
    if (args->action == ACTION_UPLOAD)
        tus_config_set_url(config, args->url);
    else
        tus_config_allow_origin(config, args->url);

    /* Only an upload has a callback that can stop it. */
    if (args->file != NULL)
        watch_for_interrupts();
    status = tus_client_new(config, &client, &error);
    if (status != TUS_OK) {
        report_failure(args, status, error);
        exit_code = exit_code_of(status, error);
        tus_error_free(error);
        return exit_code;
    }
    exit_code = run_one(client, args, options);
    for (i = 1; i < args->file_count && !interrupted; i++) {
        int one;

        args->file = args->operands[i];
        one = run_one(client, args, options);
        exit_code = exit_code == EXIT_OK ? one : exit_code;
    }
    tus_client_unref(client);
    return exit_code;
}

int main(int argc, char **argv)
{
    arguments args = {0};
    tus_config *config = tus_config_new();
    tus_upload_options *options = tus_upload_options_new();
    int exit_code;

    if (!parse_arguments(argc, argv, &args, config, options)) {
        exit_code = EXIT_USAGE;
    } else if (args.help) {
        print_usage(stdout, args.program);
        exit_code = EXIT_OK;
    } else {
        exit_code = run(&args, config, options);
    }
    tus_upload_options_free(options);
    tus_config_free(config);

    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("stdout");
        exit_code = exit_code == EXIT_OK ? EXIT_FAILED : exit_code;
    }
    return exit_code;
}
