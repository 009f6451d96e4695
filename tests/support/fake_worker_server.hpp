#pragma once

#include "worker.grpc.pb.h"
#include "worker.pb.h"

#include <snakepit/version.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

namespace snakepit::test {

namespace wire = worker::v1;

/// The same payloads back, one message of results per batch.
inline wire::Results echo(const wire::Batch& batch) {
  wire::Results out;
  out.set_first_seq(batch.first_seq());
  if (batch.kind() == wire::PAYLOAD_KIND_RAW) {
    out.set_data(batch.data());
    out.mutable_size()->CopyFrom(batch.size());
  } else {
    // Only right for arguments that are all of one size, which is what the tests send.
    auto all = std::string_view{batch.args()};
    all = all.substr(1, all.size() - 2);
    auto size = (all.size() - (batch.count() - 1)) / batch.count();
    for (uint32_t i = 0; i < batch.count(); ++i) {
      out.mutable_data()->append(all.substr(i * (size + 1), size));
      out.add_size(static_cast<uint32_t>(size));
    }
  }
  for (uint32_t i = 0; i < batch.count(); ++i)
    out.add_run_us(i + 1);
  return out;
}

/// What a fake worker does; the defaults do everything right.
struct fake_worker_script {
  using stream = grpc::ServerReaderWriter<wire::Results, wire::Batch>;
  using frames = grpc::ServerReaderWriter<wire::WorkerFrame, wire::HostFrame>;

  /// Changes the right answer to Hello, or refuses; runs on a thread of the server.
  std::function<grpc::Status(const wire::HelloRequest&, wire::HelloReply&)> hello =
    [](auto&, auto&) { return grpc::Status::OK; };
  std::function<grpc::Status(grpc::ServerContext&, stream&)> work = [](auto&, auto& to) {
    for (wire::Batch batch; to.Read(&batch);)
      to.Write(echo(batch));
    return grpc::Status::OK;
  };
  std::function<grpc::Status(grpc::ServerContext&, frames&)> control = [](auto&, auto& to) {
    for (wire::HostFrame frame; to.Read(&frame);) {
    }
    return grpc::Status::OK;
  };
};

/// A worker without Python: serves one socket from threads of this process until it is destroyed.
class fake_worker_server final : public wire::Worker::Service {
public:
  fake_worker_server(std::string socket_path, fake_worker_script script)
    : path_{std::move(socket_path)}, script_{std::move(script)} {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + path_, grpc::InsecureServerCredentials());
    builder.SetMaxReceiveMessageSize(-1);
    builder.SetMaxSendMessageSize(-1);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    if (!server_)
      throw std::runtime_error("no server on " + path_);
  }

  ~fake_worker_server() override {
    stop();
  }

  /// Ends all streams. Idempotent.
  void stop() {
    if (server_)
      server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }

  const std::string& path() const {
    return path_;
  }

  std::vector<wire::HelloRequest> hellos() const {
    std::lock_guard guard{mutex_};
    return hellos_;
  }

  /// The value of a metadata entry, empty if there is none.
  static std::string metadata(const grpc::ServerContext& context, const std::string& key) {
    auto i = context.client_metadata().find(key);
    return i == context.client_metadata().end() ? std::string{}
                                                : std::string{i->second.data(), i->second.size()};
  }

  grpc::Status Hello(grpc::ServerContext*, const wire::HelloRequest* request,
                     wire::HelloReply* reply) override {
    {
      std::lock_guard guard{mutex_};
      hellos_.push_back(*request);
    }
    reply->set_protocol_major(request->protocol_major());
    reply->set_version(version);
    reply->set_pid(getpid());
    reply->set_start_time(42);
    reply->set_python_version("3.11.2");
    reply->set_adapter("Fake");
    reply->set_lanes(request->lanes());
    auto& tool = *reply->add_tools();
    tool.set_number(wire::TOOL_NUMBER_FIRST);
    tool.set_name("echo");
    tool.set_schema("{}");
    tool.set_raw(true);
    return script_.hello(*request, *reply);
  }

  grpc::Status Work(grpc::ServerContext* context, fake_worker_script::stream* to) override {
    return script_.work(*context, *to);
  }

  grpc::Status Control(grpc::ServerContext* context, fake_worker_script::frames* to) override {
    return script_.control(*context, *to);
  }

private:
  std::string path_;
  fake_worker_script script_;
  mutable std::mutex mutex_;
  std::vector<wire::HelloRequest> hellos_;
  std::unique_ptr<grpc::Server> server_;
};

} // namespace snakepit::test
