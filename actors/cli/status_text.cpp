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
  if (x.degraded_by == "crashes")
    out += (out.empty() ? "" : ", ") + std::string{"crashes often"};
  return out;
}

/// Of all pools together. Percentiles of several pools cannot be added.
pool_stats total_of(const std::vector<pool_stats>& pools) {
  auto out = pool_stats{};
  for (auto& x : pools) {
    out.workers_target += x.workers_target;
    out.workers_ready += x.workers_ready;
    out.workers_unwell += x.workers_unwell;
    out.workers_starting += x.workers_starting;
    out.workers_waiting += x.workers_waiting;
    out.lanes += x.lanes;
    out.busy += x.busy;
    out.queued += x.queued;
    out.queued_bytes += x.queued_bytes;
    out.in_flight += x.in_flight;
    out.calls_admitted += x.calls_admitted;
    out.calls_succeeded += x.calls_succeeded;
    out.calls_failed += x.calls_failed;
    out.calls_retried += x.calls_retried;
    out.late_replies += x.late_replies;
    out.timeouts += x.timeouts;
    out.worker_starts += x.worker_starts;
    out.worker_start_failures += x.worker_start_failures;
    out.worker_exits += x.worker_exits;
    for (auto& [why, n] : x.rejected)
      out.rejected[why] += n;
    for (auto& [why, n] : x.errors)
      out.errors[why] += n;
    for (auto& [kind, n] : x.errors_by_category)
      out.errors_by_category[kind] += n;
  }
  return out;
}

