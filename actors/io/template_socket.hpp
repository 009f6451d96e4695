#pragma once

#include "actors/io/descriptor.hpp"
#include "actors/io/host_only.hpp"
#include "actors/io/process.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace snakepit::io {

/// What a template says; docs/wire.md, "Template". `number` is that of the request.
struct template_events {
  std::function<void(uint64_t number, int64_t pid, descriptor pidfd)> on_spawned;
  std::function<void(uint64_t number, int errno_number)> on_failed;
  std::function<void(uint64_t number, std::string why)> on_unfit;
  std::function<void(uint64_t number, exit_status)> on_exited;
};

/// The host's end of a template's socket. Never waits. Packets that are not understood are ignored.
/// The loop's thread only.
class template_socket {
public:
  /// The two ends: ours, and the template's.
  static result<std::pair<host_only, descriptor>> make_pair();

  template_socket(host_only socket, template_events events)
    : socket_{std::move(socket)}, events_{std::move(events)} {}

  int fd() const noexcept {
    return socket_.get();
  }

  /// Asks for a worker with descriptors 0 to 6. False if the socket takes no more now.
  bool spawn(uint64_t number, const launch_spec& spec, std::span<const int> fds);

  /// Lets the template reap a worker that has ended; kept and sent later if it takes no more now.
  void reap(uint64_t number);

  /// Reads what has come. False at the end.
  bool read();

private:
  bool send(const std::string& packet, std::span<const int> fds);
  void on_packet(const std::string& packet, descriptor fd);

  host_only socket_;
  template_events events_;
  std::vector<uint64_t> unsent_;
};

} // namespace snakepit::io
