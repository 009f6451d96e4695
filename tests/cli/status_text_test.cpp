#include "actors/cli/address.hpp"
#include "actors/cli/status_text.hpp"
#include "actors/cli/table.hpp"

#include <snakepit/json.hpp>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

cli::status_sample sample() {
  auto out = cli::status_sample{};
  out.at = std::chrono::system_clock::time_point{1000000s};
  auto& x = out.status;
  x.version = "1.2.3";
  x.instance = "here";
  x.run_id = "r1";
  x.pid = 42;
  x.uptime = 65s;
  auto& p = x.pools.emplace_back();
  p.name = "default";
  p.state = "ready";
  p.workers_target = 4;
  p.workers_ready = 3;
  p.workers_starting = 1;
  p.lanes = 3;
  p.busy = 2;
  p.queued = 1234;
  p.calls_succeeded = 1000000;
  p.calls_failed = 5;
  p.rejected = {{"pool_saturated", 2}, {"draining", 1}};
  p.total = {9, 850us, 12500us, 1200ms};
  return out;
}

std::shared_ptr<death_certificate> death() {
  auto out = std::make_shared<death_certificate>();
  out->id = "r1/default/2.7";
  out->pool = "default";
  out->slot = 2;
  out->generation = 7;
  out->cause = "SIGSEGV";
  out->running_tool = "boom";
  return out;
}

} // namespace

TEST_SUITE_BEGIN("status_text");

TEST_CASE("the status shows what a daemon is and how its pools are [E4]") {
  auto x = sample();
  CHECK(cli::status_text(x)
        == "snakepit 1.2.3, instance here, pid 42, up 1:05, run r1\n"
           "\n"
           "POOL     STATE  READY  BUSY  QUEUED  RUNNING       DONE  FAILED  REFUSED    P50   P99  "
           "CALLS/S\n"
           "default  ready    3/4   2/3   1,234        0  1,000,000       5        3  850us  1.2s  "
           "      -  1 starting");
  x.status.admin_address = "127.0.0.1:9568";
  x.status.instance_id = "7";
  x.deaths = {{x.at - 90s, death()}};
  auto text = cli::status_text(x);
  CHECK(text.find("instance here 7, pid") != std::string::npos);
  CHECK(text.find("\nadmin http://127.0.0.1:9568\n\n") != std::string::npos);
  CHECK(text.ends_with("\n\nLAST ENDS\n1:30 ago   default/2.7  SIGSEGV  while it ran `boom`"));
}

TEST_CASE("each worker is shown if that is wanted [E4]") {
  auto x = sample();
  x.status.pools[0].workers = {{0, 3, 1, 4711, "ready", 2}, {1, 1, 2, 0, "starting", 0}};
  auto& first = x.status.pools[0].workers[0];
  first.calls = 1234;
  first.age = 65s;
  first.memory_bytes = uint64_t{34} << 20;
  first.memory_growth = -1536;
  first.tainted = "segfault";
  x.status.pools[0].revision = 2; // the first one is to be replaced
  CHECK(cli::status_text(x).find("WORKER") == std::string::npos);
  CHECK(cli::status_text(x, nullptr, true)
          .ends_with("\n\nWORKER       STATE      PID  RUNNING  CALLS   AGE    MEMORY  PER 1000\n"
                     "default/0.3  ready     4711        2  1,234  1:05  34.0 MiB  -1.5 KiB  "
                     "revision 1, tainted by segfault\n"
                     "default/1.1  starting     -        0      0     -         -         -"));
  auto json = parse_json(cli::status_json(x));
  REQUIRE(json);
  auto& worker = json->at("pools").at(0).at("workers").at(0);
  CHECK(worker.at("revision") == value{1});
  CHECK(worker.at("pid") == value{4711});
  CHECK(worker.at("calls") == value{1234});
  CHECK(worker.at("age_ms") == value{65000});
  CHECK(worker.at("memory_growth") == value{-1536});
  CHECK(worker.at("tainted") == value{"segfault"});
}

TEST_CASE("several pools have a total [P6]") {
  auto x = sample();
  CHECK(cli::status_text(x).find("total") == std::string::npos);
  auto second = x.status.pools[0];
  second.name = "second";
  second.errors = {{"queue_timeout", 4}};
  second.timeouts = 4;
  x.status.pools.push_back(second);
  auto text = cli::status_text(x);
  CHECK(
    text.find("\n(total)           6/8   4/6   2,468        0  2,000,000      10        6      -  "
              "   -        -")
    != std::string::npos);
  auto json = parse_json(cli::status_json(x));
  REQUIRE(json);
  auto& total = json->at("total");
  CHECK(total.at("calls_succeeded") == value{2000000});
  CHECK(total.at("timeouts") == value{4});
  CHECK(total.at("errors").at("queue_timeout") == value{4});
  CHECK(total.at("rejected").at("draining") == value{2});
  CHECK(total.get_if<value::map>()->count("workers") == 0);
}

