#include "actors/core/config_fields.hpp"

#include "actors/core/spelling.hpp"
#include "actors/core/utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace snakepit::core {

namespace {

constexpr auto hex = std::string_view{"0123456789abcdef"};

/// Words that YAML 1.1 or 1.2 readers take for something else than text.
bool is_special(const std::string& text) {
  constexpr auto special =
    std::array{"null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE",
               "yes",  "Yes",  "YES",  "no",   "No",   "NO",   "on",    "On",    "ON",
               "off",  "Off",  "OFF",  "y",    "Y",    "n",    "N"};
  for (auto x : special)
    if (text == x)
      return true;
  return false;
}

bool may_stand_bare(const std::string& text) {
  constexpr auto letters = std::string_view{"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"};
  constexpr auto others = std::string_view{"0123456789_-./"};
  if (text.empty() || is_special(text)
      || (letters.find(text[0]) == std::string_view::npos && text[0] != '/'))
    return false;
  for (auto c : text)
    if (letters.find(c) == std::string_view::npos && others.find(c) == std::string_view::npos)
      return false;
  return true;
}

/// Whether a reader or a terminal could take the code point for something else than a letter:
/// control characters, line separators, marks of direction and of byte order.
bool wants_escape(unsigned code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x2028 && code <= 0x202e)
         || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff || code >= 0xfff0;
}

unsigned code_point(std::string_view sequence) {
  auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1)
    return first;
  auto code = first & (0xffU >> (sequence.size() + 1));
  for (auto c : sequence.substr(1))
    code = code << 6 | (static_cast<unsigned char>(c) & 0x3fU);
  return code;
}

std::string escaped(unsigned code) {
  auto result = std::string{"\\U"};
  for (auto shift = 28; shift >= 0; shift -= 4)
    result += hex[code >> shift & 15];
  return result;
}

template <class Range, class Write>
std::string joined(const Range& range, Write write) {
  auto result = std::string{};
  for (auto& x : range)
    result += (result.empty() ? "" : ", ") + write(x);
  return result;
}

std::string map_to_yaml(const std::map<std::string, std::string>& x) {
  return '{'
         + joined(x,
                  [](auto& entry) { return to_yaml(entry.first) + ": " + to_yaml(entry.second); })
         + '}';
}

struct writer {
  const key_rule& rule;

  std::string operator()(const text_field& f) const {
    return rule.null && f.at->empty() ? "null" : to_yaml(*f.at);
  }
  std::string operator()(const word_field& f) const {
    return to_yaml(*f.at);
  }
  std::string operator()(const texts_field& f) const {
    return '[' + joined(*f.at, [](auto& x) { return to_yaml(x); }) + ']';
  }
  std::string operator()(const text_map_field& f) const {
    return map_to_yaml(*f.at);
  }
  std::string operator()(const word_map_field& f) const {
    return map_to_yaml(*f.at);
  }
  std::string operator()(const flag_field& f) const {
    return *f.at ? "true" : "false";
  }
  std::string operator()(const share_field& f) const {
    auto text = std::array<char, 32>{};
    auto [end, bad] = std::to_chars(text.begin(), text.end(), *f.at, std::chars_format::fixed);
    return bad == std::errc{} ? std::string{text.begin(), end} : "0";
  }
  std::string operator()(const count_field& f) const {
    return std::to_string(*f.at);
  }
  std::string operator()(const optional_count_field& f) const {
    return *f.at ? std::to_string(**f.at) : "null";
  }
  std::string operator()(const size_field& f) const {
    return format_size(*f.at);
  }
  std::string operator()(const duration_field& f) const {
    return format_duration(*f.at);
  }
  std::string operator()(const optional_duration_field& f) const {
    return *f.at ? format_duration(**f.at) : "null";
  }
  std::string operator()(const durations_field& f) const {
    return '[' + joined(*f.at, format_duration) + ']';
  }
  std::string operator()(const word_or_count_field& f) const {
    auto is_word = std::find(f.allowed.begin(), f.allowed.end(), *f.at) != f.allowed.end();
    return is_word ? to_yaml(*f.at) : *f.at;
  }
};

std::string one_of(const words& allowed) {
  return joined(allowed, [](auto& x) { return '`' + x + '`'; });
}

struct namer {
  const key_rule& rule;

  std::string operator()(const text_field&) const {
    return rule.name ? "name" : "text";
  }
  std::string operator()(const word_field& f) const {
    return one_of(f.allowed);
  }
  std::string operator()(const texts_field&) const {
    return "list of text";
  }
  std::string operator()(const text_map_field&) const {
    return "map of text";
  }
  std::string operator()(const word_map_field& f) const {
    return "map of " + one_of(f.allowed);
  }
  std::string operator()(const flag_field&) const {
    return "`true` or `false`";
  }
  std::string operator()(const share_field&) const {
    return "number from 0 to 1";
  }
  std::string operator()(const count_field&) const {
    return "whole number";
  }
  std::string operator()(const optional_count_field&) const {
    return "whole number";
  }
  std::string operator()(const size_field&) const {
    return "size";
  }
  std::string operator()(const duration_field&) const {
    return "duration";
  }
  std::string operator()(const optional_duration_field&) const {
    return "duration";
  }
  std::string operator()(const durations_field&) const {
    return "list of durations";
  }
  std::string operator()(const word_or_count_field& f) const {
    return one_of(f.allowed) + " or whole number";
  }
};

} // namespace

std::string to_yaml(const std::string& text) {
  if (may_stand_bare(text))
    return text;
  auto result = std::string{'"'};
  for (size_t i = 0; i < text.size();) {
    auto length = utf8_sequence(text, i);
    auto code = length == 0 ? 0xfffdU : code_point(std::string_view{text}.substr(i, length));
    if (wants_escape(code))
      result += escaped(code);
    else if (code == '"' || code == '\\')
      result += {'\\', static_cast<char>(code)};
    else
      result.append(text, i, length);
    i += std::max(length, size_t{1});
  }
  return result + '"';
}

std::string to_yaml(const config_field& field, const key_rule& rule) {
  return std::visit(writer{rule}, field);
}

std::string type_name(const config_field& field, const key_rule& rule) {
  auto result = std::visit(namer{rule}, field);
  if (rule.infinite)
    result += " or `infinite`";
  if (rule.null || std::holds_alternative<optional_count_field>(field)
      || std::holds_alternative<optional_duration_field>(field))
    result += " or `null`";
  return result;
}

} // namespace snakepit::core
