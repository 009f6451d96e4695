#pragma once

#include <snakepit/config.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace snakepit::cli {

/// "250ms", "5s", "10m", "2h", "1.5s" or "infinite"; nothing if it is none of these.
std::optional<duration> parse_duration(std::string_view text);

/// "0:07", "12:30", "3:05:00".
std::string clock_text(std::chrono::seconds x);

/// "512 B", "34.5 MiB", "1.2 GiB".
std::string bytes_text(uint64_t x);

/// "850us", "12.5ms", "3.2s".
std::string short_time(duration x);

/// "1,234,567".
std::string grouped(uint64_t x);

} // namespace snakepit::cli
