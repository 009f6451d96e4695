#pragma once

#include "actors/core/output_lines.hpp"
#include "actors/io/descriptor.hpp"

#include <mutex>
#include <span>
#include <string>

namespace snakepit::io {

/// The last bytes of a stream, as they were. Any thread.
class output_tail {
public:
  static constexpr size_t kept = size_t{64} * 1024;

  void append(std::string_view bytes);
  std::string last(size_t limit) const;

private:
  mutable std::mutex mutex_;
  std::string bytes_; // up to twice `kept`, so that appending rarely moves them
};

/// The host's end of one output pipe of a worker. The loop's thread only.
class output_reader {
public:
  using clock = std::chrono::steady_clock;
  using sink = core::output_lines::sink;

  /// `pipe` is not blocking. `tail`, if not null, gets every byte and outlives this.
  output_reader(descriptor pipe, std::string name, output_tail* tail)
    : pipe_{std::move(pipe)}, lines_{std::move(name)}, tail_{tail} {}

  int fd() const noexcept {
    return pipe_.get();
  }

  /// Reads once, as much as `scratch` takes. Returns whether more may come.
  bool read_some(std::span<char> scratch, const sink& out);

  /// Reads what had been written by now, whoever still holds the other end, and ends the last line.
  void read_rest(std::span<char> scratch, const sink& out);

  core::output_lines& lines() noexcept {
    return lines_;
  }

  void close() noexcept {
    pipe_.reset();
  }

private:
  descriptor pipe_;
  core::output_lines lines_;
  output_tail* tail_;
};

} // namespace snakepit::io
