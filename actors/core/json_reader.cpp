#include "actors/core/json_reader.hpp"

#include <charconv>

namespace snakepit::core {

bool json_reader::skip() {
  switch (peek()) {
  case '{':
    return unique_members([this](std::string_view) { return skip(); });
  case '[':
    return elements([this](size_t) { return skip(); });
  case '"': {
    string_token token;
    return read_string(token);
  }
  case 't':
    return read_word("true");
  case 'f':
    return read_word("false");
  case 'n':
    return read_word("null");
  default: {
    number_token token;
    return read_number(token);
  }
  }
}

bool json_reader::build(value& out) {
  switch (peek()) {
  case '{':
    return build_map(out);
  case '[': {
    value::list list;
    if (!elements([&](size_t) { return build(list.emplace_back()); }))
      return false;
    out = std::move(list);
    return true;
  }
  case '"': {
    string_token token;
    if (!read_string(token))
      return false;
    std::string text;
    if (token.escaped)
      unescape(token, text);
    else
      text = token.raw;
    out = std::move(text);
    return true;
  }
  case 't':
    out = true;
    return read_word("true");
  case 'f':
    out = false;
    return read_word("false");
  case 'n':
    out = nullptr;
    return read_word("null");
  default:
    return build_number(out);
  }
}

bool json_reader::build_map(value& out) {
  value::map map;
  bool good = members([&](std::string_view key) {
    // Most writers sort their keys or have few of them.
    auto size = map.size();
    auto place = map.try_emplace(map.end(), std::string{key});
    if (map.size() == size)
      return fail("the key occurs twice");
    return build(place->second);
  });
  if (!good)
    return false;
  out = std::move(map);
  return true;
}

bool json_reader::build_number(value& out) {
  number_token token;
  if (!read_number(token))
    return false;
  if (token.is_double) {
    out = to_double(token.raw);
    return true;
  }
  auto begin = token.raw.data(), end = begin + token.raw.size();
  if (*begin == '-') {
    int64_t x = 0;
    std::from_chars(begin, end, x);
    out = x;
  } else {
    uint64_t x = 0;
    std::from_chars(begin, end, x);
    out = x;
  }
  return true;
}

bool json_reader::fail_duplicate(std::string_view key) {
  fail("the key occurs twice");
  fault().in_member(key);
  return false;
}

} // namespace snakepit::core
