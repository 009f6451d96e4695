#include "runtime_fixture.hpp"

#include <algorithm>
#include <future>
#include <mutex>
#include <set>

using namespace snakepit;
using namespace std::chrono_literals;

/// Pools that fork their workers, with real Python workers and the public headers only.

namespace {

struct template_fixture : folder_fixture {
  std::mutex mutex;
  std::vector<std::string> log;

  runtime start(size_t workers, std::vector<std::string> preload,
                const std::string& spawn = "template") {
    auto x = config{};
    x.instance.run_dir = run_dir.string();
    x.instance.state_dir = state_dir.string();
    x.log.sink = [this](std::string_view line) {
      auto guard = std::lock_guard{mutex};
      log.emplace_back(line);
    };
    auto pool = pool_config{};
    pool.adapter = SNAKEPIT_SOURCE_ROOT "/tests/public/forked.py";
    pool.workers = workers;
    pool.spawn = spawn;
    pool.preload = std::move(preload);
    x.pools = {pool};
    auto made = runtime::start(std::move(x));
    REQUIRE_MESSAGE(made, to_string(made.error()));
    return std::move(*made);
  }

  size_t lines_with(const std::string& text) {
    auto guard = std::lock_guard{mutex};
    return static_cast<size_t>(std::count_if(
      log.begin(), log.end(), [&](auto& x) { return x.find(text) != std::string::npos; }));
  }
};

value must(const result<value>& x) {
  REQUIRE_MESSAGE(x, to_string(x.error()));
  return *x;
}

} // namespace

TEST_SUITE_BEGIN("template");

TEST_CASE_FIXTURE(template_fixture,
                  "workers forked with the adapter preloaded draw different numbers [W3]") {
  constexpr size_t workers = 3;
  auto uut = start(workers, {"adapter"});
  REQUIRE(uut.await_started({}, 60s));
  auto seen = std::set<int64_t>{};
  auto drawn = std::set<std::string>{};
  size_t numbers = 0;
  for (int round = 0; round < 20 && seen.size() < workers; ++round) {
    auto waiting = std::vector<std::future<result<value>>>{};
    for (size_t i = 0; i < workers; ++i)
      waiting.push_back(uut.execute_async("draw", value::map{}).future);
    for (auto& x : waiting) {
      auto answer = must(x.get());
      seen.insert(answer.at("pid").as<int64_t>());
      for (auto& number : answer.at("numbers").as<value::list>()) {
        drawn.insert(number.as<std::string>());
        ++numbers;
      }
    }
  }
  CHECK(seen.size() == workers);
  CHECK(drawn.size() == numbers);
  CHECK(must(uut.execute("hooks_so_far", value::map{}))
        == value{value::list{"after_fork", "initialize"}});
  CHECK(must(uut.execute("parent", value::map{})) != value{static_cast<int64_t>(::getpid())});
  CHECK(lines_with("by exec") == 0);
}

TEST_CASE_FIXTURE(template_fixture,
                  "a forked worker that crashes is replaced by another one [W3]") {
  auto uut = start(1, {});
  auto parent = must(uut.execute("parent", value::map{}));
  auto end = uut.execute("crash", value::map{});
  REQUIRE_FALSE(end);
  CHECK(end.error().reason == reason::worker_crashed);
  REQUIRE(end.error().certificate);
  CHECK(end.error().certificate->cause == "SIGSEGV");
  CHECK(tool_stack(end.error().certificate->stacks).find("in crash") != std::string::npos);
  CHECK(must(uut.execute("parent", value::map{})) == parent);
}

TEST_CASE_FIXTURE(template_fixture,
                  "a template that dies is the cause, and workers come back by exec [W3]") {
  auto uut = start(1, {});
  auto parent = must(uut.execute("parent", value::map{}));
  auto end = uut.execute("kill_parent", value::map{});
  REQUIRE_FALSE(end);
  CHECK(end.error().reason == reason::worker_crashed);
  REQUIRE(end.error().certificate);
  CHECK(end.error().certificate->cause == "template_died");
  CHECK(must(uut.execute("parent", value::map{})) == value{static_cast<int64_t>(::getpid())});
  CHECK(must(uut.execute("hooks_so_far", value::map{})) == value{value::list{"initialize"}});
  CHECK(lines_with("by exec") == 1);
}

TEST_CASE_FIXTURE(template_fixture, "a pool with `spawn: exec` has no template [W3]") {
  auto uut = start(1, {}, "exec");
  CHECK(must(uut.execute("parent", value::map{})) == value{static_cast<int64_t>(::getpid())});
  CHECK(lines_with("by exec") == 0);
}

TEST_SUITE_END();
