#pragma once

#include "telemetry/log.hpp"

#include <chrono>
#include <span>
#include <string>

namespace snakepit::telemetry {

/// What becomes one line of the log.
struct log_record {
  std::chrono::system_clock::time_point time;
  level importance;
  std::string_view category;
  std::string_view message;
  std::span<const field> fields;
  /// In text, whether the message stands behind the fields: so that a worker cannot make up fields.
  bool message_last = false;
};

/// "2026-01-31T23:59:59.999Z", in UTC.
std::string format_time(std::chrono::system_clock::time_point x);

/// One line for people, without its end: "TIME LEVEL CATEGORY MESSAGE name=value ...". Redacted and
/// harmless.
std::string text_line(const log_record& x);

/// The same as one JSON object: time, level, category, message, and the fields beside them.
std::string json_line(const log_record& x);

} // namespace snakepit::telemetry
