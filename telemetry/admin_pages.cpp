#include "telemetry/admin_server.hpp"

#include <algorithm>

namespace snakepit::telemetry {

namespace {

/// One that is degraded for its crashes serves calls: to send them elsewhere may crash others.
bool serves(const pool_stats& x) {
  return x.state == "ready" || x.degraded_by == "crashes";
}

// Names of pools and states are words that need no escapes.
std::string describe(const std::vector<pool_stats>& pools, bool good, const admin_source& from) {
  auto text = std::string{R"({"ready": )"} + (good ? "true" : "false") + R"(, "pools": [)";
  auto separator = "";
  for (auto& x : pools) {
    text += separator + std::string{R"({"name": ")"} + x.name + R"(", "state": ")" + x.state
            + (x.degraded_by.empty() ? "" : R"(", "degraded_by": ")" + x.degraded_by)
            + R"(", "workers_ready": )" + std::to_string(x.workers_ready)
            + R"(, "workers_target": )" + std::to_string(x.workers_target) + R"(, "queued": )"
            + std::to_string(x.queued) + "}";
    separator = ", ";
  }
  text += "]";
  if (from.ledger_is_degraded)
    text += std::string{R"(, "ledger": ")"} + (from.ledger_is_degraded() ? "degraded" : "ok") + '"';
  return text + "}\n";
}

admin_page health(bool good, std::string body) {
  return {good ? 200 : 503, "application/json", std::move(body)};
}

} // namespace

admin_page admin_answer(std::string_view path, const admin_source& from) {
  if (path == "/metrics")
    return {200, "text/plain; version=0.0.4; charset=utf-8", from.metrics()};
  if (path == "/livez")
    return {200, "text/plain; charset=utf-8", "ok\n"};
  if (path == "/startupz") {
    auto started = from.has_started();
    return health(started, std::string{R"({"started": )"} + (started ? "true}\n" : "false}\n"));
  }
  if (path == "/readyz") {
    auto pools = from.pools();
    auto good = std::all_of(pools.begin(), pools.end(), serves);
    return health(good, describe(pools, good, from));
  }
  return {404, "text/plain; charset=utf-8", "there is /metrics, /livez, /readyz and /startupz\n"};
}

} // namespace snakepit::telemetry
