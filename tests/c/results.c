/* What results tell: of uploads, of servers, of the library itself. */
#include <stddef.h>

#include "check.h"

static void test_version(void)
{
    static const struct {
        tus_status status;
        const char *name;
    } names[] = {
        {TUS_OK, "TUS_OK"},
        {TUS_E_INVALID_ARGUMENT, "TUS_E_INVALID_ARGUMENT"},
        {TUS_E_INVALID_STATE, "TUS_E_INVALID_STATE"},
        {TUS_E_UNSUPPORTED, "TUS_E_UNSUPPORTED"},
        {TUS_E_CANCELLED, "TUS_E_CANCELLED"},
        {TUS_E_CALLBACK, "TUS_E_CALLBACK"},
        {TUS_E_TIMEOUT, "TUS_E_TIMEOUT"},
        {TUS_E_NOT_FOUND, "TUS_E_NOT_FOUND"},
        {TUS_E_BUSY, "TUS_E_BUSY"},
        {TUS_E_FORKED, "TUS_E_FORKED"},
        {TUS_E_SOURCE, "TUS_E_SOURCE"},
        {TUS_E_SOURCE_CHANGED, "TUS_E_SOURCE_CHANGED"},
        {TUS_E_STORE, "TUS_E_STORE"},
        {TUS_E_FINGERPRINT, "TUS_E_FINGERPRINT"},
        {TUS_E_RESOURCES, "TUS_E_RESOURCES"},
        {TUS_E_RESOLVE, "TUS_E_RESOLVE"},
        {TUS_E_CONNECT, "TUS_E_CONNECT"},
        {TUS_E_TLS, "TUS_E_TLS"},
        {TUS_E_IO, "TUS_E_IO"},
        {TUS_E_HTTP_STATUS, "TUS_E_HTTP_STATUS"},
        {TUS_E_PROTOCOL, "TUS_E_PROTOCOL"},
        {TUS_E_OFFSET_CONFLICT, "TUS_E_OFFSET_CONFLICT"},
        {TUS_E_GONE, "TUS_E_GONE"},
        {TUS_E_LOCKED, "TUS_E_LOCKED"},
        {TUS_E_CHECKSUM, "TUS_E_CHECKSUM"},
        {TUS_E_TOO_LARGE, "TUS_E_TOO_LARGE"},
        {TUS_E_VERSION, "TUS_E_VERSION"},
        {TUS_E_UNCONFIRMED, "TUS_E_UNCONFIRMED"},
        {TUS_E_INTERNAL, "TUS_E_INTERNAL"},
        {TUS_E_PANIC, "TUS_E_PANIC"},
    };
    static const char *const features[] = {
        "creation",      "creation-with-upload", "creation-defer-length",    "expiration",   "termination",
        "checksum",      "checksum-trailer",     "concatenation",            "store",        "resume-token",
        "parallel",      "uploader",             "concatenation-unfinished", "checksum-sha1", "checksum-sha256",
        "checksum-sha512", "checksum-md5",
    };
    char text[32];
    size_t i;
    CHECK_NUMBER(tus_version_number(), TUS_VERSION_NUMBER);
    CHECK_NUMBER(tus_version_number(), TUS_VERSION_MAJOR * 65536 + TUS_VERSION_MINOR * 256 + TUS_VERSION_PATCH);
    snprintf(text, sizeof text, "%d.%d.%d", TUS_VERSION_MAJOR, TUS_VERSION_MINOR, TUS_VERSION_PATCH);
    CHECK_TEXT(tus_version_string(), text);
    for (i = 0; i < COUNT(names); i++)
        CHECK_TEXT(tus_status_name(names[i].status), names[i].name);
    CHECK_TEXT(tus_status_name(1), "TUS_E_UNKNOWN");
    CHECK_TEXT(tus_status_name(-1000), "TUS_E_UNKNOWN");
    CHECK_TEXT(tus_status_name(INT32_MIN), "TUS_E_UNKNOWN");
    CHECK_TEXT(tus_status_name(INT32_MAX), "TUS_E_UNKNOWN");
    for (i = 0; i < COUNT(features); i++)
        CHECK_NUMBER(tus_has_feature(features[i]), 1);
    CHECK_NUMBER(tus_has_feature("Creation"), 0);
    CHECK_NUMBER(tus_has_feature(""), 0);
    CHECK_NUMBER(tus_has_feature("time-travel"), 0);
}

