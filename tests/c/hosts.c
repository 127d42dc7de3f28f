/* What a host may do with its threads and signals while the library is at work. */
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

#include "tasks.h"

#define SIZE 300000
/* Never sent together with the creation. */
#define LARGE 2000000

/* ---- signals on the library's threads */

/* What a terminal, a parent or a timer sends to the process: for the host's own threads. */
static const int of_the_process[] = {SIGHUP,  SIGINT,   SIGQUIT, SIGTERM, SIGALRM, SIGCHLD,
                                     SIGPIPE, SIGWINCH, SIGTSTP, SIGTTIN, SIGTTOU};
/* What a fault raises, and what language runtimes use. */
static const int of_threads[] = {SIGSEGV, SIGBUS, SIGFPE,    SIGILL, SIGTRAP, SIGABRT, SIGSYS,  SIGPROF,
                                 SIGPWR,  SIGURG, SIGVTALRM, SIGXCPU, SIGXFSZ, SIGUSR1, SIGUSR2};

static int faults;
static int profiled;
static int stops;
static __thread sigjmp_buf after_fault;
static __thread int in_callback;

static void on_fault(int number)
{
    (void)number;
    count_up(&faults);
    siglongjmp(after_fault, 1);
}

static void on_profile(int number)
{
    (void)number;
    count_up(&profiled);
}

static void on_stop(int number)
{
    (void)number;
    CHECK_NUMBER(in_callback, 0);
    count_up(&stops);
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    /* Without SA_RESTART: system calls of the library's are interrupted. */
    action.sa_flags = SA_NODEFER;
    sigemptyset(&action.sa_mask);
    NEED(sigaction(number, &action, NULL) == 0);
}

/* On a thread of the library's. */
static int32_t raise_all(void *user_data, const tus_progress *progress)
{
    volatile int *nowhere = NULL;
    sigset_t mask;
    size_t i;
    int before = load(&profiled), number;
    (void)progress;
    count_up((int *)user_data);
    in_callback = 1;
    NEED(pthread_sigmask(SIG_BLOCK, NULL, &mask) == 0);
    for (i = 0; i < COUNT(of_the_process); i++)
        CHECK_NUMBER(sigismember(&mask, of_the_process[i]), 1);
    for (i = 0; i < COUNT(of_threads); i++)
        CHECK_NUMBER(sigismember(&mask, of_threads[i]), 0);
    for (number = SIGRTMIN; number <= SIGRTMAX; number++)
        CHECK_NUMBER(sigismember(&mask, number), 0);
    if (sigsetjmp(after_fault, 1) == 0) {
        *nowhere = 1;
        CHECK(0);
    }
    NEED(pthread_kill(pthread_self(), SIGPROF) == 0);
    CHECK(load(&profiled) > before);
    in_callback = 0;
    return 0;
}

static void test_signals(void)
{
    enum { UPLOADS = 8 };
    struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    tus_upload_options *options = tus_upload_options_new();
    tus_client *client = client_with_workers(2);
    unsigned char *bytes = make_bytes(SIZE);
    tus_source *sources[UPLOADS];
    tus_task *tasks[UPLOADS];
    struct end ends[UPLOADS];
    int called = 0, i;
    handle(SIGSEGV, on_fault);
    handle(SIGPROF, on_profile);
    handle(SIGALRM, on_stop);
    CHECK_OK(tus_upload_options_set_progress(options, raise_all, &called, NULL));
    NEED(setitimer(ITIMER_PROF, &often, NULL) == 0);
    NEED(setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (i = 0; i < UPLOADS; i++) {
        sources[i] = memory_source(bytes, SIZE);
        tasks[i] = begin_upload(client, sources[i], options, &ends[i]);
    }
    for (i = 0; i < UPLOADS; i++) {
        EXPECT_END(tasks[i], &ends[i], TUS_OK);
        tus_source_free(sources[i]);
    }
    NEED(reaches(&stops, 1));
    NEED(setitimer(ITIMER_PROF, &never, NULL) == 0);
    NEED(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(load(&called) >= UPLOADS);
    CHECK_NUMBER(load(&faults), load(&called));
    tus_upload_options_free(options);
    CHECK_OK(tus_client_close(client, PATIENCE_MS));
    tus_client_unref(client);
    free(bytes);
}

/* ---- a thread that is cancelled */

struct call {
    tus_client *client;
    tus_source *source;
    tus_upload_options *options;
    int begun;
    int returned;
};

static int32_t note_begin(void *user_data, const tus_progress *progress)
{
    (void)progress;
    count_up(&((struct call *)user_data)->begun);
    return 0;
}

static void *blocking_call(void *user_data)
{
    struct call *call = (struct call *)user_data;
    tus_error *err = NULL;
    CHECK_RESULT(tus_client_upload(call->client, call->source, call->options, NULL, &err), TUS_E_CANCELLED);
    tus_error_free(err);
    store(&call->returned, 1);
    /* The cancellation that was held off comes to its right. */
    pthread_testcancel();
    CHECK(0);
    return NULL;
}

/* The server never answers the PATCH. */
static void test_cancelled(void)
{
    unsigned char *bytes = make_bytes(LARGE);
    struct call call;
    pthread_t thread;
    void *result = NULL;
    memset(&call, 0, sizeof call);
    call.client = client_with_workers(1);
    call.source = memory_source(bytes, LARGE);
    call.options = tus_upload_options_new();
    CHECK_OK(tus_upload_options_set_progress(call.options, note_begin, &call, NULL));
    NEED(pthread_create(&thread, NULL, blocking_call, &call) == 0);
    NEED(reaches(&call.begun, 3));
    NEED(pthread_cancel(thread) == 0);
    nap(50);
    CHECK_NUMBER(load(&call.returned), 0);
    CHECK_OK(tus_client_close(call.client, PATIENCE_MS));
    NEED(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK_NUMBER(load(&call.returned), 1);
    tus_upload_options_free(call.options);
    tus_source_free(call.source);
    tus_client_unref(call.client);
    free(bytes);
}

/* ---- a thread that a callback ends */

static int leaving;

static int32_t leave(void *user_data, const tus_progress *progress)
{
    (void)user_data;
    (void)progress;
    count_up(&leaving);
    pthread_exit(NULL);
}

static void *call_that_leaves(void *user_data)
{
    struct call *call = (struct call *)user_data;
    CHECK_OK(tus_client_upload(call->client, call->source, call->options, NULL, NULL));
    CHECK(0);
    return NULL;
}

/* Once on a thread of the library's, once on one of the host's: each is parked, and the process ends as it likes. */
static void test_exit_in_callback(void)
{
    unsigned char *bytes = make_bytes(SIZE);
    struct call call;
    struct end end;
    tus_source *source;
    tus_task *task;
    pthread_t thread;
    call.client = client_with_workers(1);
    call.source = memory_source(bytes, SIZE);
    call.options = tus_upload_options_new();
    CHECK_OK(tus_upload_options_set_progress(call.options, leave, NULL, NULL));
    NEED(pthread_create(&thread, NULL, call_that_leaves, &call) == 0);
    NEED(reaches(&leaving, 1));
    source = memory_source(bytes, SIZE);
    task = begin_upload(call.client, source, call.options, &end);
    NEED(reaches(&leaving, 2));
    CHECK_STATUS(tus_client_close(call.client, 50), TUS_E_TIMEOUT);
    CHECK_NUMBER(tus_task_is_done(task), 0);
    CHECK_NUMBER(load(&end.done), 0);
    exit(check_failures != 0);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"signals", test_signals},
        {"cancelled", test_cancelled},
        {"exit_in_callback", test_exit_in_callback},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
