/* One client, many threads. */
#include <pthread.h>

#include "check.h"

enum { THREADS = 8, UPLOADS = 3 };

struct worker {
    pthread_t thread;
    tus_client *client;
    size_t number;
};

static const size_t sizes[UPLOADS] = {0, 70001, 700001};

static void *work(void *user_data)
{
    struct worker *worker = (struct worker *)user_data;
    char value[32];
    size_t i;
    for (i = 0; i < UPLOADS; i++) {
        size_t size = sizes[i] + worker->number;
        unsigned char *bytes = make_bytes(size);
        tus_source *source = memory_source(bytes, size);
        tus_info *info = NULL;
        tus_error *err = NULL;
        snprintf(value, sizeof value, "%u", (unsigned)worker->number);
        CHECK_RESULT(tus_client_set_header(worker->client, "X-Worker", value, &err), TUS_OK);
        CHECK_RESULT(tus_client_upload(worker->client, source, NULL, &info, &err), TUS_OK);
        CHECK_NUMBER(tus_info_size(info), size);
        CHECK_NUMBER(tus_info_is_complete(info), 1);
        CHECK_RESULT(tus_client_get_upload_info(worker->client, tus_info_url(info), NULL, &err), TUS_OK);
        tus_info_free(info);
        tus_source_free(source);
        free(bytes);
    }
    /* The last to finish ends the client. */
    tus_client_unref(worker->client);
    return NULL;
}

static void test_uploads(void)
{
    struct worker workers[THREADS];
    tus_config *config = make_config();
    tus_client *client;
    size_t i;
    CHECK_OK(tus_config_set_chunk_size(config, 300000));
    client = client_of(config);
    for (i = 0; i < THREADS; i++) {
        workers[i].client = tus_client_ref(client);
        workers[i].number = i;
        CHECK(workers[i].client == client);
        NEED(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    tus_client_unref(client);
    for (i = 0; i < THREADS; i++)
        NEED(pthread_join(workers[i].thread, NULL) == 0);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {{"uploads", test_uploads}};
    return run_case(argc, argv, cases, COUNT(cases));
}
