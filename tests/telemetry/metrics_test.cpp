#include "telemetry/metrics.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

using namespace snakepit;
using namespace snakepit::telemetry;
using namespace std::chrono_literals;

namespace {

struct metrics_fixture {
  metrics uut;
  std::shared_ptr<telemetry::log> log;
  std::vector<pool_stats> stats{1};

  metrics_fixture() {
    auto quiet = log_config{};
    quiet.level = "error";
    log = telemetry::log::open(quiet, [](std::string_view) {}).value();
    stats[0].name = "p";
  }

  bool has(const std::string& line) const {
    return ("\n" + uut.text(stats, *log)).find("\n" + line + "\n") != std::string::npos;
  }
};

} // namespace

TEST_CASE_FIXTURE(metrics_fixture, "what has not happened yet stands at 0 [T2]") {
  auto pool = uut.add_pool("p");
  pool->set_tools({"add"});
  CHECK(has(R"(snakepit_calls_total{outcome="ok",pool="p",tool="add"} 0)"));
  CHECK(has(R"(snakepit_worker_exits_total{cause="deadline",pool="p"} 0)"));
  CHECK(has(R"(snakepit_queue_rejected_total{pool="p",reason="pool_saturated"} 0)"));
  CHECK(has(R"(snakepit_log_messages_total{level="error"} 0)"));
  CHECK(has(R"(snakepit_worker_start_seconds_count{phase="probe",pool="p"} 0)"));
  CHECK(has(R"(snakepit_build_info{version="0.1.0"} 1)"));
}

TEST_CASE_FIXTURE(metrics_fixture, "heartbeats are measured, misses counted [W6, T2]") {
  auto pool = uut.add_pool("p");
  CHECK(has(R"(snakepit_heartbeat_missed_total{pool="p"} 0)"));
  CHECK(has(R"(snakepit_worker_exits_total{cause="heartbeat",pool="p"} 0)"));
  pool->heartbeat(150us);
  pool->heartbeat_missed();
  CHECK(has(R"(snakepit_heartbeat_missed_total{pool="p"} 1)"));
  CHECK(has(R"(snakepit_heartbeat_lag_seconds_count{pool="p"} 1)"));
  stats[0].workers_unwell = 2;
  CHECK(has(R"(snakepit_pool_workers{pool="p",state="unwell"} 2)"));
}

TEST_CASE_FIXTURE(metrics_fixture, "where calls of sessions go is counted [B3, T2]") {
  auto pool = uut.add_pool("p");
  for (auto result : {"hit", "moved", "new", "refused", "waited"})
    CHECK(has("snakepit_affinity_total{pool=\"p\",result=\"" + std::string{result} + "\"} 0"));
  pool->affinity(affinity_result::fresh);
  pool->affinity(affinity_result::waited);
  pool->affinity(affinity_result::waited);
  CHECK(has(R"(snakepit_affinity_total{pool="p",result="new"} 1)"));
  CHECK(has(R"(snakepit_affinity_total{pool="p",result="waited"} 2)"));
  CHECK(has(R"(snakepit_affinity_total{pool="p",result="hit"} 0)"));
}

TEST_CASE_FIXTURE(metrics_fixture,
                  "a batch is counted by tool and outcome, in the right buckets [T2]") {
  auto pool = uut.add_pool("p");
  pool->set_tools({"add"});
  auto batch = batch_tally{};
  auto& tool = batch.of("add");
  tool.succeeded = 2;
  tool.fail(reason::python_exception);
  tool.whole.add(100us);
  tool.whole.add(2ms);
  tool.whole.add(1h);
  tool.cpu = 1500ms;
  pool->ended(batch);
  pool->not_sent("add", reason::queue_timeout);
  CHECK(has(R"(snakepit_call_cpu_seconds_total{pool="p",tool="add"} 1.5)"));
  CHECK(has(R"(snakepit_calls_total{outcome="ok",pool="p",tool="add"} 2)"));
  CHECK(has(R"(snakepit_calls_total{outcome="python_exception",pool="p",tool="add"} 1)"));
  CHECK(has(R"(snakepit_calls_total{outcome="queue_timeout",pool="p",tool="add"} 1)"));
  auto bucket = std::string{R"(snakepit_call_duration_seconds_bucket{pool="p",tool="add",le=)"};
  CHECK(has(bucket + R"("0.0001"} 1)"));
  CHECK(has(bucket + R"("0.001"} 1)"));
  CHECK(has(bucket + R"("0.0025"} 2)"));
  CHECK(has(bucket + R"("300"} 2)"));
  CHECK(has(bucket + R"("+Inf"} 3)"));
}

