/* Sources and stores in bad places, in every way an upload can be made. */
#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "tasks.h"

#define SIZE 3000
#define CHUNK 1000

static unsigned char *bytes;

/* ---- file locks that fail, as on some network file systems: the library's calls come here */

static int lock_errno;

int flock(int fd, int operation)
{
    struct flock lock;
    if (lock_errno != 0) {
        errno = lock_errno;
        return -1;
    }
    memset(&lock, 0, sizeof lock);
    lock.l_type = operation & LOCK_UN ? F_UNLCK : F_WRLCK;
    return fcntl(fd, F_OFD_SETLK, &lock);
}

/* ---- every way to make an upload */

enum mode { BLOCKING, TASK, PARTS, UPLOADER, MODES };

struct outcome {
    tus_status status;
    tus_info *info;
    tus_error *err;
    /* The task has the error. */
    tus_task *task;
};

static const tus_error *error_of(const struct outcome *outcome)
{
    const tus_error *err = outcome->err;
    if (outcome->task != NULL)
        CHECK_STATUS(tus_task_result(outcome->task, &err), outcome->status);
    return err;
}

static void release(struct outcome *outcome)
{
    tus_info_free(outcome->info);
    tus_error_free(outcome->err);
    tus_task_unref(outcome->task);
}

static tus_upload_options *options_for(enum mode mode, int fallback)
{
    tus_upload_options *options = tus_upload_options_new();
    if (mode == PARTS) {
        CHECK_OK(tus_upload_options_set_parallel_uploads(options, 3));
        CHECK_OK(tus_upload_options_set_min_part_size(options, 1));
        CHECK_OK(tus_upload_options_set_parallel_fallback(options, fallback));
        CHECK_OK(tus_upload_options_set_remove_parts(options, 1));
    }
    return options;
}

static struct outcome upload_by(enum mode mode, tus_client *client, tus_source *source,
                                const tus_upload_options *options)
{
    struct outcome outcome = {0};
    tus_uploader *uploader = NULL;
    switch (mode) {
    case TASK:
        outcome.status = tus_client_upload_async(client, source, options, NULL, NULL, NULL, &outcome.task,
                                                 &outcome.err);
        NEED(outcome.task != NULL);
        CHECK_OK(tus_task_wait(outcome.task, PATIENCE_MS));
        outcome.status = tus_task_result(outcome.task, NULL);
        outcome.info = tus_task_take_info(outcome.task);
        break;
    case UPLOADER:
        outcome.status = tus_client_create_uploader(client, source, options, &uploader, &outcome.err);
        if (outcome.status == TUS_OK)
            outcome.status = tus_uploader_upload(uploader, &outcome.info, &outcome.err);
        tus_uploader_free(uploader);
        break;
    default:
        outcome.status = tus_client_upload(client, source, options, &outcome.info, &outcome.err);
    }
    return outcome;
}

static tus_config *chunked_config(void)
{
    tus_config *config = make_config();
    CHECK_OK(tus_config_set_chunk_size(config, CHUNK));
    CHECK_OK(tus_config_set_retry(config, 1, 1, 1));
    return config;
}

/* ---- sources */

static void test_locked(void)
{
    tus_client *client = client_of(chunked_config());
    struct path path = make_file("file", SIZE);
    tus_source *source = NULL;
    tus_error *err = NULL;
    struct flock whole;
    int mode, fd = open(path.text, O_RDWR);

    NEED(fd >= 0);
    /* Who opens a file under a lease makes the system tell its holder. */
    NEED(signal(SIGIO, SIG_IGN) != SIG_ERR);
    if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0) {
        CHECK_RESULT(tus_source_file(path.text, &source, &err), TUS_E_SOURCE);
        CHECK(source == NULL && tus_error_is_retryable(err));
        CHECK_NUMBER(tus_error_os_code(err), EWOULDBLOCK);
        CHECK(strstr(tus_error_message(err), "lease") != NULL && strstr(tus_error_message(err), "later") != NULL);
        tus_error_free(err);
        err = NULL;
        CHECK_FAILS(tus_source_file_range(path.text, 0, 1, &source, &err), TUS_E_SOURCE);
        CHECK_FAILS(tus_client_upload_file(client, path.text, NULL, NULL, &err), TUS_E_SOURCE);
        NEED(fcntl(fd, F_SETLEASE, F_UNLCK) == 0);
    } else {
        printf("no leases\n");
    }
    /* Locks are between those who heed them: reading does not wait for one. */
    memset(&whole, 0, sizeof whole);
    whole.l_type = F_WRLCK;
    NEED(fcntl(fd, F_OFD_SETLK, &whole) == 0);
    for (mode = 0; mode < MODES; mode++) {
        tus_upload_options *options = options_for((enum mode)mode, 0);
        struct outcome outcome;
        source = file_source(path.text);
        outcome = upload_by((enum mode)mode, client, source, options);
        CHECK_STATUS(outcome.status, TUS_OK);
        release(&outcome);
        tus_source_free(source);
        tus_upload_options_free(options);
    }
    close(fd);
    tus_client_unref(client);
}

