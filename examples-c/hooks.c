/* hooks: the functions of its own that a program can register, and when they run.
 *
 * Shows: before_request with an access token that is renewed when it gets old; after_response; should_retry with a delay
 * of the program's own; on_upload_url_available; the log; and `destroy`, which ends the life of what belongs to a hook.
 *
 * Build: cmake -S . -B build && cmake --build build
 * Run:   build/hooks URL FILE
 *
 * Prints what happens, one line each. Ends with 0 on success, 1 on failure, 2 on a wrong command line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "tus.h"

#define TOKEN_SECONDS 60
#define MAX_TRIES 3
#define OWN_DELAY_MS 50

/* What should_retry returns to give up. Any number but 0 will do. */
#define GAVE_UP 7

/* The token, and when it was fetched. It belongs to the hook and is freed by its destroy function. */
typedef struct token {
    char header[64];
    time_t fetched;
} token;

/* Counts what happens. It belongs to main, which keeps it alive longer than the client: nothing to destroy. */
typedef struct journal {
    int answers;
    int retries;
} journal;

/* A real program would ask its login service. */
static void fetch_token(token *access)
{
    snprintf(access->header, sizeof access->header, "Bearer %s", "demo-token");
    access->fetched = time(NULL);
    printf("token: fetched\n");
}

static int32_t before_request(void *user_data, tus_request *request)
{
    token *access = user_data;

    /* Elsewhere than at our own server the token has no business, and the library would refuse it. */
    if (!tus_request_is_trusted_origin(request))
        return 0;
    if (access->fetched == 0 || time(NULL) - access->fetched > TOKEN_SECONDS)
        fetch_token(access);
    /* A header that the library refuses is a mistake of this program's: end the upload with the status as the reason. */
    return tus_request_set_header(request, "Authorization", access->header);
}

static void destroy_token(void *user_data)
{
    token *access = user_data;

    printf("token: forgotten\n");
    free(access);
}

static int32_t after_response(void *user_data, const tus_request *request, const tus_response *response)
{
    journal *events = user_data;

    events->answers++;
    printf("answer: %d to %s\n", (int)tus_response_status(response), tus_request_method(request));
    return 0;
}

/* Tries a few times in quick succession. Without this function the library tries longer and with growing delays. */
static int32_t should_retry(void *user_data, const tus_error *error, uint32_t attempt, uint64_t *delay_ms)
{
    journal *events = user_data;

    if (attempt >= MAX_TRIES) {
        printf("retry: giving up\n");
        return GAVE_UP;
    }
    events->retries++;
    *delay_ms = (uint64_t)OWN_DELAY_MS * attempt;
    printf("retry: number %u after %s\n", (unsigned)attempt, tus_status_name(tus_error_status(error)));
    return 0;
}

/* The moment to store the URL: with it the upload can be resumed even after a crash of this program. */
static int32_t on_upload_url_available(void *user_data, const char *upload_url)
{
    (void)user_data;
    printf("upload url: %s\n", upload_url);
    return 0;
}

/* May be called on any thread, also on several at once: fprintf is made for that. */
static void log_line(void *user_data, int32_t level, const char *line)
{
    static const char *const names[] = {"?", "error", "warning", "info", "debug"};
    const char *name = level >= TUS_LOG_ERROR && level <= TUS_LOG_DEBUG ? names[level] : names[0];

    (void)user_data;
    fprintf(stderr, "log, %s: %s\n", name, line);
}

static tus_status make_client(const char *url, journal *events, tus_client **client, tus_error **error)
{
    tus_config *config = tus_config_new();
    token *access = calloc(1, sizeof *access);
    tus_status status;

    if (access == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    tus_config_set_url(config, url);
    tus_config_set_before_request(config, before_request, access, destroy_token);
    tus_config_set_after_response(config, after_response, events, NULL);
    tus_config_set_should_retry(config, should_retry, events, NULL);
    tus_config_set_on_upload_url_available(config, on_upload_url_available, NULL, NULL);
    tus_config_set_log(config, TUS_LOG_INFO, log_line, NULL, NULL);

    status = tus_client_new(config, client, error);
    /* The client has its own hold on the token now, so destroy_token does not run yet. */
    tus_config_free(config);
    return status;
}

int main(int argc, char **argv)
{
    journal events = {0};
    tus_client *client = NULL;
    tus_info *info = NULL;
    tus_error *error = NULL;
    tus_status status;

    if (argc != 3) {
        fprintf(stderr, "usage: %s URL FILE\n", argv[0]);
        return 2;
    }

    status = make_client(argv[1], &events, &client, &error);
    if (status == TUS_OK)
        status = tus_client_upload_file(client, argv[2], NULL, &info, &error);

    if (status == TUS_OK)
        printf("done: %s\n", tus_info_url(info));
    else
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));
    if (tus_error_callback_code(error) == GAVE_UP)
        printf("it was should_retry that gave up\n");

    tus_error_free(error);
    tus_info_free(info);
    tus_client_unref(client); /* the last hold on the token */
    printf("%d answers, %d retries\n", events.answers, events.retries);
    return status == TUS_OK ? 0 : 1;
}
