#pragma once

#include <string_view>

namespace snakepit::io {

/// Writes a line, whose end is added here, to stderr for a program that embeds us: a closed pipe
/// does not end it, and a reader that does not read holds it up for a second, once. What cannot be
/// written is lost. Any thread.
void write_to_stderr(std::string_view line) noexcept;

} // namespace snakepit::io
