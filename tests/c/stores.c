/* What is kept of unfinished uploads, in a folder or in a store of the program's, and how a source is recognised. */
#include "check.h"

#define SIZE 3000
#define SENT 2000

static unsigned char bytes[SIZE];

/* ---- a store: a table in memory */

struct row {
    char *key;
    char *url;
    void *record;
    size_t length;
};

struct table {
    struct row rows[4];
    size_t count;
    /* What its functions answer, and the client they try to use. */
    int32_t code;
    tus_client *client;
    int calls;
    int destroyed;
};

static char *copy_of(const char *text)
{
    char *copy = strdup(text);
    NEED(copy != NULL);
    return copy;
}

static void free_row(struct row *row)
{
    free(row->key);
    free(row->url);
    free(row->record);
}

/* A blocking call from inside: refused while an operation of the client runs. */
static void from_inside(struct table *table)
{
    table->calls++;
    CHECK_NUMBER(table->destroyed, 0);
    if (table->client != NULL)
        CHECK_STATUS(tus_client_get_server_info(table->client, NULL, NULL), TUS_E_BUSY);
}

static int32_t find(void *user_data, const char *key, tus_sink *out)
{
    struct table *table = (struct table *)user_data;
    size_t i;
    from_inside(table);
    for (i = 0; i < table->count; i++) {
        if (strcmp(table->rows[i].key, key) == 0)
            CHECK_OK(tus_sink_write(out, table->rows[i].record, table->rows[i].length));
    }
    CHECK_OK(tus_sink_write(out, "rubbish", 7));
    CHECK_OK(tus_sink_write(out, NULL, 0));
    CHECK_INVALID(tus_sink_write(out, NULL, 1));
    CHECK_INVALID(tus_sink_write(out, "x", SIZE_MAX));
    return table->code;
}

static int32_t list(void *user_data, tus_sink *out)
{
    struct table *table = (struct table *)user_data;
    size_t i;
    from_inside(table);
    for (i = 0; i < table->count; i++)
        CHECK_OK(tus_sink_write(out, table->rows[i].record, table->rows[i].length));
    return table->code;
}

static int32_t remove_entry(void *user_data, const char *key, const char *upload_url)
{
    struct table *table = (struct table *)user_data;
    size_t i;
    from_inside(table);
    for (i = 0; i < table->count; i++) {
        if (strcmp(table->rows[i].key, key) == 0 && strcmp(table->rows[i].url, upload_url) == 0) {
            free_row(&table->rows[i]);
            table->rows[i] = table->rows[--table->count];
            return table->code;
        }
    }
    return table->code;
}

static int32_t put(void *user_data, const char *key, const char *upload_url, const void *record, size_t len)
{
    struct table *table = (struct table *)user_data;
    struct row *row;
    remove_entry(user_data, key, upload_url);
    NEED(table->count < COUNT(table->rows));
    row = &table->rows[table->count++];
    row->key = copy_of(key);
    row->url = copy_of(upload_url);
    row->record = malloc(len);
    NEED(row->record != NULL);
    memcpy(row->record, record, len);
    row->length = len;
    return table->code;
}

static void destroy(void *user_data)
{
    struct table *table = (struct table *)user_data;
    while (table->count > 0)
        free_row(&table->rows[--table->count]);
    table->destroyed++;
}

static const tus_store_vtable whole_vtable = {sizeof(tus_store_vtable), find, put, remove_entry, list, destroy};

/* The same, for clients that come and go. */
static tus_store_vtable lasting_vtable(void)
{
    tus_store_vtable vtable = whole_vtable;
    vtable.destroy = NULL;
    return vtable;
}

/* ---- clients and uploads */

static tus_config *chunked_config(void)
{
    tus_config *config = make_config();
    CHECK_OK(tus_config_set_chunk_size(config, 1000));
    return config;
}

/* A client of a program that begins. */
static tus_client *client_with_folder(void)
{
    tus_config *config = chunked_config();
    struct path store = path_of("deep/down/store");
    CHECK_OK(tus_config_set_store_dir(config, store.text));
    return client_of(config);
}

static tus_client *client_with_table(struct table *table)
{
    tus_config *config = chunked_config();
    tus_store_vtable vtable = lasting_vtable();
    CHECK_OK(tus_config_set_store(config, &vtable, table));
    return client_of(config);
}

