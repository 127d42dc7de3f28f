/* upload: a command that uploads a file, shows how far it is, and can be interrupted and resumed.
 *
 * Shows: most settings of a client; a progress callback that also stops the upload; what an error tells and how to
 * resume after it.
 *
 * Build: cmake -S . -B build && cmake --build build
 * Run:   build/upload FILE URL                          creates an upload at URL and sends the file
 *        build/upload --resume UPLOAD_URL FILE          goes on with an upload
 *        build/upload --help                            the options
 *
 * On success the upload's URL is printed on stdout. Progress, log and errors go to stderr.
 *
 * Ctrl-C stops the upload and leaves it on the server. Then, and after any failure that leaves an upload behind, stdout
 * gets one line that can be pasted into a shell, with the options of the first run added where they are needed:
 *
 *     resume with: build/upload --resume UPLOAD_URL FILE
 *
 * Exit status: 0    the upload is complete
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

/* The quotation mark of the shell that a hint is for. */
#ifdef _WIN32
#define QUOTE '"'
#else
#define QUOTE '\''
#endif

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

/* Prints one word as a shell reads it: in quotes, but only if it needs them. */
static void print_shell_word(const char *word)
{
    static const char harmless[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+.,:/@%=";
    const char *c;

    if (word[0] != '\0' && word[strspn(word, harmless)] == '\0') {
        printf("%s", word);
        return;
    }
    putchar(QUOTE);
    for (c = word; *c != '\0'; c++) {
        if (*c == '\'' && QUOTE == '\'')
            printf("'\\''");
        else
            putchar(*c);
    }
    putchar(QUOTE);
}

static void print_hint(const arguments *args, const char *upload_url)
{
    printf("resume with: ");
    print_shell_word(args->program);
    printf(" --resume ");
    print_shell_word(upload_url);
    putchar(' ');
    print_shell_word(args->file);
    putchar('\n');
}

static void report_success(const arguments *args, const tus_info *info)
{
    tus_stats stats = {0};

    printf("%s\n", tus_info_url(info));
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
            fprintf(stderr, ", with %" PRIu64 " retries", stats.retries);
        fprintf(stderr, "\n");
    }
}

static void report_failure(const arguments *args, tus_status status, const tus_error *error)
{
    const char *upload_url = tus_error_upload_url(error);

    if (exit_code_of(status, error) == EXIT_INTERRUPTED)
        fprintf(stderr, "%s: interrupted%s\n", args->program, upload_url == NULL ? ", nothing is on the server" : "");
    else
        fprintf(stderr, "%s: %s: %s\n", args->program, tus_status_name(status), tus_error_message(error));
    if (upload_url != NULL)
        print_hint(args, upload_url);
}

static tus_status run_upload(tus_client *client, const arguments *args, const tus_upload_options *options,
                             tus_info **info, tus_error **error)
{
    tus_source *source = NULL;
    tus_status status;

    if (!args->resume)
        return tus_client_upload_file(client, args->file, options, info, error);

    status = tus_source_file(args->file, &source, error);
    if (status == TUS_OK)
        status = tus_client_resume_upload(client, source, args->url, options, info, error);
    tus_source_free(source);
    return status;
}

/* Uploads what the arguments say. Returns the program's exit status. */
static int upload(const arguments *args, tus_config *config, tus_upload_options *options)
{
    progress_view view = {0};
    tus_client *client = NULL;
    tus_info *info = NULL;
    tus_error *error = NULL;
    tus_status status;
    int exit_code;

    if (!args->quiet)
        view.style = stderr_is_terminal() && !args->verbose ? PROGRESS_BAR : PROGRESS_LINES;
    tus_upload_options_set_progress(options, on_progress, &view, NULL);
    if (args->verbose)
        tus_config_set_log(config, TUS_LOG_DEBUG, on_log, NULL, NULL);
    /* To go on with an upload its own URL is enough. */
    if (!args->resume)
        tus_config_set_url(config, args->url);

    watch_for_interrupts();
    status = tus_client_new(config, &client, &error);
    if (status == TUS_OK)
        status = run_upload(client, args, options, &info, &error);
    end_progress(&view);

    if (status == TUS_OK)
        report_success(args, info);
    else
        report_failure(args, status, error);
    exit_code = exit_code_of(status, error);

    tus_error_free(error);
    tus_info_free(info);
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
        exit_code = upload(&args, config, options);
    }
    tus_upload_options_free(options);
    tus_config_free(config);

    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("stdout");
        exit_code = exit_code == EXIT_OK ? EXIT_FAILED : exit_code;
    }
    return exit_code;
}
