#include "actors/core/config_rules.hpp"
#include "actors/core/units.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <limits>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

config good_config() {
  auto result = config{};
  result.pools.resize(1);
  result.pools[0].adapter = "mod:Class";
  return result;
}

/// The path that `validate` blames after `spoil` has done its work.
std::string blamed(std::function<void(config&)> spoil) {
  auto x = good_config();
  spoil(x);
  auto checked = validate(x);
  REQUIRE(!checked);
  auto& error = checked.error();
  CHECK(error.reason == reason::invalid_config);
  CHECK(error.message.starts_with(error.details.at("path") + ": "));
  return error.details.at("path");
}

bool passes(std::function<void(config&)> change) {
  auto x = good_config();
  change(x);
  return validate(x).has_value();
}

} // namespace

TEST_SUITE_BEGIN("config_rules");

TEST_CASE("the built-in configuration is valid, with and without pools [E3]") {
  CHECK(validate(config{}));
  CHECK(validate(good_config()));
}

TEST_CASE("limits with which no worker could start are refused, 0 means none [S3]") {
  using pool = pool_config;
  auto with = [](std::function<void(pool&)> change) {
    return [=](config& x) { change(x.pools[0]); };
  };
  CHECK(blamed(with([](pool& x) { x.limits.memory = (uint64_t{128} << 20) - 1; }))
        == "pools[0].limits.memory");
  CHECK(blamed(with([](pool& x) { x.limits.files = 127; })) == "pools[0].limits.files");
  CHECK(blamed(with([](pool& x) { x.limits.nice = 20; })) == "pools[0].limits.nice");
  CHECK(passes(with([](pool& x) {
    x.limits.memory = uint64_t{128} << 20;
    x.limits.files = 128;
    x.limits.nice = 19;
    x.limits.cpu_seconds = 1;
  })));
  CHECK(passes(with([](pool& x) { x.limits.files = 0; })));
}

TEST_CASE("faults on purpose are checked with the configuration [F7]") {
  auto with = [](std::string fault, std::string often) {
    return [=](config& x) { x.pools[0].chaos.faults[fault] = often; };
  };
  CHECK(blamed(with("boom", "0.1")) == "pools[0].chaos.faults");
  CHECK(blamed(with("kill", "2")) == "pools[0].chaos.faults.kill");
  CHECK(passes(with("kill", "@3")));
}

TEST_CASE("names have up to 64 letters, digits and a few signs [E3]") {
  for (auto name : {"a", "A1", "0", "a_b.c-d"})
    CHECK(core::is_name(name));
  CHECK(core::is_name(std::string(64, 'a')));
  CHECK(!core::is_name(std::string(65, 'a')));
  for (auto name : {"", "-a", ".a", "_a", "a b", "a/b", "a:b", "\xc3\xa9", "a\n"})
    CHECK(!core::is_name(name));
  CHECK(blamed([](auto& x) { x.instance.name = "../x"; }) == "instance.name");
  CHECK(blamed([](auto& x) { x.pools[0].name = ""; }) == "pools[0].name");
  CHECK(passes([](auto& x) { x.instance.id = "blue-1"; }));
  for (auto id : {"../x", "a b", "a+b", "-"})
    CHECK(blamed([&](auto& x) { x.instance.id = id; }) == "instance.id");
}

TEST_CASE("adapters are modules, classes in modules, or files [E3]") {
  for (auto x : {"mod", "pkg.mod", "pkg.mod:Class", "mod:Outer.Inner", "./a.py",
                 "/x/a b/c.py:Class", "a.py", "m\xc3\xb6\x64", "_m1"})
    CHECK(core::is_adapter(x));
  for (auto x : {"", ":", ":Class", "mod:", "my mod", "pkg..mod", ".mod", "mod.", "1mod", "./a",
                 "./.py", ".py", "a-b", "mod:Class()", "mod:a:b", "http://x", "mod;x"})
    CHECK(!core::is_adapter(x));
  CHECK(blamed([](auto& x) { x.pools[0].adapter = ""; }) == "pools[0].adapter");
  CHECK(blamed([](auto& x) { x.pools[0].adapter = "a b"; }) == "pools[0].adapter");
}

TEST_CASE("two pools of one name are refused [P1] [E3]") {
  auto spoil = [](auto& x) { x.pools.push_back(x.pools[0]); };
  CHECK(blamed(spoil) == "pools[1].name");
}