/* Uploads, up to an offset if that is not 0; how many bytes were there already. The URL, if wanted, is to be freed. */
static uint64_t upload(tus_client *client, tus_source *source, uint64_t stop_at, char **url)
{
    tus_upload_options *options = tus_upload_options_new();
    tus_info *info = NULL;
    tus_error *err = NULL;
    tus_stats stats;
    stats.struct_size = sizeof stats;
    if (stop_at != 0)
        CHECK_OK(tus_upload_options_set_stop_at(options, stop_at));
    CHECK_RESULT(tus_client_upload(client, source, options, &info, &err), TUS_OK);
    NEED(info != NULL);
    CHECK_NUMBER(tus_info_is_complete(info), stop_at == 0);
    CHECK_OK(tus_info_get_stats(info, &stats));
    if (url != NULL)
        *url = copy_of(tus_info_url(info));
    tus_info_free(info);
    tus_upload_options_free(options);
    return stats.bytes_resumed;
}

static tus_previous_list *previous_of(tus_client *client, tus_source *source, size_t count)
{
    tus_previous_list *list = NULL;
    tus_error *err = NULL;
    CHECK_RESULT(tus_client_find_previous_uploads(client, source, &list, &err), TUS_OK);
    NEED(list != NULL);
    CHECK_NUMBER(tus_previous_list_count(list), count);
    return list;
}

static void check_previous(tus_client *client, tus_source *source, const char *url)
{
    tus_previous_list *list = previous_of(client, source, 1);
    CHECK_TEXT(tus_previous_list_url(list, 0), url);
    CHECK_NUMBER(tus_previous_list_offset(list, 0), SENT);
    CHECK_NUMBER(tus_previous_list_size(list, 0), SIZE);
    CHECK(tus_previous_list_created_s(list, 0) > 1600000000u);
    CHECK(tus_previous_list_expires_s(list, 0) > tus_previous_list_created_s(list, 0));
    CHECK_NUMBER(tus_previous_list_part_count(list, 0), 0);
    CHECK_TEXT(tus_previous_list_part_url(list, 0, 0), NULL);
    CHECK_TEXT(tus_previous_list_url(list, 1), NULL);
    tus_previous_list_free(list);
}

/* Interrupted by one client, found and finished by the next. */
static void interrupted_and_finished(tus_client *first, tus_client *second, tus_source *source)
{
    char *url = NULL;
    CHECK_NUMBER(upload(first, source, SENT, &url), 0);
    tus_client_unref(first);
    check_previous(second, source, url);
    CHECK_NUMBER(upload(second, source, 0, NULL), SENT);
    tus_previous_list_free(previous_of(second, source, 0));
    free(url);
}

static void test_folder(void)
{
    struct path path = make_file("file", SIZE);
    tus_source *file = file_source(path.text), *memory = memory_source(bytes, SIZE);
    tus_client *client = client_with_folder();
    uint64_t removed = 99;
    tus_error *err = NULL;
    CHECK_RESULT(tus_client_prune_store(client, 0, &removed, &err), TUS_OK);
    CHECK_NUMBER(removed, 0);
    interrupted_and_finished(client_with_folder(), client, file);
    /* The same bytes are the same source. */
    interrupted_and_finished(client_with_folder(), client, memory);
    /* Listed without its source, and forgotten without the server. */
    {
        char *url = NULL;
        tus_previous_list *list = NULL;
        upload(client, memory, SENT, &url);
        CHECK_RESULT(tus_client_list_stored(client, &list, &err), TUS_OK);
        CHECK_NUMBER(tus_previous_list_count(list), 1);
        CHECK_TEXT(tus_previous_list_url(list, 0), url);
        CHECK_NUMBER(tus_previous_list_size(list, 0), SIZE);
        tus_previous_list_free(list);
        CHECK_RESULT(tus_client_forget(client, url, &err), TUS_OK);
        CHECK_RESULT(tus_client_list_stored(client, &list, &err), TUS_OK);
        CHECK_NUMBER(tus_previous_list_count(list), 0);
        tus_previous_list_free(list);
        CHECK_RESULT(tus_client_delete_upload(client, url, &err), TUS_OK);
        free(url);
    }
    /* Deleted from the server is deleted from the store. */
    {
        char *url = NULL;
        upload(client, memory, SENT, &url);
        CHECK_RESULT(tus_client_delete_upload(client, url, &err), TUS_OK);
        tus_previous_list_free(previous_of(client, memory, 0));
        free(url);
    }
    tus_client_unref(client);
    tus_source_free(file);
    tus_source_free(memory);
}

