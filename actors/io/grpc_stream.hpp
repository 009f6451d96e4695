#pragma once

#include <snakepit/error.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace grpc {
class Channel;
class Status;
} // namespace grpc

namespace snakepit::io {

/// What arrives on one stream. Called from gRPC's threads, never two at once.
struct stream_events {
  /// One message; valid during the call. A failure ends the stream with its text.
  std::function<result<void>(std::string_view message)> on_message;
  /// Called once, last. `why` is for people.
  std::function<void(std::string why)> on_end;
};

/// One open bidirectional stream of whole messages. It keeps itself until `on_end` has returned,
/// whoever lets go of it. Any thread.
class message_stream {
public:
  virtual ~message_stream() = default;

  /// Sends a message behind those sent before. Ignored when the stream has ended.
  virtual void write(std::string message) = 0;

  /// Sends a message behind those sent before, joined with others that wait: for messages that are
  /// also read when they stand in one another behind the other. One way of the two for a stream.
  virtual void join(std::string message) = 0;

  /// Ends the stream from our side; `why` goes to `on_end` unless it has ended already.
  virtual void cancel(std::string why) = 0;
};

using stream_metadata = std::vector<std::pair<std::string, std::string>>;

/// Opens a stream of `method` ("/package.Service/Method"). `in_use` is let go of when gRPC's
/// threads hold nothing of the stream and its events any more.
std::shared_ptr<message_stream> open_grpc_stream(const std::shared_ptr<grpc::Channel>& channel,
                                                 const std::string& method,
                                                 const stream_metadata& metadata,
                                                 stream_events events,
                                                 std::shared_ptr<void> in_use);

/// A status for people: "UNAVAILABLE: Socket closed".
std::string describe(const grpc::Status& x);

} // namespace snakepit::io
