#include "actors/cli/status_text.hpp"

#include "actors/cli/report.hpp"
#include "actors/cli/table.hpp"
#include "actors/cli/units.hpp"

#include <snakepit/json.hpp>

#include <algorithm>
#include <cmath>
#include <ctime>

namespace snakepit::cli {

namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

uint64_t ended(const pool_stats& x) {
  return x.calls_succeeded + x.calls_failed;
}

uint64_t refused(const pool_stats& x) {
  auto out = uint64_t{0};
  for (auto& [why, n] : x.rejected)
    out += n;
  return out;
}

/// Calls a second since the sample before; nothing if that was of another daemon, or just now.
std::optional<double> rate(const pool_stats& x, const status_sample& now,
                           const status_sample& before) {
  auto time = std::chrono::duration<double>(now.at - before.at).count();
  auto& pools = before.status.pools;
  auto old = std::ranges::find(pools, x.name, &pool_stats::name);
  if (before.status.run_id != now.status.run_id || old == pools.end() || time <= 0
      || ended(x) < ended(*old))
    return std::nullopt;
  return static_cast<double>(ended(x) - ended(*old)) / time;
}

std::string rate_text(std::optional<double> x) {
  return x ? grouped(static_cast<uint64_t>(std::llround(*x))) : "-";
}

std::string head(const io::control_status& x) {
  auto out = "snakepit " + x.version + ", instance " + x.instance
             + (x.instance_id.empty() ? "" : " " + x.instance_id) + ", pid " + std::to_string(x.pid)
             + ", up " + clock_text(duration_cast<seconds>(x.uptime)) + ", run " + x.run_id;
  return x.admin_address.empty() ? out : out + "\nadmin http://" + x.admin_address;
}

/// What is remarkable of the workers: "1 unwell, 2 starting".
std::string remarks(const pool_stats& x) {
  auto out = std::string{};
  auto add = [&](size_t n, const char* what) {
    if (n > 0)
      out += (out.empty() ? "" : ", ") + std::to_string(n) + ' ' + what;
  };
  add(x.workers_unwell, "unwell");
  add(x.workers_starting, "starting");
  add(x.workers_waiting, "waiting");
  return out;
}

std::string pools_text(const status_sample& x, const status_sample* before) {
  auto rows = table{{"POOL", "STATE", "READY", "BUSY", "QUEUED", "RUNNING", "DONE", "FAILED",
                     "REFUSED", "CALLS/S", ""}};
  for (auto& p : x.status.pools)
    rows.add(
      {p.name, p.state, std::to_string(p.workers_ready) + '/' + std::to_string(p.workers_target),
       std::to_string(p.busy) + '/' + std::to_string(p.lanes), grouped(p.queued),
       grouped(p.in_flight), grouped(p.calls_succeeded), grouped(p.calls_failed),
       grouped(refused(p)), rate_text(before ? rate(p, x, *before) : std::nullopt), remarks(p)});
  return rows.text({2, 3, 4, 5, 6, 7, 8, 9});
}

/// Of memory, by 1000 calls.
std::string growth_text(int64_t x) {
  auto size = bytes_text(static_cast<uint64_t>(x < 0 ? -x : x));
  return x == 0 ? "0" : (x < 0 ? "-" : "+") + size;
}

std::string workers_text(const io::control_status& x) {
  auto rows = table{{"WORKER", "STATE", "PID", "RUNNING", "CALLS", "AGE", "MEMORY", "PER 1000"}};
  for (auto& pool : x.pools)
    for (auto& one : pool.workers)
      rows.add({pool.name + '/' + std::to_string(one.slot) + '.' + std::to_string(one.generation),
                one.state, one.pid == 0 ? "-" : std::to_string(one.pid),
                std::to_string(one.in_flight), grouped(one.calls),
                one.pid == 0 ? "-" : clock_text(duration_cast<seconds>(one.age)),
                one.memory_bytes == 0 ? "-" : bytes_text(one.memory_bytes),
                one.memory_bytes == 0 ? "-" : growth_text(one.memory_growth)});
  return rows.text({2, 3, 4, 5, 6, 7});
}

value to_value(const worker_stats& x) {
  return value::map{{"slot", x.slot},
                    {"generation", x.generation},
                    {"pid", x.pid},
                    {"state", x.state},
                    {"in_flight", x.in_flight},
                    {"calls", x.calls},
                    {"age_ms", duration_cast<std::chrono::milliseconds>(x.age).count()},
                    {"memory_bytes", x.memory_bytes},
                    {"memory_growth", x.memory_growth},
                    {"tainted", x.tainted}};
}

value to_value(const recorded_death& x) {
  return value::map{{"at", utc_text(x.at)},
                    {"id", x.certificate->id},
                    {"cause", x.certificate->cause},
                    {"tool", x.certificate->running_tool}};
}

value to_value(const pool_stats& x) {
  auto workers = value::list{};
  for (auto& one : x.workers)
    workers.push_back(to_value(one));
  auto counts = [](const std::map<std::string, uint64_t>& all) {
    auto out = value::map{};
    for (auto& [name, n] : all)
      out.emplace(name, n);
    return out;
  };
  return value::map{{"name", x.name},
                    {"state", x.state},
                    {"workers_target", x.workers_target},
                    {"workers_ready", x.workers_ready},
                    {"workers_unwell", x.workers_unwell},
                    {"workers_starting", x.workers_starting},
                    {"workers_waiting", x.workers_waiting},
                    {"lanes", x.lanes},
                    {"busy", x.busy},
                    {"queued", x.queued},
                    {"queued_bytes", x.queued_bytes},
                    {"in_flight", x.in_flight},
                    {"calls_admitted", x.calls_admitted},
                    {"calls_succeeded", x.calls_succeeded},
                    {"calls_failed", x.calls_failed},
                    {"calls_retried", x.calls_retried},
                    {"late_replies", x.late_replies},
                    {"rejected", counts(x.rejected)},
                    {"errors", counts(x.errors)},
                    {"worker_starts", x.worker_starts},
                    {"worker_start_failures", x.worker_start_failures},
                    {"worker_exits", x.worker_exits},
                    {"workers", std::move(workers)}};
}

} // namespace