/* A folder that cannot be one does not matter to the upload. */
static void test_bad_folder(void)
{
    tus_config *config = chunked_config();
    struct path path = make_file("no_folder", 1);
    tus_source *source = memory_source(bytes, SIZE);
    tus_client *client;
    tus_error *err = NULL;
    uint64_t removed = 99;
    CHECK_OK(tus_config_set_store_dir(config, path.text));
    client = client_of(config);
    CHECK_NUMBER(upload(client, source, 0, NULL), 0);
    tus_previous_list_free(previous_of(client, source, 0));
    CHECK_FAILS(tus_client_prune_store(client, 0, &removed, &err), TUS_E_STORE);
    CHECK_NUMBER(removed, 0);
    tus_source_free(source);
    tus_client_unref(client);
}

static void test_table(void)
{
    struct table table;
    tus_source *source = memory_source(bytes, SIZE);
    tus_client *client;
    memset(&table, 0, sizeof table);
    client = client_with_table(&table);
    interrupted_and_finished(client_with_table(&table), client, source);
    CHECK_NUMBER(table.count, 0);
    CHECK(table.calls > 6);
    tus_client_unref(client);
    tus_source_free(source);
}

/* The server drops at once what is created first, and says so; the second upload stays. */
static void test_prune(void)
{
    struct table table;
    tus_source *source = memory_source(bytes, SIZE), *other = memory_source(bytes, SIZE - 1);
    tus_store_vtable vtable = lasting_vtable();
    tus_config *config = chunked_config();
    tus_client *client, *unlisted;
    tus_error *err = NULL;
    uint64_t removed = 99;
    memset(&table, 0, sizeof table);
    client = client_with_table(&table);
    upload(client, source, SENT, NULL);
    upload(client, other, SENT, NULL);
    CHECK_NUMBER(table.count, 2);
    CHECK_RESULT(tus_client_prune_store(client, UINT64_MAX, &removed, &err), TUS_OK);
    CHECK_NUMBER(removed, 1);
    CHECK_RESULT(tus_client_prune_store(client, 0, &removed, &err), TUS_OK);
    CHECK_NUMBER(removed, 0);
    CHECK_RESULT(tus_client_prune_store(client, 1000, NULL, &err), TUS_OK);
    CHECK_NUMBER(table.count, 1);
    NEED(usleep(2100000) == 0);
    CHECK_RESULT(tus_client_prune_store(client, 1, &removed, &err), TUS_OK);
    CHECK_NUMBER(removed, 1);
    CHECK_NUMBER(table.count, 0);
    tus_client_unref(client);

    vtable.list = NULL;
    CHECK_OK(tus_config_set_store(config, &vtable, &table));
    unlisted = client_of(config);
    CHECK_FAILS(tus_client_prune_store(unlisted, 0, &removed, &err), TUS_E_UNSUPPORTED);
    CHECK_NUMBER(removed, 0);
    tus_client_unref(unlisted);
    tus_source_free(source);
    tus_source_free(other);
}

static void count_warnings(void *user_data, int32_t level, const char *line)
{
    CHECK(strstr(line, "/files/") == NULL || level == TUS_LOG_WARN);
    if (level == TUS_LOG_WARN && strstr(line, "returned 5") != NULL)
        ++*(int *)user_data;
}

static void test_faults(void)
{
    struct table table;
    tus_source *source = memory_source(bytes, SIZE);
    tus_store_vtable vtable = lasting_vtable();
    tus_config *config = chunked_config();
    tus_client *client;
    tus_error *err = NULL;
    int warnings = 0;
    memset(&table, 0, sizeof table);
    table.code = 5;
    CHECK_OK(tus_config_set_store(config, &vtable, &table));
    CHECK_OK(tus_config_set_log(config, TUS_LOG_WARN, count_warnings, &warnings, NULL));
    client = client_of(config);
    CHECK_NUMBER(upload(client, source, 0, NULL), 0);
    CHECK(warnings >= 2);
    tus_previous_list_free(previous_of(client, source, 0));
    CHECK_RESULT(tus_client_prune_store(client, 0, NULL, &err), TUS_E_STORE);
    CHECK_NUMBER(tus_error_callback_code(err), 5);
    tus_error_free(err);
    tus_client_unref(client);
    tus_source_free(source);
    destroy(&table);
}

