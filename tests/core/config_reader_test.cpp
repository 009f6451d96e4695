#include "actors/core/config_keys.hpp"
#include "actors/core/config_reader.hpp"
#include "tests/support/config_tree.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace snakepit;
using namespace snakepit::core;
using namespace std::chrono_literals;

namespace {

const auto t = test::tree{};

std::string fault_of(const config_node& root) {
  auto reading = read_config(root, "pit.yaml");
  REQUIRE(!reading);
  CHECK(reading.error().reason == reason::invalid_config);
  return reading.error().message;
}

config_node pool(std::vector<std::pair<std::string, config_node>> entries) {
  entries.emplace_back("adapter", t.plain("mod:Class"));
  return t.map({{"pools", t.list({t.map(std::move(entries))})}});
}

} // namespace

TEST_SUITE_BEGIN("config_reader");

TEST_CASE("nothing is a configuration of defaults without pools [E3]") {
  for (auto& root : {t.null(), t.map({}), t.map({{"log", t.null()}, {"pools", t.null()}})}) {
    auto reading = read_config(root, "pit.yaml");
    REQUIRE(reading);
    CHECK(reading->config.pools.empty());
    CHECK(reading->config.log.level == "warning");
  }
}

TEST_CASE("a pool's key goes over the defaults, these over the built-in ones [E3]") {
  auto root = t.map({
    // Before the defaults, which makes no difference.
    {"pools", t.list({t.map({{"name", t.plain("a")}, {"workers", t.plain("2")}}),
                      t.map({{"name", t.plain("b")}, {"workers", t.null()}}),
                      t.map({{"name", t.plain("c")}})})},
    {"defaults", t.map({{"workers", t.plain("7")},
                        {"adapter", t.plain("mod")},
                        {"queue", t.map({{"max_calls", t.plain("5")}})}})},
  });
  auto reading = read_config(root, "pit.yaml");
  REQUIRE(reading);
  auto& pools = reading->config.pools;
  CHECK(pools[0].workers == 2u);
  CHECK(!pools[1].workers);
  CHECK(pools[2].workers == 7u);
  CHECK(pools[2].queue.max_calls == 5);
  CHECK(pools[2].adapter == "mod");
  CHECK(pools[2].queue.max_bytes == pool_config{}.queue.max_bytes);
  CHECK(reading->config.defaults.workers == 7u);
}

TEST_CASE("heartbeats take truth values and shares, and say what they want [E3, W6]") {
  auto heartbeat = [](const char* key, config_node x) {
    return pool({{"heartbeat", t.map({{key, std::move(x)}})}});
  };
  auto read = [](const config_node& root) {
    auto reading = read_config(root, "pit.yaml");
    REQUIRE(reading);
    return reading->config.pools[0].heartbeat;
  };
  CHECK(!read(heartbeat("dependent", t.plain("false"))).dependent);
  CHECK(read(heartbeat("dependent", t.plain("true"))).dependent);
  CHECK(read(heartbeat("jitter", t.plain("0.25"))).jitter == 0.25);
  CHECK(read(heartbeat("jitter", t.plain("1"))).jitter == 1);
  CHECK(read(heartbeat("interval", t.plain("infinite"))).interval == infinite);
  for (auto bad : {"yes", "1", "no"})
    CHECK(fault_of(heartbeat("dependent", t.plain(bad))).find("wanted `true` or `false`")
          != std::string::npos);
  for (auto bad : {"10%", "-0.1", "1.5", "nan", "inf", "1e-1", "", "0x1", "."})
    CHECK(fault_of(heartbeat("jitter", t.plain(bad))).find("wanted a number from 0 to 1")
          != std::string::npos);
  CHECK(fault_of(heartbeat("jitter", t.map({}))).find("wanted a number from 0 to 1")
        != std::string::npos);
}

