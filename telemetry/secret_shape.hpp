#pragma once

#include <cstddef>
#include <string_view>

namespace snakepit::telemetry {

constexpr bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// Length of the secret that `text` begins with, known by its shape alone; 0 if it begins with
/// none. `before` is the character before it. Asked at every place of a text, this stays linear:
/// each kind of word is looked at once, where it begins.
size_t secret_length(std::string_view text, char before) noexcept;

} // namespace snakepit::telemetry
