#include "telemetry/harmless_text.hpp"

#include <cstdint>

namespace snakepit::telemetry {

namespace {

constexpr auto hex = std::string_view{"0123456789abcdef"};
constexpr auto invalid = uint32_t{0xffffffff};

struct letter {
  uint32_t code; ///< or `invalid`
  size_t length; ///< 1 if invalid
};

/// The letter that `text`, which is not empty, begins with.
letter first_letter(std::string_view text) {
  auto byte = [&](size_t i) -> uint32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  auto first = byte(0);
  if (first < 0x80)
    return {first, 1};
  auto length = first >= 0xf0 ? size_t{4} : first >= 0xe0 ? size_t{3} : size_t{2};
  if (first < 0xc2 || first > 0xf4)
    return {invalid, 1};
  auto code = first & (0xffU >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80)
      return {invalid, 1};
    code = code << 6 | (byte(i) & 0x3f);
  }
  auto overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  auto surrogate = code >= 0xd800 && code < 0xe000;
  if (overlong || surrogate || code > 0x10ffff)
    return {invalid, 1};
  return {code, length};
}

/// Control characters, line separators, marks of direction and of byte order.
bool is_harmful(uint32_t code) {
  return (code < 0x20 && code != '\t') || (code >= 0x7f && code < 0xa0) || code == 0x061c
         || (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e)
         || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff
         || (code >= 0xfff0 && code <= 0xfffb);
}

void append_byte(std::string& out, uint32_t byte) {
  out += {'\\', 'x', hex[byte >> 4 & 15], hex[byte & 15]};
}

void append_unicode(std::string& out, uint32_t code) {
  out +=
    {'\\', 'u', hex[code >> 12 & 15], hex[code >> 8 & 15], hex[code >> 4 & 15], hex[code & 15]};
}

} // namespace

void append_harmless(std::string& out, std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    auto [code, length] = first_letter(text.substr(i));
    if (code == invalid)
      append_byte(out, static_cast<unsigned char>(text[i]));
    else if (!is_harmful(code))
      out.append(text.substr(i, length));
    else if (code == '\n' || code == '\r')
      out += {'\\', code == '\n' ? 'n' : 'r'};
    else if (code < 0x80)
      append_byte(out, code);
    else
      append_unicode(out, code);
    i += length;
  }
}

void append_json(std::string& out, std::string_view text) {
  out += '"';
  for (size_t i = 0; i < text.size();) {
    auto [code, length] = first_letter(text.substr(i));
    if (code == invalid)
      append_unicode(out, 0xfffd);
    else if (code == '"' || code == '\\')
      out += {'\\', static_cast<char>(code)};
    else if (code == '\n' || code == '\t')
      out += {'\\', code == '\n' ? 'n' : 't'};
    else if (is_harmful(code))
      append_unicode(out, code);
    else
      out.append(text.substr(i, length));
    i += length;
  }
  out += '"';
}

std::string cut(std::string_view text, size_t longest) {
  if (text.size() <= longest)
    return std::string{text};
  auto end = longest;
  // Not within a letter.
  while (end > 0 && longest - end < 3 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end;
  return std::string{text.substr(0, end)} + "... (" + std::to_string(text.size() - end)
         + " bytes more)";
}

} // namespace snakepit::telemetry
