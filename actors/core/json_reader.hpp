#pragma once

#include "actors/core/json_scanner.hpp"
#include "actors/core/key_list.hpp"

#include <snakepit/value.hpp>

#include <forward_list>

namespace snakepit::core {

/// Deepest value that is read or written; docs/codec.md says how depth is counted.
inline constexpr size_t max_depth = 100;

/// Reads one JSON text: lists, maps and what is in them. What a `"$"` object stands for is not its
/// concern: it reads them as maps and says that there are some. One thread.
///
/// A text without them is not deeper than `depth`. One with them is not so deep that reading it is
/// a danger: the brackets of `"$"` objects do not count, so who resolves them must count again.
class json_reader : public json_scanner {
public:
  explicit json_reader(std::string_view text, size_t depth = max_depth)
    : json_scanner{text}, max_depth_{depth} {}

  /// Checks one value and steps over it.
  bool skip();
  /// Reads one value. `out` is anything if this fails.
  bool build(value& out);

  /// Steps through a map; peek() said `{`. `f(std::string_view key)` must read the member's value.
  /// The key is valid until the reader dies. Duplicate keys are the concern of `f`.
  template <class F>
  bool members(F&& f);
  /// The same, and duplicate keys are a fault.
  template <class F>
  bool unique_members(F&& f);
  /// Steps through a list; peek() said `[`. `f(size_t index)` must read the element.
  template <class F>
  bool elements(F&& f);

  /// Whether a map whose only key is "$" was met.
  bool dollar() const noexcept {
    return dollar_;
  }

private:
  /// Two brackets of each `"$"` object do not count; one map too many is left to who counts again.
  size_t bracket_limit() const noexcept {
    return dollars_open_ == 0 ? max_depth_ : 3 * (max_depth_ + 1);
  }
  bool check_depth();
  void leave() noexcept;
  bool read_key(std::string_view& out);
  bool build_map(value& out);
  bool build_number(value& out);
  [[gnu::cold]] bool fail_duplicate(std::string_view key);

  const size_t max_depth_;
  size_t depth_ = 0;
  size_t dollars_open_ = 0; ///< maps we are in whose first key is "$"
  bool dollar_ = false;
  key_list keys_;
  std::forward_list<std::string> unescaped_; ///< keys that do not stand in the text as they are
};

inline bool json_reader::check_depth() {
  if (depth_ <= max_depth_)
    return true;
  dollar_ = true; // have it counted again
  return depth_ <= bracket_limit()
         || fail("nested more than " + std::to_string(max_depth_) + " deep");
}

inline void json_reader::leave() noexcept {
  --depth_;
  advance();
}

inline bool json_reader::read_key(std::string_view& out) {
  if (peek() != '"')
    return unexpected("a key");
  string_token token;
  if (!read_string(token))
    return false;
  out = token.raw;
  if (token.escaped) {
    unescape(token, unescaped_.emplace_front());
    out = unescaped_.front();
  }
  if (peek() != ':')
    return unexpected("`:`");
  advance();
  return true;
}

template <class F>
bool json_reader::members(F&& f) {
  ++depth_;
  advance();
  bool begins_with_dollar = false;
  size_t count = 0;
  for (auto c = peek(); c != '}'; c = peek()) {
    if (count != 0) {
      if (c != ',')
        return unexpected("`,` or `}`");
      advance();
    }
    std::string_view key;
    if (!read_key(key))
      return false;
    if (count++ == 0) {
      begins_with_dollar = key == "$";
      dollars_open_ += begins_with_dollar;
      if (!check_depth())
        return false;
    }
    if (!f(key)) {
      fault().in_member(key);
      return false;
    }
  }
  if (count == 0 && !check_depth())
    return false;
  dollars_open_ -= begins_with_dollar;
  dollar_ |= begins_with_dollar && count == 1;
  leave();
  return true;
}

template <class F>
bool json_reader::unique_members(F&& f) {
  auto base = keys_.size();
  bool good = members([&](std::string_view key) {
    keys_.push(key);
    return f(key);
  });
  if (!good)
    return false;
  if (auto key = keys_.find_duplicate(base))
    return fail_duplicate(*key);
  keys_.truncate(base);
  return true;
}

template <class F>
bool json_reader::elements(F&& f) {
  ++depth_;
  if (!check_depth())
    return false;
  advance();
  size_t index = 0;
  for (auto c = peek(); c != ']'; c = peek(), ++index) {
    if (index != 0) {
      if (c != ',')
        return unexpected("`,` or `]`");
      advance();
    }
    if (!f(index)) {
      fault().in_element(index);
      return false;
    }
  }
  leave();
  return true;
}

} // namespace snakepit::core
