#include "runtime_fixture.hpp"
#include "tests/support/event_ledger.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/pool_load.hpp"

#include <cstdlib>
#include <set>

using namespace snakepit;
using namespace std::chrono_literals;

/// Workers that are replaced by rule, with real Python, under load.

namespace {

constexpr auto mebibyte = uint64_t{1} << 20;
/// How long a test waits for what must happen.
constexpr auto recycle_patience = 60s;

struct recycling_fixture : runtime_fixture {
  test::event_ledger ledger;
  pool_config cfg = pool("default", 2, SNAKEPIT_SOURCE_ROOT "/tests/public/recycle.py");

  recycling_fixture() {
    cfg.spawn = "template"; // the fast way
    cfg.preload = {"adapter"};
    cfg.restart.backoff = {0ms};
  }

  runtime start_all() {
    auto x = configuration({cfg});
    x.events.sink = [this](const event& e) { ledger.take(e); };
    auto made = runtime::start(std::move(x));
    REQUIRE_MESSAGE(made, to_string(made.error()));
    REQUIRE(made->await_started({}, recycle_patience));
    return std::move(*made);
  }

  bool recycled(size_t times, std::chrono::seconds limit = recycle_patience) {
    return test::eventually(limit,
                            [&] { return ledger.count(event_kind::worker_recycled) >= times; });
  }

  /// Why workers were replaced.
  std::set<std::string> reasons() {
    auto out = std::set<std::string>{};
    for (auto& e : ledger.of(event_kind::worker_recycled))
      out.emplace(e.text("reason"));
    return out;
  }

  bool all_ready(runtime& x) {
    return test::eventually(recycle_patience, [&] {
      auto now = x.stats().at(0);
      return now.workers_ready == *cfg.workers && now.workers.size() == *cfg.workers;
    });
  }
};

/// How many replacements a test waits for: as the environment says.
size_t wanted(const char* name, size_t otherwise) {
  auto* text = std::getenv(name);
  return text ? std::strtoul(text, nullptr, 10) : otherwise;
}

/// Of the longest test.
size_t many() {
  return wanted("SNAKEPIT_RECYCLES", 50);
}

std::string first_of(const std::vector<std::string>& x) {
  return x.empty() ? "" : x.front();
}

} // namespace

TEST_SUITE_BEGIN("recycling of real workers");

TEST_CASE_FIXTURE(recycling_fixture,
                  "50 replacements under load cost no call and no capacity [RL-5, L1, L2]") {
  cfg.recycle.ttl = 300ms;
  cfg.workers = 3;
  auto uut = start_all();
  auto load = pool_load{uut, 4, "work", value{{"seconds", 0.002}}};
  CHECK(recycled(many(), std::chrono::seconds{60 + many()}));
  load.end();
  CHECK_MESSAGE(load.failures.empty(), first_of(load.failures));
  CHECK(load.calls > 100);
  CHECK(load.lowest() == 3);
  CHECK(load.pids.size() + 10 > many());
  MESSAGE(load.calls << " calls, " << load.pids.size() << " workers");
  CHECK(reasons() == std::set<std::string>{"ttl"});
  // Each generation has followed the one before.
  auto last = std::map<std::string, int>{};
  for (auto& e : ledger.of(event_kind::worker_recycled))
    CHECK(std::stoi(std::string{e.text("generation")}) == ++last[std::string{e.text("slot")}]);
  CHECK(last.size() == 3);
  CHECK(uut.stats().at(0).worker_exits == 0);
  auto by_itself = size_t{0};
  auto deaths = uut.deaths();
  for (auto& x : deaths) {
    CHECK(x.certificate->cause == "ended by us: recycle (ttl)");
    by_itself += x.certificate->exit_code == 0 ? 1 : 0;
  }
  // One that gets no processor for two seconds is killed.
  CHECK(4 * by_itself >= 3 * deaths.size());
}

TEST_CASE_FIXTURE(recycling_fixture,
                  "with max_unavailable 1 only one is away at a time [RL-5, L2]") {
  cfg.recycle.ttl = 300ms;
  cfg.recycle.max_unavailable = 1;
  cfg.workers = 3;
  auto uut = start_all();
  auto load = pool_load{uut, 4, "work", value{{"seconds", 0.002}}};
  CHECK(recycled(20));
  load.end();
  CHECK_MESSAGE(load.failures.empty(), first_of(load.failures));
  CHECK(load.lowest() >= 2); // whether it is 3 or 2 when one looks is chance
  CHECK(uut.stats().at(0).worker_exits == 0);
  // No slot had two workers: the old one had ended when the next one was started.
  auto living = std::map<std::string, int>{};
  auto seen = size_t{0};
  for (auto& e : ledger.since(seen)) {
    auto slot = std::string{e.text("slot")};
    if (e.kind == event_kind::worker_exited)
      --living[slot];
    if (e.kind == event_kind::worker_spawned)
      CHECK(++living[slot] <= 1);
  }
  CHECK(living.size() == 3);
  auto stats = uut.stats().at(0);
  for (auto& x : stats.workers)
    CHECK((x.state == "ready" || x.state == "leaving" || x.state == "starting"));
  CHECK(stats.workers.size() <= 3);
}