std::string pools_text(const status_sample& x, const status_sample* before) {
  auto rows = table{{"POOL", "STATE", "READY", "BUSY", "QUEUED", "RUNNING", "DONE", "FAILED",
                     "REFUSED", "P50", "P99", "CALLS/S", ""}};
  auto add = [&](const pool_stats& p, std::optional<double> rate, std::string remarks) {
    auto took = [&](duration time) { return p.total.calls == 0 ? "-" : short_time(time); };
    rows.add({p.name, p.state,
              std::to_string(p.workers_ready) + '/' + std::to_string(p.workers_target),
              std::to_string(p.busy) + '/' + std::to_string(p.lanes), grouped(p.queued),
              grouped(p.in_flight), grouped(p.calls_succeeded), grouped(p.calls_failed),
              grouped(refused(p)), took(p.total.p50), took(p.total.p99), rate_text(rate),
              std::move(remarks)});
  };
  auto sum = std::optional<double>{};
  for (auto& p : x.status.pools) {
    auto its = before ? rate(p, x, *before) : std::nullopt;
    if (its)
      sum = sum.value_or(0) + *its;
    add(p, its, remarks(p));
  }
  if (x.status.pools.size() > 1) {
    auto total = total_of(x.status.pools);
    total.name = "(total)";
    add(total, sum, {});
  }
  return rows.text({2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
}

/// Those that are not closed; empty if none.
std::string circuits_text(const io::control_status& x) {
  auto rows = table{{"CIRCUIT", "STATE", "FAILURES", "TRIAL IN"}};
  auto any = false;
  for (auto& pool : x.pools)
    for (auto& one : pool.circuits) {
      if (one.state == "closed")
        continue;
      any = true;
      auto left = std::chrono::ceil<seconds>(one.left);
      rows.add({one.tool.empty() ? pool.name : pool.name + '/' + one.tool, one.state,
                std::to_string(one.failures), one.state == "open" ? clock_text(left) : "-"});
    }
  return any ? rows.text({2, 3}) : std::string{};
}

/// Of memory, by 1000 calls.
std::string growth_text(int64_t x) {
  auto size = bytes_text(static_cast<uint64_t>(x < 0 ? -x : x));
  return x == 0 ? "0" : (x < 0 ? "-" : "+") + size;
}

/// "revision 1, tainted by segfault".
std::string remarks(const worker_stats& x, uint32_t revision) {
  auto out = x.revision == revision ? "" : "revision " + std::to_string(x.revision);
  if (!x.tainted.empty())
    out += (out.empty() ? "tainted by " : ", tainted by ") + x.tainted;
  return out;
}

std::string workers_text(const io::control_status& x) {
  auto rows =
    table{{"WORKER", "STATE", "PID", "RUNNING", "CALLS", "AGE", "MEMORY", "PER 1000", ""}};
  for (auto& pool : x.pools)
    for (auto& one : pool.workers)
      rows.add({pool.name + '/' + std::to_string(one.slot) + '.' + std::to_string(one.generation),
                one.state, one.pid == 0 ? "-" : std::to_string(one.pid),
                std::to_string(one.in_flight), grouped(one.calls),
                one.pid == 0 ? "-" : clock_text(duration_cast<seconds>(one.age)),
                one.memory_bytes == 0 ? "-" : bytes_text(one.memory_bytes),
                one.memory_bytes == 0 ? "-" : growth_text(one.memory_growth),
                remarks(one, pool.revision)});
  return rows.text({2, 3, 4, 5, 6, 7});
}

value to_value(const worker_stats& x) {
  return value::map{{"slot", x.slot},
                    {"generation", x.generation},
                    {"revision", x.revision},
                    {"pid", x.pid},
                    {"state", x.state},
                    {"in_flight", x.in_flight},
                    {"calls", x.calls},
                    {"age_ms", duration_cast<std::chrono::milliseconds>(x.age).count()},
                    {"memory_bytes", x.memory_bytes},
                    {"memory_growth", x.memory_growth},
                    {"tainted", x.tainted}};
}

int64_t in_us(duration x) {
  return duration_cast<std::chrono::microseconds>(x).count();
}

value to_value(const latency_stats& x) {
  return value::map{{"calls", x.calls},
                    {"p50_us", in_us(x.p50)},
                    {"p90_us", in_us(x.p90)},
                    {"p99_us", in_us(x.p99)}};
}

value to_value(const circuit_stats& x) {
  return value::map{
    {"tool", x.tool}, {"state", x.state}, {"failures", x.failures}, {"left_us", in_us(x.left)}};
}

value to_value(const recorded_death& x) {
  return value::map{{"at", utc_text(x.at)},
                    {"id", x.certificate->id},
                    {"cause", x.certificate->cause},
                    {"tool", x.certificate->running_tool}};
}

value to_value(const pool_stats& x);

template <class T>
value to_list(const std::vector<T>& xs) {
  auto out = value::list{};
  for (auto& x : xs)
    out.push_back(to_value(x));
  return out;
}

value to_value(const pool_stats& x) {
  auto counts = [](const std::map<std::string, uint64_t>& all) {
    auto out = value::map{};
    for (auto& [name, n] : all)
      out.emplace(name, n);
    return out;
  };
  return value::map{{"name", x.name},
                    {"state", x.state},
                    {"degraded_by", x.degraded_by},
                    {"revision", x.revision},
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
                    {"errors_by_category", counts(x.errors_by_category)},
                    {"timeouts", x.timeouts},
                    {"queue_wait", to_value(x.queue_wait)},
                    {"total", to_value(x.total)},
                    {"circuits", to_list(x.circuits)},
                    {"worker_starts", x.worker_starts},
                    {"worker_start_failures", x.worker_start_failures},
                    {"worker_exits", x.worker_exits},
                    {"workers", to_list(x.workers)}};
}

} // namespace

std::string status_text(const status_sample& x, const status_sample* before, bool workers) {
  auto out = head(x.status) + "\n\n" + pools_text(x, before);
  if (auto circuits = circuits_text(x.status); !circuits.empty())
    out += "\n\n" + circuits;
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
  auto total = to_value(total_of(x.status.pools));
  for (auto* of_one :
       {"name", "state", "degraded_by", "queue_wait", "total", "circuits", "workers"})
    total.as<value::map>().erase(of_one);
  auto uptime = duration_cast<std::chrono::milliseconds>(x.status.uptime).count();
  auto all = value::map{{"version", x.status.version},
                        {"instance", x.status.instance},
                        {"instance_id", x.status.instance_id},
                        {"run_id", x.status.run_id},
                        {"pid", x.status.pid},
                        {"uptime_ms", uptime},
                        {"admin_address", x.status.admin_address},
                        {"pools", to_list(x.status.pools)},
                        {"total", std::move(total)},
                        {"deaths", to_list(x.deaths)}};
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
