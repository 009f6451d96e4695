#pragma once

#include <snakepit/error.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace snakepit {

/// What a reload has done to one pool.
struct reload_report {
  std::string pool;
  uint32_t revision = 0; ///< that its workers have now; counts the reloads from 1 on
  size_t replaced = 0;   ///< workers, also those that were replaced to go back
  std::chrono::nanoseconds took{0};
  /// Why its workers are what they were before: the new revision failed and was rolled back, or the
  /// pool could not be asked. None: all workers are new.
  std::optional<error> failure;
};

/// What a reload has done.
struct reload_summary {
  /// In the order of the configuration.
  std::vector<reload_report> pools;
  /// Keys in which a new configuration differs and that only a restart takes over, such as
  /// "pools.default.workers". A pool that has come or gone is named as "pools.NAME".
  std::vector<std::string> needs_restart;
};

} // namespace snakepit
