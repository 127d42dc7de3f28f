/* A broken pipe in the middle of an upload by sendfile(), which unlike send() always raises SIGPIPE.
 *
 * It takes a connection that the peer has closed and then reset, and a sendfile() that comes before the library has
 * noticed. So that this happens each time and not by chance, the program stands between the library and the kernel.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "check.h"

#define SIZE 4000000

static int calls;
static int broken_pipes;

static void wait_for_state(int fd, int state)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    int i;
    memset(&info, 0, sizeof info);
    for (i = 0; i < 20000; i++) {
        NEED(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0);
        if (info.tcpi_state == state)
            return;
        usleep(1000);
    }
    NEED(info.tcpi_state == state);
}

/* The first two requests with data take two calls each: one to a peer that has closed, which then resets the
 * connection, and one that meets the reset. Later calls are left alone. */
static ssize_t between(int out, int in, off_t *offset, size_t count)
{
    ssize_t moved;
    int call = calls++;
    if (call >= 4)
        return (ssize_t)syscall(SYS_sendfile, out, in, offset, count);
    if (call % 2 == 0)
        wait_for_state(out, TCP_CLOSE_WAIT);
    moved = (ssize_t)syscall(SYS_sendfile, out, in, offset, call % 2 == 0 ? 1000 : count);
    if (call % 2 == 0)
        wait_for_state(out, TCP_CLOSE);
    else if (moved < 0 && errno == EPIPE)
        broken_pipes++;
    return moved;
}

/* The names by which the library may call it. */
ssize_t sendfile(int out, int in, off_t *offset, size_t count);
ssize_t sendfile64(int out, int in, off64_t *offset, size_t count);

ssize_t sendfile(int out, int in, off_t *offset, size_t count)
{
    return between(out, in, offset, count);
}

ssize_t sendfile64(int out, int in, off64_t *offset, size_t count)
{
    return between(out, in, offset, count);
}

/* The library leaves sendfile() alone where the machine's congestion control goes badly with it; this one does not. */
int socket(int domain, int type, int protocol)
{
    int fd = (int)syscall(SYS_socket, domain, type, protocol);
    if (fd >= 0 && domain == AF_INET)
        NEED(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) == 0);
    return fd;
}

static void upload_by_sendfile(void)
{
    struct path file = make_file("file", SIZE);
    tus_config *config = make_config();
    tus_client *client;
    tus_error *err = NULL;
    CHECK_OK(tus_config_set_chunk_size(config, TUS_CHUNK_WHOLE));
    client = client_of(config);
    CHECK_RESULT(tus_client_upload_file(client, file.text, NULL, NULL, &err), TUS_OK);
    CHECK_NUMBER(broken_pipes, 2);
    tus_client_unref(client);
}

/* With the default disposition the signal would end the process. */
static void test_default(void)
{
    sigset_t pending;
    NEED(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    upload_by_sendfile();
    NEED(sigpending(&pending) == 0);
    CHECK_NUMBER(sigismember(&pending, SIGPIPE), 0);
}

/* One of the host's own that waits, blocked, is still there afterwards. */
static void test_pending(void)
{
    sigset_t set, pending;
    struct timespec none = {0, 0};
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    NEED(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    NEED(pthread_kill(pthread_self(), SIGPIPE) == 0);
    upload_by_sendfile();
    NEED(sigpending(&pending) == 0);
    CHECK_NUMBER(sigismember(&pending, SIGPIPE), 1);
    CHECK_NUMBER(sigtimedwait(&set, NULL, &none), SIGPIPE);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {{"default", test_default}, {"pending", test_pending}};
    return run_case(argc, argv, cases, COUNT(cases));
}
