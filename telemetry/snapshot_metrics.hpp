#pragma once

#include "telemetry/log.hpp"

#include <snakepit/runtime.hpp>

#include <prometheus/metric_family.h>

#include <vector>

namespace snakepit::telemetry {

/// The metrics that nothing counts as it happens: read from the pools' statistics, the log and
/// /proc/self when somebody asks. Counters of a pool begin anew if a fault restarts it.
std::vector<prometheus::MetricFamily> snapshot_metrics(const std::vector<pool_stats>& pools,
                                                       const log& log);

/// Of the host process, as Prometheus' own clients name them.
void append_process_metrics(std::vector<prometheus::MetricFamily>& to);

} // namespace snakepit::telemetry
