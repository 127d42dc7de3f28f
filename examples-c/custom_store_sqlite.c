/* custom_store_sqlite: unfinished uploads are kept in a table of the program's own database.
 *
 * Shows: tus_store_vtable over SQLite; tus_sink, by which a function of the program's hands back bytes; the log, which
 * tells of a store that fails.
 *
 * A program that has a database anyway has one thing less to look after this way. Without one, tus_config_set_store_dir
 * is less work, and keeps two processes from sending the same file at once (see the example "resume").
 *
 * Build: cmake -S . -B build && cmake --build build    (needs SQLite 3 with its header)
 * Run:   build/custom_store_sqlite [--stop-at BYTES] DATABASE URL FILE
 *        DATABASE          a file, made if it is missing
 *        --stop-at BYTES   stop there, as if something had come between
 *
 * Ends with 0 if the upload is complete, 1 on failure, 2 on a wrong command line, 3 if it was stopped before the end.
 */
#ifndef _WIN32
#define _POSIX_C_SOURCE 200809L
#endif

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef _WIN32
#include <sys/stat.h>
#endif
#include "tus.h"

#define EXIT_STOPPED 3
#define BUSY_TIMEOUT_MS 5000

/* --- the store ---------------------------------------------------------------------------------------------------- */

/* Makes a statement and binds the key and the URL to its first parameters, as far as they are given. The library may
 * call from several threads at once: a connection in serialized mode is made for that, a statement is not, so each call
 * has one of its own. */
static int prepare(sqlite3 *database, const char *sql, const char *key, const char *url, sqlite3_stmt **statement)
{
    int code = sqlite3_prepare_v2(database, sql, -1, statement, NULL);

    if (code == SQLITE_OK && key != NULL)
        code = sqlite3_bind_text(*statement, 1, key, -1, SQLITE_STATIC);
    if (code == SQLITE_OK && url != NULL)
        code = sqlite3_bind_text(*statement, 2, url, -1, SQLITE_STATIC);
    return code;
}

/* Runs a statement that selects records, each of which goes to the sink with one call. */
static int32_t write_records(sqlite3 *database, const char *sql, const char *key, tus_sink *out)
{
    sqlite3_stmt *statement = NULL;
    int code = prepare(database, sql, key, NULL, &statement);

    if (code == SQLITE_OK) {
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
            const void *record = sqlite3_column_blob(statement, 0);

            if (tus_sink_write(out, record, (size_t)sqlite3_column_bytes(statement, 0)) != TUS_OK) {
                code = SQLITE_ERROR;
                break;
            }
        }
    }
    sqlite3_finalize(statement);
    /* Any number but 0 is a fault of the store; SQLite's own ones are as good as others, and the log tells them. */
    return code == SQLITE_DONE ? 0 : code;
}

