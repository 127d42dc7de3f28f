// An exception that leaves a callback must end the process, whatever the callback, and not pass through the library.
#include <stdexcept>

#include "check.h"

namespace {

std::int32_t throw_in_progress(void *, const tus_progress *)
{
    throw std::runtime_error("out of progress");
}

std::int32_t throw_before(void *, tus_request *)
{
    throw std::runtime_error("out of before_request");
}

std::int32_t throw_in_read(void *, void *, size_t, size_t *)
{
    throw std::runtime_error("out of read");
}

void throw_in_destroy(void *)
{
    throw std::runtime_error("out of destroy");
}

// Each of these ends the process; whoever gets beyond says so.
[[noreturn]] void survived()
{
    std::puts("the process lives on");
    std::exit(0);
}

void upload_with(tus_config *config, tus_upload_options *options, tus_source *source)
{
    tus_client *client = client_of(config);
    try {
        tus_status status = tus_client_upload(client, source, options, nullptr, nullptr);
        std::printf("the upload ended with %s\n", tus_status_name(status));
    } catch (const std::exception &exception) {
        std::printf("%s came through\n", exception.what());
    }
    survived();
}

void test_progress()
{
    tus_upload_options *options = tus_upload_options_new();
    CHECK_OK(tus_upload_options_set_progress(options, throw_in_progress, nullptr, nullptr));
    upload_with(make_config(), options, memory_source("hello", 5));
}

void test_before_request()
{
    tus_config *config = make_config();
    CHECK_OK(tus_config_set_before_request(config, throw_before, nullptr, nullptr));
    upload_with(config, nullptr, memory_source("hello", 5));
}

void test_read()
{
    tus_reader_vtable vtable = {sizeof vtable, throw_in_read, nullptr, nullptr};
    tus_source *source = nullptr;
    CHECK_OK(tus_source_reader(&vtable, nullptr, 5, &source, nullptr));
    upload_with(make_config(), nullptr, source);
}

void test_destroy()
{
    tus_source *source = nullptr;
    CHECK_OK(tus_source_memory("hello", 5, throw_in_destroy, nullptr, &source, nullptr));
    try {
        tus_source_free(source);
    } catch (const std::exception &exception) {
        std::printf("%s came through\n", exception.what());
    }
    survived();
}

} // namespace

int main(int argc, char **argv)
{
    static const check_case cases[] = {
        {"progress", test_progress},
        {"before_request", test_before_request},
        {"read", test_read},
        {"destroy", test_destroy},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
