/*
 * The upload that a competent program writes with libcurl: one easy handle kept for all requests, so one connection;
 * the file read straight into libcurl's buffer; no Expect, no signals; every answer checked.
 *
 * Variants: "default" leaves libcurl's buffers alone; "2m" gives it the largest upload buffer it takes.
 */
#include "contender.h"

#include <curl/curl.h>
#include <strings.h>

struct part {
    int fd;
    uint64_t offset, left;
};

/* What is needed of an answer's head. */
struct answer {
    char location[1024];
    uint64_t offset;
};

static const char *contender_version(void)
{
    return curl_version();
}

static size_t give_bytes(char *buffer, size_t size, size_t items, void *user_data)
{
    struct part *part = user_data;
    size_t most = size * items;
    if (part->left < most) most = (size_t)part->left;
    if (most == 0) return 0;
    ssize_t got = pread(part->fd, buffer, most, (off_t)part->offset);
    if (got <= 0) return CURL_READFUNC_ABORT;
    part->offset += (uint64_t)got;
    part->left -= (uint64_t)got;
    return (size_t)got;
}

static size_t drop_bytes(char *bytes, size_t size, size_t items, void *user_data)
{
    (void)bytes;
    (void)user_data;
    return size * items;
}

/* The value of a header line, if it is the header of this name. */
static const char *value_of(const char *line, size_t length, const char *name)
{
    size_t name_length = strlen(name);
    if (length <= name_length || strncasecmp(line, name, name_length) != 0) return NULL;
    return line + name_length + strspn(line + name_length, " ");
}

static size_t take_header(char *line, size_t size, size_t items, void *user_data)
{
    struct answer *answer = user_data;
    size_t length = size * items;
    const char *value;
    if ((value = value_of(line, length, "Location:"))) {
        size_t end = strcspn(value, "\r\n");
        if (end >= sizeof answer->location) return 0;
        memcpy(answer->location, value, end);
        answer->location[end] = 0;
    } else if ((value = value_of(line, length, "Upload-Offset:"))) {
        answer->offset = strtoull(value, NULL, 10);
    }
    return length;
}

static void check(CURLcode code)
{
    if (code != CURLE_OK) die("libcurl: %s", curl_easy_strerror(code));
}

#define SET(option, value) check(curl_easy_setopt(curl, option, value))

static struct curl_slist *header(struct curl_slist *list, const char *name, uint64_t value)
{
    char line[64];
    snprintf(line, sizeof line, "%s: %" PRIu64, name, value);
    return curl_slist_append(list, line);
}

static struct curl_slist *first_headers(void)
{
    struct curl_slist *list = curl_slist_append(NULL, "Tus-Resumable: 1.0.0");
    return curl_slist_append(list, "Expect:");
}

static void perform(CURL *curl, struct curl_slist *headers, long expected)
{
    long status = 0;
    SET(CURLOPT_HTTPHEADER, headers);
    check(curl_easy_perform(curl));
    check(curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status));
    if (status != expected) die("status %ld instead of %ld", status, expected);
    curl_slist_free_all(headers);
}

/* Creates an upload, with its bytes if there are any. */
static void create(CURL *curl, const struct job *job, uint64_t size, const char *bytes, size_t length)
{
    struct curl_slist *headers = header(first_headers(), "Upload-Length", size);
    const char *type = length ? "Content-Type: application/offset+octet-stream" : "Content-Type:";
    SET(CURLOPT_URL, job->url);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDS, bytes);
    SET(CURLOPT_POSTFIELDSIZE, (long)length);
    perform(curl, curl_slist_append(headers, type), 201);
}

static void send_part(CURL *curl, struct answer *answer, struct part *part)
{
    uint64_t end = part->offset + part->left;
    struct curl_slist *headers = header(first_headers(), "Upload-Offset", part->offset);
    SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)part->left);
    SET(CURLOPT_READDATA, part);
    perform(curl, curl_slist_append(headers, "Content-Type: application/offset+octet-stream"), 204);
    if (answer->offset != end) die("offset %" PRIu64 " instead of %" PRIu64, answer->offset, end);
}

static void upload_one(CURL *curl, const struct job *job, struct answer *answer)
{
    uint64_t size, sent = 0;
    int fd = open_file(job->path, &size);
    create(curl, job, size, "", 0);
    SET(CURLOPT_URL, answer->location);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_CUSTOMREQUEST, "PATCH");
    SET(CURLOPT_READFUNCTION, give_bytes);
    while (sent < size) {
        struct part part = {fd, sent, job->chunk && job->chunk < size - sent ? job->chunk : size - sent};
        send_part(curl, answer, &part);
        sent = answer->offset;
    }
    close(fd);
}

static void upload_many(CURL *curl, const struct job *job, struct answer *answer)
{
    static char bytes[1 << 16];
    for (unsigned index = 0; index < job->count; index++) {
        uint64_t size;
        int fd = open_file(path_of(job, index), &size);
        if (size > sizeof bytes || pread(fd, bytes, (size_t)size, 0) != (ssize_t)size) die("a file cannot be read");
        close(fd);
        create(curl, job, size, bytes, (size_t)size);
        if (answer->offset != size) die("the server took only a part");
    }
}

static void upload(const struct job *job)
{
    struct answer answer = {{0}, 0};
    check(curl_global_init(CURL_GLOBAL_DEFAULT));
    CURL *curl = curl_easy_init();
    if (!curl) die("no easy handle");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, &answer);
    SET(CURLOPT_WRITEFUNCTION, drop_bytes);
    if (strcmp(job->variant, "2m") == 0) SET(CURLOPT_UPLOAD_BUFFERSIZE, 2L << 20);
    if (job->count) {
        upload_many(curl, job, &answer);
    } else {
        upload_one(curl, job, &answer);
    }
    curl_easy_cleanup(curl);
    curl_global_cleanup();
}

int main(int argc, char **argv)
{
    return contend(argc, argv);
}
