#include "tests/support/pool_fixture.hpp"

#include <caf/event_based_actor.hpp>

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

/// Actors that make calls and end.
struct callers_fixture : pool_fixture {
  size_t responses = 0;

  callers_fixture() {
    cfg.retry.jitter = 0;
    cfg.restart.backoff = {0ms};
    cfg.heartbeat.interval = infinite;
    listen();
  }

  pool_interface pool() const {
    return caf::actor_cast<pool_interface>(entry->actor());
  }

  static request ask_for(const std::string& data, bool idempotent = false) {
    auto x = request{"work", "{\"n\":\"" + data + "\"}"};
    x.idempotent = idempotent;
    return x;
  }

  /// An actor that has made these calls.
  caf::actor caller(std::vector<request> calls) {
    auto whom = pool();
    return spawn([this, whom, calls](caf::event_based_actor* it) -> caf::behavior {
      for (auto& x : calls)
        it->request(whom, caf::infinite, x)
          .then([this](const response&) { ++responses; }, [this](const caf::error&) {});
      return {[](int) {}};
    });
  }

  void end(const caf::actor& x) {
    caf::anon_send_exit(x, caf::exit_reason::kill);
    run();
  }

  size_t callers() const {
    auto* actor = caf::actor_cast<caf::abstract_actor*>(entry->actor());
    return dynamic_cast<pool_actor::stateful_pointer<pool_state>>(actor)->state.callers.size();
  }
};

} // namespace

TEST_SUITE_BEGIN("callers");

TEST_CASE_FIXTURE(callers_fixture, "a dead caller's calls that wait are never started [Q4]") {
  start_ready();
  auto other = submit("running");
  worker(0).claim();
  auto dead = caller({ask_for("a"), ask_for("b")});
  auto alive = caller({ask_for("c")});
  CHECK(stats().queued == 3);
  end(dead);
  CHECK(stats().queued == 1);
  CHECK(stats().errors.at("caller_gone") == 2);
  for (int i = 0; i < 3; ++i) {
    worker(0).serve_all();
    run();
  }
  CHECK(answered(other));
  CHECK(responses == 1);
  CHECK(!world.claims.contains(R"({"n":"a"})"));
  CHECK(!world.claims.contains(R"({"n":"b"})"));
  CHECK(world.claims.contains(R"({"n":"c"})"));
}

TEST_CASE_FIXTURE(callers_fixture, "the call that runs for a dead caller is interrupted [Q4]") {
  start_ready();
  auto dead = caller({ask_for("a"), ask_for("b")});
  worker(0).claim();
  end(dead);
  CHECK(worker(0).interrupted());
  CHECK(stats().errors.at("caller_gone") == 2);
  worker(0).finish_with({reason::cancelled, "interrupted"});
  worker(0).send();
  run();
  CHECK(stats().in_flight == 0);
  CHECK(stats().late_replies == 1);
  CHECK(stats().queued == 0);
  end(caller({})); // one without calls
  CHECK(stats().calls_failed == 2);
}

TEST_CASE_FIXTURE(callers_fixture, "what a worker has not begun for it is taken back [Q4]") {
  start_ready();
  caller({ask_for("warm")});
  worker(0).serve_all();
  run();
  auto running = submit("running");
  worker(0).claim();
  auto dead = caller({ask_for("a")});
  CHECK(worker(0).inbox().size() == 1); // it rides behind
  end(dead);
  worker(0).serve_all();
  run();
  CHECK(answered(running));
  CHECK(!world.claims.contains(R"({"n":"a"})"));
  CHECK(stats().in_flight == 0);
}

TEST_CASE_FIXTURE(callers_fixture, "its calls are not run again after a loss [Q4, F1]") {
  start_ready();
  auto one = caller({ask_for("a", true)});
  auto two = caller({ask_for("b", true)});
  worker(0).claim();
  crash(worker(0), SIGSEGV);
  CHECK(stats().calls_retried == 1);
  end(one); // while its call waits for the next run
  CHECK(stats().errors.at("caller_gone") == 1);
  bring_up(worker(1));
  worker(1).claim();
  end(two); // and before its worker is lost
  crash(worker(1), SIGSEGV);
  bring_up(worker(2));
  advance(1s);
  CHECK(worker(2).inbox().empty());
  CHECK(stats().errors.at("caller_gone") == 2);
  CHECK(stats().calls_retried == 1);
}

TEST_CASE_FIXTURE(callers_fixture, "a request of one that is dead already is refused [Q4]") {
  start_ready();
  auto gone = caller({});
  auto sender = caf::actor_cast<caf::strong_actor_ptr>(gone);
  end(gone);
  caf::actor_cast<caf::actor>(pool())->enqueue(sender, caf::make_message_id(),
                                               caf::make_message(ask_for("a")), nullptr);
  run();
  CHECK(worker(0).inbox().empty());
  CHECK(stats().rejected.at("caller_gone") == 1);
  CHECK(callers() == 0);
}

TEST_CASE_FIXTURE(callers_fixture, "one that dies after its answers costs nobody anything [Q4]") {
  start_ready();
  auto x = caller({ask_for("a"), ask_for("b")});
  for (int i = 0; i < 2; ++i) {
    worker(0).serve_all();
    run();
  }
  CHECK(responses == 2);
  CHECK(callers() == 1);
  end(x);
  CHECK(callers() == 0);
  CHECK(stats().calls_failed == 0);
  auto more = submit("more");
  worker(0).serve_all();
  run();
  CHECK(answered(more));
}

TEST_CASE_FIXTURE(callers_fixture, "a temporary actor that waits and goes leaves nothing [Q4]") {
  start_ready();
  for (int i = 0; i < 3; ++i) {
    auto temporary = caf::scoped_actor{sys, true};
    auto waits = temporary->request(pool(), caf::infinite, ask_for("a"));
    run();
    CHECK(callers() == 1);
    if (i < 2) {
      worker(0).serve_all();
      run();
      waits.receive([](const response&) {}, [](const caf::error&) { FAIL("no answer"); });
    } else {
      worker(0).claim();
    }
  }
  run();
  CHECK(callers() == 0);
  CHECK(worker(0).interrupted());
  CHECK(stats().calls_succeeded == 2);
  CHECK(stats().errors.at("caller_gone") == 1);
}

TEST_CASE_FIXTURE(callers_fixture, "whoever lives and calls no more is forgotten [Q4, RL-6]") {
  start_ready();
  auto living = std::vector<caf::actor>{};
  for (int i = 0; i < 300; ++i) {
    living.push_back(caller({ask_for(std::to_string(i))}));
    worker(0).serve_all();
    run();
  }
  CHECK(responses == 300);
  CHECK(callers() <= 64);
  auto busy = caller({ask_for("busy")});
  worker(0).claim();
  for (int i = 0; i < 100; ++i) // none of them sweeps it away
    living.push_back(caller({ask_for("waits")}));
  CHECK(callers() >= 101);
  end(busy);
  CHECK(stats().errors.at("caller_gone") == 1);
}

TEST_SUITE_END();
