#include "actors/cli/units.hpp"

#include <charconv>
#include <cstdio>

namespace snakepit::cli {

std::optional<duration> parse_duration(std::string_view text) {
  if (text == "infinite")
    return infinite;
  double number = 0;
  auto [end, failure] =
    std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (failure != std::errc{} || number < 0)
    return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  struct unit {
    std::string_view name;
    double nanoseconds;
  };
  for (auto [name, nanoseconds] : {unit{"ns", 1}, unit{"us", 1e3}, unit{"ms", 1e6}, unit{"s", 1e9},
                                   unit{"m", 60e9}, unit{"h", 3600e9}, unit{"d", 86400e9}})
    if (text == name) {
      auto total = number * nanoseconds;
      return total >= 9e18 ? infinite : duration{static_cast<int64_t>(total)};
    }
  return std::nullopt;
}

std::string clock_text(std::chrono::seconds x) {
  auto seconds = x.count();
  char out[48];
  if (seconds < 3600)
    std::snprintf(out, sizeof out, "%lld:%02lld", static_cast<long long>(seconds / 60),
                  static_cast<long long>(seconds % 60));
  else
    std::snprintf(out, sizeof out, "%lld:%02lld:%02lld", static_cast<long long>(seconds / 3600),
                  static_cast<long long>(seconds / 60 % 60), static_cast<long long>(seconds % 60));
  return out;
}

std::string bytes_text(uint64_t x) {
  if (x < 1024)
    return std::to_string(x) + " B";
  auto number = static_cast<double>(x);
  auto* unit = "B";
  for (auto* next : {"KiB", "MiB", "GiB", "TiB"})
    if (number >= 1024) {
      number /= 1024;
      unit = next;
    }
  char out[32];
  std::snprintf(out, sizeof out, number < 100 ? "%.1f %s" : "%.0f %s", number, unit);
  return out;
}

std::string short_time(duration x) {
  auto us = std::chrono::duration<double, std::micro>(x).count();
  char out[48];
  if (us < 1e3)
    std::snprintf(out, sizeof out, "%.0fus", us);
  else if (us < 1e6)
    std::snprintf(out, sizeof out, "%.*fms", us < 1e5 ? 1 : 0, us / 1e3);
  else
    std::snprintf(out, sizeof out, "%.1fs", us / 1e6);
  return out;
}

std::string grouped(uint64_t x) {
  auto digits = std::to_string(x);
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0)
      out += ',';
    out += digits[i];
  }
  return out;
}

} // namespace snakepit::cli
