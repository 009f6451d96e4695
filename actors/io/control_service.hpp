#pragma once

#include "actors/io/control_server.hpp"
#include "actors/io/task_thread.hpp"

#include "snakepit.grpc.pb.h"

namespace snakepit::io {

/// Turns requests into questions to the source. Its methods are gRPC's and never block.
class control_service final : public v1::Snakepit::CallbackService {
public:
  /// `source` outlives it and all its requests.
  explicit control_service(const control_source& source) : source_{source} {}

  using reactor = grpc::ServerUnaryReactor;
  using context = grpc::CallbackServerContext;

  reactor* Call(context*, const v1::CallRequest* x, v1::CallReply* reply) override;
  reactor* Status(context*, const v1::StatusRequest* x, v1::StatusReply* reply) override;
  reactor* Deaths(context*, const v1::DeathsRequest* x, v1::DeathsReply* reply) override;
  reactor* Stack(context*, const v1::StackRequest* x, v1::StackReply* reply) override;
  reactor* Recycle(context*, const v1::RecycleRequest* x, v1::RecycleReply* reply) override;
  reactor* Reload(context*, const v1::ReloadRequest* x, v1::ReloadReply* reply) override;
  reactor* LogLevel(context*, const v1::LogLevelRequest* x, v1::LogLevelReply* reply) override;
  reactor* Tools(context*, const v1::ToolsRequest* x, v1::ToolsReply* reply) override;
  reactor* Poisoned(context*, const v1::PoisonedRequest* x, v1::PoisonedReply* reply) override;

private:
  const control_source& source_;
  task_thread slow_{64};
};

/// Whether this is the certificate's id, or an end of it that begins at a slash.
bool is_named(const death_certificate& x, std::string_view id);

} // namespace snakepit::io
