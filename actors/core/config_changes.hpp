#pragma once

#include <snakepit/config.hpp>

#include <string>
#include <vector>

namespace snakepit::core {

/// What becomes of a configuration that is read while another one runs.
struct config_changes {
  /// The one that runs with what a reload takes over: what new workers are started with.
  config taken;
  /// Keys in which they differ and that need a restart: "admin.listen", "pools.default.workers". A
  /// pool that has come or gone is named as "pools.NAME".
  std::vector<std::string> ignored;
};

config_changes compare(config running, config wanted);

} // namespace snakepit::core
