#include "tests/support/pool_fixture.hpp"

#include <algorithm>
#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

/// Calls of tools that want many at once.

TEST_SUITE_BEGIN("groups");

namespace {

struct group_fixture : pool_fixture {
  using sizes = std::vector<size_t>;

  group_fixture() {
    world.batches["work"] = {4, 5ms};
    cfg.restart.backoff = {0ms};
    cfg.retry.backoff = {0ms};
    cfg.heartbeat.interval = infinite;
  }

  static std::string n(const std::string& x) {
    return "{\"n\":\"" + x + "\"}";
  }

  /// What the worker has been sent and not begun: groups in brackets, others by themselves.
  std::string waiting(size_t i) {
    auto out = std::string{};
    for (auto& lane : worker(i).lanes)
      for (auto& x : lane.inbox) {
        out += x.together && x.seq == x.batch ? "[" : "";
        out += x.data.substr(6, x.data.size() - 8);
        out += x.together && x.seq == x.last ? "]" : "";
      }
    return out;
  }
  std::string sent() {
    return waiting(0);
  }
  void serve(size_t i = 0) {
    worker(i).serve_all();
    run();
  }

  /// From now on the tool is known as short, so that a lane is given more than it runs.
  void warm() {
    submit("warm");
    advance(5ms);
    serve();
    world.groups.clear();
  }

  size_t in_session(const std::string& session, const std::string& data) {
    options.session = session;
    options.affinity = affinity::strict_queue;
    auto out = submit(data);
    options = {};
    return out;
  }

  bool drained = false;
  void drain() {
    caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()),
                   make_local(drain_order{infinite, [this] { drained = true; }}));
    run();
  }
};

} // namespace

TEST_CASE_FIXTURE(group_fixture, "calls wait for others until the first has waited enough [Q8]") {
  start_ready();
  auto a = submit("a");
  advance(2ms);
  auto b = submit("b");
  CHECK(sent() == "");
  CHECK(stats().queued == 2);
  advance(2ms);
  CHECK(sent() == "");
  advance(1ms);
  CHECK(sent() == "[ab]");
  serve();
  CHECK(text(a) == n("a"));
  CHECK(text(b) == n("b"));
  CHECK(world.groups == sizes{2});
}

TEST_CASE_FIXTURE(group_fixture, "a full group does not wait [Q8]") {
  start_ready();
  submit_all({"a", "b", "c", "d"});
  CHECK(sent() == "[abcd]");
}

TEST_CASE_FIXTURE(group_fixture, "no group is larger than its tool wants [Q8]") {
  start_ready();
  submit_all({"a", "b", "c", "d", "e", "f", "g", "h", "i"});
  serve();
  serve();
  CHECK(world.groups == sizes{4, 4});
  CHECK(sent() == "");
  advance(5ms);
  CHECK(sent() == "[i]");
}

TEST_CASE_FIXTURE(group_fixture, "a group takes in more while no lane has room [Q8]") {
  start_ready();
  submit("busy", infinite, infinite, "echo");
  submit("a");
  advance(6ms);
  submit("b");
  CHECK(sent() == "busy");
  serve();
  CHECK(sent() == "[ab]");
}

TEST_CASE_FIXTURE(group_fixture, "a group that gathers keeps nobody waiting [Q8]") {
  start_ready();
  submit("a");
  submit("x", infinite, infinite, "echo");
  CHECK(sent() == "x");
  submit("b");
  serve();
  advance(5ms);
  CHECK(sent() == "[ab]");
}

TEST_CASE_FIXTURE(group_fixture, "calls that came before the first worker are grouped [B6, Q8]") {
  start();
  submit_all({"a", "b", "c", "d", "e"});
  bring_up(worker(0));
  CHECK(sent() == "[abcd]");
}

TEST_CASE_FIXTURE(group_fixture, "the wait for others comes from the call's time [Q2, Q8]") {
  start_ready();
  SUBCASE("until its deadline") {
    submit("a", 5ms); // of which a run may take a millisecond
    advance(1ms);
    CHECK(sent() == "");
    advance(1ms);
  }
  SUBCASE("until it must have been sent") {
    submit("a", infinite, 4ms);
    advance(1ms);
    CHECK(sent() == "");
    advance(1ms);
  }
  SUBCASE("of whoever is in a hurry, for all") {
    submit("b");
    submit("a", 2ms);
    advance(1ms);
    CHECK(sent() == "[ba]");
    return;
  }
  CHECK(sent() == "[a]");
}

