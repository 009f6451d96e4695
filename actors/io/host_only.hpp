#pragma once

#include "actors/io/descriptor.hpp"

#include <utility>

namespace snakepit::io {

/// A descriptor whose other side tells by its end that this program has ended: forks of the program
/// do not keep it. (`O_CLOEXEC` is for those that exec. What is made by the bare system call, past
/// glibc's `fork`, still keeps it.)
class host_only {
public:
  host_only() = default;
  host_only(host_only&& x) noexcept : fd_{std::exchange(x.fd_, -1)} {}
  host_only& operator=(host_only&& x) noexcept {
    if (this != &x) {
      reset();
      fd_ = std::exchange(x.fd_, -1);
    }
    return *this;
  }
  ~host_only() {
    reset();
  }

  /// Owns the descriptor that `open` returns, and is empty if that is. No thread forks meanwhile:
  /// `open` makes system calls and nothing else.
  template <class F>
  static host_only make(F open) {
    hold_forks held;
    return host_only{open()};
  }

  int get() const noexcept {
    return fd_;
  }
  explicit operator bool() const noexcept {
    return fd_ >= 0;
  }

  /// Closes it, if it is open.
  void reset() noexcept;

private:
  /// Other threads wait before they fork.
  struct hold_forks {
    hold_forks() noexcept;
    hold_forks(const hold_forks&) = delete;
    hold_forks& operator=(const hold_forks&) = delete;
    ~hold_forks();
  };

  /// With forks held.
  explicit host_only(descriptor fd);

  int fd_ = -1;
};

/// Whether this process is a fork of the one in which this was first called.
bool is_fork() noexcept;

} // namespace snakepit::io
