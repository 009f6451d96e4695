#pragma once

#include "actors/core/json_fault.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace snakepit::core {

/// A string as it stands in a text: between its quotes, checked, escapes and all.
struct string_token {
  std::string_view raw;
  bool escaped = false;
};

/// A number as it stands in a text, in range.
struct number_token {
  std::string_view raw;
  bool is_double = false;
};

/// Reads the tokens of one JSON text from front to back, in one pass, without a copy. The text is a
/// view. Functions that return bool say false after `fail`; the reader is of no use then but for
/// its fault. One thread.
class json_scanner {
public:
  explicit json_scanner(std::string_view text) noexcept
    : begin_{text.data()}, at_{begin_}, end_{begin_ + text.size()} {}

  const json_fault& fault() const noexcept {
    return fault_;
  }
  json_fault& fault() noexcept {
    return fault_;
  }

  /// Skips white space. The character there, or 0 at the end or where a zero byte is.
  char peek() noexcept {
    for (; at_ != end_; ++at_)
      if (*at_ != ' ' && *at_ != '\n' && *at_ != '\r' && *at_ != '\t')
        return *at_;
    return 0;
  }

  /// Where the scanner stands, in bytes.
  size_t offset() const noexcept {
    return static_cast<size_t>(at_ - begin_);
  }

  /// A string; peek() said `"`.
  bool read_string(string_token& out);
  /// A number, `true`, `false` or `null` must follow; peek() said none of `"`, `{`, `[`.
  bool read_number(number_token& out);
  bool read_word(std::string_view word);

  /// Whether only white space is left.
  bool read_end();

  /// Remembers what is wrong here. Returns false.
  [[gnu::cold, gnu::noinline]] bool fail(std::string message);
  [[gnu::cold, gnu::noinline]] bool unexpected(const char* wanted);

protected:
  void advance() noexcept {
    ++at_;
  }

private:
  bool read_escape();
  bool read_hex4(unsigned& out);
  bool check_integer(std::string_view raw);
  bool check_double(std::string_view raw, size_t exponent_digits);
  bool read_digits();

  const char* begin_;
  const char* at_;
  const char* end_;
  json_fault fault_;
};

/// What a checked string means. `out` is overwritten.
void unescape(const string_token& token, std::string& out);

/// The double nearest to a number's text; too small is zero, too large an infinity.
double to_double(std::string_view raw) noexcept;

} // namespace snakepit::core
