#pragma once

#include "actors/core/call.hpp"
#include "actors/core/tool_table.hpp"
#include "telemetry/metrics.hpp"

#include <utility>
#include <vector>

namespace snakepit {

// What POOL and WORKER tell the metrics: one clock reading and one update per batch.

/// A batch goes to a worker at `time`.
void note_batch(telemetry::pool_metrics& to, const std::vector<core::call_ptr>& calls,
                core::time_point time);

/// A call has had its final; kept in `to` until the batch is through.
void note_end(telemetry::batch_tally& to, const core::call& x, const outcome& end,
              core::time_point time, const call_receipt& took);

/// Calls on a lane are answered with errors.
void note_failures(telemetry::pool_metrics& to,
                   const std::vector<std::pair<core::call_ptr, error>>& ends,
                   core::time_point time);

/// The pool has these tools.
void note_tools(telemetry::pool_metrics& to, const core::tool_table& tools);

} // namespace snakepit
