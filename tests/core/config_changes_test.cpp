#include "actors/core/config_changes.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

config changes_config() {
  auto x = config{};
  x.pools.resize(2);
  x.pools[0].name = "a";
  x.pools[0].adapter = "m:A";
  x.pools[1].name = "b";
  x.pools[1].adapter = "m:B";
  return x;
}

} // namespace

TEST_SUITE_BEGIN("config_changes");

TEST_CASE("what new workers are started with is taken over [L5]") {
  auto wanted = changes_config();
  wanted.python.env = {{"X", "1"}};
  wanted.pools[0].adapter = "m:Other";
  wanted.pools[0].preload = {"adapter"};
  wanted.pools[1].heartbeat.misses = 7;
  wanted.pools[1].limits.memory = 1 << 30;
  wanted.pools[1].chaos.faults = {{"kill", "0.1"}};
  auto x = core::compare(changes_config(), wanted);
  CHECK(x.ignored.empty());
  CHECK(x.taken.python.env == wanted.python.env);
  CHECK(x.taken.pools[0].adapter == "m:Other");
  CHECK(x.taken.pools[0].preload == wanted.pools[0].preload);
  CHECK(x.taken.pools[1].heartbeat.misses == 7);
  CHECK(x.taken.pools[1].limits.memory == 1 << 30);
  CHECK(x.taken.pools[1].chaos.faults.size() == 1);
}

TEST_CASE("what needs a restart is named and left as it is [L5]") {
  auto wanted = changes_config();
  wanted.admin.listen = "127.0.0.1:1";
  wanted.pools[0].workers = 7;
  wanted.pools[0].limits.inline_bytes = 1;
  wanted.pools[0].queue.max_calls = 3;
  auto x = core::compare(changes_config(), wanted);
  CHECK(x.ignored
        == std::vector<std::string>{"admin.listen", "pools.a.workers", "pools.a.queue.max_calls",
                                    "pools.a.limits.inline"});
  CHECK(x.taken.admin.listen.empty());
  CHECK(!x.taken.pools[0].workers);
  CHECK(x.taken.pools[0].queue.max_calls == 1000);
}

TEST_CASE("pools come and go with a restart only; their order does not matter [L5]") {
  auto wanted = changes_config();
  std::swap(wanted.pools[0], wanted.pools[1]);
  CHECK(core::compare(changes_config(), wanted).ignored.empty());
  wanted.pools[1].name = "c";
  auto x = core::compare(changes_config(), wanted);
  CHECK(x.ignored == std::vector<std::string>{"pools.a", "pools.c"});
  CHECK(x.taken.pools.size() == 2);
  CHECK(x.taken.pools[0].name == "a");
}

TEST_SUITE_END();
