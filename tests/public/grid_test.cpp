#include "runtime_fixture.hpp"
#include "tests/support/eventually.hpp"

#include <algorithm>
#include <thread>

using namespace snakepit;
using namespace snakepit::test;
using namespace std::chrono_literals;

/// States of a worker and faults that it may have there: for each pair the exact error, cause of
/// death and counter. The worker is tests/support/grid_worker.cpp, behind the real launcher and the
/// real channel.

namespace {

struct cell {
  std::string phase;
  std::string fault;
  /// Of the start, of the call that runs then, or of nobody ("").
  std::string reason;
  /// In its certificate; "" if there is none.
  std::string cause;
  /// What it is counted as: `start`, `exit` (unexpected, after having been ready), or ``.
  std::string counted;
};

/// Before it has a connection a worker has none to spoil. One that is told to end may do so in any
/// way, but for signals that cannot be ours.
const cell grid[] = {
  {"spawn", "exit 0", "pool_failed", "exit 0", "start"},
  {"spawn", "exit 3", "pool_failed", "exit 3", "start"},
  {"spawn", "SIGKILL", "pool_failed", "SIGKILL", "start"},
  {"spawn", "SIGSEGV", "pool_failed", "SIGSEGV", "start"},
  {"spawn", "SIGSTOP", "pool_failed", "ended by us: start", "start"},
  {"spawn", "slow", "pool_failed", "ended by us: start", "start"},
  {"handshake", "exit 0", "pool_failed", "exit 0", "start"},
  {"handshake", "exit 3", "pool_failed", "exit 3", "start"},
  {"handshake", "SIGKILL", "pool_failed", "SIGKILL", "start"},
  {"handshake", "SIGSEGV", "pool_failed", "SIGSEGV", "start"},
  {"handshake", "SIGSTOP", "pool_failed", "ended by us: start", "start"},
  {"handshake", "half-closed", "pool_failed", "ended by us: protocol", "start"},
  {"handshake", "garbage", "pool_failed", "ended by us: protocol", "start"},
  {"handshake", "slow", "pool_failed", "ended by us: start", "start"},
  {"idle", "exit 0", "", "exit 0", "exit"},
  {"idle", "exit 3", "", "exit 3", "exit"},
  {"idle", "SIGKILL", "", "SIGKILL", "exit"},
  {"idle", "SIGSEGV", "", "SIGSEGV", "exit"},
  {"idle", "SIGSTOP", "", "ended by us: shutdown", ""},
  {"idle", "half-closed", "", "ended by us: protocol", "exit"},
  {"idle", "garbage", "", "ended by us: protocol", "exit"},
  {"idle", "slow", "", "ended by us: shutdown", ""},
  {"busy", "exit 0", "worker_crashed", "exit 0", "exit"},
  {"busy", "exit 3", "worker_crashed", "exit 3", "exit"},
  {"busy", "SIGKILL", "worker_crashed", "SIGKILL", "exit"},
  {"busy", "SIGSEGV", "worker_crashed", "SIGSEGV", "exit"},
  {"busy", "SIGSTOP", "deadline_exceeded", "ended by us: deadline", "exit"},
  {"busy", "half-closed", "worker_killed", "ended by us: protocol", "exit"},
  {"busy", "garbage", "worker_killed", "ended by us: protocol", "exit"},
  {"busy", "slow", "deadline_exceeded", "ended by us: deadline", "exit"},
  {"draining", "exit 0", "", "ended by us: shutdown", ""},
  {"draining", "exit 3", "", "ended by us: shutdown", ""},
  {"draining", "SIGKILL", "", "SIGKILL", ""},
  {"draining", "SIGSEGV", "", "SIGSEGV", ""},
  {"draining", "SIGSTOP", "", "ended by us: shutdown", ""},
  {"draining", "half-closed", "", "ended by us: shutdown", ""},
  {"draining", "garbage", "", "ended by us: shutdown", ""},
  {"draining", "slow", "", "ended by us: shutdown", ""},
};

struct grid_fixture : runtime_fixture {
  static bool hangs(const cell& x) {
    return x.fault == "SIGSTOP" || x.fault == "slow";
  }

  config faulty(const cell& x) const {
    auto p = pool("default", 1);
    p.spawn = "exec";
    p.restart.start_failures = 1;
    p.restart.backoff = {1h};
    auto never_starts = (x.phase == "spawn" || x.phase == "handshake") && hangs(x);
    p.start.timeout = never_starts ? 1s : 20s;
    auto cfg = configuration({p});
    cfg.python.executable = SNAKEPIT_GRID_WORKER;
    cfg.python.env = {{"GRID_PHASE", x.phase}, {"GRID_FAULT", x.fault}};
    return cfg;
  }

  /// What happened, in the words of a cell.
  cell play(const cell& x) {
    auto seen = cell{x.phase, x.fault, {}, {}, {}};
    auto deaths = std::make_shared<std::atomic<int>>(0);
    auto cause = std::make_shared<std::string>();
    auto cfg = faulty(x);
    cfg.timeouts.cancel_grace = 100ms;
    cfg.events.sink = [deaths, cause](const event& e) {
      if (e.kind != event_kind::worker_exited)
        return;
      *cause = e.text("cause");
      ++*deaths;
    };
    auto made = runtime::start(std::move(cfg));
    if (!made)
      return seen;
    auto& uut = *made;
    auto note = [&](const error& why) {
      seen.reason = to_string(why.reason);
      if (why.certificate)
        seen.cause = why.certificate->cause;
    };
    auto ready = uut.await_ready({}, 60s);
    if (!ready) {
      note(ready.error());
    } else if (x.phase == "busy") {
      auto options = call_options{};
      options.timeout = hangs(x) ? 1s : 20s;
      auto end = uut.execute("echo", value{{"x", 1}}, options);
      if (!end)
        note(end.error());
      eventually(20s, [&] { return *deaths > 0; });
    } else if (x.phase == "idle") {
      eventually(hangs(x) ? 500ms : 20'000ms, [&] { return *deaths > 0; });
    }
    auto stats = uut.stats().front();
    seen.counted = stats.worker_start_failures > 0 ? "start" : stats.worker_exits > 0 ? "exit" : "";
    if (!uut.stop(0s))
      seen.counted = "no stop";
    if (seen.cause.empty())
      seen.cause = *cause;
    return seen;
  }
};

} // namespace

TEST_SUITE_BEGIN("grid");

TEST_CASE_FIXTURE(grid_fixture, "each fault in each state has its error, cause and counter [W9]") {
  // Some at a time, since some take seconds.
  constexpr size_t at_once = 10;
  for (size_t begin = 0; begin < std::size(grid); begin += at_once) {
    auto end = std::min(begin + at_once, std::size(grid));
    auto seen = std::vector<cell>(end - begin);
    auto threads = std::vector<std::thread>{};
    for (auto i = begin; i < end; ++i)
      threads.emplace_back([&, i] { seen[i - begin] = play(grid[i]); });
    for (auto& x : threads)
      x.join();
    for (auto i = begin; i < end; ++i) {
      INFO(grid[i].fault << " while " << grid[i].phase);
      CHECK(seen[i - begin].reason == grid[i].reason);
      CHECK(seen[i - begin].cause == grid[i].cause);
      CHECK(seen[i - begin].counted == grid[i].counted);
    }
  }
}

TEST_SUITE_END();