TEST_CASE("more ready workers than workers are refused [E3]") {
  auto workers = [](size_t n) { return [n](auto& x) { x.pools[0].workers = n; }; };
  CHECK(passes(workers(1)));
  CHECK(blamed([](auto& x) { x.pools[0].workers = 4, x.pools[0].min_ready = 5; })
        == "pools[0].min_ready");
  CHECK(blamed([](auto& x) { x.pools[0].max_workers = 4, x.pools[0].min_ready = 5; })
        == "pools[0].min_ready");
  CHECK(passes([](auto& x) { x.pools[0].workers = 4, x.pools[0].min_ready = 4; }));
  // Reduced with a warning when the pool starts, not refused.
  CHECK(passes([](auto& x) { x.pools[0].workers = 151; }));
}

TEST_CASE("zero is refused where it makes no sense [E3]") {
  CHECK(blamed([](auto& x) { x.pools[0].workers = 0; }) == "pools[0].workers");
  CHECK(blamed([](auto& x) { x.pools[0].min_ready = 0; }) == "pools[0].min_ready");
  CHECK(blamed([](auto& x) { x.pools[0].max_workers = 0; }) == "pools[0].max_workers");
  CHECK(blamed([](auto& x) { x.pools[0].start.batch_size = 0; }) == "pools[0].start.batch_size");
  CHECK(blamed([](auto& x) { x.pools[0].start.timeout = 0s; }) == "pools[0].start.timeout");
  CHECK(blamed([](auto& x) { x.pools[0].queue.max_calls = 0; }) == "pools[0].queue.max_calls");
  CHECK(blamed([](auto& x) { x.pools[0].queue.max_bytes = 0; }) == "pools[0].queue.max_bytes");
  CHECK(blamed([](auto& x) { x.pools[0].limits.inline_bytes = 0; }) == "pools[0].limits.inline");
  CHECK(blamed([](auto& x) { x.timeouts.call = 0s; }) == "timeouts.call");
  CHECK(blamed([](auto& x) { x.defaults.workers = 0; }) == "defaults.workers");
  CHECK(passes([](auto& x) { x.timeouts.cancel_grace = x.timeouts.drain = 0s; }));
}

TEST_CASE("durations are bounded, and infinite only where waiting for ever is allowed [E3] [R7]") {
  CHECK(passes([](auto& x) { x.timeouts.call = x.timeouts.queue = infinite; }));
  CHECK(passes([](auto& x) { x.pools[0].queue.timeout = infinite; }));
  CHECK(blamed([](auto& x) { x.timeouts.drain = infinite; }) == "timeouts.drain");
  CHECK(blamed([](auto& x) { x.timeouts.cancel_grace = infinite; }) == "timeouts.cancel_grace");
  CHECK(blamed([](auto& x) { x.pools[0].start.timeout = infinite; }) == "pools[0].start.timeout");
  CHECK(blamed([](auto& x) {
          x.pools[0].restart.backoff = {1s, infinite};
        })
        == "pools[0].restart.backoff");
  CHECK(blamed([](auto& x) { x.timeouts.call = infinite - 1ns; }) == "timeouts.call");
  CHECK(blamed([](auto& x) { x.timeouts.drain = -1s; }) == "timeouts.drain");
  CHECK(blamed([](auto& x) { x.pools[0].restart.backoff.clear(); }) == "pools[0].restart.backoff");
}

TEST_CASE("heartbeats can be turned off, not made nonsense of [E3, W6, W7]") {
  CHECK(passes([](auto& x) { x.pools[0].heartbeat.interval = infinite; }));
  CHECK(passes([](auto& x) { x.pools[0].health_interval = infinite; }));
  CHECK(passes([](auto& x) { x.pools[0].heartbeat.gil_limit = x.pools[0].heartbeat.timeout; }));
  CHECK(passes([](auto& x) { x.pools[0].heartbeat.jitter = 0; }));
  CHECK(blamed([](auto& x) { x.pools[0].heartbeat.interval = 0s; })
        == "pools[0].heartbeat.interval");
  CHECK(blamed([](auto& x) { x.pools[0].heartbeat.interval = 1us; })
        == "pools[0].heartbeat.interval");
  CHECK(blamed([](auto& x) { x.pools[0].health_interval = 9ms; }) == "pools[0].health_interval");
  CHECK(blamed([](auto& x) { x.pools[0].heartbeat.timeout = infinite; })
        == "pools[0].heartbeat.timeout");
  CHECK(blamed([](auto& x) { x.pools[0].heartbeat.misses = 0; }) == "pools[0].heartbeat.misses");
  CHECK(blamed([](auto& x) { x.pools[0].heartbeat.gil_limit = 1s; })
        == "pools[0].heartbeat.gil_limit");
  for (auto bad : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()})
    CHECK(blamed([bad](auto& x) { x.pools[0].heartbeat.jitter = bad; })
          == "pools[0].heartbeat.jitter");
}

