/* The upload with libtus, through its C API: a client with its defaults, and the chunk size that is asked for. */
#include "contender.h"

#include <tus.h>

static const char *contender_version(void)
{
    static char text[256];
    snprintf(text, sizeof text, "libtus/%s", tus_version_string());
    return text;
}

static void check(tus_status status, tus_error *error)
{
    if (status == TUS_OK) return;
    die("libtus: %s: %s", tus_status_name(status), error ? tus_error_message(error) : "no details");
}

static tus_client *client_for(const struct job *job)
{
    tus_config *config = tus_config_new();
    tus_client *client = NULL;
    tus_error *error = NULL;
    check(tus_config_set_url(config, job->url), NULL);
    check(tus_config_set_chunk_size(config, job->chunk ? job->chunk : TUS_CHUNK_WHOLE), NULL);
    check(tus_config_set_proxy(config, NULL), NULL);
    check(tus_config_set_retry(config, 0, 1000, 60000), NULL); /* a failure ends the run and is not measured */
    check(tus_client_new(config, &client, &error), error);
    tus_config_free(config);
    return client;
}

static void upload_file(tus_client *client, const char *path)
{
    tus_info *info = NULL;
    tus_error *error = NULL;
    check(tus_client_upload_file(client, path, NULL, &info, &error), error);
    if (!tus_info_is_complete(info)) die("libtus: %s is not complete", path);
    tus_info_free(info);
}

static void upload(const struct job *job)
{
    tus_client *client = client_for(job);
    if (!job->count) upload_file(client, job->path);
    for (unsigned index = 0; index < job->count; index++) upload_file(client, path_of(job, index));
    tus_client_unref(client);
}

int main(int argc, char **argv)
{
    return contend(argc, argv);
}
