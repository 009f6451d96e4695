#include "actors/core/json_scanner.hpp"

#include "actors/core/json_bytes.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <limits>

#include <simdjson.h>

namespace snakepit::core {

namespace {

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

int hex_digit(char c) noexcept {
  if (is_digit(c))
    return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

unsigned hex4(const char* at) noexcept {
  unsigned x = 0;
  for (int i = 0; i < 4; ++i)
    x = x * 16 + static_cast<unsigned>(hex_digit(at[i]));
  return x;
}

bool is_high_surrogate(unsigned x) noexcept {
  return x >= 0xD800 && x < 0xDC00;
}

bool is_low_surrogate(unsigned x) noexcept {
  return x >= 0xDC00 && x < 0xE000;
}

void append_utf8(std::string& out, unsigned x) {
  auto add = [&](unsigned byte) { out += static_cast<char>(byte); };
  if (x < 0x80) {
    add(x);
  } else if (x < 0x800) {
    add(0xC0 | x >> 6);
    add(0x80 | (x & 0x3F));
  } else if (x < 0x10000) {
    add(0xE0 | x >> 12);
    add(0x80 | (x >> 6 & 0x3F));
    add(0x80 | (x & 0x3F));
  } else {
    add(0xF0 | x >> 18);
    add(0x80 | (x >> 12 & 0x3F));
    add(0x80 | (x >> 6 & 0x3F));
    add(0x80 | (x & 0x3F));
  }
}

} // namespace

bool json_scanner::fail(std::string message) {
  fault_ = json_fault{std::move(message), offset()};
  return false;
}

bool json_scanner::unexpected(const char* wanted) {
  std::string message = "expected ";
  message += wanted;
  std::string_view rest{at_, static_cast<size_t>(end_ - at_)};
  if (rest.empty())
    return fail(message + ", found the end of the text");
  if (rest.starts_with("NaN") || rest.starts_with("Infinity") || rest.starts_with("-Infinity"))
    return fail("JSON has no NaN and no infinities");
  if (rest.starts_with("\xef\xbb\xbf"))
    return fail(message + ", found a byte order mark; save the text as UTF-8 without one");
  auto c = static_cast<unsigned char>(rest.front());
  if (c > ' ' && c <= '~')
    return fail(message + ", found `" + excerpt(rest, 8) + "`");
  char hex[8];
  std::snprintf(hex, sizeof hex, "0x%02x", c);
  return fail(message + ", found the byte " + hex);
}

bool json_scanner::read_string(string_token& out) {
  ++at_;
  auto start = at_;
  bool ascii = true;
  out.escaped = false;
  for (;;) {
    auto run = find_plain_run(at_, end_);
    ascii &= run.ascii;
    at_ = run.end;
    if (at_ == end_)
      return fail("a string has no end");
    if (*at_ == '"')
      break;
    if (*at_ != '\\')
      return fail("a string holds a control character that is not escaped");
    out.escaped = true;
    if (!read_escape())
      return false;
  }
  out.raw = {start, static_cast<size_t>(at_ - start)};
  if (!ascii && !simdjson::validate_utf8(out.raw.data(), out.raw.size()))
    return fail("a string is not UTF-8");
  ++at_;
  return true;
}

bool json_scanner::read_escape() {
  ++at_;
  if (at_ == end_)
    return fail("a string has no end");
  if (*at_ != 'u') {
    if (std::string_view{"\"\\/bfnrt"}.find(*at_) == std::string_view::npos)
      return fail("a string holds an unknown escape");
    ++at_;
    return true;
  }
  unsigned x = 0;
  if (!read_hex4(x))
    return false;
  if (is_low_surrogate(x))
    return fail("a string holds half a surrogate pair");
  if (!is_high_surrogate(x))
    return true;
  if (end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u')
    return fail("a string holds half a surrogate pair");
  ++at_;
  if (!read_hex4(x))
    return false;
  return is_low_surrogate(x) || fail("a string holds half a surrogate pair");
}

bool json_scanner::read_hex4(unsigned& out) {
  ++at_;
  out = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    auto digit = at_ == end_ ? -1 : hex_digit(*at_);
    if (digit < 0)
      return fail("a string holds a `\\u` without four hexadecimal digits");
    out = out * 16 + static_cast<unsigned>(digit);
  }
  return true;
}

bool json_scanner::read_digits() {
  auto start = at_;
  while (at_ != end_ && is_digit(*at_))
    ++at_;
  return at_ != start || unexpected("a digit");
}

bool json_scanner::read_number(number_token& out) {
  auto start = at_;
  if (at_ != end_ && *at_ == '-')
    ++at_;
  if (at_ == end_ || !is_digit(*at_)) {
    at_ = start;
    return unexpected("a value");
  }
  if (*at_ == '0')
    ++at_;
  else
    while (at_ != end_ && is_digit(*at_))
      ++at_;
  out.is_double = false;
  if (at_ != end_ && *at_ == '.') {
    ++at_;
    out.is_double = true;
    if (!read_digits())
      return false;
  }
  size_t exponent_digits = 0;
  if (at_ != end_ && (*at_ | 0x20) == 'e') {
    ++at_;
    out.is_double = true;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-'))
      ++at_;
    auto digits = at_;
    if (!read_digits())
      return false;
    exponent_digits = static_cast<size_t>(at_ - digits);
  }
  out.raw = {start, static_cast<size_t>(at_ - start)};
  return out.is_double ? check_double(out.raw, exponent_digits) : check_integer(out.raw);
}

bool json_scanner::check_integer(std::string_view raw) {
  constexpr size_t always_fits = 18;
  if (raw.size() <= always_fits)
    return true;
  auto end = raw.data() + raw.size();
  uint64_t u = 0;
  int64_t i = 0;
  auto got =
    raw.front() == '-' ? std::from_chars(raw.data(), end, i) : std::from_chars(raw.data(), end, u);
  return got.ec == std::errc{}
         || fail("the integer " + excerpt(raw) + " does not fit into 64 bits");
}

bool json_scanner::check_double(std::string_view raw, size_t exponent_digits) {
  // 30 digits and a two-digit exponent stay below 1e130.
  if (raw.size() <= 30 && exponent_digits <= 2)
    return true;
  auto x = to_double(raw);
  return (x <= std::numeric_limits<double>::max() && x >= std::numeric_limits<double>::lowest())
         || fail("the number " + excerpt(raw) + " is too large for a double");
}

bool json_scanner::read_word(std::string_view word) {
  if (static_cast<size_t>(end_ - at_) < word.size() || std::string_view{at_, word.size()} != word)
    return unexpected("a value");
  at_ += word.size();
  return true;
}

bool json_scanner::read_end() {
  peek();
  return at_ == end_ || unexpected("the end of the text");
}

void unescape(const string_token& token, std::string& out) {
  out.clear();
  auto at = token.raw.data(), end = at + token.raw.size();
  while (at != end) {
    auto run = find_plain_run(at, end);
    out.append(at, run.end);
    at = run.end;
    if (at == end)
      return;
    auto c = at[1];
    at += 2;
    switch (c) {
    case 'b':
      out += '\b';
      break;
    case 'f':
      out += '\f';
      break;
    case 'n':
      out += '\n';
      break;
    case 'r':
      out += '\r';
      break;
    case 't':
      out += '\t';
      break;
    case 'u': {
      auto x = hex4(at);
      at += 4;
      if (is_high_surrogate(x)) {
        x = 0x10000 + ((x - 0xD800) << 10) + (hex4(at + 2) - 0xDC00);
        at += 6;
      }
      append_utf8(out, x);
      break;
    }
    default:
      out += c;
    }
  }
}

namespace {

/// Whether the first digit of a number stands left of the point, its exponent applied. Only asked
/// of numbers that a double cannot hold: the answer is hundreds of digits away from its border.
bool is_huge(std::string_view raw) noexcept {
  constexpr int64_t far = int64_t{1} << 60; // no text is as long
  auto e = raw.find_first_of("eE");
  auto mantissa = raw.substr(0, e);
  int64_t exponent = 0;
  if (e != std::string_view::npos) {
    auto text = raw.substr(e + 1);
    if (text.front() == '+')
      text.remove_prefix(1);
    auto got = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (got.ec != std::errc{})
      return text.front() != '-';
    exponent = std::clamp<int64_t>(exponent, -far, far);
  }
  auto first = mantissa.find_first_of("123456789");
  if (first == std::string_view::npos)
    return false;
  auto point = std::min(mantissa.find('.'), mantissa.size());
  return static_cast<int64_t>(point) - static_cast<int64_t>(first) + exponent > 0;
}

} // namespace

double to_double(std::string_view raw) noexcept {
  double x = 0;
  auto got = std::from_chars(raw.data(), raw.data() + raw.size(), x);
  if (got.ec == std::errc{})
    return x;
  x = is_huge(raw) ? std::numeric_limits<double>::infinity() : 0.0;
  return raw.front() == '-' ? -x : x;
}

} // namespace snakepit::core
