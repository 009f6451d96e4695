#include "actors/core/config_environment.hpp"
#include "actors/core/config_reader.hpp"
#include "tests/support/config_tree.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace snakepit::core;
using namespace std::chrono_literals;

namespace {

const auto file = test::tree{};

test::tree variable(const std::string& name) {
  return {std::make_shared<const std::string>("environment " + name), 0};
}

config_node two_pools() {
  return file.map(
    {{"timeouts", file.map({{"call", file.plain("1s")}, {"drain", file.plain("2s")}})},
     {"pools", file.list({
                 file.map({{"name", file.plain("a")}, {"adapter", file.plain("mod")}}),
                 file.map({{"name", file.plain("a__b")}, {"adapter", file.plain("mod")}}),
                 file.map({{"adapter", file.plain("mod")}}),
               })}});
}

/// Applies one variable over `two_pools` and reads the outcome.
result<config> with(const std::string& name, config_node value) {
  auto root = two_pools();
  if (auto applied = apply_variable(root, name, std::move(value)); !applied)
    return tl::unexpected{applied.error()};
  return read_config(root, "pit.yaml").map([](auto&& x) { return x.config; });
}

result<config> with(const std::string& name, const std::string& text) {
  return with(name, variable(name).plain(text));
}

std::string fault_with(const std::string& name, const std::string& text = "1") {
  auto x = with(name, text);
  REQUIRE(!x);
  return x.error().message;
}

} // namespace

TEST_SUITE_BEGIN("config_environment");

TEST_CASE("a variable goes over the file and leaves its neighbours alone [E3]") {
  auto x = with("SNAKEPIT__TIMEOUTS__CALL", "5s");
  REQUIRE(x);
  CHECK(x->timeouts.call == 5s);
  CHECK(x->timeouts.drain == 2s);
  CHECK(with("SNAKEPIT__timeouts__Call", "6s").value().timeouts.call == 6s);
  CHECK(with("SNAKEPIT__LOG__LEVEL", "debug").value().log.level == "debug");
  CHECK(with("SNAKEPIT__DEFAULTS__QUEUE__MAX_CALLS", "3").value().pools[1].queue.max_calls == 3);
}

TEST_CASE("pools go by their names, whatever these hold [E3]") {
  CHECK(with("SNAKEPIT__POOLS__a__WORKERS", "3").value().pools[0].workers == 3u);
  CHECK(with("SNAKEPIT__POOLS__a__b__WORKERS", "3").value().pools[1].workers == 3u);
  CHECK(with("SNAKEPIT__POOLS__default__WORKERS", "3").value().pools[2].workers == 3u);
  CHECK(with("SNAKEPIT__POOLS__default__QUEUE__TIMEOUT", "3s").value().pools[2].queue.timeout
        == 3s);
  CHECK(fault_with("SNAKEPIT__POOLS__defalt__WORKERS")
        == "environment SNAKEPIT__POOLS__defalt__WORKERS: no pool is called `defalt`; did you mean "
           "`default`?");
  CHECK(
    fault_with("SNAKEPIT__POOLS__zoo__WORKERS")
    == "environment SNAKEPIT__POOLS__zoo__WORKERS: no pool is called `zoo`; there is `a`, `a__b` "
       "and `default`");
}

TEST_CASE("a variable for a pool of a configuration without pools is an error [E3]") {
  auto root = file.null();
  auto name = std::string{"SNAKEPIT__POOLS__a__WORKERS"};
  auto applied = apply_variable(root, name, variable(name).plain("1"));
  REQUIRE(!applied);
  CHECK(applied.error().reason == reason::invalid_config);
  CHECK(applied.error().message.starts_with("environment " + name + ": no pool is called `a`; "));
}

TEST_CASE("names of variables and categories keep their letters [E3]") {
  CHECK(with("SNAKEPIT__PYTHON__ENV__OMP_Threads", "1").value().python.env.at("OMP_Threads")
        == "1");
  CHECK(with("SNAKEPIT__PYTHON__ENV__MY__VAR", "1").value().python.env.at("MY__VAR") == "1");
  CHECK(with("SNAKEPIT__LOG__CATEGORIES__Pool", "debug").value().log.categories.at("Pool")
        == "debug");
}

TEST_CASE("an unknown or wrong variable is an error that names it [E3]") {
  CHECK(fault_with("SNAKEPIT__TIMEOUT__CALL")
        == "environment SNAKEPIT__TIMEOUT__CALL: unknown key `timeout`; did you mean `timeouts`?");
  CHECK(fault_with("SNAKEPIT__POOLS__a__WORKER")
        == "environment SNAKEPIT__POOLS__a__WORKER: unknown key `worker`; did you mean `workers`?");
  CHECK(fault_with("SNAKEPIT__TIMEOUTS__CALL", "soon")
          .starts_with("environment SNAKEPIT__TIMEOUTS__CALL: `timeouts.call`: wanted a duration"));
  CHECK(
    fault_with("SNAKEPIT__TIMEOUTS__CALL__X")
      .starts_with("environment SNAKEPIT__TIMEOUTS__CALL__X: `timeouts.call`: wanted a duration"));
  CHECK(fault_with("SNAKEPIT__POOLS__a__MIN_READY", "999")
          .starts_with("environment SNAKEPIT__POOLS__a__MIN_READY: pool `a`: `min_ready` (999)"));
  CHECK(fault_with("SNAKEPIT__") == "environment SNAKEPIT__: names no key");
  CHECK(fault_with("SNAKEPIT__TIMEOUTS____CALL").find("unknown key ``") != std::string::npos);
  CHECK(fault_with("SNAKEPIT__TIMEOUTS", "5s").find("wanted a map") != std::string::npos);
  CHECK(fault_with("SNAKEPIT__POOLS", "5s").find("wanted a list of pools") != std::string::npos);
}

TEST_CASE("maps are merged with the file's, everything else replaces it [E3]") {
  auto name = std::string{"SNAKEPIT__TIMEOUTS"};
  auto v = variable(name);
  auto merged = with(name, v.map({{"call", v.plain("9s")}}));
  REQUIRE(merged);
  CHECK(merged->timeouts.call == 9s);
  CHECK(merged->timeouts.drain == 2s);
  auto pools = std::string{"SNAKEPIT__POOLS"};
  auto p = variable(pools);
  auto replaced = with(pools, p.list({p.map({{"adapter", p.plain("other")}})}));
  REQUIRE(replaced);
  CHECK(replaced->pools.size() == 1);
  CHECK(replaced->pools[0].adapter == "other");
}

TEST_SUITE_END();
