/* Every function that returns a status says why, when it refuses: in `err`, or in tus_last_error. */
#include <pthread.h>

#include "check.h"

/* ---- the table: the functions it has, and those the header has (the program's words) */

static char *shown[400];
static size_t shown_count;

static void remember(const char *call)
{
    char *name = (char *)malloc(strlen(call) + 1);
    size_t i;
    NEED(name != NULL && shown_count < COUNT(shown));
    strcpy(name, call);
    name[strcspn(name, "(")] = '\0';
    for (i = 0; i < shown_count; i++) {
        if (strcmp(shown[i], name) == 0) {
            free(name);
            return;
        }
    }
    shown[shown_count++] = name;
}

static void forget_names(void)
{
    while (shown_count > 0)
        free(shown[--shown_count]);
}

static void check_refusal(const char *file, int line, const char *call, tus_status have, tus_status want,
                          const tus_error *details, const char *word)
{
    char told[2000];
    remember(call);
    if (have != want || details == NULL || tus_error_status(details) != want
        || strstr(tus_error_message(details), word) == NULL) {
        snprintf(told, sizeof told, "%s is %s, not %s with a word of \"%s\": %s", call, tus_status_name(have),
                 tus_status_name(want), word, details ? tus_error_message(details) : "no details");
        check_failed(file, line, told);
    }
}

/* What was told before must not be taken for what is told now. */
static void tell_something_else(void)
{
    tus_upload_options *other = tus_upload_options_new();
    CHECK_INVALID(tus_upload_options_set_metadata(other, "a,comma", NULL, 0));
    CHECK(strstr(tus_error_message(tus_last_error()), "a,comma") != NULL);
    tus_upload_options_free(other);
}

