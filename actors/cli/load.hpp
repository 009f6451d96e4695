#pragma once

#include "actors/cli/timing.hpp"

#include <snakepit/runtime.hpp>

namespace snakepit::cli {

/// The call that is made again and again.
struct load {
  std::string tool;
  snakepit::arguments arguments;
  call_options options;
};

/// Makes calls one at a time for `span`, at least one. The first that fails ends it.
result<latencies> call_one_at_a_time(runtime& pool, const load& what, duration span);

/// Keeps `outstanding` calls under way for `span`. The first that fails ends it. Calls still under
/// way at the end are given up: the runtime is stopped when this returns.
result<throughput> call_many(runtime& pool, const load& what, size_t outstanding, duration span);

} // namespace snakepit::cli