TEST_CASE("a payload that could never wait in the queue is refused [E3]") {
  CHECK(blamed([](auto& x) { x.pools[0].limits.inline_bytes = x.pools[0].queue.max_bytes + 1; })
        == "pools[0].limits.inline");
  CHECK(passes([](auto& x) { x.pools[0].limits.inline_bytes = x.pools[0].queue.max_bytes; }));
}

TEST_CASE("words are checked in configurations that a program made, too [E3]") {
  CHECK(blamed([](auto& x) { x.log.level = "warn"; }) == "log.level");
  CHECK(blamed([](auto& x) { x.log.categories["pool"] = "loud"; }) == "log.categories");
  CHECK(blamed([](auto& x) { x.log.categories["a b"] = "info"; }) == "log.categories");
  CHECK(blamed([](auto& x) { x.timeouts.profile = "fast"; }) == "timeouts.profile");
}

TEST_CASE("lanes need threads or a loop, and are bounded [E3, W5]") {
  auto lanes_with = [](const char* profile, size_t lanes) {
    return [=](auto& x) {
      x.pools[0].profile = profile;
      x.pools[0].lanes = lanes;
    };
  };
  auto threads = [&](size_t lanes) { return lanes_with("thread", lanes); };
  CHECK(passes(threads(1)));
  CHECK(passes(threads(256)));
  CHECK(blamed(threads(257)) == "pools[0].lanes");
  CHECK(blamed(threads(0)) == "pools[0].lanes");
  CHECK(blamed([](auto& x) { x.pools[0].lanes = 2; }) == "pools[0].lanes");
  CHECK(passes(lanes_with("async", 1)));
  CHECK(passes(lanes_with("async", 4096)));
  CHECK(blamed(lanes_with("async", 4097)) == "pools[0].lanes");
  CHECK(blamed([](auto& x) { x.pools[0].profile = "loop"; }) == "pools[0].profile");
  CHECK(blamed([](auto& x) { x.pools[0].threads_env = "none"; }) == "pools[0].threads_env");
  CHECK(blamed([](auto& x) { x.pools[0].threads_env = "0"; }) == "pools[0].threads_env");
}

TEST_CASE("a pool has as many lanes as it says, or as its profile has [W5]") {
  auto x = pool_config{};
  CHECK(lanes_of(x) == 1);
  x.profile = "thread";
  CHECK(lanes_of(x) == 4);
  x.profile = "async";
  CHECK(lanes_of(x) == 100);
  x.lanes = 9;
  CHECK(lanes_of(x) == 9);
}

TEST_CASE("what could not be passed to a process is refused [E3]") {
  auto nul = std::string{"a\0b", 3};
  CHECK(blamed([&](auto& x) { x.python.executable = nul; }) == "python.executable");
  CHECK(blamed([&](auto& x) { x.python.path = {nul}; }) == "python.path");
  CHECK(blamed([&](auto& x) { x.python.env["A"] = nul; }) == "python.env");
  CHECK(blamed([&](auto& x) { x.python.env[nul] = "1"; }) == "python.env");
  CHECK(blamed([&](auto& x) { x.python.env["A=B"] = "1"; }) == "python.env");
  CHECK(blamed([&](auto& x) { x.python.env[""] = "1"; }) == "python.env");
  for (auto name : {"SNAKEPIT_RUN_ID", "SNAKEPIT_INSTANCE", "SNAKEPIT_HOST"})
    CHECK(blamed([&](auto& x) { x.python.env[name] = "1"; }) == "python.env");
  CHECK(blamed([&](auto& x) { x.python.executable = ""; }) == "python.executable");
  CHECK(passes([&](auto& x) { x.python.executable = "", x.python.venv = "/v"; }));
}

TEST_CASE("timeout profiles are as promised [Q2]") {
  auto check = [](const char* name, duration call, duration stream, duration queue) {
    CAPTURE(name);
    auto x = find_timeout_profile(name);
    REQUIRE(x);
    CHECK(x->call == call);
    CHECK(x->stream == stream);
    CHECK(x->queue == queue);
    CHECK(passes([&](auto& c) { c.timeouts.profile = name; }));
  };
  check("balanced", 300s, 900s, 10s);
  check("production", 300s, 900s, 10s);
  check("production_strict", 60s, 300s, 5s);
  check("development", 900s, 3600s, 60s);
  check("ml_inference", 900s, 3600s, 60s);
  check("batch", 3600s, infinite, 300s);
  CHECK(!find_timeout_profile("fast"));
  CHECK(!find_timeout_profile(""));
}

TEST_SUITE_END();