/* A function without `err`, or with NULL for it: its details are kept for the thread. */
#define KEPT(want, word, call)                                                                                         \
    do {                                                                                                               \
        tus_status result_;                                                                                            \
        tell_something_else();                                                                                         \
        result_ = (call);                                                                                              \
        check_refusal(__FILE__, __LINE__, #call, result_, want, tus_last_error(), word);                               \
    } while (0)
#define KEPT_INVALID(word, call) KEPT(TUS_E_INVALID_ARGUMENT, word, call)
/* A function whose last argument is `&err`. */
#define TOLD(want, word, call)                                                                                         \
    do {                                                                                                               \
        tus_error *err = NULL;                                                                                         \
        tus_status result_ = (call);                                                                                   \
        check_refusal(__FILE__, __LINE__, #call, result_, want, err, word);                                            \
        tus_error_free(err);                                                                                           \
    } while (0)
#define TOLD_INVALID(word, call) TOLD(TUS_E_INVALID_ARGUMENT, word, call)

/* ---- functions of the program's, which get objects that refuse something too */

static int in_hook, in_credentials, in_fingerprint, in_progress;
static tus_uploader *uploader;

static int32_t before_request(void *user_data, tus_request *request)
{
    (void)user_data;
    if (in_hook++ == 0) {
        KEPT_INVALID("Upload-Offset", tus_request_set_header(request, "Upload-Offset", "1"));
        KEPT_INVALID("name is NULL", tus_request_set_header(request, NULL, "1"));
    }
    return 0;
}

static int32_t after_response(void *user_data, const tus_request *request, const tus_response *response)
{
    (void)user_data;
    (void)response;
    KEPT(TUS_E_INVALID_STATE, "tus_before_request_fn", tus_request_set_header((tus_request *)request, "X-Late", "1"));
    return 0;
}

static int32_t credentials(void *user_data, const tus_response *refusal, tus_credentials *out)
{
    (void)user_data;
    (void)refusal;
    in_credentials++;
    KEPT_INVALID("Tus-Resumable", tus_credentials_set_header(out, "Tus-Resumable", "2"));
    CHECK_OK(tus_credentials_set_header(out, "X-Key", "new"));
    return 0;
}

static int32_t fingerprint(void *user_data, const char *name, uint64_t size, tus_sink *out)
{
    (void)user_data;
    (void)name;
    (void)size;
    in_fingerprint++;
    KEPT_INVALID("data is NULL", tus_sink_write(out, NULL, 1));
    return tus_sink_write(out, "mark", 4);
}

static int32_t progress(void *user_data, const tus_progress *now)
{
    (void)now;
    if (uploader != NULL && in_progress++ == 0) {
        KEPT(TUS_E_BUSY, "tus_uploader_cancel", tus_uploader_set_chunk_size(uploader, 1));
        TOLD(TUS_E_BUSY, "_async", tus_uploader_upload(uploader, NULL, &err));
        TOLD(TUS_E_BUSY, "_async", tus_uploader_upload_chunk(uploader, NULL, &err));
        KEPT(TUS_E_BUSY, "callback", tus_client_close((tus_client *)user_data, 0));
    }
    return 0;
}

static int32_t fails_to_read(void *user_data, void *buffer, size_t cap, size_t *length)
{
    (void)user_data;
    (void)buffer;
    (void)cap;
    *length = 0;
    return 7;
}

static int32_t find(void *user_data, const char *key, tus_sink *out)
{
    (void)user_data;
    (void)key;
    (void)out;
    return 0;
}

/* ---- the rows */

static void configurations(void)
{
    tus_config *c = tus_config_new();
    tus_store_vtable store = {sizeof store, find, NULL, NULL, NULL, NULL};
    tus_client *client = NULL;

    KEPT_INVALID("http", tus_config_set_url(c, "ftp://example.org/"));
    KEPT_INVALID("Host", tus_config_set_header(c, "Host", "a"));
    KEPT_INVALID("http://", tus_config_allow_origin(c, "not a url"));
    KEPT_INVALID("TUS_CHUNK_AUTO", tus_config_set_chunk_size(c, 0));
    KEPT_INVALID("above the largest", tus_config_set_chunk_rules(c, 5, 4, 1));
    KEPT_INVALID("klingon", tus_config_set_metadata_encoding(c, "klingon"));
    KEPT_INVALID("99", tus_config_set_checksum(c, 99, TUS_CHECKSUM_REQUIRED));
    KEPT_INVALID("98", tus_config_set_checksum(c, TUS_CHECKSUM_SHA1, 98));
    KEPT_INVALID("c is NULL", tus_config_set_checksum_trailers(NULL, 1));
    KEPT_INVALID("value is NULL", tus_config_set_metadata_for_partial_uploads(c, "key", NULL, 1));
    KEPT_INVALID("99", tus_config_set_locations(c, 99));
    KEPT_INVALID("99", tus_config_set_upload_with_creation(c, 99));
    KEPT_INVALID("c is NULL", tus_config_set_query_server(NULL, 1));
    KEPT_INVALID("commas", tus_config_set_capabilities(c, "two words", 0, NULL));
    KEPT_INVALID("c is NULL", tus_config_set_override_patch_method(NULL, 1));
    KEPT_INVALID("c is NULL", tus_config_set_add_request_id(NULL, 1));
    KEPT_INVALID("c is NULL", tus_config_set_retry(NULL, 1, 1, 1));
    KEPT_INVALID("c is NULL", tus_config_set_lock_budget_ms(NULL, 1));
    KEPT_INVALID("c is NULL", tus_config_set_max_retry_after_ms(NULL, 1));
    KEPT_INVALID("c is NULL", tus_config_set_timeouts_ms(NULL, 1, 1, 1, 1));
    KEPT_INVALID("c is NULL", tus_config_set_tls_verify(NULL, 1));
    KEPT_INVALID("c is NULL", tus_config_set_https_only(NULL, 1));
    KEPT_INVALID("TUS_TLS_1_3", tus_config_set_tls_min_version(c, 99));
    KEPT_INVALID("base64", tus_config_pin_tls_key(c, "md5/abc"));
    KEPT_INVALID("empty path", tus_config_set_tls_ca_file(c, ""));
    KEPT_INVALID("key_path", tus_config_set_tls_client_certificate(c, "chain.pem", NULL));
    KEPT_INVALID("socks5", tus_config_set_proxy(c, "gopher://proxy"));
    KEPT_INVALID("value", tus_config_set_user_agent(c, "a\nb"));
    KEPT_INVALID("empty path", tus_config_set_store_dir(c, ""));
    KEPT_INVALID("c is NULL", tus_config_set_store_default(NULL));
    KEPT_INVALID("put", tus_config_set_store(c, &store, NULL));
    KEPT_INVALID("16", tus_config_set_token_key(c, "short", 5));
    KEPT_INVALID("99", tus_config_set_fingerprint(c, 99));
    KEPT_INVALID("c is NULL", tus_config_set_fingerprint_callback(NULL, fingerprint, NULL, NULL));
    KEPT_INVALID("c is NULL", tus_config_set_verify_resumed(NULL, 1));
    KEPT_INVALID("c is NULL", tus_config_set_before_request(NULL, before_request, NULL, NULL));
    KEPT_INVALID("c is NULL", tus_config_set_after_response(NULL, after_response, NULL, NULL));
    KEPT_INVALID("c is NULL", tus_config_set_should_retry(NULL, NULL, NULL, NULL));
    KEPT_INVALID("c is NULL", tus_config_set_on_upload_url_available(NULL, NULL, NULL, NULL));
    KEPT_INVALID("c is NULL", tus_config_set_credentials(NULL, credentials, NULL, NULL));
    KEPT_INVALID("c is NULL", tus_config_set_on_expiring(NULL, NULL, NULL, NULL));
    KEPT_INVALID("99", tus_config_set_log(c, 99, NULL, NULL, NULL));
    KEPT_INVALID("c is NULL", tus_config_set_show_urls(NULL, 1));
    KEPT_INVALID("1024", tus_config_set_workers(c, 0));
    KEPT_INVALID("99", tus_config_set_dispatch(c, 99));
    KEPT_INVALID("c is NULL", tus_config_set_bandwidth_limit(NULL, 1));
    KEPT_INVALID("c is NULL", tus_config_set_memory_limit(NULL, 1));
    /* The first refusal comes back, with the setter's name. */
    TOLD_INVALID("tus_config_set_url", tus_client_new(c, &client, &err));
    KEPT_INVALID("tus_config_set_url", tus_client_new(c, &client, NULL));
    tus_config_free(c);
}

static void upload_options(void)
{
    tus_upload_options *o = tus_upload_options_new();
    KEPT_INVALID("a key", tus_upload_options_set_metadata(o, "a key", "", 0));
    KEPT_INVALID("another key", tus_upload_options_set_metadata_text(o, "another key", ""));
    KEPT_INVALID("o is NULL", tus_upload_options_set_large_metadata(NULL, 1));
    KEPT_INVALID("Content-Length", tus_upload_options_set_header(o, "Content-Length", "1"));
    KEPT_INVALID("o is NULL", tus_upload_options_set_stop_at(NULL, 1));
    KEPT_INVALID("TUS_CHUNK_AUTO", tus_upload_options_set_chunk_size(o, 0));
    KEPT_INVALID("99", tus_upload_options_set_checksum(o, 99, TUS_CHECKSUM_REQUIRED));
    KEPT_INVALID("o is NULL", tus_upload_options_set_retry(NULL, 1, 1, 1));
    KEPT_INVALID("o is NULL", tus_upload_options_set_timeout_ms(NULL, 1));
    KEPT_INVALID("o is NULL", tus_upload_options_set_request_timeouts_ms(NULL, 1, 1, 1));
    KEPT_INVALID("connect", tus_upload_options_set_request_timeouts_ms(o, 0, 1, 1));
    KEPT_INVALID("o is NULL", tus_upload_options_set_parallel_uploads(NULL, 2));
    KEPT_INVALID("o is NULL", tus_upload_options_set_min_part_size(NULL, 1));
    KEPT_INVALID("o is NULL", tus_upload_options_set_remove_parts(NULL, 1));
    KEPT_INVALID("o is NULL", tus_upload_options_set_parallel_fallback(NULL, 1));
    KEPT_INVALID("not UTF-8", tus_upload_options_set_upload_url(o, "\xff"));
    KEPT_INVALID("token", tus_upload_options_set_resume_token(o, "\xff"));
    KEPT_INVALID("o is NULL", tus_upload_options_set_priority(NULL, 1));
    KEPT_INVALID("o is NULL", tus_upload_options_set_unfinished_parts(NULL, 1));
    KEPT_INVALID("o is NULL", tus_upload_options_set_progress(NULL, NULL, NULL, NULL));
    KEPT_INVALID("o is NULL", tus_upload_options_set_on_upload_url_available(NULL, NULL, NULL, NULL));
    KEPT_INVALID("o is NULL", tus_upload_options_set_on_resume_token(NULL, NULL, NULL, NULL));
    tus_upload_options_free(o);
}

static void sources(void)
{
    tus_reader_vtable reader = {sizeof reader, NULL, NULL, NULL};
    tus_source *s = NULL;
    tus_writer *w = NULL;
    size_t written;

    TOLD(TUS_E_SOURCE, "is not there", tus_source_file("is not there", &s, &err));
    TOLD(TUS_E_SOURCE, "is not there", tus_source_file_range("is not there", 0, 1, &s, &err));
    TOLD_INVALID("-1", tus_source_fd(-1, &s, &err));
    TOLD_INVALID("data is NULL", tus_source_memory(NULL, 1, NULL, NULL, &s, &err));
    TOLD_INVALID("read", tus_source_reader(&reader, NULL, 1, &s, &err));
    TOLD_INVALID("out is NULL", tus_writer_new(1, 1, NULL, &s, &err));
    NEED(tus_writer_new(1, 1, &w, &s, NULL) == TUS_OK);
    TOLD_INVALID("data is NULL", tus_writer_write(w, NULL, 1, 0, &written, &err));
    TOLD_INVALID("1", tus_writer_write(w, "too much", 8, 0, &written, &err));
    TOLD_INVALID("w is NULL", tus_writer_finish(NULL, &err));
    tus_writer_free(w);
    tus_source_free(s);
}

static void clients(void)
{
    tus_client *c = make_client();
    tus_source *s = memory_source("hello", 5);
    tus_info *info = NULL;
    tus_uploader *u = NULL;
    const char *none[1] = {NULL};
    char value[8];
    size_t length;
    uint64_t removed;

    KEPT_INVALID("c is NULL", tus_client_set_bandwidth_limit(NULL, 1));
    KEPT_INVALID("c is NULL", tus_client_set_memory_limit(NULL, 1));
    KEPT_INVALID("1024", tus_client_set_workers(c, 1025));
    KEPT_INVALID("c is NULL", tus_client_close(NULL, 0));
    TOLD_INVALID("Host", tus_client_set_header(c, "Host", "a", &err));
    TOLD(TUS_E_NOT_FOUND, "X-None", tus_client_copy_header(c, "X-None", value, sizeof value, &length, &err));
    TOLD(TUS_E_SOURCE, "is not there", tus_client_upload_file(c, "is not there", NULL, &info, &err));
    KEPT(TUS_E_SOURCE, "is not there", tus_client_upload_file(c, "is not there", NULL, &info, NULL));
    TOLD_INVALID("s is NULL", tus_client_upload(c, NULL, NULL, &info, &err));
    TOLD_INVALID("http", tus_client_resume_upload(c, s, "ftp://example.org/", NULL, &info, &err));
    TOLD_INVALID("http", tus_client_get_upload_info(c, "ftp://example.org/", &info, &err));
    TOLD_INVALID("http", tus_client_get_metadata(c, "ftp://example.org/", NULL, &err));
    TOLD_INVALID("c is NULL", tus_client_get_server_info(NULL, NULL, &err));
    TOLD_INVALID("http", tus_client_delete_upload(c, "ftp://example.org/", &err));
    TOLD_INVALID("s is NULL", tus_client_create_partial_upload(c, NULL, NULL, &info, &err));
    TOLD_INVALID("urls", tus_client_create_final_upload(c, none, 1, NULL, &info, &err));
    TOLD_INVALID("c is NULL", tus_client_create_deferred_upload(NULL, NULL, &info, &err));
    TOLD_INVALID("s is NULL", tus_client_find_previous_uploads(c, NULL, NULL, &err));
    TOLD_INVALID("c is NULL", tus_client_list_stored(NULL, NULL, &err));
    TOLD_INVALID("http", tus_client_forget(c, "ftp://example.org/", &err));
    TOLD_INVALID("c is NULL", tus_client_prune_store(NULL, 0, &removed, &err));
    TOLD_INVALID("s is NULL", tus_client_create_uploader(c, NULL, NULL, &u, &err));
    tus_source_free(s);
    tus_client_unref(c);
}

static void tasks(void)
{
    tus_reader_vtable failing = {sizeof failing, fails_to_read, NULL, NULL};
    tus_config *config = make_config();
    tus_client *c;
    tus_source *s = NULL;
    tus_task *t = NULL;
    tus_progress p = {0};
    const tus_error *of_task = NULL;
    const char *none[1] = {NULL};

    CHECK_OK(tus_config_set_workers(config, 1));
    c = client_of(config);
    NEED(tus_source_reader(&failing, NULL, 1, &s, NULL) == TUS_OK);
#define AFTER NULL, NULL, NULL, &t, &err
    TOLD_INVALID("path is NULL", tus_client_upload_file_async(c, NULL, NULL, AFTER));
    TOLD_INVALID("s is NULL", tus_client_upload_async(c, NULL, NULL, AFTER));
    TOLD_INVALID("upload_url is NULL", tus_client_resume_upload_async(c, s, NULL, NULL, AFTER));
    TOLD_INVALID("upload_url is NULL", tus_client_get_upload_info_async(c, NULL, AFTER));
    TOLD_INVALID("upload_url is NULL", tus_client_get_metadata_async(c, NULL, AFTER));
    TOLD_INVALID("c is NULL", tus_client_get_server_info_async(NULL, AFTER));
    TOLD_INVALID("upload_url is NULL", tus_client_delete_upload_async(c, NULL, AFTER));
    TOLD_INVALID("s is NULL", tus_client_create_partial_upload_async(c, NULL, NULL, AFTER));
    TOLD_INVALID("urls", tus_client_create_final_upload_async(c, none, 1, NULL, AFTER));
    TOLD_INVALID("c is NULL", tus_client_create_deferred_upload_async(NULL, NULL, AFTER));
    TOLD_INVALID("s is NULL", tus_client_find_previous_uploads_async(c, NULL, AFTER));
    TOLD_INVALID("c is NULL", tus_client_prune_store_async(NULL, 0, AFTER));
    TOLD_INVALID("s is NULL", tus_client_create_uploader_async(c, NULL, NULL, AFTER));
    TOLD_INVALID("u is NULL", tus_uploader_upload_async(NULL, AFTER));
    TOLD_INVALID("u is NULL", tus_uploader_upload_chunk_async(NULL, AFTER));
#undef AFTER
    NEED(tus_client_upload_async(c, s, NULL, NULL, NULL, NULL, &t, NULL) == TUS_OK);
    KEPT_INVALID("t is NULL", tus_task_wait(NULL, 0));
    CHECK_OK(tus_task_wait(t, TUS_WAIT_FOREVER));
    KEPT_INVALID("sizeof", tus_task_get_progress(t, &p));
    /* The task's own error is not the call's. */
    tell_something_else();
    CHECK_STATUS(tus_task_result(t, &of_task), TUS_E_CALLBACK);
    CHECK(of_task != NULL && strstr(tus_error_message(tus_last_error()), "a,comma") != NULL);
    KEPT_INVALID("t is NULL", tus_task_result(NULL, &of_task));
    CHECK(of_task == NULL);
    tus_task_unref(t);
    tus_source_free(s);
    CHECK_OK(tus_client_close(c, TUS_WAIT_FOREVER));
    tus_client_unref(c);
}

/* What is refused while something is going on: the server asks for other credentials once. */
static void under_way(void)
{
    tus_config *config = make_config();
    tus_upload_options *o = tus_upload_options_new();
    unsigned char *bytes = make_bytes(5);
    tus_source *s = memory_source(bytes, 5);
    tus_client *c;
    tus_info *info = NULL;
    tus_error *err = NULL;
    tus_stats stats = {0};

    CHECK_OK(tus_config_set_before_request(config, before_request, NULL, NULL));
    CHECK_OK(tus_config_set_after_response(config, after_response, NULL, NULL));
    CHECK_OK(tus_config_set_credentials(config, credentials, NULL, NULL));
    CHECK_OK(tus_config_set_fingerprint_callback(config, fingerprint, NULL, NULL));
    CHECK_OK(tus_config_set_store_dir(config, path_of("store").text));
    c = client_of(config);
    CHECK_OK(tus_upload_options_set_progress(o, progress, c, NULL));
    CHECK_RESULT(tus_client_create_uploader(c, s, o, &uploader, &err), TUS_OK);
    KEPT_INVALID("sizeof", tus_uploader_get_stats(uploader, &stats));
    KEPT_INVALID("TUS_CHUNK_AUTO", tus_uploader_set_chunk_size(uploader, 0));
    CHECK_RESULT(tus_uploader_upload(uploader, &info, &err), TUS_OK);
    KEPT_INVALID("sizeof", tus_info_get_stats(info, &stats));
    CHECK(in_hook > 0 && in_credentials == 1 && in_fingerprint > 0 && in_progress > 0);
    tus_info_free(info);
    tus_uploader_free(uploader);
    tus_upload_options_free(o);
    tus_source_free(s);
    tus_client_unref(c);
    free(bytes);
}

static void test_all(void)
{
    size_t i;
    int word;
    CHECK(tus_last_error() == NULL);
    configurations();
    upload_options();
    sources();
    clients();
    tasks();
    under_way();
    for (word = 0; word < word_count; word++) {
        for (i = 0; i < shown_count && strcmp(shown[i], words[word]) != 0; i++)
            continue;
        if (i == shown_count)
            check_failed("tests/c/refusals.c", 0, words[word]);
    }
    CHECK_NUMBER(shown_count, word_count);
    forget_names();
}

/* ---- whose they are, and how long */

static void *elsewhere(void *unused)
{
    (void)unused;
    CHECK(tus_last_error() == NULL);
    KEPT_INVALID("t is NULL", tus_task_wait(NULL, 0));
    return NULL;
}

static void test_threads(void)
{
    tus_config *c = tus_config_new();
    const tus_error *first;
    pthread_t thread;

    KEPT_INVALID("c is NULL", tus_config_set_workers(NULL, 1));
    first = tus_last_error();
    CHECK(tus_last_error() == first);
    CHECK_OK(tus_config_set_workers(c, 1));
    NEED(pthread_create(&thread, NULL, elsewhere, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(tus_last_error() == first && strstr(tus_error_message(first), "c is NULL") != NULL);
    /* It is not the program's to free. */
    tus_error_free((tus_error *)first);
    CHECK_STATUS(tus_error_status(first), TUS_E_INVALID_ARGUMENT);
    CHECK(strstr(tus_error_message(tus_last_error()), "c is NULL") != NULL);
    tus_config_free(c);
    forget_names();
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {{"all", test_all}, {"threads", test_threads}};
    return run_case(argc, argv, cases, COUNT(cases));
}
