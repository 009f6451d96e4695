#include "tests/support/pool_fixture.hpp"

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("pool");

TEST_CASE_FIXTURE(pool_fixture, "a call runs on a ready worker and its result comes back [Q7]") {
  start_ready();
  auto call = submit("1");
  CHECK(!answered(call));
  worker(0).serve_all();
  run();
  CHECK(text(call) == R"({"n":"1"})");
  CHECK(ends[call]->answers == 1);
}

TEST_CASE_FIXTURE(pool_fixture, "calls wait in the queue until a worker is proved ready [P4]") {
  start();
  auto call = submit("1");
  worker(0).spawn();
  worker(0).bind();
  run();
  worker(0).greet();
  run();
  REQUIRE(worker(0).inbox().size() == 1); // the probe, and nothing else
  CHECK(worker(0).inbox().front().tool == core::tool_number::probe);
  worker(0).serve_all();
  run();
  CHECK(worker(0).inbox().size() == 1);
  worker(0).serve_all();
  run();
  CHECK(answered(call));
}

TEST_CASE_FIXTURE(pool_fixture, "an unknown tool is refused with its name once tools are known") {
  start_ready();
  auto call = submit("1", infinite, infinite, "wrok");
  CHECK(failure(call).reason == reason::unknown_tool);
  CHECK(failure(call).message.find("wrok") != std::string::npos);
  CHECK(failure(call).message.find("work") != std::string::npos);
}

TEST_CASE_FIXTURE(pool_fixture,
                  "an unknown tool that waited for the first worker is refused then") {
  start();
  auto call = submit("1", infinite, infinite, "wrok");
  CHECK(!answered(call));
  bring_up(worker(0));
  CHECK(failure(call).reason == reason::unknown_tool);
}

TEST_CASE_FIXTURE(pool_fixture, "a full queue refuses at once and says when to come back [Q1]") {
  cfg.queue.max_calls = 3;
  start();
  auto calls = submit_all({"1", "2", "3", "4"});
  CHECK(!answered(calls[2]));
  CHECK(failure(calls[3]).reason == reason::pool_saturated);
  CHECK(failure(calls[3]).details.count("retry_after") == 1);
  CHECK(stats().rejected.at("pool_saturated") == 1);
}

TEST_CASE_FIXTURE(pool_fixture, "of the calls that wait the highest priority goes first [Q6]") {
  start_ready();
  submit("runs");
  worker(0).claim();
  auto calls = std::vector<size_t>{};
  for (auto x : {priority::low, priority::normal, priority::high}) {
    options.priority = x;
    calls.push_back(submit(std::string{to_string(x)}));
  }
  worker(0).finish();
  worker(0).send();
  run();
  auto order = std::string{};
  for (auto& x : worker(0).inbox())
    order += x.data;
  CHECK(order == R"({"n":"high"}{"n":"normal"}{"n":"low"})");
  worker(0).serve_all();
  run();
  for (auto x : calls)
    CHECK(answered(x));
}

TEST_CASE_FIXTURE(pool_fixture, "tenants take turns, whoever has sent more [Q6]") {
  start_ready();
  submit("runs");
  worker(0).claim();
  options.tenant = "many";
  auto many = submit_all({"1", "2", "3", "4"});
  options.tenant = "few";
  auto few = submit("5");
  for (int i = 0; i < 2; ++i) {
    worker(0).finish();
    worker(0).send();
    run();
    worker(0).claim();
  }
  CHECK(worker(0).lanes[0].current().data == R"({"n":"5"})");
  worker(0).serve_all();
  run();
  worker(0).serve_all();
  run();
  CHECK(answered(few));
  CHECK(answered(many[3]));
}

TEST_CASE_FIXTURE(pool_fixture, "what could not be a priority or a tenant is refused") {
  start_ready();
  options.tenant.assign(257, 'x');
  CHECK(failure(submit("1")).reason == reason::invalid_argument);
  options.tenant.assign(256, 'x');
  auto longest = submit("2");
  CHECK(!answered(longest));
  options.priority = static_cast<priority>(3);
  CHECK(failure(submit("3")).reason == reason::invalid_argument);
}

