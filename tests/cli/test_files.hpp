#pragma once

#include <array>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

/// A pipe that closes itself.
class test_pipe {
public:
  test_pipe() {
    [[maybe_unused]] auto x = pipe2(ends_.data(), O_CLOEXEC);
  }
  ~test_pipe() {
    close_read();
    close_write();
  }
  test_pipe(const test_pipe&) = delete;
  test_pipe& operator=(const test_pipe&) = delete;

  int read_end() const {
    return ends_[0];
  }
  int write_end() const {
    return ends_[1];
  }
  void close_read() {
    shut(ends_[0]);
  }
  void close_write() {
    shut(ends_[1]);
  }

  void put(std::string_view text) const {
    [[maybe_unused]] auto n = ::write(ends_[1], text.data(), text.size());
  }

  /// All that was written; the write end must be closed.
  std::string drain() const {
    std::string out;
    char buffer[4096];
    for (ssize_t n; (n = ::read(ends_[0], buffer, sizeof buffer)) > 0;)
      out.append(buffer, static_cast<size_t>(n));
    return out;
  }

private:
  static void shut(int& fd) {
    if (fd >= 0)
      ::close(fd);
    fd = -1;
  }

  std::array<int, 2> ends_{-1, -1};
};

/// A file without a name that closes itself.
class test_file {
public:
  test_file() : fd_{::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)} {}
  ~test_file() {
    ::close(fd_);
  }
  test_file(const test_file&) = delete;
  test_file& operator=(const test_file&) = delete;

  int descriptor() const {
    return fd_;
  }

  std::string content() const {
    std::string out(static_cast<size_t>(lseek(fd_, 0, SEEK_END)), '\0');
    [[maybe_unused]] auto n = pread(fd_, out.data(), out.size(), 0);
    return out;
  }

private:
  int fd_;
};