TEST_CASE("an unknown key is named with the nearest one, where it belongs, or with all [E3]") {
  CHECK(fault_of(t.map({{"pols", t.null()}}))
        == "pit.yaml:1:1: unknown key `pols`; did you mean `pools`?");
  CHECK(fault_of(t.map({{"max_calls", t.null()}}))
        == "pit.yaml:1:1: unknown key `max_calls`; there is `pools[].queue.max_calls`");
  CHECK(
    fault_of(t.map({{"instance", t.map({{"gateway", t.null()}})}}))
    == "pit.yaml:1:1: unknown key `gateway`; known here: `name`, `id`, `state_dir` and `run_dir`");
  CHECK(fault_of(pool({{"queue", t.map({{"max_call", t.null()}})}}))
        == "pit.yaml:1:1: unknown key `max_call`; did you mean `max_calls`?");
  CHECK(fault_of(t.map({{"timeouts.call", t.plain("5s")}})).find("unknown key")
        != std::string::npos);
}

TEST_CASE("a wrong type is refused with what was wanted and what came [E3]") {
  auto in_pool = [](std::string key, config_node x) {
    return fault_of(pool({{key, std::move(x)}}));
  };
  CHECK(in_pool("workers", t.plain("many"))
        == "pit.yaml:1:1: `workers`: wanted a whole number, got `many`");
  CHECK(in_pool("workers", t.quoted("4"))
        == "pit.yaml:1:1: `workers`: wanted a whole number, got the text `4`");
  CHECK(in_pool("workers", t.list({}))
        == "pit.yaml:1:1: `workers`: wanted a whole number, got a list");
  for (auto& x : {t.plain("yes"), t.quoted("true"), t.null(), t.list({})})
    CHECK(in_pool("queue", t.map({{"predict", x}}))
            .find("`queue.predict`: wanted `true` or `false`, got")
          != std::string::npos);
  CHECK(in_pool("min_ready", t.null())
        == "pit.yaml:1:1: `min_ready`: wanted a whole number, got nothing");
  CHECK(in_pool("adapter2", t.null()).find("did you mean `adapter`?") != std::string::npos);
  CHECK(in_pool("queue", t.plain("5")) == "pit.yaml:1:1: wanted a map of keys, got the number `5`");
  CHECK(in_pool("name", t.plain("true")).find("got the truth value `true`") != std::string::npos);
  CHECK(in_pool("restart", t.map({{"backoff", t.plain("1s")}}))
        == "pit.yaml:1:1: `restart.backoff`: wanted a list of durations, got the text `1s`");
  CHECK(in_pool("restart", t.map({{"backoff", t.list({t.plain("1")})}})).find("has no unit")
        != std::string::npos);
  CHECK(fault_of(t.map({{"pools", t.map({})}}))
        == "pit.yaml:1:1: wanted a list of pools, got a map");
  CHECK(fault_of(t.plain("x")) == "pit.yaml:1:1: wanted a map of keys, got the text `x`");
  CHECK(fault_of(t.map({{"log", t.map({{"level", t.plain("warn")}})}}))
          .ends_with("`error` or `off`, got the text `warn`; did you mean `warning`?"));
}

TEST_CASE("values of environment variables stay out of messages [S4]") {
  auto secret = t.map({{"env", t.map({{"A", t.list({t.plain("hunter2")})}})}});
  CHECK(fault_of(t.map({{"python", secret}})).find("hunter2") == std::string::npos);
}

TEST_CASE("environment variables may be written as numbers and truth values [E3]") {
  auto env = t.map({{"N", t.plain("1")}, {"B", t.plain("true")}, {"Z", t.plain("007")}});
  auto reading = read_config(t.map({{"python", t.map({{"env", env}})}}), "pit.yaml");
  REQUIRE(reading);
  CHECK(reading->config.python.env
        == std::map<std::string, std::string>{{"N", "1"}, {"B", "true"}, {"Z", "007"}});
}

TEST_CASE("there are three profiles [E3, W5]") {
  for (auto word : {"process", "thread", "async"})
    CHECK(read_config(pool({{"profile", t.plain(word)}}), "pit.yaml")->config.pools[0].profile
          == word);
  CHECK(fault_of(pool({{"profile", t.plain("threads")}})).find("did you mean `thread`?")
        != std::string::npos);
}