/* An upload of 3000 bytes that stops after 2000, is asked about, and goes on. */
static void test_upload(void)
{
    unsigned char *bytes = make_bytes(3000);
    tus_config *config = make_config();
    tus_upload_options *options = tus_upload_options_new();
    tus_source *source = memory_source(bytes, 3000);
    tus_client *client;
    tus_info *info = NULL, *asked = NULL, *whole = NULL;
    tus_metadata *metadata = NULL;
    const tus_metadata *of_info;
    tus_error *err = NULL;
    tus_stats stats;
    size_t length = 0;
    memset(&stats, 0xff, sizeof stats);
    stats.struct_size = sizeof stats;
    CHECK_OK(tus_config_set_chunk_size(config, 1000));
    client = client_of(config);
    CHECK_OK(tus_upload_options_set_metadata_text(options, "name", "gr\xc3\xbc\xc3\x9f"));
    CHECK_OK(tus_upload_options_set_metadata(options, "raw", "a\0b\xff", 4));
    CHECK_OK(tus_upload_options_set_stop_at(options, 2000));

    CHECK_RESULT(tus_client_upload(client, source, options, &info, &err), TUS_OK);
    NEED(info != NULL);
    CHECK(strncmp(tus_info_url(info), server_url, strlen(server_url)) == 0);
    CHECK_NUMBER(tus_info_offset(info), 2000);
    CHECK_NUMBER(tus_info_size(info), 3000);
    CHECK_NUMBER(tus_info_is_complete(info), 0);
    CHECK_NUMBER(tus_info_is_deferred(info), 0);
    /* The server drops it in an hour, by a clock that need not be ours to the second. */
    CHECK(tus_info_expires(info) > 1600000000u);
    CHECK_NUMBER(tus_info_concat_kind(info), TUS_CONCAT_NONE);
    CHECK_TEXT(tus_info_metadata_text(info, "name"), "gr\xc3\xbc\xc3\x9f");
    CHECK_OK(tus_info_get_stats(info, &stats));
    CHECK_NUMBER(stats.struct_size, sizeof stats);
    CHECK_NUMBER(stats.bytes_resumed, 0);
    CHECK_NUMBER(stats.bytes_sent, 2000);
    CHECK_NUMBER(stats.requests, 4);
    CHECK_NUMBER(stats.retries, 0);
    CHECK_NUMBER(stats.chunks_completed, 2);
    CHECK_NUMBER(stats.chunks_failed, 0);
    CHECK(stats.elapsed_ms < 60000);
    CHECK_NUMBER(stats.bytes_total, 3000);
    CHECK_NUMBER(stats.bytes_confirmed, 2000);
    CHECK_NUMBER(stats.chunks_retried, 0);
    CHECK_NUMBER(stats.chunks_total, 3);
    CHECK(stats.started_ms > 1600000000000u);
    CHECK(stats.speed >= 0);
    CHECK(stats.progress_percent > 66.6 && stats.progress_percent < 66.7);

    CHECK_RESULT(tus_client_get_upload_info(client, tus_info_url(info), &asked, &err), TUS_OK);
    CHECK_TEXT(tus_info_url(asked), tus_info_url(info));
    CHECK_NUMBER(tus_info_offset(asked), 2000);
    CHECK_NUMBER(tus_info_size(asked), 3000);
    CHECK_NUMBER(tus_info_is_complete(asked), 0);
    CHECK(memcmp(tus_info_metadata(asked, "raw", &length), "a\0b\xff", 5) == 0);
    CHECK_NUMBER(length, 4);
    CHECK_TEXT(tus_info_metadata_text(asked, "raw"), NULL);
    of_info = tus_info_metadata_object(asked);
    CHECK_NUMBER(tus_metadata_count(of_info), 2);
    CHECK_TEXT(tus_metadata_key_at(of_info, 0), "name");
    CHECK_TEXT(tus_metadata_key_at(of_info, 1), "raw");
    CHECK_TEXT(tus_metadata_key_at(of_info, 2), NULL);
    CHECK_TEXT(tus_metadata_key_at(of_info, SIZE_MAX), NULL);
    CHECK(tus_metadata_value_at(of_info, 2, &length) == NULL);
    CHECK_RESULT(tus_client_get_metadata(client, tus_info_url(info), &metadata, &err), TUS_OK);
    CHECK_TEXT(tus_metadata_text(metadata, "name"), "gr\xc3\xbc\xc3\x9f");

    CHECK_RESULT(tus_client_resume_upload(client, source, tus_info_url(info), NULL, &whole, &err), TUS_OK);
    CHECK_OK(tus_info_get_stats(whole, &stats));
    CHECK_NUMBER(stats.bytes_resumed, 2000);
    CHECK_NUMBER(stats.bytes_sent, 1000);
    CHECK_NUMBER(stats.requests, 2);
    CHECK_NUMBER(stats.chunks_completed, 1);
    CHECK_NUMBER(tus_info_is_complete(whole), 1);
    CHECK_NUMBER(tus_info_offset(whole), 3000);
    /* What was told before is what it was. */
    CHECK_NUMBER(tus_info_offset(asked), 2000);
    /* Complete already: a success without data. */
    CHECK_RESULT(tus_client_resume_upload(client, source, tus_info_url(info), NULL, NULL, &err), TUS_OK);
    tus_metadata_free(metadata);
    tus_info_free(whole);
    tus_info_free(asked);
    tus_info_free(info);
    tus_source_free(source);
    tus_upload_options_free(options);
    tus_client_unref(client);
    free(bytes);
}

