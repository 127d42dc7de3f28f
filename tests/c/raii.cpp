// The header in C++: owners that free by themselves, callbacks without captures, threads.
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "check.h"

namespace {

template <typename Object, void (*Free)(Object *)> struct Freed {
    void operator()(Object *object) const { Free(object); }
};

using Config = std::unique_ptr<tus_config, Freed<tus_config, tus_config_free>>;
using Client = std::unique_ptr<tus_client, Freed<tus_client, tus_client_unref>>;
using Source = std::unique_ptr<tus_source, Freed<tus_source, tus_source_free>>;
using Options = std::unique_ptr<tus_upload_options, Freed<tus_upload_options, tus_upload_options_free>>;
using Info = std::unique_ptr<tus_info, Freed<tus_info, tus_info_free>>;
using Error = std::unique_ptr<tus_error, Freed<tus_error, tus_error_free>>;

// What a callback captures lives on the heap until `destroy`.
using Progress = std::function<std::int32_t(const tus_progress &)>;

extern "C" std::int32_t call_progress(void *user_data, const tus_progress *progress)
{
    return (*static_cast<Progress *>(user_data))(*progress);
}

extern "C" void delete_progress(void *user_data)
{
    delete static_cast<Progress *>(user_data);
}

Client connect()
{
    Config config(make_config());
    tus_client *client = nullptr;
    tus_error *err = nullptr;
    CHECK_RESULT(tus_client_new(config.get(), &client, &err), TUS_OK);
    return Client(client);
}

void test_raii()
{
    Client client = connect();
    auto calls = std::make_shared<int>(0);
    std::vector<unsigned char> bytes(100000);
    fill_bytes(bytes.data(), 0, bytes.size());
    tus_source *raw_source = nullptr;
    tus_info *raw_info = nullptr;
    tus_error *err = nullptr;
    // The bytes belong to the source, which may outlive this function's own pointer to them.
    auto *owned = new std::vector<unsigned char>(bytes);
    auto release = [](void *user_data) { delete static_cast<std::vector<unsigned char> *>(user_data); };
    CHECK_RESULT(tus_source_memory(owned->data(), owned->size(), release, owned, &raw_source, &err), TUS_OK);
    Source source(raw_source);
    Options options(tus_upload_options_new());
    CHECK_OK(tus_upload_options_set_metadata_text(options.get(), "name", std::string("c++").c_str()));
    auto *progress = new Progress([calls](const tus_progress &state) {
        ++*calls;
        return state.confirmed <= state.total ? 0 : 1;
    });
    CHECK_OK(tus_upload_options_set_progress(options.get(), call_progress, progress, delete_progress));
    CHECK_RESULT(tus_client_upload(client.get(), source.get(), options.get(), &raw_info, &err), TUS_OK);
    Info info(raw_info);
    options.reset();
    CHECK(*calls > 0);
    CHECK_NUMBER(calls.use_count(), 1);
    CHECK_NUMBER(tus_info_is_complete(info.get()), 1);
    CHECK_TEXT(tus_info_metadata_text(info.get(), "name"), "c++");

    std::thread other([&client, &info] {
        Client own(tus_client_ref(client.get()));
        CHECK_OK(tus_client_get_upload_info(own.get(), tus_info_url(info.get()), nullptr, nullptr));
    });
    other.join();
    CHECK_RESULT(tus_client_upload(client.get(), nullptr, nullptr, nullptr, &err), TUS_E_INVALID_ARGUMENT);
    Error error(err);
    CHECK_NUMBER(tus_error_http_status(error.get()), 0);
}

} // namespace

int main(int argc, char **argv)
{
    static const check_case cases[] = {{"raii", test_raii}};
    return run_case(argc, argv, cases, COUNT(cases));
}
