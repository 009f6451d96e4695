#include "actors/core/config_node.hpp"

#include "actors/core/spelling.hpp"

#include <algorithm>

namespace snakepit::core {

namespace {

bool all_of(std::string_view text, std::string_view set) {
  return !text.empty() && text.find_first_not_of(set) == std::string_view::npos;
}

constexpr auto decimal_digits = std::string_view{"0123456789"};

/// Digits with at most one point among them, at least one digit.
bool is_decimal(std::string_view text) {
  auto point = text.find('.');
  if (point == std::string_view::npos)
    return all_of(text, decimal_digits);
  auto before = text.substr(0, point);
  auto after = text.substr(point + 1);
  return (before.empty() || all_of(before, decimal_digits))
         && (after.empty() || all_of(after, decimal_digits)) && !(before.empty() && after.empty());
}

} // namespace

std::string to_string(const config_place& x) {
  return x.line == 0 ? line_of(x) : line_of(x) + ':' + std::to_string(x.column);
}

std::string line_of(const config_place& x) {
  if (!x.source)
    return "default";
  return x.line == 0 ? *x.source : *x.source + ':' + std::to_string(x.line);
}

config_entry* config_node::find(std::string_view key) {
  auto i = std::find_if(entries.begin(), entries.end(), [&](auto& x) { return x.key == key; });
  return i == entries.end() ? nullptr : &*i;
}

const config_entry* config_node::find(std::string_view key) const {
  return const_cast<config_node*>(this)->find(key);
}

bool is_number(std::string_view text) {
  if (text.starts_with("0x"))
    return all_of(text.substr(2), "0123456789abcdefABCDEF");
  if (text.starts_with("0o"))
    return all_of(text.substr(2), "01234567");
  if (text.starts_with('-') || text.starts_with('+'))
    text.remove_prefix(1);
  if (text == ".inf" || text == ".Inf" || text == ".INF" || text == ".nan" || text == ".NaN"
      || text == ".NAN")
    return true;
  if (auto e = text.find_first_of("eE"); e != std::string_view::npos) {
    auto exponent = text.substr(e + 1);
    if (exponent.starts_with('-') || exponent.starts_with('+'))
      exponent.remove_prefix(1);
    return is_decimal(text.substr(0, e)) && all_of(exponent, decimal_digits);
  }
  return is_decimal(text);
}

bool is_truth_value(std::string_view text) {
  return text == "true" || text == "True" || text == "TRUE" || text == "false" || text == "False"
         || text == "FALSE";
}

std::string describe(const config_node& x) {
  switch (x.is) {
  case config_node::kind::null:
    return "nothing";
  case config_node::kind::list:
    return "a list";
  case config_node::kind::map:
    return "a map";
  case config_node::kind::scalar:
    break;
  }
  if (x.plain && is_number(x.text))
    return "the number " + in_quotes(x.text);
  if (x.plain && is_truth_value(x.text))
    return "the truth value " + in_quotes(x.text);
  return "the text " + in_quotes(x.text);
}

} // namespace snakepit::core