static void test_stats_size(void)
{
    struct {
        tus_stats known;
        unsigned char unknown[64];
    } later;
    /* What a program has that was compiled when there was less to tell. */
    static const size_t first = offsetof(tus_stats, bytes_total);
    static const size_t bad[] = {0, 8, offsetof(tus_stats, bytes_total) - 1, 1 << 20, SIZE_MAX};
    tus_client *client = make_client();
    tus_info *info = upload_bytes(client, "hello", 5);
    size_t i;
    for (i = 0; i < COUNT(bad); i++) {
        memset(&later, 0xaa, sizeof later);
        later.known.struct_size = bad[i];
        CHECK_INVALID(tus_info_get_stats(info, &later.known));
        CHECK_NUMBER(later.known.requests, 0xaaaaaaaaaaaaaaaaull);
    }
    memset(&later, 0xaa, sizeof later);
    later.known.struct_size = first;
    CHECK_OK(tus_info_get_stats(info, &later.known));
    CHECK_NUMBER(later.known.requests, 3);
    CHECK_NUMBER(later.known.struct_size, first);
    CHECK_NUMBER(later.known.bytes_total, 0xaaaaaaaaaaaaaaaaull);
    /* Of a later version: what this one does not know is 0; and nothing beyond the record is touched. */
    memset(&later, 0xaa, sizeof later);
    later.known.struct_size = sizeof later.known + 32;
    CHECK_OK(tus_info_get_stats(info, &later.known));
    CHECK_NUMBER(later.known.requests, 3);
    for (i = 0; i < sizeof later.unknown; i++)
        CHECK_NUMBER(later.unknown[i], i < 32 ? 0 : 0xaa);
    tus_info_free(info);
    tus_client_unref(client);
}

