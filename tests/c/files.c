/* Files and descriptors that are none, or cannot be read: refused before any request. */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "check.h"

/* Refused when the source is made, and in one call alike. */
static void refuse_path(tus_client *client, const char *path, int32_t os_code)
{
    tus_source *source = (tus_source *)client;
    tus_info *info = (tus_info *)client;
    tus_error *err = NULL;
    CHECK_RESULT(tus_source_file(path, &source, &err), TUS_E_SOURCE);
    CHECK(source == NULL);
    CHECK_NUMBER(tus_error_os_code(err), os_code);
    CHECK_NUMBER(tus_error_is_retryable(err), 0);
    CHECK_TEXT(tus_error_request_method(err), NULL);
    tus_error_free(err);
    err = NULL;
    CHECK_RESULT(tus_client_upload_file(client, path, NULL, &info, &err), TUS_E_SOURCE);
    CHECK(info == NULL);
    CHECK_NUMBER(tus_error_os_code(err), os_code);
    CHECK_TEXT(tus_error_upload_url(err), NULL);
    tus_error_free(err);
}

static void test_paths(void)
{
    tus_client *client = make_client();
    struct path file = make_file("file", 5), other;
    struct sockaddr_un address;
    char endless[5000];
    int fd;

    refuse_path(client, path_of("missing").text, ENOENT);
    refuse_path(client, path_of("file/below").text, ENOTDIR);
    memset(endless, 'x', sizeof endless);
    endless[sizeof endless - 1] = '\0';
    refuse_path(client, endless, ENAMETOOLONG);
    refuse_path(client, folder, 0);
    refuse_path(client, "/", 0);
    refuse_path(client, "/dev/null", 0);
    refuse_path(client, "/dev/zero", 0);
    other = path_of("fifo");
    NEED(mkfifo(other.text, 0600) == 0);
    refuse_path(client, other.text, 0);
    other = path_of("dangling");
    NEED(symlink("nowhere", other.text) == 0);
    refuse_path(client, other.text, ENOENT);
    other = path_of("loop");
    NEED(symlink("loop", other.text) == 0);
    refuse_path(client, other.text, ELOOP);
    other = path_of("to_folder");
    NEED(symlink(".", other.text) == 0);
    refuse_path(client, other.text, 0);
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    other = path_of("socket");
    memcpy(address.sun_path, other.text, strlen(other.text) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    NEED(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    refuse_path(client, other.text, ENXIO);
    close(fd);
    /* A link to a file is that file. */
    other = path_of("to_file");
    NEED(symlink(file.text, other.text) == 0);
    CHECK_OK(tus_client_upload_file(client, other.text, NULL, NULL, NULL));
    tus_client_unref(client);
}

/* For root every file is readable, so the program becomes somebody else. */
static void test_unreadable(void)
{
    tus_client *client = make_client();
    struct path file = make_file("file", 5);
    int root = geteuid() == 0;
    NEED(chmod(file.text, 0) == 0);
    NEED(chmod(folder, 0755) == 0);
    if (root && seteuid(65534) != 0) {
        printf("skipped\n");
    } else {
        refuse_path(client, file.text, EACCES);
        if (root)
            /* The leak checker looks at the process from outside, which such a change forbids. */
            NEED(seteuid(0) == 0 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
    }
    tus_client_unref(client);
}

static void refuse_fd(int fd, tus_status status, int32_t os_code)
{
    tus_source *source = (tus_source *)&fd;
    tus_error *err = NULL;
    CHECK_RESULT(tus_source_fd(fd, &source, &err), status);
    CHECK(source == NULL);
    CHECK_NUMBER(tus_error_os_code(err), os_code);
    tus_error_free(err);
}

static void test_descriptors(void)
{
    tus_client *client = make_client();
    struct path path = make_file("file", 5);
    tus_source *source = NULL;
    tus_info *info = NULL;
    tus_error *err = NULL;
    char byte;
    int ends[2], fd = open(path.text, O_RDONLY);
    NEED(fd >= 0 && close(fd) == 0);
    refuse_fd(fd, TUS_E_SOURCE, EBADF);
    refuse_fd(-1, TUS_E_INVALID_ARGUMENT, 0);
    refuse_fd(INT32_MIN, TUS_E_INVALID_ARGUMENT, 0);
    refuse_fd(INT32_MAX, TUS_E_SOURCE, EBADF);
    fd = open(folder, O_RDONLY);
    refuse_fd(fd, TUS_E_SOURCE, 0);
    close(fd);
    NEED(pipe(ends) == 0);
    refuse_fd(ends[1], TUS_E_SOURCE, EBADF);
    close(ends[0]);
    close(ends[1]);

    /* Of a stream it shows when it is read: there is none behind this one, and nothing in that. */
    fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_RESULT(tus_source_fd(fd, &source, &err), TUS_OK);
    close(fd);
    CHECK_RESULT(tus_client_upload(client, source, NULL, &info, &err), TUS_E_SOURCE);
    CHECK_NUMBER(tus_error_os_code(err), ENOTCONN);
    CHECK_TEXT(tus_error_upload_url(err), NULL);
    tus_error_free(err);
    err = NULL;
    tus_source_free(source);
    fd = open("/dev/null", O_RDONLY);
    CHECK_RESULT(tus_source_fd(fd, &source, &err), TUS_OK);
    close(fd);
    CHECK_RESULT(tus_client_upload(client, source, NULL, &info, &err), TUS_OK);
    CHECK_NUMBER(tus_info_size(info), 0);
    tus_info_free(info);
    tus_source_free(source);

    /* Open, but not for reading: found out before anything is made on the server. */
    fd = open(path.text, O_WRONLY);
    NEED(fd >= 0);
    CHECK_RESULT(tus_source_fd(fd, &source, &err), TUS_OK);
    CHECK_RESULT(tus_client_upload(client, source, NULL, &info, &err), TUS_E_SOURCE);
    CHECK_NUMBER(tus_error_os_code(err), EBADF);
    CHECK_TEXT(tus_error_upload_url(err), NULL);
    tus_error_free(err);
    err = NULL;
    tus_source_free(source);
    close(fd);

    /* From its beginning, wherever it stands; the position stays, and the descriptor may be closed. */
    fd = open(path.text, O_RDONLY);
    NEED(lseek(fd, 3, SEEK_SET) == 3);
    CHECK_RESULT(tus_source_fd(fd, &source, &err), TUS_OK);
    CHECK_RESULT(tus_client_upload(client, source, NULL, NULL, &err), TUS_OK);
    NEED(read(fd, &byte, 1) == 1);
    CHECK_NUMBER((unsigned char)byte, byte_at(3));
    close(fd);
    NEED(unlink(path.text) == 0);
    CHECK_RESULT(tus_client_upload(client, source, NULL, NULL, &err), TUS_OK);
    tus_source_free(source);
    tus_client_unref(client);
}

/* No bytes at all is an upload like any other. */
static void test_empty(void)
{
    tus_client *client = make_client();
    struct path path = make_file("empty", 0);
    tus_info *info = NULL;
    tus_error *err = NULL;
    tus_source *source = memory_source(NULL, 0);
    CHECK_RESULT(tus_client_upload_file(client, path.text, NULL, &info, &err), TUS_OK);
    CHECK_NUMBER(tus_info_size(info), 0);
    CHECK_NUMBER(tus_info_is_complete(info), 1);
    tus_info_free(info);
    CHECK_RESULT(tus_client_upload(client, source, NULL, &info, &err), TUS_OK);
    CHECK_NUMBER(tus_info_offset(info), 0);
    CHECK_NUMBER(tus_info_is_complete(info), 1);
    tus_info_free(info);
    tus_source_free(source);
    source = memory_source("", 0);
    CHECK_RESULT(tus_client_upload(client, source, NULL, NULL, &err), TUS_OK);
    tus_source_free(source);
    tus_client_unref(client);
}

/* Stretches of a file, each an upload of its own. */
static void test_ranges(void)
{
    static const uint64_t good[][2] = {{1000, 2000}, {0, 5000}, {4000, TUS_SIZE_UNKNOWN}, {5000, TUS_SIZE_UNKNOWN}};
    static const uint64_t bad[][2] = {{4000, 1001}, {5001, 0}, {5001, TUS_SIZE_UNKNOWN}, {UINT64_MAX, 2}};
    tus_client *client = make_client();
    struct path file = make_file("file", 5000);
    size_t i;
    for (i = 0; i < COUNT(good); i++) {
        tus_source *source = NULL;
        tus_info *info = NULL;
        tus_error *err = NULL;
        CHECK_RESULT(tus_source_file_range(file.text, good[i][0], good[i][1], &source, &err), TUS_OK);
        CHECK_RESULT(tus_client_upload(client, source, NULL, &info, &err), TUS_OK);
        tus_info_free(info);
        tus_source_free(source);
    }
    for (i = 0; i < COUNT(bad); i++) {
        tus_source *source = (tus_source *)client;
        tus_error *err = NULL;
        CHECK_RESULT(tus_source_file_range(file.text, bad[i][0], bad[i][1], &source, &err), TUS_E_INVALID_ARGUMENT);
        CHECK(source == NULL);
        tus_error_free(err);
    }
    tus_client_unref(client);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"paths", test_paths},
        {"unreadable", test_unreadable},
        {"descriptors", test_descriptors},
        {"empty", test_empty},
        {"ranges", test_ranges},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
