#pragma once

#include "actors/io/control_client.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace snakepit::cli {

/// A daemon at one moment.
struct status_sample {
  io::control_status status;
  std::vector<recorded_death> deaths; ///< the last ones, the latest first
  std::chrono::system_clock::time_point at;
};

/// For people, lines without an end at the last. With an earlier sample of the same daemon the
/// pools' rates are shown; `workers`: also each of them.
std::string status_text(const status_sample& x, const status_sample* before = nullptr,
                        bool workers = false);

/// One object.
std::string status_json(const status_sample& x);

/// A time of the past in UTC: "2026-11-28T03:14:15Z".
std::string utc_text(std::chrono::system_clock::time_point x);

/// A certificate in a line: "default/0.1  SIGSEGV  while it ran `boom`".
std::string death_line(const death_certificate& x);

/// {"at": ..., "certificate": {...}}.
std::string death_json(const recorded_death& x);

} // namespace snakepit::cli