/* Runs a statement that changes something. */
static int32_t change(sqlite3 *database, const char *sql, const char *key, const char *url, const void *record,
                      size_t len)
{
    sqlite3_stmt *statement = NULL;
    int code = prepare(database, sql, key, url, &statement);

    if (code == SQLITE_OK && record != NULL)
        code = sqlite3_bind_blob64(statement, 3, record, len, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? 0 : code;
}

static int32_t store_find(void *user_data, const char *key, tus_sink *out)
{
    return write_records(user_data, "SELECT record FROM uploads WHERE key = ?1", key, out);
}

static int32_t store_list(void *user_data, tus_sink *out)
{
    return write_records(user_data, "SELECT record FROM uploads", NULL, out);
}

static int32_t store_put(void *user_data, const char *key, const char *upload_url, const void *record, size_t len)
{
    return change(user_data, "INSERT OR REPLACE INTO uploads (key, url, record) VALUES (?1, ?2, ?3)", key, upload_url,
                  record, len);
}

static int32_t store_remove(void *user_data, const char *key, const char *upload_url)
{
    return change(user_data, "DELETE FROM uploads WHERE key = ?1 AND url = ?2", key, upload_url, NULL, 0);
}

static void store_destroy(void *user_data)
{
    sqlite3_close(user_data);
}

/* Returns NULL, with the reason on stderr, if the database cannot be used. */
static sqlite3 *open_database(const char *path)
{
    static const char schema[] = "CREATE TABLE IF NOT EXISTS uploads ("
                                 "key TEXT NOT NULL, url TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (key, url))";
    sqlite3 *database = NULL;
    int code;

#ifndef _WIN32
    /* Whoever knows an upload's URL may write to it: a new file is for this user alone. */
    umask(S_IRWXG | S_IRWXO);
#endif
    code = sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(database, BUSY_TIMEOUT_MS);
    if (code == SQLITE_OK)
        code = sqlite3_exec(database, schema, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        return database;
    fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(database));
    sqlite3_close(database);
    return NULL;
}

/* --- the upload --------------------------------------------------------------------------------------------------- */

static void log_line(void *user_data, int32_t level, const char *line)
{
    (void)user_data;
    (void)level;
    fprintf(stderr, "%s\n", line);
}

/* From here on the database belongs to the client, which closes it at its end, or at once if this fails. */
static tus_status make_client(sqlite3 *database, const char *url, tus_client **client, tus_error **error)
{
    tus_config *config = tus_config_new();
    tus_store_vtable functions = {0};
    tus_status status;

    functions.struct_size = sizeof functions;
    functions.find = store_find;
    functions.put = store_put;
    functions.remove = store_remove;
    functions.list = store_list;
    functions.destroy = store_destroy;

    tus_config_set_url(config, url);
    tus_config_set_store(config, &functions, database);
    /* An upload never fails because of its store: the log is where to hear of it. */
    tus_config_set_log(config, TUS_LOG_WARN, log_line, NULL, NULL);
    status = tus_client_new(config, client, error);
    tus_config_free(config);
    return status;
}

static tus_status print_previous(tus_client *client, tus_source *source, tus_error **error)
{
    tus_previous_list *list = NULL;
    tus_status status = tus_client_find_previous_uploads(client, source, &list, error);
    size_t i;

    for (i = 0; i < tus_previous_list_count(list); i++)
        printf("found: %s with %" PRIu64 " bytes\n", tus_previous_list_url(list, i), tus_previous_list_offset(list, i));
    tus_previous_list_free(list);
    return status;
}

static tus_status run_upload(tus_client *client, const char *file, uint64_t stop_at, tus_info **info, tus_error **error)
{
    tus_upload_options *options = tus_upload_options_new();
    tus_source *source = NULL;
    uint64_t removed = 0;
    tus_status status;

    /* What servers have dropped by now needs no row any more. It is no reason not to go on if this fails. */
    if (tus_client_prune_store(client, 0, &removed, NULL) == TUS_OK && removed > 0)
        printf("pruned: %" PRIu64 "\n", removed);

    tus_upload_options_set_stop_at(options, stop_at);
    status = tus_source_file(file, &source, error);
    if (status == TUS_OK)
        status = print_previous(client, source, error);
    if (status == TUS_OK)
        status = tus_client_upload(client, source, options, info, error);
    tus_source_free(source);
    tus_upload_options_free(options);
    return status;
}

static void print_result(const tus_info *info)
{
    tus_stats stats = {0};

    stats.struct_size = sizeof stats;
    if (tus_info_get_stats(info, &stats) == TUS_OK)
        printf("there before: %" PRIu64 " bytes, there now: %" PRIu64 "\n", stats.bytes_resumed, stats.bytes_confirmed);
    printf("%s: %s\n", tus_info_is_complete(info) ? "done" : "stopped", tus_info_url(info));
}

static int parse_number(const char *text, uint64_t *number)
{
    char *end = NULL;

    errno = 0;
    *number = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

int main(int argc, char **argv)
{
    int has_option = argc == 6 && strcmp(argv[1], "--stop-at") == 0;
    char **words = argv + (has_option ? 3 : 1);
    uint64_t stop_at = TUS_SIZE_UNKNOWN;
    sqlite3 *database = NULL;
    tus_client *client = NULL;
    tus_info *info = NULL;
    tus_error *error = NULL;
    tus_status status;
    int exit_code = 1;

    if ((argc != 4 && !has_option) || (has_option && !parse_number(argv[2], &stop_at))) {
        fprintf(stderr, "usage: %s [--stop-at BYTES] DATABASE URL FILE\n", argv[0]);
        return 2;
    }
    database = open_database(words[0]);
    if (database == NULL)
        return 1;

    status = make_client(database, words[1], &client, &error);
    if (status == TUS_OK)
        status = run_upload(client, words[2], stop_at, &info, &error);

    if (status == TUS_OK) {
        print_result(info);
        exit_code = tus_info_is_complete(info) ? 0 : EXIT_STOPPED;
    } else {
        fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(error));
    }

    tus_error_free(error);
    tus_info_free(info);
    tus_client_unref(client);
    return exit_code;
}
