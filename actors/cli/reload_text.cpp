#include "actors/cli/reload_text.hpp"

#include "actors/cli/report.hpp"
#include "actors/cli/units.hpp"

namespace snakepit::cli {

namespace {

std::string pool_text(const reload_report& x) {
  if (x.failure)
    return x.pool + ": not reloaded, its workers are what they were: " + to_string(*x.failure);
  return x.pool + ": revision " + std::to_string(x.revision) + ", " + std::to_string(x.replaced)
         + (x.replaced == 1 ? " worker" : " workers") + " replaced in " + short_time(x.took);
}

std::string pool_json(const reload_report& x) {
  auto out =
    "{\"pool\": " + json_string(x.pool) + ", \"revision\": " + std::to_string(x.revision)
    + ", \"replaced\": " + std::to_string(x.replaced) + ", \"took_ms\": "
    + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(x.took).count());
  if (x.failure)
    out += ", \"failure\": {\"reason\": " + json_string(to_string(x.failure->reason))
           + ", \"message\": " + json_string(x.failure->message) + '}';
  return out + '}';
}

} // namespace

std::string reload_text(const reload_summary& x) {
  auto out = std::string{};
  for (auto& pool : x.pools)
    out += (out.empty() ? "" : "\n") + pool_text(pool);
  if (x.needs_restart.empty())
    return out;
  auto keys = std::string{};
  for (auto& key : x.needs_restart)
    keys += (keys.empty() ? "" : ", ") + key;
  return out + "\nchanged, but only a restart takes it over: " + keys;
}

std::string reload_json(const reload_summary& x) {
  auto pools = std::string{};
  for (auto& pool : x.pools)
    pools += (pools.empty() ? "" : ", ") + pool_json(pool);
  auto keys = std::string{};
  for (auto& key : x.needs_restart)
    keys += (keys.empty() ? "" : ", ") + json_string(key);
  return "{\"pools\": [" + pools + "], \"needs_restart\": [" + keys + "]}";
}

} // namespace snakepit::cli
