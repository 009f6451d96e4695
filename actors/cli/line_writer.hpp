#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace snakepit::cli {

/// Writes whole lines to a descriptor that others own, gathered in a buffer. One thread.
class line_writer {
public:
  /// `wake` becomes readable when a blocked write must be given up; -1: never.
  explicit line_writer(int fd, int wake = -1);

  /// Adds a line; its end is added here.
  void append(std::string_view line);

  /// Bytes not written yet.
  size_t pending() const noexcept {
    return buffer_.size();
  }

  /// Writes what is pending. False if that failed; nothing is written after a failure.
  bool flush();

  /// Cuts a torn line off, where the descriptor is a file.
  void cut_torn_line();

  /// Lines written whole.
  uint64_t lines() const noexcept {
    return lines_;
  }

  /// The failure; ECANCELED if it was woken. 0: none.
  int error_number() const noexcept {
    return error_;
  }
  std::string error_text() const;

private:
  bool writable();
  bool write_some(size_t& offset);

  int fd_;
  int wake_;
  bool may_block_; ///< a pipe, socket or terminal
  std::string buffer_;
  uint64_t lines_ = 0;
  size_t torn_ = 0; ///< bytes written since the last end of line
  int error_ = 0;
};

} // namespace snakepit::cli
