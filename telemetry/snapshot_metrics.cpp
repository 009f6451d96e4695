#include "telemetry/snapshot_metrics.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace snakepit::telemetry {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using labels = std::vector<ClientMetric::Label>;

/// Reasons for which a pool refuses calls; shown from 0.
constexpr auto refusals = {"pool_saturated", "draining",  "pool_failed",
                           "pool_not_ready", "cancelled", "circuit_open"};

constexpr auto states = {"starting", "ready", "degraded", "failed", "draining", "stopped"};

class snapshot {
public:
  explicit snapshot(const std::vector<pool_stats>& pools) : pools_{pools} {}

  template <class F>
  void gauge(const char* name, const char* help, F value) {
    begin(name, help, MetricType::Gauge);
    for (auto& x : pools_)
      add({{"pool", x.name}}, value(x));
  }

  template <class F>
  void counter(const char* name, const char* help, F value) {
    begin(name, help, MetricType::Counter);
    for (auto& x : pools_)
      add({{"pool", x.name}}, value(x));
  }

  void begin(const char* name, const char* help, MetricType type) {
    families.push_back({name, help, type, {}});
  }

  template <class T>
  void add(labels which, T value) {
    auto metric = ClientMetric{};
    metric.label = std::move(which);
    auto x = static_cast<double>(value);
    if (families.back().type == MetricType::Counter)
      metric.counter.value = x;
    else
      metric.gauge.value = x;
    families.back().metric.push_back(std::move(metric));
  }

  std::vector<MetricFamily> families;

private:
  const std::vector<pool_stats>& pools_;
};

void add_states(snapshot& to, const std::vector<pool_stats>& pools) {
  to.begin("snakepit_pool_state", "1 for the state that the pool is in", MetricType::Gauge);
  for (auto& x : pools)
    for (auto state : states)
      to.add({{"pool", x.name}, {"state", state}}, x.state == state);
}

void add_circuits(snapshot& to, const std::vector<pool_stats>& pools) {
  to.begin("snakepit_circuit_state",
           "0 closed, 1 half open, 2 open; an empty tool stands for the whole pool",
           MetricType::Gauge);
  for (auto& x : pools)
    for (auto& circuit : x.circuits)
      to.add({{"pool", x.name}, {"tool", circuit.tool}},
             circuit.state == "open" ? 2 : circuit.state == "half_open");
}

void add_workers(snapshot& to, const std::vector<pool_stats>& pools) {
  to.begin("snakepit_pool_workers", "Workers by state", MetricType::Gauge);
  for (auto& x : pools) {
    to.add({{"pool", x.name}, {"state", "ready"}}, x.workers_ready);
    to.add({{"pool", x.name}, {"state", "unwell"}}, x.workers_unwell);
    to.add({{"pool", x.name}, {"state", "starting"}}, x.workers_starting);
    to.add({{"pool", x.name}, {"state", "waiting"}}, x.workers_waiting);
  }
  to.gauge("snakepit_pool_workers_target", "Workers that the pool is to have",
           [](auto& x) { return x.workers_target; });
  to.begin("snakepit_pool_lanes", "Lanes of ready workers by state", MetricType::Gauge);
  for (auto& x : pools) {
    to.add({{"pool", x.name}, {"state", "busy"}}, x.busy);
    to.add({{"pool", x.name}, {"state", "idle"}}, x.lanes - std::min(x.busy, x.lanes));
  }
  to.counter("snakepit_worker_start_failures_total", "Workers that did not become ready",
             [](auto& x) { return x.worker_start_failures; });
}

/// A slot whose old worker leaves while it has a new one counts both.
void add_memory(snapshot& to, const std::vector<pool_stats>& pools) {
  auto bytes = std::map<std::pair<std::string, uint32_t>, uint64_t>{};
  auto growth = std::map<std::pair<std::string, uint32_t>, int64_t>{};
  for (auto& x : pools)
    for (auto& one : x.workers)
      if (one.memory_bytes > 0) {
        bytes[{x.name, one.slot}] += one.memory_bytes;
        growth[{x.name, one.slot}] = one.memory_growth;
      }
  auto slot = [](auto& key) {
    return labels{{"pool", key.first}, {"slot", std::to_string(key.second)}};
  };
  to.begin("snakepit_worker_memory_bytes",
           "Memory that workers hold for themselves, if it is limited", MetricType::Gauge);
  for (auto& [key, n] : bytes)
    to.add(slot(key), n);
  to.begin("snakepit_worker_memory_growth_bytes", "By how much it grows in 1000 calls",
           MetricType::Gauge);
  for (auto& [key, n] : growth)
    to.add(slot(key), n);
}

void add_refusals(snapshot& to, const std::vector<pool_stats>& pools) {
  to.begin("snakepit_queue_rejected_total", "Calls that the pool refused, by reason",
           MetricType::Counter);
  for (auto& x : pools) {
    auto seen = x.rejected;
    for (auto why : refusals)
      seen.emplace(why, 0);
    for (auto& [why, n] : seen)
      to.add({{"pool", x.name}, {"reason", why}}, n);
  }
}

void add_log(snapshot& to, const log& log) {
  to.begin("snakepit_log_messages_total", "Messages written to the log", MetricType::Counter);
  for (auto x : {level::trace, level::debug, level::info, level::warning, level::error})
    to.add({{"level", std::string{to_string(x)}}}, log.written(x));
}

} // namespace

std::vector<MetricFamily> snapshot_metrics(const std::vector<pool_stats>& pools, const log& log) {
  auto to = snapshot{pools};
  add_states(to, pools);
  add_workers(to, pools);
  add_memory(to, pools);
  to.gauge("snakepit_queue_depth", "Calls that wait for a worker",
           [](auto& x) { return x.queued; });
  to.gauge("snakepit_queue_bytes", "Bytes that waiting calls hold",
           [](auto& x) { return x.queued_bytes; });
  to.gauge("snakepit_calls_in_flight", "Calls handed to workers and not answered",
           [](auto& x) { return x.in_flight; });
  to.counter("snakepit_calls_retried_total", "Runs of idempotent calls after their worker was lost",
             [](auto& x) { return x.calls_retried; });
  to.counter("snakepit_late_replies_total", "Results that came after their call was answered",
             [](auto& x) { return x.late_replies; });
  add_refusals(to, pools);
  add_circuits(to, pools);
  add_log(to, log);
  append_process_metrics(to.families);
  return std::move(to.families);
}

} // namespace snakepit::telemetry
