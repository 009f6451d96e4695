#pragma once

#include <snakepit/config.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace snakepit::core {

/// A value, or what is wrong with its text, for people: "wanted a duration ..., got ...".
template <class T>
using parsed = tl::expected<T, std::string>;

/// The longest finite span a configuration may name. Anything added to a clock stays far from
/// overflow.
inline constexpr duration longest_duration = std::chrono::hours{24 * 365 * 10};

/// `250ms`, `1.5s`, `10m`, `1h`, `0`, `infinite`; units are ns, us, ms, s, m, h. What is not a
/// whole number of nanoseconds, negative, or longer than `longest_duration` is refused.
parsed<duration> parse_duration(std::string_view text);

/// `64MiB`, `1.5GiB`, `512B`, `4096` (bytes); units are B, KiB, MiB, GiB, TiB.
parsed<uint64_t> parse_size(std::string_view text);

/// A whole number in decimal digits, at most a billion.
parsed<size_t> parse_count(std::string_view text);

/// The shortest text that `parse_duration` reads as exactly `x`.
std::string format_duration(duration x);

/// The shortest text that `parse_size` reads as exactly `x`.
std::string format_size(uint64_t x);

} // namespace snakepit::core
