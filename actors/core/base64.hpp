#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace snakepit::core {

/// Appends `data` in the standard alphabet of RFC 4648, padded.
void append_base64(std::string& out, std::string_view data);

/// The reverse. Nothing if there is another character, padding is missing or misplaced, or the bits
/// left over are not zero.
std::optional<std::string> read_base64(std::string_view text);

} // namespace snakepit::core