/* From inside the store's functions, those that freeing an uploader calls included. */
static void test_inside(void)
{
    struct table table;
    tus_source *source = memory_source(bytes, SIZE);
    tus_uploader *uploader = NULL;
    tus_client *client;
    tus_error *err = NULL;
    int calls;
    memset(&table, 0, sizeof table);
    client = client_with_table(&table);
    CHECK_RESULT(tus_client_get_server_info(client, NULL, &err), TUS_OK);
    table.client = client;
    upload(client, source, SENT, NULL);
    upload(client, source, 0, NULL);
    CHECK_RESULT(tus_client_create_uploader(client, source, NULL, &uploader, &err), TUS_OK);
    calls = table.calls;
    tus_uploader_free(uploader);
    CHECK(table.calls > calls);
    CHECK_NUMBER(table.count, 1);
    tus_client_unref(client);
    tus_source_free(source);
    destroy(&table);
}

static void refuse_vtable(tus_store_vtable vtable, int destroyed)
{
    struct table table;
    tus_config *config = make_config();
    tus_client *client = NULL;
    memset(&table, 0, sizeof table);
    CHECK_INVALID(tus_config_set_store(config, &vtable, &table));
    CHECK_NUMBER(table.destroyed, destroyed);
    CHECK_INVALID(tus_client_new(config, &client, NULL));
    tus_config_free(config);
    CHECK_NUMBER(table.destroyed, destroyed);
}

static void test_destroyed(void)
{
    struct {
        tus_store_vtable known;
        void (*unknown)(void);
    } later = {{sizeof later, find, put, remove_entry, NULL, destroy}, NULL};
    static const size_t sizes[] = {0, 1, sizeof(tus_store_vtable) - 1, 1 << 20, SIZE_MAX};
    struct table tables[4];
    tus_store_vtable vtable;
    tus_config *config = make_config();
    tus_client *client;
    size_t i;
    memset(tables, 0, sizeof tables);
    CHECK_INVALID(tus_config_set_store(NULL, &whole_vtable, &tables[0]));
    CHECK_NUMBER(tables[0].destroyed, 1);
    /* Replaced by another one, by a folder, and by nothing. */
    CHECK_OK(tus_config_set_store(config, &later.known, &tables[1]));
    CHECK_OK(tus_config_set_store(config, &whole_vtable, &tables[2]));
    CHECK_NUMBER(tables[1].destroyed, 1);
    CHECK_OK(tus_config_set_store_dir(config, folder));
    CHECK_NUMBER(tables[2].destroyed, 1);
    CHECK_OK(tus_config_set_store(config, &whole_vtable, &tables[3]));
    client = client_of(config);
    CHECK_NUMBER(tables[3].destroyed, 0);
    tus_client_unref(client);
    for (i = 0; i < COUNT(tables); i++)
        CHECK_NUMBER(tables[i].destroyed, 1);

    vtable = whole_vtable;
    vtable.find = NULL;
    refuse_vtable(vtable, 1);
    vtable = whole_vtable;
    vtable.put = NULL;
    refuse_vtable(vtable, 1);
    vtable = whole_vtable;
    vtable.remove = NULL;
    refuse_vtable(vtable, 1);
    for (i = 0; i < COUNT(sizes); i++) {
        vtable = whole_vtable;
        vtable.struct_size = sizes[i];
        /* Where the record ends is not known there, so `destroy` cannot be called. */
        refuse_vtable(vtable, 0);
    }
}

/* ---- fingerprints */

struct recogniser {
    const char *text;
    size_t length;
    const char *name;
    int32_t code;
    int calls;
};

static int32_t recognise(void *user_data, const char *name, uint64_t size, tus_sink *out)
{
    struct recogniser *recogniser = (struct recogniser *)user_data;
    recogniser->calls++;
    CHECK_TEXT(name, recogniser->name);
    CHECK_NUMBER(size, SIZE);
    /* In two pieces. */
    CHECK_OK(tus_sink_write(out, recogniser->text, recogniser->length / 2));
    CHECK_OK(tus_sink_write(out, recogniser->text + recogniser->length / 2,
                            recogniser->length - recogniser->length / 2));
    return recogniser->code;
}

