#pragma once

#include <utility>

namespace snakepit::io {

/// Owns one file descriptor of this process.
class descriptor {
public:
  descriptor() = default;
  explicit descriptor(int fd) noexcept : fd_{fd} {}
  descriptor(descriptor&& x) noexcept : fd_{std::exchange(x.fd_, -1)} {}
  descriptor& operator=(descriptor&& x) noexcept {
    if (this != &x) {
      reset();
      fd_ = std::exchange(x.fd_, -1);
    }
    return *this;
  }
  ~descriptor() {
    reset();
  }

  int get() const noexcept {
    return fd_;
  }
  explicit operator bool() const noexcept {
    return fd_ >= 0;
  }

  /// Gives it out of hand.
  int release() noexcept {
    return std::exchange(fd_, -1);
  }

  /// Closes it, if it is open.
  void reset() noexcept;

private:
  int fd_ = -1;
};

} // namespace snakepit::io
