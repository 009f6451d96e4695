#pragma once

#include <cstddef>
#include <string_view>

namespace snakepit::core {

/// Length of the UTF-8 sequence that begins at `at` (which must be within `text`), 0 if there is no
/// valid one: overlong forms, surrogates and what lies above U+10FFFF are not valid.
constexpr size_t utf8_sequence(std::string_view text, size_t at) noexcept {
  auto byte = [&](size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  auto first = byte(at);
  if (first < 0x80)
    return 1;
  auto length = first >= 0xf0 ? size_t{4} : first >= 0xe0 ? size_t{3} : size_t{2};
  if (first < 0xc2 || first > 0xf4)
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(at + i) & 0xc0) != 0x80)
      return 0;
  auto second = byte(at + 1);
  auto bad = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)
             || (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return bad ? 0 : length;
}

} // namespace snakepit::core