static tus_client *client_with_recogniser(struct recogniser *recogniser, int verify)
{
    tus_config *config = chunked_config();
    struct path store = path_of("store");
    CHECK_OK(tus_config_set_store_dir(config, store.text));
    CHECK_OK(tus_config_set_fingerprint_callback(config, recognise, recogniser, NULL));
    CHECK_OK(tus_config_set_verify_resumed(config, verify));
    return client_of(config);
}

static void test_own_fingerprints(void)
{
    static const struct {
        const char *text;
        size_t length;
    } bad[] = {{"", 0}, {"a\nb", 3}, {"a", 2}, {"a\xff", 2}, {"\x7f", 1}};
    struct recogniser recogniser = {"my \xc3\xbc", 5, NULL, 0, 0};
    struct path path = make_file("file", SIZE);
    tus_source *source = memory_source(bytes, SIZE), *file = file_source(path.text);
    tus_client *client = client_with_recogniser(&recogniser, 0);
    tus_previous_list *list;
    tus_error *err = NULL;
    size_t i;
    upload(client, source, SENT, NULL);
    CHECK_NUMBER(recogniser.calls, 1);
    list = previous_of(client, source, 1);
    CHECK_TEXT(tus_previous_list_fingerprint(list, 0), "my \xc3\xbc");
    tus_previous_list_free(list);
    CHECK_NUMBER(upload(client, source, 0, NULL), SENT);

    recogniser.name = path.text;
    upload(client, file, 0, NULL);
    recogniser.code = 77;
    CHECK_RESULT(tus_client_upload(client, file, NULL, NULL, &err), TUS_E_CALLBACK);
    CHECK_NUMBER(tus_error_callback_code(err), 77);
    tus_error_free(err);
    err = NULL;
    recogniser.code = 0;
    for (i = 0; i < COUNT(bad); i++) {
        recogniser.text = bad[i].text;
        recogniser.length = bad[i].length;
        CHECK_FAILS(tus_client_upload(client, file, NULL, NULL, &err), TUS_E_FINGERPRINT);
    }
    tus_client_unref(client);
    tus_source_free(source);
    tus_source_free(file);
}

/* What the program says is the same is not: found out before it is mixed, if that is asked for. */
static void test_verified(void)
{
    struct recogniser recogniser = {"mine", 4, NULL, 0, 0};
    unsigned char *changed = make_bytes(SIZE);
    tus_source *source = memory_source(changed, SIZE);
    tus_client *client = client_with_recogniser(&recogniser, 1);
    changed[1] ^= 1;
    upload(client, source, SENT, NULL);
    changed[1] ^= 1;
    tus_previous_list_free(previous_of(client, source, 0));
    CHECK_NUMBER(upload(client, source, 0, NULL), 0);
    tus_client_unref(client);
    tus_source_free(source);
    free(changed);
}

static void test_fingerprints(void)
{
    static const char *const begins[] = {NULL, "size:3000--md5:", "size:3000--file:"};
    struct path path = make_file("file", SIZE);
    int32_t kind;
    for (kind = TUS_FINGERPRINT_CONTENT; kind <= TUS_FINGERPRINT_FILE_IDENTITY; kind++) {
        tus_config *config = chunked_config();
        struct path store = path_of("store");
        tus_source *source = file_source(path.text);
        tus_previous_list *list;
        tus_client *client;
        const char *text;
        CHECK_OK(tus_config_set_store_dir(config, store.text));
        CHECK_OK(tus_config_set_fingerprint(config, kind));
        client = client_of(config);
        upload(client, source, SENT, NULL);
        list = previous_of(client, source, 1);
        text = tus_previous_list_fingerprint(list, 0);
        if (begins[kind] != NULL)
            CHECK(text != NULL && strncmp(text, begins[kind], strlen(begins[kind])) == 0);
        tus_previous_list_free(list);
        CHECK_NUMBER(upload(client, source, 0, NULL), SENT);
        tus_source_free(source);
        tus_client_unref(client);
    }
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"folder", test_folder},   {"bad_folder", test_bad_folder},
        {"table", test_table},     {"prune", test_prune},
        {"faults", test_faults},   {"inside", test_inside},
        {"destroyed", test_destroyed}, {"own_fingerprints", test_own_fingerprints},
        {"verified", test_verified},   {"fingerprints", test_fingerprints},
    };
    fill_bytes(bytes, 0, sizeof bytes);
    return run_case(argc, argv, cases, COUNT(cases));
}