TEST_CASE("threads_env is a word or a number [E3, W5]") {
  for (auto text : {"auto", "off", "1", "16"})
    CHECK(
      read_config(pool({{"threads_env", t.plain(text)}}), "pit.yaml")->config.pools[0].threads_env
      == text);
  for (auto text : {"on", "-1", "1.5", "0", ""})
    CHECK(fault_of(pool({{"threads_env", t.plain(text)}})).find("threads_env")
          != std::string::npos);
}

TEST_CASE("more lanes than one without threads are refused with the reason [E3, W5]") {
  auto fault = fault_of(pool({{"lanes", t.plain("2")}}));
  CHECK(fault.find("needs `profile: thread`") != std::string::npos);
  CHECK(fault.starts_with("pit.yaml:"));
  CHECK(read_config(pool({{"lanes", t.plain("1")}}), "pit.yaml"));
  CHECK(read_config(pool({{"lanes", t.plain("2")}, {"profile", t.plain("thread")}}), "pit.yaml"));
}

TEST_CASE("a pool forks its workers from a template unless told to exec them [E3, W3]") {
  auto by_default = read_config(pool({}), "pit.yaml");
  REQUIRE(by_default);
  CHECK(by_default->config.pools[0].spawn == "template");
  CHECK(by_default->config.pools[0].preload.empty());
  auto told = read_config(
    pool({{"spawn", t.plain("exec")}, {"preload", t.list({t.plain("a.b"), t.plain("adapter")})}}),
    "pit.yaml");
  REQUIRE(told);
  CHECK(told->config.pools[0].spawn == "exec");
  CHECK(told->config.pools[0].preload == std::vector<std::string>{"a.b", "adapter"});
  CHECK(fault_of(pool({{"spawn", t.plain("forks")}})).find("wanted `template` or `exec`")
        != std::string::npos);
  CHECK(fault_of(pool({{"preload", t.list({t.plain("./x.py")})}}))
          .find("`./x.py` is not the name of a module")
        != std::string::npos);
}

TEST_CASE("a pool's name is its own [E3]") {
  CHECK(fault_of(t.map({{"defaults", t.map({{"name", t.plain("x")}})}}))
        == "pit.yaml:1:1: `name` is each pool's own, not for `defaults`");
}

TEST_CASE("what is impossible is reported where it was written [E3]") {
  auto root = pool({{"min_ready", t.plain("5")}, {"workers", t.plain("4")}});
  root.find("pools")->value.items[0].find("min_ready")->value.place = {t.source, 7, 16};
  CHECK(fault_of(root)
        == "pit.yaml:7:16: pool `default`: `min_ready` (5) is more than `workers` (4)");
  auto missing = t.map({{"pools", t.list({t.map({})})}});
  missing.find("pools")->value.items[0].place = {t.source, 3, 5};
  CHECK(fault_of(missing).starts_with("pit.yaml:3:5: pool `default`: `adapter` is missing"));
}

TEST_CASE("every key of the table is read, into a place of its own [E3]") {
  auto x = config{};
  auto pool = pool_config{};
  auto names = std::set<std::string_view>{};
  auto meanings = std::set<std::string_view>{};
  auto check = [&](const std::vector<config_key>& keys) {
    auto places = std::set<const void*>{};
    names.clear();
    for (auto& key : keys) {
      CAPTURE(key.name);
      CHECK(names.insert(key.name).second);
      CHECK(meanings.insert(key.meaning).second);
      CHECK(key.meaning.ends_with('.'));
      auto at = std::visit(
        [](auto& f) -> const void* {
          if constexpr (requires { f.at; })
            return f.at;
          return &f;
        },
        key.field);
      CHECK(places.insert(at).second);
    }
  };
  check(keys_of(x));
  check(keys_of(pool));
}

TEST_SUITE_END();
