#pragma once

#include "actors/core/config_node.hpp"

#include <snakepit/error.hpp>

#include <string>
#include <string_view>

namespace snakepit::core {

/// What a variable of the environment must begin with to speak of the configuration.
inline constexpr std::string_view environment_prefix = "SNAKEPIT__";

/// Puts the value of the variable `name` over what the tree says: `SNAKEPIT__TIMEOUTS__CALL`,
/// `SNAKEPIT__POOLS__default__WORKERS`. Maps are merged, everything else is replaced. Keys may be
/// written in capitals, names of pools and variables are taken as they are. Whether the keys exist
/// is for the reader of the tree to say; a pool that does not is an error here.
result<void> apply_variable(config_node& root, const std::string& name, config_node value);

} // namespace snakepit::core
