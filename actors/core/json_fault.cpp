#include "actors/core/json_fault.hpp"

#include "actors/core/json_writer.hpp"

#include <algorithm>

namespace snakepit::core {

namespace {

bool is_identifier(std::string_view key) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !key.empty() && letter(key.front())
         && std::all_of(key.begin(), key.end(), [&](char c) { return letter(c) || digit(c); });
}

} // namespace

void json_fault::in_member(std::string_view key) {
  ++count_;
  auto text = shortened(key);
  if (is_identifier(text)) { // not if it was cut: dots are no letters
    steps_.insert(0, "." + text);
    return;
  }
  std::string step = "[";
  append_json_string(step, text);
  steps_.insert(0, step + "]");
}

void json_fault::in_element(size_t index) {
  ++count_;
  steps_.insert(0, "[" + std::to_string(index) + "]");
}

error json_fault::to_error(reason why) const {
  error result{why, path() + ": " + message_, {{"path", path()}}};
  if (offset_ != no_offset)
    result.details.emplace("offset", std::to_string(offset_));
  return result;
}

std::string shortened(std::string_view name) {
  size_t letters = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    bool starts_letter = (static_cast<unsigned char>(name[i]) & 0xC0) != 0x80;
    if (starts_letter && letters++ == max_name_letters)
      return std::string{name.substr(0, i)} + "...";
  }
  return std::string{name};
}

std::string excerpt(std::string_view text, size_t limit) {
  std::string result{text.substr(0, limit)};
  std::replace_if(
    result.begin(), result.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  if (text.size() > limit)
    result += "...";
  return result;
}

} // namespace snakepit::core