TEST_CASE_FIXTURE(group_fixture, "calls that wait count as their shares of full groups [Q2, Q8]") {
  start_ready();
  worker(0).lanes[0].run_us = 40'000;
  for (int i = 0; i < 5; ++i) { // as many as it takes to know
    submit_all({"a", "b", "c", "d"});
    serve();
  }
  submit_all({"e", "f", "g", "h", "i", "j", "k", "l"}); // a group runs, another waits
  CHECK(sent() == "[efgh]");
  auto why = failure(submit("late", 39ms));
  CHECK(why.reason == reason::deadline_unmeetable);
  CHECK(why.details.at("predicted_wait") == "40ms");
  CHECK(!answered(submit("just in time", 40ms)));
}

TEST_CASE_FIXTURE(group_fixture, "a call that is given up leaves its group [Q3, Q8]") {
  start_ready();
  auto a = submit("a");
  submit("b");
  cancel(a);
  CHECK(failure(a).reason == reason::cancelled);
  advance(5ms);
  CHECK(sent() == "[b]");
}

TEST_CASE_FIXTURE(group_fixture, "a pool that drains holds nobody back [R7, Q8]") {
  start_ready();
  auto a = submit("a");
  drain();
  CHECK_FALSE(drained);
  CHECK(sent() == "[a]");
  serve();
  CHECK(text(a) == n("a"));
  CHECK(drained);
}

TEST_CASE_FIXTURE(group_fixture, "in a group higher priorities come first [Q6, Q8]") {
  start_ready();
  options.priority = priority::low;
  submit_all({"a", "b"});
  options.priority = priority::high;
  submit_all({"c", "d"});
  CHECK(sent() == "[cdab]");
}

TEST_CASE_FIXTURE(group_fixture,
                  "one that is given up while its group runs is answered at once [Q8]") {
  start_ready();
  auto calls = submit_all({"a", "b", "c"});
  advance(5ms);
  worker(0).claim();
  cancel(calls[2]);
  CHECK(failure(calls[2]).reason == reason::cancelled);
  cancel(calls[0]);
  CHECK_FALSE(worker(0).interrupted()); // the others still want it
  SUBCASE("the others get their results") {
    worker(0).finish();
    worker(0).send();
    run();
    CHECK(text(calls[1]) == n("b"));
    CHECK(stats().late_replies == 2);
  }
  SUBCASE("when all are given up it is interrupted, and then ended") {
    cancel(calls[1]);
    CHECK(worker(0).interrupted());
    advance(cancel_grace);
    CHECK(worker(0).kill_came);
  }
}

TEST_CASE_FIXTURE(group_fixture, "a group has the time of that of its calls that has most [Q8]") {
  start_ready();
  submit_all({"a", "b"}, 50ms);
  auto late = submit("c", 100ms);
  advance(5ms);
  worker(0).claim();
  advance(50ms);
  CHECK(failure(0).reason == reason::deadline_exceeded);
  CHECK(failure(1).reason == reason::deadline_exceeded);
  CHECK_FALSE(worker(0).interrupted());
  SUBCASE("the last is in time") {
    worker(0).finish();
    worker(0).send();
    run();
    CHECK(text(late) == n("c"));
  }
  SUBCASE("it is not") {
    advance(46ms);
    CHECK(failure(late).reason == reason::deadline_exceeded);
    CHECK(worker(0).interrupted());
  }
}

TEST_CASE_FIXTURE(group_fixture,
                  "with its worker a whole group is lost, and nobody blamed [F4, Q8]") {
  cfg.poison.crashes = 1;
  start_ready();
  auto calls = submit_all({"a", "b", "c"});
  advance(5ms);
  worker(0).claim();
  cancel(calls[1]);
  crash(worker(0), SIGSEGV);
  for (auto i : {0, 2}) {
    auto& why = failure(calls[static_cast<size_t>(i)]);
    CHECK(why.reason == reason::worker_crashed);
    REQUIRE(why.certificate);
    REQUIRE(why.certificate->running.size() == 1);
    CHECK(why.certificate->running[0].calls == 3);
    CHECK(why.certificate->calls_in_flight == 2);
  }
  bring_up(*world.workers.back());
  auto again = submit("a");
  CHECK(!answered(again)); // not poisoned
  advance(5ms);
  world.workers.back()->claim();
  crash(*world.workers.back(), SIGSEGV);
  CHECK(failure(again).certificate->running[0].calls == 1);
  bring_up(*world.workers.back());
  CHECK(failure(submit("a")).reason == reason::poisoned); // it ran alone
}

