/* The library is a guest in the process: it prints nothing, touches no signals and leaves nothing behind. */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>

#include "check.h"

#define SIZE 4000000

/* ---- looking at the process */

static int entries(const char *path)
{
    DIR *listing = opendir(path);
    int count = 0;
    NEED(listing != NULL);
    while (readdir(listing) != NULL)
        count++;
    closedir(listing);
    /* `.` and `..` */
    return count - 2;
}

/* One is that of the listing itself, in every count. */
static int descriptors(void)
{
    return entries("/proc/self/fd");
}

/* A thread that has been joined may be listed for a moment longer. */
static int threads_after_a_while(int wanted)
{
    int i, count = entries("/proc/self/task");
    for (i = 0; i < 500 && count != wanted; i++) {
        usleep(10000);
        count = entries("/proc/self/task");
    }
    return count;
}

struct signals {
    struct sigaction actions[65];
    int readable[65];
    sigset_t mask;
};

static void look_at_signals(struct signals *signals)
{
    int number;
    memset(signals, 0, sizeof *signals);
    for (number = 1; number < 65; number++)
        signals->readable[number] = sigaction(number, NULL, &signals->actions[number]) == 0;
    NEED(pthread_sigmask(SIG_BLOCK, NULL, &signals->mask) == 0);
}

static void same_signals(const struct signals *before)
{
    struct signals now;
    int number;
    look_at_signals(&now);
    for (number = 1; number < 65; number++) {
        CHECK_NUMBER(now.readable[number], before->readable[number]);
        CHECK(now.actions[number].sa_handler == before->actions[number].sa_handler);
        CHECK_NUMBER(now.actions[number].sa_flags, before->actions[number].sa_flags);
        CHECK_NUMBER(sigismember(&now.mask, number), sigismember(&before->mask, number));
    }
}

/* ---- everything that may happen */

struct watch {
    struct signals signals;
    /* Descriptors that were there before: all others are the library's. */
    unsigned char known[1024];
    int checked;
    int inherited;
};

static void start_watch(struct watch *watch)
{
    int fd;
    memset(watch, 0, sizeof *watch);
    look_at_signals(&watch->signals);
    for (fd = 0; fd < 1024; fd++)
        watch->known[fd] = fcntl(fd, F_GETFD) >= 0;
}

/* In the middle of things: callbacks see the signals as they were, and no descriptor would pass on to a program. */
static void look(struct watch *watch)
{
    int fd, flags;
    same_signals(&watch->signals);
    for (fd = 0; fd < 1024; fd++) {
        flags = watch->known[fd] ? -1 : fcntl(fd, F_GETFD);
        if (flags < 0)
            continue;
        watch->checked++;
        if (!(flags & FD_CLOEXEC))
            watch->inherited++;
    }
}

static int32_t look_before(void *user_data, tus_request *request)
{
    (void)request;
    look((struct watch *)user_data);
    return 0;
}

static int32_t look_in_progress(void *user_data, const tus_progress *progress)
{
    (void)progress;
    look((struct watch *)user_data);
    return 0;
}

static int32_t stop_at_once(void *user_data, const tus_progress *progress)
{
    (void)user_data;
    return progress->confirmed > 0 ? 1 : 0;
}

/* Successes and failures of all sorts, with a file, a descriptor and memory, over a name that has to be resolved. */
static void do_everything(struct watch *watch)
{
    struct path file = make_file("file", SIZE);
    char url[512];
    const char *port = strchr(server_url + strlen("http://"), ':');
    tus_config *config = make_config();
    tus_upload_options *options = tus_upload_options_new();
    tus_client *client;
    tus_source *source = NULL;
    tus_info *info = NULL;
    tus_error *err = NULL;
    int fd = open(file.text, O_RDONLY | O_CLOEXEC);
    NEED(port != NULL && fd >= 0);
    watch->known[fd] = 1;
    snprintf(url, sizeof url, "http://localhost%s", port);
    CHECK_OK(tus_config_set_url(config, url));
    CHECK_OK(tus_config_set_chunk_size(config, SIZE / 2));
    CHECK_OK(tus_config_set_before_request(config, look_before, watch, NULL));
    CHECK_OK(tus_upload_options_set_progress(options, look_in_progress, watch, NULL));
    client = client_of(config);
    CHECK_RESULT(tus_client_upload_file(client, file.text, options, &info, &err), TUS_OK);
    NEED(info != NULL);
    CHECK_RESULT(tus_client_get_upload_info(client, tus_info_url(info), NULL, &err), TUS_OK);
    CHECK_RESULT(tus_client_delete_upload(client, tus_info_url(info), &err), TUS_OK);
    CHECK_FAILS(tus_client_get_upload_info(client, tus_info_url(info), NULL, &err), TUS_E_GONE);
    tus_info_free(info);
    CHECK_FAILS(tus_client_upload_file(client, "/nowhere", options, NULL, &err), TUS_E_SOURCE);
    CHECK_RESULT(tus_source_fd(fd, &source, &err), TUS_OK);
    CHECK_OK(tus_upload_options_set_progress(options, stop_at_once, NULL, NULL));
    CHECK_RESULT(tus_client_upload(client, source, options, NULL, &err), TUS_E_CALLBACK);
    CHECK_OK(tus_client_delete_upload(client, tus_error_upload_url(err), NULL));
    tus_error_free(err);
    tus_source_free(source);
    tus_upload_options_free(options);
    tus_client_unref(client);
    close(fd);
}

static void test_nothing_left(void)
{
    struct watch watch;
    char folder_before[1024], folder_after[1024];
    mode_t mask = umask(022);
    int open_before = descriptors(), threads_before = entries("/proc/self/task"), i;
    NEED(getcwd(folder_before, sizeof folder_before) != NULL);
    start_watch(&watch);
    for (i = 0; i < 3; i++) {
        do_everything(&watch);
        same_signals(&watch.signals);
        CHECK_NUMBER(descriptors(), open_before);
        CHECK_NUMBER(threads_after_a_while(threads_before), threads_before);
    }
    CHECK(watch.checked > 0);
    CHECK_NUMBER(watch.inherited, 0);
    NEED(getcwd(folder_after, sizeof folder_after) != NULL);
    CHECK_TEXT(folder_after, folder_before);
    CHECK_NUMBER(umask(mask), 022);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {{"nothing_left", test_nothing_left}};
    return run_case(argc, argv, cases, COUNT(cases));
}
