/* What the programs that measure libtus share. */
#ifndef LIBTUS_H
#define LIBTUS_H

#include "process.h"

#include <tus.h>

static void check(tus_status status, tus_error *error)
{
    if (status == TUS_OK) return;
    die("libtus: %s: %s", tus_status_name(status), error ? tus_error_message(error) : "no details");
}

/*
 * A client with its defaults but for what is given; `workers` uploads at once in the background. `with_creation`: the
 * bytes of a small file go with the request that creates its upload.
 */
static tus_client *client_for(const char *url, uint64_t chunk, uint32_t workers, int with_creation)
{
    tus_config *config = tus_config_new();
    tus_client *client = NULL;
    tus_error *error = NULL;
    check(tus_config_set_url(config, url), NULL);
    check(tus_config_set_chunk_size(config, chunk ? chunk : TUS_CHUNK_WHOLE), NULL);
    check(tus_config_set_proxy(config, NULL), NULL);
    check(tus_config_set_retry(config, 0, 1000, 60000), NULL); /* a failure ends the run and is not measured */
    if (with_creation) check(tus_config_set_upload_with_creation(config, TUS_CREATION_DATA_ON), NULL);
    check(tus_config_set_workers(config, workers), NULL);
    check(tus_client_new(config, &client, &error), error);
    tus_config_free(config);
    return client;
}

/* Waits for a task and says how it ended. */
static tus_status result_of(tus_task *task, const tus_error **error)
{
    check(tus_task_wait(task, TUS_WAIT_FOREVER), NULL);
    return tus_task_result(task, error);
}

#endif
