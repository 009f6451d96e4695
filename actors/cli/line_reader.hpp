#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace snakepit::cli {

/// Reads lines from a descriptor with bounded memory. One thread.
class line_reader {
public:
  struct line {
    std::string_view text; ///< without its end; valid until the next call
    uint64_t number = 0;   ///< from 1
    uint64_t end = 0;      ///< bytes read up to its end
    bool too_long = false; ///< above the limit: `text` is empty
  };

  enum class outcome {
    line,
    would_block, ///< nothing there now, and waiting was not allowed
    end,
    woken,
    failed
  };

  /// `wake` becomes readable when waiting must end; -1: never.
  line_reader(int fd, int wake, size_t max_line);

  outcome next(line& out, bool may_wait);

  /// After `failed`.
  int error_number() const noexcept {
    return error_;
  }

private:
  outcome fill(bool may_wait);
  bool take(line& out);
  void finish(line& out, size_t size, size_t skip);

  int fd_;
  int wake_;
  size_t max_line_;
  std::string buffer_;
  size_t begin_ = 0;   ///< of what was not handed out
  size_t size_ = 0;    ///< of what was read
  size_t scanned_ = 0; ///< no end of line before this
  bool ended_ = false;
  bool skipping_ = false; ///< in a line that is too long
  uint64_t number_ = 0;
  uint64_t consumed_ = 0;
  int error_ = 0;
};

} // namespace snakepit::cli