TEST_CASE("circuits are shown that are not closed [F2]") {
  auto x = sample();
  auto& circuits = x.status.pools[0].circuits;
  circuits = {{"", "closed", 0, 0s}, {"fine", "closed", 0, 0s}};
  CHECK(cli::status_text(x).find("CIRCUIT") == std::string::npos);
  circuits.push_back({"boom", "open", 5, 28500ms});
  circuits[0].state = "half_open";
  CHECK(cli::status_text(x).ends_with("\n\nCIRCUIT       STATE      FAILURES  TRIAL IN\n"
                                      "default       half_open         0         -\n"
                                      "default/boom  open              5      0:29"));
  auto json = parse_json(cli::status_json(x));
  REQUIRE(json);
  auto& boom = json->at("pools").at(0).at("circuits").at(2);
  CHECK(boom.at("state") == value{"open"});
  CHECK(boom.at("left_us") == value{28500000});
}

TEST_CASE("a pool that crashes often says so [F5]") {
  auto x = sample();
  x.status.pools[0].state = "degraded";
  x.status.pools[0].degraded_by = "crashes";
  CHECK(cli::status_text(x).ends_with("1 starting, crashes often"));
  auto json = parse_json(cli::status_json(x));
  REQUIRE(json);
  CHECK(json->at("pools").at(0).at("degraded_by") == value{"crashes"});
}

TEST_CASE("rates come from two samples of one daemon [E4]") {
  auto before = sample();
  auto now = sample();
  now.at += 2s;
  now.status.pools[0].calls_succeeded += 2999;
  now.status.pools[0].calls_failed += 1;
  auto rate = [&] {
    auto text = cli::status_text(now, &before);
    auto end = text.rfind("  1 starting");
    return text.substr(text.rfind(' ', end - 1) + 1, end - text.rfind(' ', end - 1) - 1);
  };
  CHECK(rate() == "1,500");
  now.at = before.at;
  CHECK(rate() == "-");
  now.at += 2s;
  now.status.run_id = "another";
  CHECK(rate() == "-");
}

TEST_CASE("the status as JSON has everything [E4]") {
  auto x = sample();
  x.deaths = {{x.at, death()}};
  auto json = parse_json(cli::status_json(x));
  REQUIRE(json);
  CHECK(json->at("pid") == value{42});
  CHECK(json->at("uptime_ms") == value{65000});
  auto& pool = json->at("pools").at(0);
  CHECK(pool.at("calls_succeeded") == value{1000000});
  CHECK(pool.at("rejected").at("draining") == value{1});
  CHECK(pool.at("total").at("p99_us") == value{1200000});
  CHECK(pool.at("total").at("calls") == value{9});
  CHECK(pool.at("queue_wait").at("calls") == value{0});
  CHECK(json->at("deaths").at(0).at("cause") == value{"SIGSEGV"});
  CHECK(json->at("deaths").at(0).at("at") == value{"1970-01-12T13:46:40Z"});
}

TEST_CASE("a certificate as JSON has its time [W9]") {
  auto json = parse_json(cli::death_json({std::chrono::system_clock::time_point{1s}, death()}));
  REQUIRE(json);
  CHECK(json->at("at") == value{"1970-01-01T00:00:01Z"});
  CHECK(json->at("certificate").at("id") == value{"r1/default/2.7"});
}

TEST_CASE("a table's columns are as wide as they must be [E4]") {
  auto x = cli::table{{"A", "N"}};
  CHECK(x.text({1}) == "A  N");
  x.add({"long", "7"});
  x.add({"b", "100"});
  x.add({"only"});
  CHECK(x.text({1}) == "A       N\nlong    7\nb     100\nonly");
}

TEST_CASE("an address is unix: and a path [E4]") {
  CHECK(cli::socket_path("unix:/run/x.sock") == "/run/x.sock");
  CHECK(cli::socket_path("unix:///run/x.sock") == "/run/x.sock");
  CHECK(cli::socket_path("unix:x.sock") == "x.sock");
  for (auto* bad : {"", "unix:", "/run/x.sock", "localhost:80", "http://x"}) {
    auto x = cli::socket_path(bad);
    REQUIRE_FALSE(x);
    CHECK(x.error().reason == reason::invalid_argument);
    CHECK(x.error().message.find(bad) != std::string::npos);
  }
}

TEST_SUITE_END();