TEST_CASE_FIXTURE(pool_fixture,
                  "a deadline that those before it alone would miss is refused [Q2]") {
  cfg.workers = 2;
  start_ready();
  auto serve = [&](size_t n) {
    for (size_t i = 0; i < n; ++i) {
      submit("x");
      for (size_t k : {0, 1}) {
        worker(k).lanes[0].run_us = 10'000;
        worker(k).serve_all();
      }
      run();
    }
  };
  auto fill = [&] {
    submit_all({"1", "2", "3", "4", "5", "6"}); // two run, four wait: 20 ms on two lanes
  };
  auto clear = [&] {
    for (int i = 0; i < 4; ++i) {
      for (size_t k : {0, 1})
        worker(k).serve_all();
      run();
    }
  };
  serve(19);
  fill();
  CHECK(!answered(submit("too few are known to say", 19ms)));
  clear();
  serve(1);
  fill();
  auto why = failure(submit("late", 19ms));
  CHECK(why.reason == reason::deadline_unmeetable);
  CHECK(why.details.at("predicted_wait") == "20ms");
  CHECK(why.details.at("time_left") == "19ms");
  CHECK(!answered(submit("just in time", 20ms)));
  options.priority = priority::high; // nobody stands before it
  CHECK(!answered(submit("high", 1ms)));
}

TEST_CASE_FIXTURE(pool_fixture, "without `predict` a call may try [Q2]") {
  cfg.queue.predict = false;
  start_ready();
  worker(0).lanes[0].run_us = 1'000'000;
  for (int i = 0; i < 20; ++i) {
    submit("x");
    worker(0).serve_all();
    run();
  }
  submit_all({"1", "2", "3"});
  CHECK(!answered(submit("late", 1ms)));
}

TEST_CASE_FIXTURE(pool_fixture, "a call leaves the queue when its time to wait is over [Q2]") {
  start();
  auto waits = submit("1", 10s, 1s);
  auto dies = submit("2", 500ms, 1s);
  advance(499ms);
  CHECK(!answered(dies));
  advance(1ms);
  CHECK(failure(dies).reason == reason::deadline_exceeded);
  CHECK(!answered(waits));
  advance(500ms);
  CHECK(failure(waits).reason == reason::queue_timeout);
  bring_up(worker(0));
  CHECK(worker(0).inbox().empty());
}

TEST_CASE_FIXTURE(pool_fixture, "an idle lane gets a call at once, two lanes share [P4]") {
  cfg.workers = 2;
  start_ready();
  submit("1");
  submit("2");
  CHECK(worker(0).inbox().size() == 1);
  CHECK(worker(1).inbox().size() == 1);
}

TEST_CASE_FIXTURE(pool_fixture,
                  "a tool without samples travels alone, a short one in batches [P4]") {
  start_ready();
  auto calls = submit_all({"1", "2", "3", "4"});
  CHECK(worker(0).inbox().size() == 1);
  worker(0).serve_all();
  run();
  CHECK(worker(0).inbox().size() == 3); // 5 µs each is known now
}

TEST_CASE_FIXTURE(pool_fixture, "a crash costs the call that ran, the others go elsewhere [Q7]") {
  start_ready();
  submit("warm");
  worker(0).serve_all();
  run();
  auto calls = submit_all({"1", "2", "3"});
  REQUIRE(worker(0).inbox().size() == 3);
  worker(0).claim();
  crash(worker(0), SIGSEGV);
  CHECK(failure(calls[0]).reason == reason::worker_crashed);
  CHECK(failure(calls[0]).message.find("SIGSEGV") != std::string::npos);
  REQUIRE(failure(calls[0]).certificate);
  CHECK(failure(calls[0]).certificate->running_tool == "work");
  CHECK(failure(calls[0]).certificate->last_stderr == "last words of p/0.1");
  CHECK(!answered(calls[1]));
  REQUIRE(world.workers.size() == 2); // the next generation, at once
  CHECK(worker(1).label == "p/0.2");
  bring_up(worker(1));
  worker(1).serve_all();
  run();
  CHECK(text(calls[1]) == R"({"n":"2"})");
  CHECK(text(calls[2]) == R"({"n":"3"})");
  CHECK(stats().worker_exits == 1);
}

