#pragma once

#include <snakepit/config.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace snakepit::core {

/// What makes a configuration impossible.
struct config_fault {
  /// The value to blame: "timeouts.call", "defaults.workers", "pools[0].min_ready".
  std::string path;
  /// Names key and pool.
  std::string message;
};

/// The first fault; nothing if the configuration can be run. No pools at all is fine.
std::optional<config_fault> find_fault(const config& x);

/// `[A-Za-z0-9][A-Za-z0-9_.-]{0,63}`.
bool is_name(std::string_view x);

/// `package.module:Class`, `package.module`, `./file.py[:Class]`.
bool is_adapter(std::string_view x);

} // namespace snakepit::core
