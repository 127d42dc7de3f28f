/* Checksums: which algorithm is used, what happens without one, and when data arrives damaged. */
#include "check.h"

#define SIZE 3000
/* As a client has it that was told nothing of checksums. */
#define DEFAULT (-1)
/* sha1 or sha256, whichever this machine computes faster. */
#define FASTER (-2)

static tus_client *client_with(int32_t algorithm, int32_t policy, int trailers)
{
    tus_config *config = make_config();
    CHECK_OK(tus_config_set_chunk_size(config, 1000));
    CHECK_OK(tus_config_set_upload_with_creation(config, 0));
    if (policy != DEFAULT)
        CHECK_OK(tus_config_set_checksum(config, algorithm, policy));
    if (trailers)
        CHECK_OK(tus_config_set_checksum_trailers(config, trailers));
    return client_of(config);
}

/* Uploads with this wish; the status, and the algorithm that was used. */
static void upload(int32_t algorithm, int32_t policy, int trailers, tus_status status, int32_t used)
{
    tus_client *client = client_with(algorithm, policy, trailers);
    unsigned char *bytes = make_bytes(SIZE);
    tus_source *source = memory_source(bytes, SIZE);
    tus_info *info = NULL;
    tus_error *err = NULL;
    CHECK_RESULT(tus_client_upload(client, source, NULL, &info, &err), status);
    if (used == FASTER)
        CHECK(tus_info_checksum(info) == TUS_CHECKSUM_SHA1 || tus_info_checksum(info) == TUS_CHECKSUM_SHA256);
    else
        CHECK_NUMBER(tus_info_checksum(info), used);
    CHECK_NUMBER(tus_info_is_complete(info), status == TUS_OK);
    tus_error_free(err);
    tus_info_free(info);
    tus_source_free(source);
    tus_client_unref(client);
    free(bytes);
}

static void test_algorithms(void)
{
    int32_t algorithm;
    for (algorithm = TUS_CHECKSUM_SHA1; algorithm <= TUS_CHECKSUM_MD5; algorithm++)
        upload(algorithm, TUS_CHECKSUM_REQUIRED, 0, TUS_OK, algorithm);
    upload(TUS_CHECKSUM_AUTO, TUS_CHECKSUM_IF_AVAILABLE, 0, TUS_OK, FASTER);
    upload(DEFAULT, DEFAULT, 0, TUS_OK, FASTER);
    upload(TUS_CHECKSUM_SHA1, TUS_CHECKSUM_OFF, 0, TUS_OK, TUS_CHECKSUM_NONE);
    upload(TUS_CHECKSUM_NONE, TUS_CHECKSUM_IF_AVAILABLE, 0, TUS_OK, TUS_CHECKSUM_NONE);
}

static void test_trailers(void)
{
    upload(TUS_CHECKSUM_SHA256, TUS_CHECKSUM_REQUIRED, 1, TUS_OK, TUS_CHECKSUM_SHA256);
}

/* A server that knows nothing of checksums. */
static void test_without(void)
{
    upload(TUS_CHECKSUM_AUTO, TUS_CHECKSUM_IF_AVAILABLE, 1, TUS_OK, TUS_CHECKSUM_NONE);
    upload(TUS_CHECKSUM_SHA1, TUS_CHECKSUM_REQUIRED, 1, TUS_E_UNSUPPORTED, TUS_CHECKSUM_NONE);
    upload(TUS_CHECKSUM_AUTO, TUS_CHECKSUM_REQUIRED, 1, TUS_E_UNSUPPORTED, TUS_CHECKSUM_NONE);
}

/* The server finds one mismatch, and later one after the other. */
static void test_mismatches(void)
{
    upload(TUS_CHECKSUM_SHA512, TUS_CHECKSUM_REQUIRED, 0, TUS_OK, TUS_CHECKSUM_SHA512);
    upload(TUS_CHECKSUM_SHA512, TUS_CHECKSUM_REQUIRED, 0, TUS_E_CHECKSUM, TUS_CHECKSUM_NONE);
}

/* What the server can do is told by the program, for each upload in other words; the server is not asked. */
static void told(const char *extensions, uint64_t max_size, const char *algorithms, tus_status status, int32_t used)
{
    tus_config *config = make_config();
    unsigned char *bytes = make_bytes(SIZE);
    tus_source *source = memory_source(bytes, SIZE);
    tus_client *client;
    tus_info *info = NULL;
    tus_error *err = NULL;
    CHECK_OK(tus_config_set_checksum(config, TUS_CHECKSUM_AUTO, TUS_CHECKSUM_IF_AVAILABLE));
    CHECK_OK(tus_config_set_capabilities(config, extensions, max_size, algorithms));
    client = client_of(config);
    CHECK_RESULT(tus_client_upload(client, source, NULL, &info, &err), status);
    CHECK_NUMBER(tus_info_checksum(info), used);
    tus_error_free(err);
    tus_info_free(info);
    tus_source_free(source);
    tus_client_unref(client);
    free(bytes);
}

static void test_told(void)
{
    told("creation,checksum", SIZE, "sha512, md5", TUS_OK, TUS_CHECKSUM_SHA512);
    told("checksum", TUS_SIZE_UNKNOWN, NULL, TUS_OK, TUS_CHECKSUM_SHA1);
    told("", TUS_SIZE_UNKNOWN, "md5", TUS_OK, TUS_CHECKSUM_NONE);
    told("creation,checksum", SIZE - 1, NULL, TUS_E_TOO_LARGE, TUS_CHECKSUM_NONE);
}

static void test_told_wrongly(void)
{
    static const char *const bad[] = {"a,,b", ",", "a b", "caf\xc3\xa9", "\xff", "a\nb"};
    size_t i;
    for (i = 0; i < COUNT(bad); i++) {
        tus_config *config = make_config();
        CHECK_INVALID(tus_config_set_capabilities(config, bad[i], TUS_SIZE_UNKNOWN, NULL));
        CHECK_INVALID(tus_config_set_capabilities(config, "checksum", TUS_SIZE_UNKNOWN, bad[i]));
        tus_config_free(config);
    }
}

static void test_refused(void)
{
    static const int32_t bad[][2] = {{-1, 1}, {6, 1}, {INT32_MAX, 2}, {1, -1}, {1, 3}, {0, 2}};
    size_t i;
    for (i = 0; i < COUNT(bad); i++) {
        tus_config *config = make_config();
        tus_client *client = NULL;
        tus_error *err = NULL;
        CHECK_INVALID(tus_config_set_checksum(config, bad[i][0], bad[i][1]));
        CHECK_FAILS(tus_client_new(config, &client, &err), TUS_E_INVALID_ARGUMENT);
        tus_config_free(config);
    }
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"algorithms", test_algorithms}, {"trailers", test_trailers}, {"without", test_without},
        {"mismatches", test_mismatches}, {"told", test_told}, {"told_wrongly", test_told_wrongly},
        {"refused", test_refused},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