TEST_CASE_FIXTURE(group_fixture, "what is lost with a group runs again alone [F1, Q8]") {
  start_ready();
  options.idempotent = true;
  auto calls = submit_all({"a", "b"});
  advance(5ms);
  worker(0).claim();
  crash(worker(0), SIGSEGV);
  advance(1ms);
  bring_up(*world.workers.back());
  CHECK(waiting(1) == "[a]");
  serve(1);
  CHECK(waiting(1) == "[b]");
  serve(1);
  CHECK(text(calls[0]) == n("a"));
  CHECK(text(calls[1]) == n("b"));
}

TEST_CASE_FIXTURE(group_fixture, "a group that its worker had not begun goes on whole [Q7, Q8]") {
  start_ready();
  auto calls = submit_all({"a", "b"});
  advance(5ms);
  CHECK(sent() == "[ab]");
  crash(worker(0), SIGKILL);
  bring_up(*world.workers.back());
  CHECK(waiting(1) == "[ab]");
  serve(1);
  CHECK(text(calls[1]) == n("b"));
}

TEST_CASE_FIXTURE(group_fixture,
                  "a group behind one that runs long goes elsewhere whole [P4, Q8]") {
  cfg.workers = 2;
  start();
  bring_up(worker(0));
  warm();
  submit_all({"a", "b", "c", "d"});
  worker(0).claim(); // and runs long
  auto calls = submit_all({"e", "f", "g", "h"});
  CHECK(sent() == "[efgh]");
  bring_up(worker(1));
  advance(2ms);
  advance(2ms);
  CHECK(waiting(1) == "[efgh]");
  serve(1);
  CHECK(text(calls[3]) == n("h"));
  serve(0);
  CHECK(world.claims.size() == 9);
  for (auto& [data, times] : world.claims)
    CHECK_MESSAGE(times == 1, data);
}

TEST_CASE_FIXTURE(group_fixture, "calls bound to different workers do not go together [B3, Q8]") {
  cfg.workers = 2;
  start_ready();
  in_session("s", "a");
  advance(5ms);
  in_session("t", "b");
  advance(5ms);
  CHECK(waiting(0) + waiting(1) == "[a][b]");
  in_session("s", "c");
  in_session("s", "e");
  in_session("t", "d");
  submit("f");
  serve(0);
  serve(1);
  CHECK(waiting(0) == "[ce]"); // not held back any more
  CHECK(waiting(1) == "[d]");
  serve(0);
  advance(5ms);
  CHECK(waiting(0) == "[f]");
}

TEST_CASE_FIXTURE(group_fixture,
                  "first calls of one session that gather end on one worker [B3, Q8]") {
  cfg.workers = 2;
  start_ready();
  for (auto* x : {"a", "b", "c", "d", "e"})
    in_session("s", x);
  CHECK(waiting(0) == "[abcd]");
  advance(5ms);
  CHECK(waiting(1) == "");
  serve(0);
  CHECK(waiting(0) == "[e]");
}

TEST_CASE_FIXTURE(group_fixture, "what the function raises is the error of each call [Q8]") {
  start_ready();
  auto calls = submit_all({"a", "b"});
  advance(5ms);
  worker(0).claim();
  worker(0).finish_with({reason::python_exception, "no"});
  worker(0).send();
  run();
  for (auto x : calls)
    CHECK(failure(x).reason == reason::python_exception);
}

TEST_CASE_FIXTURE(group_fixture,
                  "a tool with batches of one is never held back for its size [Q8]") {
  world.batches["work"] = {1, 5ms};
  start_ready();
  submit("a");
  CHECK(sent() == "[a]");
}

TEST_SUITE_END();