TEST_CASE_FIXTURE(pool_fixture, "calls sent to a worker that has just died are not lost [Q7]") {
  start_ready();
  submit("warm");
  worker(0).serve_all();
  run();
  // The pool hands out a call while the worker's farewell is on its way.
  worker(0).die(SIGKILL);
  worker(0).tell_lane_closed();
  worker(0).tell_exit();
  auto call = submit_all({"1"}, infinite, infinite, "work", false).front();
  run();
  CHECK(!answered(call));
  bring_up(worker(1));
  worker(1).serve_all();
  run();
  CHECK(text(call) == R"({"n":"1"})");
}

TEST_CASE_FIXTURE(pool_fixture, "a crash whose exit is told late stays a crash [W9]") {
  start_ready();
  auto call = submit("1");
  worker(0).claim();
  SUBCASE("the process had ended when we lost patience") {
    worker(0).die(SIGKILL);
    worker(0).tell_lane_closed();
    run();
    advance(600ms); // now its stacks are asked for
    advance(1200ms);
    REQUIRE(worker(0).kill_came);
    worker(0).tell_exit();
    run();
    CHECK(failure(call).reason == reason::worker_crashed);
    CHECK(failure(call).certificate->cause == "SIGKILL");
    CHECK(failure(call).certificate->ended_by_us.empty());
  }
  SUBCASE("it had not") {
    worker(0).tell_lane_closed();
    run();
    advance(600ms);
    REQUIRE(worker(0).kill_came);
    worker(0).die(SIGKILL);
    worker(0).tell_exit();
    run();
    CHECK(failure(call).reason == reason::worker_killed);
    CHECK(failure(call).certificate->ended_by_us == "protocol");
  }
}

TEST_CASE_FIXTURE(pool_fixture,
                  "a call past its deadline is answered and its tool interrupted [Q2]") {
  start_ready();
  auto call = submit("1", 1s);
  worker(0).claim();
  advance(1s);
  CHECK(failure(call).reason == reason::deadline_exceeded);
  REQUIRE(worker(0).interrupted());
  worker(0).finish_with({reason::cancelled, "interrupted"});
  worker(0).send();
  run();
  CHECK(ends[call]->answers == 1);
  CHECK(stats().late_replies == 1);
  auto next = submit("2");
  worker(0).serve_all();
  run();
  CHECK(answered(next));
}

TEST_CASE_FIXTURE(pool_fixture, "a deadline that passes on the way to the pool has passed [Q2]") {
  start_ready();
  auto call = submit_all({"1"}, 1s, infinite, "work", false).front();
  advance(2s);
  CHECK(failure(call).reason == reason::deadline_exceeded);
  CHECK(ends[call]->answers == 1);
}

TEST_CASE_FIXTURE(pool_fixture, "a tool that ignores its interruption costs the worker [Q2]") {
  start_ready();
  auto call = submit("1", 1s);
  worker(0).claim();
  advance(1s);
  CHECK(answered(call));
  advance(1900ms);
  CHECK(!worker(0).kill_came);
  advance(200ms);
  CHECK(worker(0).kill_came);
  crash(worker(0), SIGKILL);
  CHECK(world.workers.size() == 2);
}

TEST_CASE_FIXTURE(pool_fixture, "a cancelled call is answered, queued or running") {
  start_ready();
  auto running = submit("1");
  worker(0).claim();
  auto queued = submit("2");
  cancel(queued);
  CHECK(failure(queued).reason == reason::cancelled);
  cancel(running);
  CHECK(failure(running).reason == reason::cancelled);
  CHECK(worker(0).interrupted());
  cancel(running);
  CHECK(ends[running]->answers == 1);
}

TEST_CASE_FIXTURE(pool_fixture, "a CAF request is answered with a response or our error") {
  start_ready();
  auto pool = caf::actor_cast<pool_interface>(entry->actor());
  auto good = self->request(pool, caf::infinite, request{"work", R"({"n":"1"})"});
  run();
  worker(0).serve_all();
  run();
  CHECK(answer<response>(good)->text == R"({"n":"1"})");
  auto bad = self->request(pool, caf::infinite, request{"nothing", "{}"});
  run();
  auto why = from_caf(answer<response>(bad).error());
  CHECK(why.reason == reason::unknown_tool);
  CHECK(!why.message.empty());
}

TEST_SUITE_END();
