#include "actors/io/grpc_threads.hpp"

#include "actors/io/thread_reserve.hpp"

#include <chrono>
#include <future>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <memory>
#include <mutex>

namespace snakepit::io {

namespace {

constexpr std::chrono::seconds patience{5};

/// A call that fails at once, on a channel that leads nowhere: its end comes on one of the threads
/// that all channels share as long as there is one.
struct first_call {
  std::shared_ptr<grpc::Channel> channel =
    grpc::CreateChannel("unix:///dev/null/nowhere", grpc::InsecureChannelCredentials());
  grpc::ClientContext context;
  grpc::Slice nothing;
  grpc::ByteBuffer request{&nothing, 1};
  grpc::ByteBuffer reply;
  std::promise<void> ended;
};

} // namespace

result<void> start_grpc_threads() {
  static std::mutex guard;
  // Never destroyed: with the last channel gRPC would end its threads, and wait for them.
  static first_call* kept = nullptr;
  static std::shared_future<void> end;
  std::lock_guard lock{guard};
  if (kept == nullptr) {
    kept = new first_call;
    end = kept->ended.get_future().share();
    kept->context.set_deadline(std::chrono::system_clock::now());
    grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer>{kept->channel}.UnaryCall(
      &kept->context, "/snakepit/Nothing", {}, &kept->request, &kept->reply,
      [](const grpc::Status&) { kept->ended.set_value(); });
  }
  if (end.wait_for(patience) == std::future_status::ready)
    return {};
  return no_thread();
}

} // namespace snakepit::io
