/* Files that change while they are uploaded: never a success, and no upload stays on the server that nobody can complete.
 * What befalls only their names changes nothing.
 *
 * The change is made by the progress callback once bytes are under way, so no clock decides.
 */
#include "check.h"

struct change {
    const char *name;
    void (*make)(const char *path);
    const char *path;
    /* The status, and whether the upload is then removed. */
    tus_status status;
    int removed;
    int by_chunk;
    int made;
};

static void truncate_file(const char *path)
{
    NEED(truncate(path, 100) == 0);
}

static void grow(const char *path)
{
    FILE *file = fopen(path, "ab");
    NEED(file != NULL && fputc('x', file) == 'x' && fclose(file) == 0);
}

/* By one of the same size, content and time. */
static void replace(const char *path)
{
    struct path other = make_file("replacement", 1 << 20);
    struct timespec times[2];
    struct stat status;
    NEED(stat(path, &status) == 0);
    times[0] = status.st_atim;
    times[1] = status.st_mtim;
    NEED(utimensat(AT_FDCWD, other.text, times, 0) == 0);
    NEED(rename(other.text, path) == 0);
}

static void modify(const char *path)
{
    int fd = open(path, O_WRONLY);
    NEED(fd >= 0 && pwrite(fd, "changed", 7, 0) == 7 && close(fd) == 0);
}

static void delete_file(const char *path)
{
    NEED(unlink(path) == 0);
}

static int32_t change_on_the_way(void *user_data, const tus_progress *progress)
{
    struct change *change = (struct change *)user_data;
    uint64_t moved = change->by_chunk ? progress->confirmed : progress->sent;
    if (!change->made && moved > 0 && progress->confirmed < progress->total) {
        change->made = 1;
        change->make(change->path);
    }
    return 0;
}

static void upload_changing(struct change change)
{
    struct path path = make_file(change.name, 1 << 20);
    tus_config *config = make_config();
    tus_upload_options *options = tus_upload_options_new();
    tus_client *client;
    tus_info *info = (tus_info *)&change;
    tus_error *err = NULL;
    change.path = path.text;
    CHECK_OK(tus_config_set_chunk_size(config, change.by_chunk ? 200000 : TUS_CHUNK_WHOLE));
    CHECK_OK(tus_config_set_upload_with_creation(config, 0));
    CHECK_OK(tus_upload_options_set_progress(options, change_on_the_way, &change, NULL));
    client = client_of(config);
    CHECK_RESULT(tus_client_upload_file(client, path.text, options, &info, &err), change.status);
    CHECK(change.made);
    if (change.status == TUS_OK) {
        CHECK_NUMBER(tus_info_is_complete(info), 1);
        tus_info_free(info);
    } else {
        CHECK(info == NULL);
        /* All of a file that was cut may have been handed over before. */
        CHECK(tus_error_upload_url(err) != NULL || change.removed);
        CHECK(!change.by_chunk || (tus_error_upload_url(err) == NULL) == change.removed);
        CHECK_NUMBER(tus_error_is_retryable(err), 0);
        tus_error_free(err);
    }
    tus_upload_options_free(options);
    tus_client_unref(client);
}

static const struct change changes[] = {
    {"truncated", truncate_file, NULL, TUS_E_SOURCE_CHANGED, 1, 0, 0},
    {"grown", grow, NULL, TUS_E_SOURCE_CHANGED, 0, 0, 0},
    {"replaced", replace, NULL, TUS_OK, 0, 0, 0},
    {"modified", modify, NULL, TUS_E_SOURCE_CHANGED, 0, 0, 0},
    {"deleted", delete_file, NULL, TUS_OK, 0, 0, 0},
};

/* Between two requests. */
static void test_between(void)
{
    size_t i;
    for (i = 0; i < COUNT(changes); i++) {
        struct change change = changes[i];
        change.by_chunk = 1;
        upload_changing(change);
    }
}

/* While one request carries all of it. */
static void test_within(void)
{
    size_t i;
    for (i = 0; i < COUNT(changes); i++)
        upload_changing(changes[i]);
}

/* Between two operations: the source is still that of the file as it was. */
static void test_resumed(void)
{
    struct path path = make_file("file", 3000);
    tus_source *source = file_source(path.text);
    tus_upload_options *options = tus_upload_options_new();
    tus_config *config = make_config();
    tus_client *client;
    tus_info *info = NULL;
    tus_error *err = NULL;
    CHECK_OK(tus_config_set_chunk_size(config, 1000));
    client = client_of(config);
    CHECK_OK(tus_upload_options_set_stop_at(options, 1000));
    CHECK_RESULT(tus_client_upload(client, source, options, &info, &err), TUS_OK);
    NEED(info != NULL);
    CHECK_NUMBER(tus_info_is_complete(info), 0);
    CHECK_NUMBER(tus_info_offset(info), 1000);
    grow(path.text);
    CHECK_FAILS(tus_client_resume_upload(client, source, tus_info_url(info), NULL, NULL, &err), TUS_E_SOURCE_CHANGED);
    /* A new source of it has another size than the upload. */
    tus_source_free(source);
    source = file_source(path.text);
    CHECK_FAILS(tus_client_resume_upload(client, source, tus_info_url(info), NULL, NULL, &err), TUS_E_SOURCE_CHANGED);
    NEED(truncate(path.text, 3000) == 0);
    tus_source_free(source);
    source = file_source(path.text);
    CHECK_RESULT(tus_client_resume_upload(client, source, tus_info_url(info), NULL, NULL, &err), TUS_OK);
    tus_info_free(info);
    tus_source_free(source);
    tus_upload_options_free(options);
    tus_client_unref(client);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"between", test_between},
        {"within", test_within},
        {"resumed", test_resumed},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