TEST_CASE_FIXTURE(recycling_fixture, "workers are replaced after their number of calls [L1]") {
  cfg.recycle.max_calls = 50;
  cfg.recycle.jitter = 0;
  auto uut = start_all();
  auto load = pool_load{uut, 4, "pid", value{value::map{}}};
  CHECK(recycled(6));
  load.end();
  CHECK_MESSAGE(load.failures.empty(), first_of(load.failures));
  CHECK(load.lowest() == 2);
  CHECK(reasons() == std::set<std::string>{"max_calls"});
  for (auto& e : ledger.of(event_kind::worker_recycled))
    CHECK(e.measurements.at("calls") >= 50);
}

TEST_CASE_FIXTURE(recycling_fixture, "a leak costs no call [L4]") {
  cfg.recycle.memory_soft = 120 * mebibyte;
  auto uut = start_all();
  auto load = pool_load{uut, 2, "leak", value{{"mebibytes", 0.5}}};
  auto grows = test::eventually(recycle_patience, [&] {
    auto pools = uut.stats();
    return std::ranges::any_of(pools[0].workers, [](auto& x) {
      return x.memory_bytes > 20 * mebibyte && x.memory_growth > int64_t{300 * mebibyte};
    });
  });
  CHECK(grows); // half a gigabyte by 1000 calls
  auto leaks = wanted("SNAKEPIT_LEAKS", 2);
  CHECK(recycled(leaks, std::chrono::seconds{60 + 20 * leaks}));
  load.end();
  MESSAGE(load.calls << " calls, " << load.pids.size() << " workers");
  CHECK_MESSAGE(load.failures.empty(), first_of(load.failures));
  CHECK(load.lowest() == 2);
  CHECK(reasons() == std::set<std::string>{"memory"});
}

TEST_CASE_FIXTURE(recycling_fixture, "far too much memory at once costs one call [L4, W9]") {
  cfg.recycle.memory_hard = 200 * mebibyte;
  cfg.retry.attempts = 1;
  auto uut = start_all();
  auto other = uut.execute_async("work", value{{"seconds", 2.0}});
  auto end = uut.execute("grab", value{{"mebibytes", 400.0}, {"seconds", 60.0}});
  REQUIRE(!end);
  auto& why = end.error();
  CHECK(why.reason == reason::worker_killed);
  CHECK(why.details.at("because") == "memory");
  CHECK(why.details.at("tool") == "grab");
  REQUIRE(why.certificate);
  CHECK(why.certificate->ended_by_us == "memory");
  CHECK(why.certificate->cause.find("memory_hard is 200MiB") != std::string::npos);
  auto told = to_text(*why.certificate);
  CHECK_MESSAGE(told.find("recycle.py") != std::string::npos, told); // where it was
  auto fine = other.future.get();
  CHECK_MESSAGE(fine, to_string(fine.error()));
  CHECK(all_ready(uut));
  CHECK(uut.execute("pid", value{value::map{}}));
  CHECK(uut.stats().at(0).calls_failed == 1);
  CHECK(ledger.count(event_kind::worker_recycled) == 0);
}

TEST_CASE_FIXTURE(recycling_fixture, "a worker that nobody uses any more is replaced once [L1]") {
  cfg.recycle.idle = 300ms;
  cfg.workers = 1;
  auto uut = start_all();
  auto before = uut.execute("pid", value{value::map{}});
  REQUIRE(before);
  REQUIRE(recycled(1));
  REQUIRE(all_ready(uut));
  CHECK(reasons() == std::set<std::string>{"idle"});
  auto generation = [&] { return uut.stats().at(0).workers.at(0).generation; };
  CHECK(generation() == 2);
  // As new as it is it stays; until it is used.
  CHECK(!test::eventually(1s, [&] { return generation() != 2; }));
  auto after = uut.execute("pid", value{value::map{}});
  REQUIRE(after);
  CHECK(*after != *before);
  CHECK(recycled(2));
}

TEST_SUITE_END();