std::string status_text(const status_sample& x, const status_sample* before, bool workers) {
  auto out = head(x.status) + "\n\n" + pools_text(x, before);
  if (workers)
    out += "\n\n" + workers_text(x.status);
  if (x.deaths.empty())
    return out;
  auto rows = table{{"LAST ENDS", ""}};
  for (auto& death : x.deaths) {
    auto ago = std::max(duration_cast<seconds>(x.at - death.at), seconds{0});
    rows.add({clock_text(ago) + " ago", death_line(*death.certificate)});
  }
  return out + "\n\n" + rows.text({});
}

std::string status_json(const status_sample& x) {
  auto pools = value::list{};
  for (auto& pool : x.status.pools)
    pools.push_back(to_value(pool));
  auto deaths = value::list{};
  for (auto& death : x.deaths)
    deaths.push_back(to_value(death));
  auto uptime = duration_cast<std::chrono::milliseconds>(x.status.uptime).count();
  auto all = value::map{{"version", x.status.version},
                        {"instance", x.status.instance},
                        {"instance_id", x.status.instance_id},
                        {"run_id", x.status.run_id},
                        {"pid", x.status.pid},
                        {"uptime_ms", uptime},
                        {"admin_address", x.status.admin_address},
                        {"pools", std::move(pools)},
                        {"deaths", std::move(deaths)}};
  return to_json(value{std::move(all)}).value_or("{}"); // the messages hold nothing but UTF-8
}

std::string utc_text(std::chrono::system_clock::time_point x) {
  auto time = std::chrono::system_clock::to_time_t(x);
  auto parts = std::tm{};
  char out[32];
  ::gmtime_r(&time, &parts);
  return {out, std::strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string death_line(const death_certificate& x) {
  auto out =
    x.pool + '/' + std::to_string(x.slot) + '.' + std::to_string(x.generation) + "  " + x.cause;
  return x.running_tool.empty() ? out : out + "  while it ran `" + x.running_tool + '`';
}

std::string death_json(const recorded_death& x) {
  return "{\"at\": \"" + utc_text(x.at) + "\", \"certificate\": " + to_json(*x.certificate) + '}';
}

} // namespace snakepit::cli
