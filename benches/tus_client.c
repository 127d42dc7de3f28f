/*
 * The upload with libtus, through its C API: a client with its defaults, and the chunk size that is asked for.
 *
 * Variants: "blocking" makes one upload after the other on this thread; a number submits all of them at once, so many
 * of which run at the same time, and then waits for them.
 */
#include "contender.h"

#include "libtus.h"

static const char *contender_version(void)
{
    static char text[256];
    snprintf(text, sizeof text, "libtus/%s", tus_version_string());
    return text;
}

static void must_be_complete(tus_info *info, const char *path)
{
    if (!tus_info_is_complete(info)) die("libtus: %s is not complete", path);
    tus_info_free(info);
}

static void upload_file(tus_client *client, const char *path)
{
    tus_info *info = NULL;
    tus_error *error = NULL;
    check(tus_client_upload_file(client, path, NULL, &info, &error), error);
    must_be_complete(info, path);
}

/* Submits all, then waits for all: the last one first, so that this thread is not woken for each of them. */
static void upload_files_async(tus_client *client, const struct job *job)
{
    tus_task **tasks = calloc(job->count, sizeof *tasks);
    if (!tasks) die("no memory");
    for (unsigned index = 0; index < job->count; index++) {
        tus_error *error = NULL;
        const char *path = path_of(job, index);
        check(tus_client_upload_file_async(client, path, NULL, NULL, NULL, NULL, &tasks[index], &error), error);
    }
    for (unsigned index = job->count; index-- > 0;) {
        const tus_error *error = NULL;
        if (result_of(tasks[index], &error) != TUS_OK) die("libtus: %s", tus_error_message(error));
        must_be_complete(tus_task_take_info(tasks[index]), path_of(job, index));
        tus_task_unref(tasks[index]);
    }
    free(tasks);
}

static void upload(const struct job *job)
{
    int blocking = strcmp(job->variant, "blocking") == 0;
    tus_client *client = client_for(job->url, job->chunk, blocking ? 1 : (uint32_t)number(job->variant), job->count > 0);
    if (!job->count) {
        upload_file(client, job->path);
    } else if (!blocking) {
        upload_files_async(client, job);
    } else {
        for (unsigned index = 0; index < job->count; index++) upload_file(client, path_of(job, index));
    }
    tus_client_unref(client);
}

int main(int argc, char **argv)
{
    return contend(argc, argv);
}
