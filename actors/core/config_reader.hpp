#pragma once

#include "actors/core/config_node.hpp"

#include <snakepit/config.hpp>

#include <map>
#include <string>

namespace snakepit::core {

/// A configuration and where its values were written.
struct config_reading {
  snakepit::config config;
  /// By path: "timeouts.call", "defaults.workers", "pools[0].queue.max_calls", "pools[0]". Values
  /// that nobody wrote are missing.
  std::map<std::string, config_place> places;
};

/// Reads the tree by the table of keys and checks the outcome. Every failure is an `invalid_config`
/// that begins with the place. `name` stands for the file where no place is known.
result<config_reading> read_config(const config_node& root, const std::string& name);

/// Where the value of `path` was written: there, or in `defaults` if the path belongs to a pool.
config_place origin_of(const config_reading& x, const std::string& path);

} // namespace snakepit::core
