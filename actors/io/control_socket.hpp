#pragma once

#include "actors/io/host_only.hpp"

#include <snakepit/config.hpp>
#include <snakepit/error.hpp>

#include <string>

namespace snakepit::io {

/// A Unix socket that listens, and the path where others find it; removed at the end. Its mode is
/// 0600 from the moment it is there. The folder must be one that only we may enter.
class control_socket {
public:
  /// Binds a path that nobody else uses. Errors are `invalid_config` and name it; one that is too
  /// long suggests `instance.run_dir`.
  static result<control_socket> make(const std::string& path);

  /// The same for a path that the next daemon uses again: at any time only one has it, by the lock
  /// of a file beside it. The socket of one that was killed is replaced; if it lives, the error
  /// names its pid, which is also the detail "pid".
  static result<control_socket> claim(const std::string& path);

  /// Where the daemon of an instance listens, below its RUN_DIR.
  static std::string path_of(const std::string& run_dir, const instance_config& whose);

  /// Removes what a daemon that was killed has left at `path`, if it is there.
  static void clear(const std::string& path);

  control_socket(control_socket&&) noexcept = default;
  control_socket& operator=(control_socket&&) = delete;
  ~control_socket();

  const std::string& path() const noexcept {
    return path_;
  }
  int descriptor() const noexcept {
    return listener_.get();
  }

private:
  control_socket(const std::string& path, host_only listener, host_only lock)
    : path_{path}, listener_{std::move(listener)}, lock_{std::move(lock)} {}

  std::string path_;
  host_only listener_; // empty: moved from
  host_only lock_;     // empty: made without one
};

/// Connects to the socket at `path`, checks that it is our own user or root who listens there, and
/// returns the descriptor. `unavailable` if not, with the details "address" and "daemon".
result<descriptor> connect_to_control(const std::string& path);

} // namespace snakepit::io
