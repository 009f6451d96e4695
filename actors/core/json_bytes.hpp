#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace snakepit::core {

/// What stands at the front of a string's text: characters that stand for themselves.
struct plain_run {
  const char* end;   ///< the first `"`, `\` or control character, or the end
  bool ascii = true; ///< whether all before it is below 0x80
};

/// Finds the end of the plain run, eight bytes a step.
inline plain_run find_plain_run(const char* at, const char* end) noexcept {
  constexpr uint64_t ones = 0x0101010101010101, highs = ones * 0x80;
  uint64_t high = 0;
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - at >= 8; at += 8) {
      uint64_t x;
      std::memcpy(&x, at, 8);
      // (y - ones) & ~y & highs marks the lowest zero byte of y exactly; marks above it may be
      // wrong.
      uint64_t quote = x ^ (ones * '"'), backslash = x ^ (ones * '\\');
      uint64_t special =
        (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | ((x - ones * 0x20) & ~x))
        & highs;
      if (special == 0) {
        high |= x;
        continue;
      }
      auto bits = std::countr_zero(special) - 7;
      high |= x & ((uint64_t{1} << bits) - 1);
      return {at + bits / 8, (high & highs) == 0};
    }
  }
  for (; at != end; ++at) {
    auto c = static_cast<unsigned char>(*at);
    if (c == '"' || c == '\\' || c < 0x20)
      break;
    high |= c;
  }
  return {at, (high & highs) == 0};
}

} // namespace snakepit::core
