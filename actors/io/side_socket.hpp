#pragma once

#include "actors/io/host_only.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace snakepit::io {

/// What a worker may say on its side socket; docs/wire.md, "Start". The first two are called once
/// at most.
struct side_events {
  std::function<void()> on_listening;
  std::function<void(std::string text)> on_refused;
  /// It has written its stacks, after `look`.
  std::function<void(uint64_t number)> on_here;
};

/// The host's end of a worker's side socket. The worker is not trusted: packets above 64 KiB,
/// unknown words, repetitions, and descriptors that ride along are ignored. The loop's thread only.
class side_socket {
public:
  static constexpr size_t max_packet = size_t{64} * 1024;

  side_socket(host_only socket, side_events events)
    : socket_{std::move(socket)}, events_{std::move(events)} {}

  int fd() const noexcept {
    return socket_.get();
  }

  /// Reads a bounded number of packets; `scratch` has `max_packet` bytes at least. `ended` says
  /// that the other end is known to be gone, which an empty packet alone does not prove. Returns
  /// whether more may come.
  bool read_some(std::span<char> scratch, bool ended);

  /// Asks the worker to write its stacks; false if it cannot be asked.
  bool look(uint64_t number) noexcept;

  void close() noexcept {
    socket_.reset();
  }

private:
  void on_packet(std::string_view packet);

  host_only socket_;
  side_events events_;
  bool said_ = false;
};

} // namespace snakepit::io