/* Files that say that they are empty. */
static void test_sizeless(void)
{
    tus_client *client = client_of(chunked_config());
    int mode, fallback;
    for (mode = 0; mode < MODES; mode++) {
        for (fallback = 0; fallback < 2; fallback++) {
            tus_upload_options *options = options_for((enum mode)mode, fallback);
            tus_source *source = file_source("/proc/version");
            struct outcome outcome = upload_by((enum mode)mode, client, source, options);
            if (mode == PARTS && !fallback) {
                CHECK_STATUS(outcome.status, TUS_E_UNSUPPORTED);
                CHECK(strstr(tus_error_message(error_of(&outcome)), "fallback") != NULL);
            } else {
                CHECK_STATUS(outcome.status, TUS_OK);
            }
            release(&outcome);
            tus_source_free(source);
            tus_upload_options_free(options);
        }
    }
    tus_client_unref(client);
}

/* Devices that never end: refused by name, and as descriptors ended by the time limit. */
static void test_endless(void)
{
    static const char *const devices[] = {"/dev/zero", "/dev/full"};
    tus_config *config = chunked_config();
    tus_client *client;
    size_t i;
    int mode;
    CHECK_OK(tus_config_set_bandwidth_limit(config, 100000));
    client = client_of(config);
    for (i = 0; i < COUNT(devices); i++) {
        tus_source *source = NULL;
        tus_error *err = NULL;
        CHECK_RESULT(tus_source_file(devices[i], &source, &err), TUS_E_SOURCE);
        CHECK(strstr(tus_error_message(err), "not a regular file") != NULL);
        tus_error_free(err);
        for (mode = 0; mode < MODES; mode++) {
            tus_upload_options *options = options_for((enum mode)mode, 1);
            int fd = open(devices[i], O_RDONLY);
            struct outcome outcome;
            NEED(fd >= 0 && tus_source_fd(fd, &source, NULL) == TUS_OK && close(fd) == 0);
            CHECK_OK(tus_upload_options_set_timeout_ms(options, 300));
            outcome = upload_by((enum mode)mode, client, source, options);
            CHECK_STATUS(outcome.status, TUS_E_TIMEOUT);
            release(&outcome);
            tus_source_free(source);
            tus_upload_options_free(options);
        }
    }
    tus_client_unref(client);
}

/* ---- stores */

/* The result and the error both say that the upload cannot be found again, and how it can be gone on with. */
static void check_told(const struct outcome *outcome, tus_status want)
{
    const tus_error *err = error_of(outcome);
    size_t i, count = want == TUS_OK ? tus_info_warning_count(outcome->info) : tus_error_warning_count(err);
    int told = 0;
    CHECK_STATUS(outcome->status, want);
    for (i = 0; i < count; i++) {
        int32_t code = want == TUS_OK ? tus_info_warning_code(outcome->info, i) : tus_error_warning_code(err, i);
        const char *text = want == TUS_OK ? tus_info_warning(outcome->info, i) : tus_error_warning(err, i);
        told |= (code == TUS_W_NOT_STORED || code == TUS_W_STORE_UNREADABLE) && strstr(text, "store") != NULL;
    }
    CHECK(told);
    if (want != TUS_OK)
        CHECK(tus_error_upload_url(err) != NULL || tus_error_resume_token(err) != NULL);
}

/* A progress function that ends the upload on its way. */
static int32_t half_way(void *user_data, const tus_progress *now)
{
    (void)user_data;
    return now->confirmed >= CHUNK ? 5 : 0;
}