/* What servers tell in HEAD: `url` is that of an upload of unknown size. */
static void test_told(void)
{
    tus_client *client = make_client();
    tus_info *info = NULL;
    tus_error *err = NULL;
    size_t length = 99;
    NEED(word_count == 1);
    CHECK_RESULT(tus_client_get_upload_info(client, words[0], &info, &err), TUS_OK);
    NEED(info != NULL);
    CHECK_NUMBER(tus_info_is_deferred(info), 1);
    CHECK_NUMBER(tus_info_size(info), TUS_SIZE_UNKNOWN);
    CHECK_NUMBER(tus_info_is_complete(info), 0);
    CHECK_NUMBER(tus_info_offset(info), 5);
    CHECK_NUMBER(tus_info_expires(info), 0);
    CHECK_NUMBER(tus_metadata_count(tus_info_metadata_object(info)), 0);
    tus_info_free(info);

    CHECK_RESULT(tus_client_get_upload_info(client, words[0], &info, &err), TUS_OK);
    CHECK_NUMBER(tus_info_concat_kind(info), TUS_CONCAT_PARTIAL);
    CHECK_NUMBER(tus_info_expires(info), 784111777);
    CHECK_NUMBER(tus_metadata_count(tus_info_metadata_object(info)), 3);
    CHECK_TEXT(tus_info_metadata_text(info, "good"), "good");
    CHECK_TEXT(tus_info_metadata_text(info, "bad"), NULL);
    CHECK_TEXT(tus_info_metadata_text(info, "nul"), NULL);
    CHECK(memcmp(tus_info_metadata(info, "nul", &length), "\0\1", 3) == 0);
    CHECK_NUMBER(length, 2);
    CHECK_TEXT((const char *)tus_info_metadata(info, "empty", &length), "");
    CHECK_NUMBER(length, 0);
    tus_info_free(info);

    CHECK_RESULT(tus_client_get_upload_info(client, words[0], &info, &err), TUS_OK);
    CHECK_NUMBER(tus_info_concat_kind(info), TUS_CONCAT_FINAL);
    CHECK_NUMBER(tus_metadata_count(tus_info_metadata_object(info)), 0);
    tus_info_free(info);
    tus_client_unref(client);
}

static void test_server(void)
{
    tus_client *client = make_client();
    tus_server_info *server = NULL, *again = NULL;
    tus_error *err = NULL;
    CHECK_RESULT(tus_client_get_server_info(client, &server, &err), TUS_OK);
    NEED(server != NULL);
    CHECK_NUMBER(tus_server_info_version_count(server), 2);
    CHECK_TEXT(tus_server_info_version_at(server, 0), "1.0.0");
    CHECK_TEXT(tus_server_info_version_at(server, 1), "0.2.2");
    CHECK_TEXT(tus_server_info_version_at(server, 2), NULL);
    CHECK_NUMBER(tus_server_info_extension_count(server), 3);
    CHECK_TEXT(tus_server_info_extension_at(server, 0), "creation");
    CHECK_TEXT(tus_server_info_extension_at(server, 2), "x-our-own");
    CHECK_TEXT(tus_server_info_extension_at(server, 3), NULL);
    CHECK_TEXT(tus_server_info_extension_at(server, SIZE_MAX), NULL);
    CHECK_NUMBER(tus_server_info_has_extension(server, "termination"), 1);
    CHECK_NUMBER(tus_server_info_has_extension(server, "x-our-own"), 1);
    CHECK_NUMBER(tus_server_info_has_extension(server, "checksum"), 0);
    CHECK_NUMBER(tus_server_info_has_extension(server, ""), 0);
    CHECK_NUMBER(tus_server_info_max_size(server), 1000);
    CHECK_NUMBER(tus_server_info_checksum_algorithm_count(server), 2);
    CHECK_TEXT(tus_server_info_checksum_algorithm_at(server, 0), "sha1");
    CHECK_TEXT(tus_server_info_checksum_algorithm_at(server, 1), "md5");
    CHECK_TEXT(tus_server_info_checksum_algorithm_at(server, 2), NULL);
    /* Kept by the client: no second question. */
    CHECK_RESULT(tus_client_get_server_info(client, &again, &err), TUS_OK);
    CHECK_TEXT(tus_server_info_extension_at(again, 2), "x-our-own");
    tus_server_info_free(server);
    tus_server_info_free(again);
    tus_client_unref(client);

    /* A server that says next to nothing. */
    client = make_client();
    CHECK_RESULT(tus_client_get_server_info(client, &server, &err), TUS_OK);
    CHECK_NUMBER(tus_server_info_extension_count(server), 0);
    CHECK_NUMBER(tus_server_info_max_size(server), TUS_SIZE_UNKNOWN);
    CHECK_NUMBER(tus_server_info_checksum_algorithm_count(server), 0);
    tus_server_info_free(server);
    tus_client_unref(client);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"version", test_version}, {"upload", test_upload}, {"stats_size", test_stats_size},
        {"told", test_told},       {"server", test_server},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
