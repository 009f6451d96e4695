#include "runtime_fixture.hpp"
#include "tests/support/eventually.hpp"

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

struct grid_fixture : runtime_fixture {
  config faulty(const cell& x) const {
    auto p = pool("default", 1);
    p.spawn = "exec";
    p.restart.start_failures = 1;
    p.restart.backoff = {1h};
    p.start.timeout = 1s;
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
    REQUIRE_MESSAGE(made, to_string(made.error()));
    auto& uut = *made;
    auto note = [&](const error& why) {
      seen.reason = to_string(why.reason);
      if (why.certificate)
        seen.cause = why.certificate->cause;
    };
    auto ready = uut.await_ready({}, 20s);
    if (!ready) {
      note(ready.error());
    } else if (x.phase == "busy") {
      auto options = call_options{};
      options.timeout = 500ms;
      auto end = uut.execute("echo", value{{"x", 1}}, options);
      if (!end)
        note(end.error());
      eventually(3s, [&] { return *deaths > 0; });
    } else if (x.phase == "idle") {
      eventually(x.fault == "SIGSTOP" || x.fault == "slow" ? 500ms : 5000ms,
                 [&] { return *deaths > 0; });
    }
    auto stats = uut.stats().front();
    seen.counted = stats.worker_start_failures > 0 ? "start" : stats.worker_exits > 0 ? "exit" : "";
    CHECK(uut.stop(0s));
    if (seen.cause.empty())
      seen.cause = *cause;
    return seen;
  }
};

} // namespace

TEST_SUITE_BEGIN("grid");

TEST_CASE_FIXTURE(grid_fixture, "each fault in each state has its error, cause and counter [W9]") {
  auto cells = std::vector<cell>{};
  for (auto* phase : {"spawn", "handshake", "idle", "busy", "draining"})
    for (auto* fault :
         {"exit 0", "exit 3", "SIGKILL", "SIGSEGV", "SIGSTOP", "half-closed", "garbage", "slow"})
      cells.push_back({phase, fault, "", "", ""});
  for (auto& x : cells) {
    auto seen = play(x);
    MESSAGE("{\"" << x.phase << "\", \"" << x.fault << "\", \"" << seen.reason << "\", \"" << seen.cause << "\", \""
                  << seen.counted << "\"},");
  }
}

TEST_SUITE_END();