TEST_CASE_FIXTURE(metrics_fixture, "tools that are unknown or too many share one label [T2]") {
  auto pool = uut.add_pool("p");
  auto names = std::vector<std::string>{};
  for (auto i = 0; i < 500; ++i)
    names.push_back("t" + std::to_string(i));
  pool->set_tools(names);
  for (auto i = 0; i < 1000; ++i)
    pool->not_sent("t" + std::to_string(i), reason::cancelled);
  CHECK(has(R"(snakepit_calls_total{outcome="cancelled",pool="p",tool="other"} 900)"));
  auto text = uut.text(stats, *log);
  auto tools = std::set<std::string>{};
  auto label = std::regex{"tool=\"([^\"]*)\""};
  for (auto i = std::sregex_iterator{text.begin(), text.end(), label}; i != std::sregex_iterator{};
       ++i)
    tools.insert((*i)[1]);
  CHECK(tools.size() == 101);
}

TEST_CASE_FIXTURE(metrics_fixture, "an exit counts under one word of its certificate [T2, W1]") {
  auto pool = uut.add_pool("p");
  auto x = death_certificate{};
  x.signal = 11;
  x.signal_name = "SIGSEGV";
  pool->exited(x);
  x.ended_by_us = "deadline";
  pool->exited(x);
  CHECK(has(R"(snakepit_worker_exits_total{cause="SIGSEGV",pool="p"} 1)"));
  CHECK(has(R"(snakepit_worker_exits_total{cause="deadline",pool="p"} 1)"));
  x.ended_by_us.clear();
  x.oom = "yes";
  pool->exited(x);
  CHECK(has(R"(snakepit_worker_exits_total{cause="oom",pool="p"} 1)"));
}

TEST_CASE_FIXTURE(metrics_fixture,
                  "replaced workers are counted by reason, memory by slot [L1, L4, T2]") {
  auto pool = uut.add_pool("p");
  for (auto* reason : {"manual", "ttl", "max_calls", "memory", "idle", "reload"})
    CHECK(has(R"(snakepit_recycles_total{pool="p",reason=")" + std::string{reason} + "\"} 0"));
  pool->recycled("ttl");
  CHECK(has(R"(snakepit_recycles_total{pool="p",reason="ttl"} 1)"));
  CHECK(uut.text(stats, *log).find("snakepit_worker_memory_bytes{") == std::string::npos);
  stats[0].workers.resize(3);
  stats[0].workers[1].memory_bytes = 1000; // leaves
  stats[0].workers[2].memory_bytes = 500;
  stats[0].workers[2].memory_growth = -7;
  CHECK(has(R"(snakepit_worker_memory_bytes{pool="p",slot="0"} 1500)"));
  CHECK(has(R"(snakepit_worker_memory_growth_bytes{pool="p",slot="0"} -7)"));
}

TEST_CASE_FIXTURE(metrics_fixture,
                  "states of a pool and messages of the log are read when asked [T2]") {
  auto pool = uut.add_pool("p");
  stats[0].workers_ready = 3;
  stats[0].lanes = 3;
  stats[0].busy = 1;
  stats[0].rejected["draining"] = 7;
  log->write(level::error, "x", "y");
  CHECK(has(R"(snakepit_pool_workers{pool="p",state="ready"} 3)"));
  CHECK(has(R"(snakepit_pool_lanes{pool="p",state="idle"} 2)"));
  CHECK(has(R"(snakepit_queue_rejected_total{pool="p",reason="draining"} 7)"));
  CHECK(has(R"(snakepit_log_messages_total{level="error"} 1)"));
  CHECK(uut.text(stats, *log).find("\nprocess_resident_memory_bytes ") != std::string::npos);
}

TEST_CASE_FIXTURE(metrics_fixture, "a pool's state and its circuits are numbers [F2, F5, T2]") {
  stats[0].state = "degraded";
  CHECK(has(R"(snakepit_pool_state{pool="p",state="degraded"} 1)"));
  CHECK(has(R"(snakepit_pool_state{pool="p",state="ready"} 0)"));
  stats[0].circuits = {{"", "closed", 0, 0s}, {"a", "half_open", 5, 0s}, {"b", "open", 5, 1s}};
  CHECK(has(R"(snakepit_circuit_state{pool="p",tool=""} 0)"));
  CHECK(has(R"(snakepit_circuit_state{pool="p",tool="a"} 1)"));
  CHECK(has(R"(snakepit_circuit_state{pool="p",tool="b"} 2)"));
  CHECK(has(R"(snakepit_queue_rejected_total{pool="p",reason="circuit_open"} 0)"));
}

TEST_CASE_FIXTURE(metrics_fixture,
                  "docs/telemetry.md names exactly the metrics that there are [T2]") {
  auto pool = uut.add_pool("p");
  pool->set_tools({"add"});
  auto text = uut.text(stats, *log);
  auto there = std::set<std::string>{};
  auto stream = std::istringstream{text};
  for (auto line = std::string{}; std::getline(stream, line);)
    if (line.starts_with("# TYPE "))
      there.insert(line.substr(7, line.find(' ', 7) - 7));
  auto documented = std::set<std::string>{};
  auto page = std::ifstream{SNAKEPIT_DOCS "/telemetry.md"};
  for (auto line = std::string{}; std::getline(page, line);)
    if (line.starts_with("| `snakepit_") || line.starts_with("| `process_"))
      documented.insert(line.substr(3, line.find('`', 3) - 3));
  CHECK(there == documented);
}
