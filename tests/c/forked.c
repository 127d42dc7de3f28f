/* After fork() the child may not use the parent's client; the parent goes on. */
#include <sys/wait.h>

#include "check.h"

/* The parent's client must refuse everything; one of the child's own works. */
static void in_child(tus_client *client, tus_source *source, tus_uploader *uploader, tus_writer *writer,
                     tus_source *written, const char *url)
{
    struct path path = make_file("of_the_child", 5);
    tus_info *info = (tus_info *)client;
    tus_metadata *metadata = (tus_metadata *)client;
    tus_server_info *server = (tus_server_info *)client;
    tus_uploader *none = NULL;
    tus_error *err = NULL;
    tus_client *own;
    CHECK_FAILS(tus_client_upload(client, source, NULL, &info, &err), TUS_E_FORKED);
    CHECK(info == NULL);
    CHECK_FAILS(tus_client_upload_file(client, path.text, NULL, &info, &err), TUS_E_FORKED);
    CHECK_FAILS(tus_client_resume_upload(client, source, url, NULL, &info, &err), TUS_E_FORKED);
    CHECK_FAILS(tus_client_get_upload_info(client, url, &info, &err), TUS_E_FORKED);
    CHECK_FAILS(tus_client_get_metadata(client, url, &metadata, &err), TUS_E_FORKED);
    CHECK(metadata == NULL);
    CHECK_FAILS(tus_client_get_server_info(client, &server, &err), TUS_E_FORKED);
    CHECK(server == NULL);
    CHECK_FAILS(tus_client_delete_upload(client, url, &err), TUS_E_FORKED);
    CHECK_FAILS(tus_client_set_header(client, "X-Of-The-Child", "1", &err), TUS_E_FORKED);
    CHECK_FAILS(tus_client_copy_header(client, "X-Of-The-Child", NULL, 0, NULL, &err), TUS_E_FORKED);
    CHECK_FAILS(tus_client_create_partial_upload(client, source, NULL, &info, &err), TUS_E_FORKED);
    CHECK_FAILS(tus_client_create_final_upload(client, &url, 1, NULL, &info, &err), TUS_E_FORKED);
    CHECK_FAILS(tus_client_create_deferred_upload(client, NULL, &info, &err), TUS_E_FORKED);
    CHECK_FAILS(tus_client_find_previous_uploads(client, source, NULL, &err), TUS_E_FORKED);
    CHECK_FAILS(tus_client_prune_store(client, 0, NULL, &err), TUS_E_FORKED);
    CHECK_FAILS(tus_client_create_uploader(client, source, NULL, &none, &err), TUS_E_FORKED);
    /* What the parent's uploader is still shows; it is neither stopped nor ended from here. */
    CHECK_FAILS(tus_uploader_upload(uploader, &info, &err), TUS_E_FORKED);
    CHECK_FAILS(tus_uploader_upload_chunk(uploader, NULL, &err), TUS_E_FORKED);
    CHECK_NUMBER(tus_uploader_offset(uploader), 2);
    tus_uploader_cancel(uploader);
    tus_uploader_free(uploader);
    tus_client_unref(client);
    /* Nor is the parent's writer, or its source. */
    CHECK_FAILS(tus_writer_write(writer, "no", 2, TUS_WAIT_FOREVER, NULL, &err), TUS_E_FORKED);
    CHECK_FAILS(tus_writer_finish(writer, &err), TUS_E_FORKED);
    CHECK(tus_writer_event_handle(writer) == -1);
    tus_writer_abort(writer, 1);
    tus_writer_free(writer);

    own = make_client();
    CHECK_FAILS(tus_client_upload(own, written, NULL, NULL, &err), TUS_E_INVALID_STATE);
    tus_source_free(written);
    CHECK_RESULT(tus_client_upload(own, source, NULL, NULL, &err), TUS_OK);
    tus_client_unref(own);
}

static void test_forked(void)
{
    tus_client *client = make_client();
    tus_source *source = memory_source("hello", 5), *chunked = memory_source("hello", 5), *written = NULL;
    tus_upload_options *options = tus_upload_options_new();
    tus_uploader *uploader = NULL;
    tus_writer *writer = NULL;
    tus_info *info = NULL;
    tus_error *err = NULL;
    int status = -1;
    pid_t child;
    CHECK_RESULT(tus_client_upload(client, source, NULL, &info, &err), TUS_OK);
    NEED(info != NULL);
    CHECK_OK(tus_upload_options_set_chunk_size(options, 2));
    CHECK_RESULT(tus_client_create_uploader(client, chunked, options, &uploader, &err), TUS_OK);
    CHECK_RESULT(tus_uploader_upload_chunk(uploader, NULL, &err), TUS_OK);
    CHECK_RESULT(tus_writer_new(5, 3, &writer, &written, &err), TUS_OK);
    CHECK_RESULT(tus_writer_write(writer, "hel", 3, 0, NULL, &err), TUS_OK);
    CHECK(tus_writer_event_handle(writer) >= 0);
    child = fork();
    NEED(child >= 0);
    if (child == 0) {
        in_child(client, source, uploader, writer, written, tus_info_url(info));
        _exit(check_failures == 0 ? 0 : 1);
    }
    NEED(waitpid(child, &status, 0) == child);
    CHECK_NUMBER(status, 0);
    /* The connection is still good. */
    CHECK_RESULT(tus_client_get_upload_info(client, tus_info_url(info), NULL, &err), TUS_OK);
    CHECK_RESULT(tus_client_upload(client, source, NULL, NULL, &err), TUS_OK);
    CHECK_RESULT(tus_uploader_upload(uploader, NULL, &err), TUS_OK);
    CHECK_NUMBER(tus_uploader_is_complete(uploader), 1);
    CHECK_FAILS(tus_writer_write(writer, "lo", 2, 0, NULL, &err), TUS_E_TIMEOUT);
    tus_writer_free(writer);
    tus_source_free(written);
    tus_uploader_free(uploader);
    tus_source_free(chunked);
    tus_upload_options_free(options);
    tus_info_free(info);
    tus_source_free(source);
    tus_client_unref(client);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {{"forked", test_forked}};
    return run_case(argc, argv, cases, COUNT(cases));
}
