#pragma once

#include <string>
#include <string_view>

namespace snakepit::telemetry {

// Text from anywhere made safe to show: afterwards it is valid UTF-8 on one line and moves no
// cursor.

/// Appends the text with control characters (tabs stay), line separators, marks of direction and
/// bytes that are not UTF-8 written as \n, \x1b, \u202e.
void append_harmless(std::string& out, std::string_view text);

/// Appends it as a JSON string, quotes included; bytes that are not UTF-8 become U+FFFD.
void append_json(std::string& out, std::string_view text);

/// At most about `longest` bytes of the text, with a note if that is not all.
std::string cut(std::string_view text, size_t longest);

} // namespace snakepit::telemetry
