#include "tests/support/pool_fixture.hpp"

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("events of a pool");

namespace {

struct events_fixture : pool_fixture {
  events_fixture() {
    listen();
  }

  /// The only event of its kind since the last look.
  event only(event_kind x) const {
    auto all = ledger.of(x);
    REQUIRE_MESSAGE(all.size() == 1, to_string(x));
    return all.front();
  }

  void stop() {
    caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
    run();
    for (auto& x : world.workers)
      if (!x->dead()) {
        x->exit(0);
        x->tell_exit();
        x->tell_lane_closed();
      }
    run();
    advance(5s);
    root = nullptr;
  }
};

} // namespace

TEST_CASE_FIXTURE(events_fixture, "a start is told from its beginning to the last worker [T1]") {
  cfg.workers = 2;
  start();
  CHECK(only(event_kind::pool_start_begun).number("workers") == 2);
  CHECK(ledger.count(event_kind::worker_spawned) == 0);
  worker(0).spawn();
  run();
  auto spawned = only(event_kind::worker_spawned);
  CHECK(spawned.pool == "p");
  CHECK(spawned.text("slot") == "0");
  CHECK(spawned.text("generation") == "1");
  CHECK(spawned.text("pid") == "1000");
  CHECK(spawned.text("mode") == "exec");
  advance(30ms);
  worker(0).bind();
  run();
  worker(0).greet();
  run();
  CHECK(ledger.count(event_kind::pool_ready) == 0);
  worker(0).serve_all();
  run();
  CHECK(only(event_kind::worker_ready).number("took_us") == 30'000);
  CHECK(only(event_kind::worker_ready).number("tools") == 2);
  CHECK(only(event_kind::pool_ready).number("took_us") == 30'000);
  CHECK(ledger.count(event_kind::pool_start_done) == 0);
  bring_up(worker(1));
  CHECK(only(event_kind::pool_start_done).number("workers") == 2);
  CHECK(ledger.count(event_kind::pool_ready) == 1);
}

TEST_CASE_FIXTURE(events_fixture,
                  "a crash is told with its cause, and what it makes of the pool [T1]") {
  cfg.restart.backoff = {100ms};
  start_ready();
  auto call = submit("1");
  worker(0).claim();
  advance(70ms);
  crash(worker(0), SIGSEGV);
  REQUIRE(answered(call));
  auto exited = only(event_kind::worker_exited);
  CHECK(exited.text("cause") == "SIGSEGV");
  CHECK(exited.text("tool") == "work");
  CHECK(exited.number("age_us") == 70'000);
  auto finished = only(event_kind::call_finished);
  CHECK(finished.text("outcome") == "worker_crashed");
  CHECK(finished.number("total_us") == 70'000);
  CHECK(only(event_kind::pool_degraded).number("workers") == 0);
  CHECK(ledger.count(event_kind::worker_restarted) == 0);
  advance(100ms);
  bring_up(worker(1));
  auto restarted = only(event_kind::worker_restarted);
  CHECK(restarted.text("generation") == "2");
  CHECK(restarted.number("down_us") == 100'000);
  CHECK(only(event_kind::pool_recovered).number("degraded_us") == 100'000);
  CHECK(ledger.count(event_kind::pool_ready) == 1);
  stop();
  ledger.check_laws();
}

TEST_CASE_FIXTURE(events_fixture, "a call is told on its whole way [T1]") {
  start_ready();
  auto first = submit("1");
  worker(0).claim();
  auto call = submit("2");
  REQUIRE(ledger.count(event_kind::queue_entered) == 2);
  auto entered = ledger.of(event_kind::queue_entered)[1];
  CHECK(entered.text("call") == "2");
  CHECK(entered.text("tool") == "work");
  CHECK(entered.text("from") == "caller");
  CHECK(entered.number("queued_calls") == 1);
  CHECK(entered.number("bytes") == 9);
  ledger.clear();
  advance(40ms);
  worker(0).finish();
  worker(0).send();
  run();
  REQUIRE(answered(first));
  CHECK(only(event_kind::call_finished).text("call") == "1");
  auto left = only(event_kind::queue_left);
  CHECK(left.text("call") == "2");
  CHECK(left.text("to") == "worker");
  CHECK(left.number("wait_us") == 40'000);
  CHECK(only(event_kind::call_dispatched).text("slot") == "0");
  CHECK(only(event_kind::batch_sent).number("calls") == 1);
  CHECK(only(event_kind::batch_sent).number("bytes") == 9);
  ledger.clear();
  advance(60ms);
  worker(0).serve_all();
  run();
  REQUIRE(answered(call));
  auto finished = only(event_kind::call_finished);
  CHECK(finished.text("outcome") == "ok");
  CHECK(finished.number("total_us") == 100'000);
  CHECK(finished.number("queue_us") == 40'000);
  CHECK(finished.number("run_us") == 5);
  CHECK(finished.number("in_bytes") == 9);
  CHECK(finished.number("out_bytes") == 9);
}

TEST_CASE_FIXTURE(events_fixture, "who has an answer finds it told [T1]") {
  start_ready();
  auto call = submit("1");
  worker(0).serve_all();
  while (!answered(call)) {
    REQUIRE(!sched.jobs.empty());
    sched.run_once();
  }
  CHECK(ledger.count(event_kind::call_finished) == 1);
}

TEST_CASE_FIXTURE(events_fixture, "a full queue is told once until there is room again [T1]") {
  cfg.queue.max_calls = 2;
  start();
  submit_all({"1", "2", "3", "4"});
  CHECK(ledger.count(event_kind::queue_rejected) == 2);
  CHECK(ledger.of(event_kind::queue_rejected)[0].text("reason") == "pool_saturated");
  CHECK(only(event_kind::pool_saturated).number("queued_calls") == 2);
  cancel(0);
  submit("5");
  CHECK(ledger.count(event_kind::pool_saturated) == 1);
  submit("6");
  CHECK(ledger.count(event_kind::pool_saturated) == 2);
}

TEST_CASE_FIXTURE(events_fixture, "calls that leave the queue unserved say how [T1]") {
  start();
  submit("1", infinite, 1s);
  submit("2", 2s);
  auto cancelled = submit("3");
  submit("4", infinite, infinite, "nothing");
  advance(1s);
  auto out = only(event_kind::queue_timed_out);
  CHECK(out.text("reason") == "queue_timeout");
  CHECK(out.number("wait_us") == 1'000'000);
  CHECK(only(event_kind::call_finished).text("outcome") == "queue_timeout");
  advance(1s);
  CHECK(ledger.of(event_kind::queue_timed_out)[1].text("reason") == "deadline_exceeded");
  cancel(cancelled);
  CHECK(only(event_kind::call_cancelled).text("call") == "3");
  CHECK(only(event_kind::queue_left).text("to") == "caller");
  bring_up(worker(0)); // now the tools are known
  CHECK(ledger.of(event_kind::call_finished).back().text("outcome") == "unknown_tool");
  submit("5", infinite, infinite, "nothing");
  CHECK(only(event_kind::queue_rejected).text("reason") == "unknown_tool");
  stop();
  ledger.check_laws();
}

TEST_CASE_FIXTURE(events_fixture, "calls that a dead worker had not begun enter again [T1]") {
  start_ready();
  submit("warm");
  worker(0).serve_all();
  run();
  submit_all({"1", "2", "3"});
  worker(0).claim();
  ledger.clear();
  crash(worker(0), SIGKILL);
  auto again = ledger.of(event_kind::queue_entered);
  REQUIRE(again.size() == 2);
  CHECK(again[0].text("from") == "worker");
  CHECK(again[0].number("queued_calls") == 1);
  CHECK(again[1].number("queued_calls") == 2);
  bring_up(worker(1));
  worker(1).serve_all();
  run();
  stop();
  ledger.check_laws();
}

TEST_CASE_FIXTURE(events_fixture, "a result that comes too late is told [T1]") {
  start_ready();
  auto call = submit("1", 1s);
  worker(0).claim();
  advance(1s);
  REQUIRE(answered(call));
  CHECK(only(event_kind::call_finished).text("outcome") == "deadline_exceeded");
  worker(0).finish();
  worker(0).send();
  run();
  auto late = only(event_kind::call_late_reply);
  CHECK(late.text("tool") == "work");
  CHECK(late.number("run_us") == 5);
  CHECK(ledger.count(event_kind::call_finished) == 1);
}

TEST_CASE_FIXTURE(events_fixture, "a cancelled call that runs is cancelled, once [T1]") {
  start_ready();
  auto call = submit("1");
  worker(0).claim();
  cancel(call);
  cancel(call);
  CHECK(only(event_kind::call_cancelled).text("call") == "1");
  worker(0).finish_with({reason::cancelled, "interrupted"});
  worker(0).send();
  run();
  CHECK(ledger.count(event_kind::call_cancelled) == 1);
  CHECK(ledger.count(event_kind::call_finished) == 0);
}

TEST_CASE_FIXTURE(events_fixture, "an exception names its class and place, not its text [T1]") {
  start_ready();
  auto call = submit("1");
  worker(0).claim();
  auto why = error{reason::python_exception, "secret arguments"};
  why.python = python_error{
    "mylib.Bad", "secret arguments", {{"f.py", 1, "outer", ""}, {"f.py", 7, "inner", ""}}, {}};
  worker(0).finish_with(why);
  worker(0).send();
  run();
  REQUIRE(answered(call));
  auto x = only(event_kind::python_exception);
  CHECK(x.text("type") == "mylib.Bad");
  CHECK(x.text("function") == "inner");
  CHECK(x.text("call") == only(event_kind::call_finished).text("call"));
  CHECK(to_string(x).find("secret") == std::string::npos);
}

TEST_CASE_FIXTURE(events_fixture, "a start that fails for good is told with its reason [T1]") {
  start();
  worker(0).fail_to_spawn(
    {reason::worker_start_failed, "no such interpreter", {{"errno", "ENOENT"}}});
  run();
  CHECK(only(event_kind::worker_start_failed).text("reason") == "worker_start_failed");
  CHECK(only(event_kind::worker_start_failed).number("failures") == 1);
  CHECK(only(event_kind::pool_start_failed).text("reason") == "worker_start_failed");
  CHECK(ledger.count(event_kind::worker_exited) == 0); // there was no process
}

TEST_CASE_FIXTURE(events_fixture, "a drain and the end of its workers are told [T1]") {
  start_ready();
  submit("1");
  worker(0).claim();
  submit("2");
  advance(10ms);
  auto drained = false;
  caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()),
                 make_local(drain_order{50ms, [&] { drained = true; }}));
  run();
  advance(20ms);
  CHECK(ledger.count(event_kind::pool_drained) == 0);
  advance(30ms);
  REQUIRE(drained);
  CHECK(only(event_kind::pool_drained).number("took_us") == 50'000);
  CHECK(only(event_kind::pool_drained).number("calls") == 1);
  stop();
  CHECK(only(event_kind::worker_draining).number("grace_us") == 2'000'000);
  CHECK(only(event_kind::worker_exited).text("cause") == "ended by us: shutdown");
  ledger.check_laws();
}

TEST_SUITE_END();
