/*
 * The ceiling: the same requests from bare system calls, with no library and nothing that a real client has to do.
 *
 * Variants: "sendfile" lets the kernel move the file; "send" reads it into one aligned buffer and sends that. Small
 * files leave together with their head in either.
 */
#include "contender.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { BUFFER = 1 << 20 };

struct peer {
    int socket;
    char host[64];
    char head[4096]; /* the last answer's */
};

static const char *contender_version(void)
{
    return "bare system calls";
}

/* Connects to the http://ADDRESS:PORT/ that the URL begins with. */
static struct peer *connect_to(const char *url)
{
    static struct peer peer;
    char address[16];
    unsigned port;
    int no_delay = 1;
    if (sscanf(url, "http://%15[0-9.]:%u/", address, &port) != 2) die("%s: no address and port", url);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    snprintf(peer.host, sizeof peer.host, "%s:%u", address, port);
    peer.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(peer.socket, IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof no_delay);
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1) die("%s: no address", address);
    if (connect(peer.socket, (struct sockaddr *)&to, sizeof to) != 0) die("%s: no connection", url);
    return &peer;
}

/* Reads an answer, which has no body, and checks its status. */
static void take_answer(struct peer *peer, const char *status)
{
    size_t length = 0;
    do {
        ssize_t got = recv(peer->socket, peer->head + length, sizeof peer->head - 1 - length, 0);
        if (got <= 0) die("the connection ended early");
        length += (size_t)got;
        peer->head[length] = 0;
    } while (!strstr(peer->head, "\r\n\r\n"));
    if (strncmp(peer->head + strlen("HTTP/1.1 "), status, 3) != 0) die("%.12s instead of %s", peer->head, status);
}

/* The value of a header of the last answer, up to the end of its line. */
static const char *answer_header(struct peer *peer, const char *name)
{
    const char *found = strstr(peer->head, name);
    if (!found) die("an answer without %s", name);
    return found + strlen(name) + 2;
}

/* Where the path of a URL begins. */
static const char *path_in(const char *url)
{
    return strchr(url + strlen("http://"), '/');
}

/* Sends the head of a creation and what of the bytes goes with it, all at once. */
static void create(struct peer *peer, const struct job *job, uint64_t size, char *bytes, size_t length)
{
    char head[1024];
    int head_length = snprintf(head, sizeof head,
                               "POST %s HTTP/1.1\r\nHost: %s\r\nTus-Resumable: 1.0.0\r\nUpload-Length: %" PRIu64 "\r\n"
                               "Content-Length: %zu\r\n%s\r\n",
                               path_in(job->url), peer->host, size, length,
                               length ? "Content-Type: application/offset+octet-stream\r\n" : "");
    struct iovec both[2] = {{head, (size_t)head_length}, {bytes, length}};
    if (writev(peer->socket, both, 2) != (ssize_t)((size_t)head_length + length)) die("a request could not be sent");
    take_answer(peer, "201");
}

static void send_by_sendfile(int socket, int fd, off_t offset, uint64_t left)
{
    while (left > 0) {
        ssize_t sent = sendfile(socket, fd, &offset, left);
        if (sent <= 0) die("sendfile failed");
        left -= (uint64_t)sent;
    }
}

static void send_by_copy(int socket, int fd, off_t offset, uint64_t left)
{
    static char *buffer;
    if (!buffer) buffer = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED) die("no memory");
    while (left > 0) {
        ssize_t got = pread(fd, buffer, left < BUFFER ? (size_t)left : BUFFER, offset);
        if (got <= 0 || send(socket, buffer, (size_t)got, MSG_NOSIGNAL) != got) die("a part could not be sent");
        offset += got;
        left -= (uint64_t)got;
    }
}

static void send_part(struct peer *peer, const struct job *job, const char *path, int fd, uint64_t at, uint64_t left)
{
    char head[1024];
    int length = snprintf(head, sizeof head,
                          "PATCH %s HTTP/1.1\r\nHost: %s\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: %" PRIu64 "\r\n"
                          "Content-Type: application/offset+octet-stream\r\nContent-Length: %" PRIu64 "\r\n\r\n",
                          path, peer->host, at, left);
    if (send(peer->socket, head, (size_t)length, MSG_MORE | MSG_NOSIGNAL) != length) die("a head could not be sent");
    if (strcmp(job->variant, "sendfile") == 0) {
        send_by_sendfile(peer->socket, fd, (off_t)at, left);
    } else {
        send_by_copy(peer->socket, fd, (off_t)at, left);
    }
    take_answer(peer, "204");
}

static void upload_one(struct peer *peer, const struct job *job)
{
    char path[1024];
    uint64_t size, sent = 0;
    int fd = open_file(job->path, &size);
    create(peer, job, size, NULL, 0);
    if (sscanf(path_in(answer_header(peer, "Location")), "%1023[^\r]", path) != 1) die("no Location");
    while (sent < size) {
        uint64_t left = job->chunk && job->chunk < size - sent ? job->chunk : size - sent;
        send_part(peer, job, path, fd, sent, left);
        sent += left;
        if (strtoull(answer_header(peer, "Upload-Offset"), NULL, 10) != sent) die("another offset than %" PRIu64, sent);
    }
    close(fd);
}

static void upload_many(struct peer *peer, const struct job *job)
{
    static char bytes[1 << 16];
    for (unsigned index = 0; index < job->count; index++) {
        uint64_t size;
        int fd = open_file(path_of(job, index), &size);
        if (size > sizeof bytes || pread(fd, bytes, (size_t)size, 0) != (ssize_t)size) die("a file cannot be read");
        close(fd);
        create(peer, job, size, bytes, (size_t)size);
    }
}

static void upload(const struct job *job)
{
    struct peer *peer = connect_to(job->url);
    if (job->count) {
        upload_many(peer, job);
    } else {
        upload_one(peer, job);
    }
    close(peer->socket);
}

int main(int argc, char **argv)
{
    return contend(argc, argv);
}
