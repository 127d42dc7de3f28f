// Tasks in C++: lambdas without captures as callbacks, futures, owners that free by themselves.
#include <poll.h>

#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tasks.h"

namespace {

template <typename Object, void (*Free)(Object *)> struct Freed {
    void operator()(Object *object) const { Free(object); }
};

using Client = std::unique_ptr<tus_client, Freed<tus_client, tus_client_unref>>;
using Source = std::unique_ptr<tus_source, Freed<tus_source, tus_source_free>>;
using Task = std::unique_ptr<tus_task, Freed<tus_task, tus_task_unref>>;
using Info = std::unique_ptr<tus_info, Freed<tus_info, tus_info_free>>;

Client connect(std::int32_t mode)
{
    tus_config *config = make_config();
    CHECK_OK(tus_config_set_dispatch(config, mode));
    return Client(client_of(config));
}

Source bytes_of(std::size_t count)
{
    auto *bytes = new std::vector<unsigned char>(count);
    tus_source *source = nullptr;
    fill_bytes(bytes->data(), 0, count);
    CHECK_OK(tus_source_memory(
        bytes->data(), count, [](void *data) { delete static_cast<std::vector<unsigned char> *>(data); }, bytes,
        &source, nullptr));
    NEED(source != nullptr);
    return Source(source);
}

// A future that the end of the task fulfils; the promise is deleted after it.
std::future<Info> upload(tus_client *client, std::size_t count)
{
    auto *promise = new std::promise<Info>;
    std::future<Info> future = promise->get_future();
    Source source = bytes_of(count);
    CHECK_OK(tus_client_upload_async(
        client, source.get(), nullptr,
        [](void *data, tus_task *task) {
            CHECK_OK(tus_task_result(task, nullptr));
            static_cast<std::promise<Info> *>(data)->set_value(Info(tus_task_take_info(task)));
        },
        promise, [](void *data) { delete static_cast<std::promise<Info> *>(data); }, nullptr, nullptr));
    return future;
}

void test_futures()
{
    Client client = connect(TUS_DISPATCH_WORKER);
    std::vector<std::future<Info>> futures;
    for (std::size_t i = 0; i < 3; i++)
        futures.push_back(upload(client.get(), 1000 + i));
    for (std::size_t i = 0; i < 3; i++) {
        Info info = futures[i].get();
        CHECK_NUMBER(tus_info_size(info.get()), 1000 + i);
        CHECK_NUMBER(tus_info_is_complete(info.get()), 1);
    }
    // The threads may still be deleting promises.
    CHECK_OK(tus_client_close(client.get(), TUS_WAIT_FOREVER));
}

// Whatever is captured lives on the heap until `destroy`.
using Done = std::function<void(tus_task *)>;

Task begin(tus_client *client, std::size_t count, Done done)
{
    Source source = bytes_of(count);
    tus_task *task = nullptr;
    CHECK_OK(tus_client_upload_async(
        client, source.get(), nullptr, [](void *data, tus_task *ended) { (*static_cast<Done *>(data))(ended); },
        new Done(std::move(done)), [](void *data) { delete static_cast<Done *>(data); }, &task, nullptr));
    return Task(task);
}

void test_event_loop()
{
    Client client = connect(TUS_DISPATCH_QUEUE);
    auto urls = std::make_shared<std::vector<std::string>>();
    const auto here = std::this_thread::get_id();
    const double end = now_ms() + PATIENCE_MS;
    Task kept;
    Task first = begin(client.get(), 1003, [=, &kept, &client](tus_task *task) {
        CHECK(std::this_thread::get_id() == here);
        urls->push_back(tus_task_upload_url(task));
        kept = begin(client.get(), 1004, [=](tus_task *next) {
            CHECK(std::this_thread::get_id() == here);
            urls->push_back(tus_task_upload_url(next));
        });
    });
    struct pollfd entry = {};
    entry.fd = static_cast<int>(tus_client_event_handle(client.get()));
    entry.events = POLLIN;
    while (urls->size() < 2 && now_ms() < end) {
        if (poll(&entry, 1, 1000) > 0)
            CHECK(tus_client_dispatch(client.get(), 0) > 0);
    }
    CHECK_NUMBER(urls->size(), 2);
    CHECK(urls->front() != urls->back());
    // The lambdas are gone, and what they captured with them.
    CHECK_NUMBER(urls.use_count(), 1);
    CHECK_TASK(first.get(), TUS_OK);
    CHECK_TASK(kept.get(), TUS_OK);
}

void test_lambdas()
{
    test_futures();
    test_event_loop();
}

// An exception must not leave a callback: it never reaches this.
void throwing(std::int32_t mode)
{
    Client client = connect(mode);
    try {
        Task task = begin(client.get(), 1000, [](tus_task *) { throw std::runtime_error("out of done"); });
        CHECK_OK(tus_task_wait(task.get(), TUS_WAIT_FOREVER));
        tus_client_dispatch(client.get(), 0);
    } catch (...) {
        std::puts("caught");
    }
}

void test_throwing_on_a_worker()
{
    throwing(TUS_DISPATCH_WORKER);
}

void test_throwing_in_dispatch()
{
    throwing(TUS_DISPATCH_QUEUE);
}

} // namespace

int main(int argc, char **argv)
{
    static const check_case cases[] = {
        {"lambdas", test_lambdas},
        {"throwing_on_a_worker", test_throwing_on_a_worker},
        {"throwing_in_dispatch", test_throwing_in_dispatch},
    };
    return run_case(argc, argv, cases, COUNT(cases));
}
