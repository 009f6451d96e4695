#pragma once

#include "actors/io/grpc_stream.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace snakepit::io {

/// The streams of one connection, which end together. Any thread.
class connection {
public:
  /// Owns `fd`, the connection's socket.
  explicit connection(int fd) : fd_{fd} {}
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// Another descriptor of the same socket, the caller's. Fails with worker_start_failed.
  result<int> duplicate() const;

  void add(std::shared_ptr<message_stream> x);

  /// Ends what was and will be added, also if the peer neither reads nor answers. The first `why`
  /// counts.
  void end(const std::string& why);

private:
  int fd_;
  std::mutex mutex_; // guards what follows
  std::vector<std::shared_ptr<message_stream>> streams_;
  std::string why_; // empty until the end
};

} // namespace snakepit::io