/* An upload that succeeds and one that does not, in every mode, with a store that cannot be used. */
static void with_a_store_at(const char *place)
{
    int mode, stopped;
    for (mode = 0; mode < MODES; mode++) {
        for (stopped = 0; stopped < 2; stopped++) {
            tus_config *config = chunked_config();
            tus_upload_options *options = options_for((enum mode)mode, 0);
            tus_source *source = memory_source(bytes, SIZE);
            tus_client *client;
            struct outcome outcome;
            CHECK_OK(tus_config_set_store_dir(config, place));
            client = client_of(config);
            if (stopped)
                CHECK_OK(tus_upload_options_set_progress(options, half_way, NULL, NULL));
            outcome = upload_by((enum mode)mode, client, source, options);
            check_told(&outcome, stopped ? TUS_E_CALLBACK : TUS_OK);
            release(&outcome);
            tus_source_free(source);
            tus_upload_options_free(options);
            tus_client_unref(client);
        }
    }
}

/* A user who owns nothing here. */
enum { NOBODY = 65534 };

static void test_unusable(void)
{
    struct path file = make_file("file", 5), below = path_of("file/below"), closed = path_of("closed");
    int root = geteuid() == 0;
    bytes = make_bytes(SIZE);
    with_a_store_at(file.text);
    with_a_store_at(below.text);
    with_a_store_at("/proc/self/store");
    with_a_store_at("/dev/full");
    NEED(mkdir(closed.text, 0500) == 0);
    /* For the superuser no folder is closed: another user, then, for the moment. */
    if (root)
        NEED(setegid(NOBODY) == 0 && seteuid(NOBODY) == 0);
    with_a_store_at(closed.text);
    if (root)
        /* The leak checker looks at the process from outside, which such a change forbids. */
        NEED(seteuid(0) == 0 && setegid(0) == 0 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
    free(bytes);
}

/* A disk that is full: no file may grow. */
static void test_full(void)
{
    struct path store = path_of("store");
    struct rlimit limit, none;
    tus_config *config = chunked_config();
    tus_upload_options *options = options_for(BLOCKING, 0);
    tus_source *source;
    tus_client *client;
    struct outcome outcome;

    bytes = make_bytes(SIZE);
    NEED(signal(SIGXFSZ, SIG_IGN) != SIG_ERR && getrlimit(RLIMIT_FSIZE, &limit) == 0);
    none = limit;
    none.rlim_cur = 0;
    NEED(setrlimit(RLIMIT_FSIZE, &none) == 0);
    with_a_store_at(store.text);
    NEED(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    /* What is left of that is in nobody's way. */
    CHECK_OK(tus_config_set_store_dir(config, store.text));
    client = client_of(config);
    source = memory_source(bytes, SIZE);
    outcome = upload_by(BLOCKING, client, source, options);
    CHECK_STATUS(outcome.status, TUS_OK);
    CHECK_NUMBER(tus_info_warning_count(outcome.info), 0);
    release(&outcome);
    tus_source_free(source);
    tus_upload_options_free(options);
    tus_client_unref(client);
    free(bytes);
}

/* Without locks the upload is noted and found again all the same. */
static void test_without_locks(void)
{
    static const int codes[] = {ENOLCK, EOPNOTSUPP, ENOSYS};
    size_t i;
    int mode, run;
    bytes = make_bytes(SIZE);
    for (i = 0; i < COUNT(codes); i++) {
        for (mode = 0; mode < MODES; mode++) {
            lock_errno = codes[i];
            for (run = 0; run < 2; run++) {
                tus_config *config = chunked_config();
                tus_upload_options *options = options_for((enum mode)mode, 0);
                tus_source *source = memory_source(bytes, SIZE);
                tus_client *client;
                struct outcome outcome;
                tus_stats stats;
                CHECK_OK(tus_config_set_store_dir(config, path_of("store").text));
                client = client_of(config);
                if (run == 0)
                    CHECK_OK(tus_upload_options_set_progress(options, half_way, NULL, NULL));
                outcome = upload_by((enum mode)mode, client, source, options);
                CHECK_STATUS(outcome.status, run == 0 ? TUS_E_CALLBACK : TUS_OK);
                if (outcome.info != NULL) {
                    memset(&stats, 0, sizeof stats);
                    stats.struct_size = sizeof stats;
                    CHECK_OK(tus_info_get_stats(outcome.info, &stats));
                    CHECK(stats.bytes_resumed >= CHUNK);
                    check_told(&outcome, TUS_OK);
                }
                release(&outcome);
                tus_source_free(source);
                tus_upload_options_free(options);
                tus_client_unref(client);
            }
        }
    }
    free(bytes);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"locked", test_locked},     {"sizeless", test_sizeless}, {"endless", test_endless},
        {"unusable", test_unusable}, {"full", test_full},         {"without_locks", test_without_locks},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
