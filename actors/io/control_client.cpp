#include "actors/io/control_client.hpp"

#include "actors/io/control_codec.hpp"
#include "actors/io/control_socket.hpp"
#include "snakepit.grpc.pb.h"

#include <chrono>
#include <mutex>

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel_posix.h>

namespace snakepit::io {

namespace {

using namespace std::chrono_literals;

/// For what a daemon that lives answers within moments.
constexpr auto patience = 30s;

error error_of(const grpc::Status& x) {
  switch (x.error_code()) {
  case grpc::StatusCode::CANCELLED:
    return {reason::cancelled, "the call was cancelled"};
  case grpc::StatusCode::RESOURCE_EXHAUSTED:
    return {reason::too_large, "the daemon does not take this: " + x.error_message()};
  case grpc::StatusCode::DEADLINE_EXCEEDED:
    return {reason::unavailable, "the daemon does not answer", {{"daemon", "silent"}}};
  case grpc::StatusCode::UNIMPLEMENTED:
    return {reason::unavailable, "the daemon is of another version and does not know this"};
  default:
    return {reason::unavailable, "the daemon has gone: " + x.error_message(), {{"daemon", "gone"}}};
  }
}

class grpc_control_client final : public control_client {
public:
  explicit grpc_control_client(const std::shared_ptr<grpc::Channel>& to)
    : stub_{v1::Snakepit::NewStub(to)} {}

  result<std::string> call(const control_call& x, call_receipt* receipt) override {
    auto request = v1::CallRequest{};
    encode(request, x);
    auto reply = v1::CallReply{};
    auto context = std::make_shared<grpc::ClientContext>();
    hold(context);
    auto status = stub_->Call(context.get(), request, &reply);
    hold(nullptr);
    if (!status.ok())
      return tl::unexpected{error_of(status)};
    if (reply.has_receipt() && receipt)
      *receipt = decode(reply.receipt());
    if (reply.has_error()) {
      auto why = decode(reply.error());
      if (reply.has_receipt())
        why.receipt = std::make_shared<call_receipt>(decode(reply.receipt()));
      return tl::unexpected{std::move(why)};
    }
    return reply.has_raw() ? reply.raw() : reply.json();
  }

  void cancel() override {
    auto guard = std::lock_guard{mutex_};
    cancelled_ = true;
    if (under_way_)
      under_way_->TryCancel();
  }

  result<control_status> status() override {
    return ask(&v1::Snakepit::Stub::Status, v1::StatusRequest{}, patience,
               [](const v1::StatusReply& x) { return decode(x); });
  }

  result<std::vector<recorded_death>> deaths(uint32_t limit, const std::string& id) override {
    auto request = v1::DeathsRequest{};
    request.set_limit(limit);
    request.set_id(as_utf8(id));
    return ask(&v1::Snakepit::Stub::Deaths, request, patience, [](const v1::DeathsReply& x) {
      auto out = std::vector<recorded_death>{};
      for (auto& one : x.deaths())
        out.push_back(decode(one));
      return out;
    });
  }

  result<stack_report> stacks(const std::string& pool, uint32_t slot) override {
    auto request = v1::StackRequest{};
    request.set_pool(as_utf8(pool));
    request.set_slot(slot);
    return ask(&v1::Snakepit::Stub::Stack, request, patience,
               [](const v1::StackReply& x) { return decode(x.stacks()); });
  }

  result<void> recycle(const std::string& pool, uint32_t slot) override {
    auto request = v1::RecycleRequest{};
    request.set_pool(as_utf8(pool));
    request.set_slot(slot);
    // Bounded by the start of the successor.
    return ask(&v1::Snakepit::Stub::Recycle, request, std::nullopt,
               [](const v1::RecycleReply&) { return true; })
      .map([](bool) {});
  }

  result<reload_summary> reload(const std::string& pool) override {
    auto request = v1::ReloadRequest{};
    request.set_pool(as_utf8(pool));
    // Bounded by the starts of the new ones.
    return ask(&v1::Snakepit::Stub::Reload, request, std::nullopt,
               [](const v1::ReloadReply& x) { return decode(x); });
  }

  result<void> log_level(const std::string& level, const std::string& category) override {
    auto request = v1::LogLevelRequest{};
    request.set_level(as_utf8(level));
    request.set_category(as_utf8(category));
    return ask(&v1::Snakepit::Stub::LogLevel, request, patience,
               [](const v1::LogLevelReply&) { return true; })
      .map([](bool) {});
  }

  result<std::vector<tool_description>> tools(const std::string& pool) override {
    auto request = v1::ToolsRequest{};
    request.set_pool(as_utf8(pool));
    return ask(&v1::Snakepit::Stub::Tools, request, patience, [](const v1::ToolsReply& x) {
      auto out = std::vector<tool_description>{};
      for (auto& one : x.tools())
        out.push_back(decode(one));
      return out;
    });
  }

  result<std::vector<poisoned_call>> poisoned(bool clear) override {
    auto request = v1::PoisonedRequest{};
    request.set_clear(clear);
    return ask(&v1::Snakepit::Stub::Poisoned, request, patience, [](const v1::PoisonedReply& x) {
      auto out = std::vector<poisoned_call>{};
      for (auto& one : x.calls())
        out.push_back(decode(one));
      return out;
    });
  }

private:
  template <class Request, class Reply, class F>
  auto ask(grpc::Status (v1::Snakepit::Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
           const Request& request, std::optional<std::chrono::seconds> limit, F read)
    -> result<std::invoke_result_t<F, const Reply&>> {
    auto context = grpc::ClientContext{};
    if (limit)
      context.set_deadline(std::chrono::system_clock::now() + *limit);
    auto reply = Reply{};
    auto status = (stub_.get()->*method)(&context, request, &reply);
    if (!status.ok())
      return tl::unexpected{error_of(status)};
    if (reply.has_error())
      return tl::unexpected{decode(reply.error())};
    return read(reply);
  }

  void hold(std::shared_ptr<grpc::ClientContext> x) {
    auto guard = std::lock_guard{mutex_};
    under_way_ = std::move(x);
    if (under_way_ && cancelled_)
      under_way_->TryCancel();
  }

  std::unique_ptr<v1::Snakepit::Stub> stub_;
  std::mutex mutex_;
  std::shared_ptr<grpc::ClientContext> under_way_;
  bool cancelled_ = false;
};

} // namespace

result<std::unique_ptr<control_client>> control_client::connect(const std::string& path) {
  auto fd = connect_to_control(path);
  if (!fd)
    return tl::unexpected{std::move(fd.error())};
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  auto channel = grpc::CreateCustomInsecureChannelFromFd("daemon", fd->release(), arguments);
  return std::make_unique<grpc_control_client>(channel);
}

} // namespace snakepit::io
