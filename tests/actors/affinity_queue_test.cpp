#include "tests/actors/affinity_fixture.hpp"

using namespace snakepit;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("affinity");

TEST_CASE_FIXTURE(affinity_fixture, "a strict call waits for its worker, and others do not [B3]") {
  start_ready();
  patient("a");
  worker(0).claim();
  auto b = patient("b");
  CHECK(waiting(1).empty());
  CHECK(stats().queued == 1);
  other("x");
  CHECK(waiting(1) == "x");
  serve(1);
  other("y");
  CHECK(waiting(1) == "y");
  CHECK(!answered(b));
  serve(0);
  CHECK(waiting(0) == "b");
  serve(0);
  CHECK(text(b) == R"({"n":"b"})");
  CHECK(stats().queued == 0);
}

TEST_CASE_FIXTURE(affinity_fixture, "two first calls at the same instant end on one worker [B3]") {
  start_ready();
  options.session = "s";
  options.affinity = affinity::strict_queue;
  auto calls = submit_all({"a", "b", "c"});
  CHECK(waiting(0) == "a");
  CHECK(waiting(1).empty());
  for (int i = 0; i < 3; ++i)
    serve(0);
  for (auto x : calls)
    CHECK(ends[x]->last->has_value());
  CHECK(bound() == "new 0.1");
}

TEST_CASE_FIXTURE(affinity_fixture, "first calls that came before any worker do so, too [B3]") {
  start();
  auto a = patient("a");
  auto b = patient("b");
  bring_up(worker(0));
  bring_up(worker(1));
  CHECK(waiting(0) == "a");
  CHECK(waiting(1).empty());
  serve(0);
  serve(0);
  CHECK(answered(a));
  CHECK(answered(b));
}

TEST_CASE_FIXTURE(affinity_fixture, "a busy pool serves its worker's calls in their turn [B3]") {
  start_ready();
  patient("a");
  other("x");
  worker(0).claim();
  worker(1).claim();
  patient("b");
  other("y");
  patient("c");
  other("z");
  serve(0);
  CHECK(waiting(0) == "b"); // it came first
  serve(1);
  CHECK(waiting(1) == "y");
  serve(1);
  CHECK(waiting(1) == "z"); // "c" waits apart
  serve(0);
  CHECK(waiting(0) == "c");
}

TEST_CASE_FIXTURE(affinity_fixture,
                  "what waits for its worker is refused, too, while a circuit is open [B3, F2]") {
  cfg.breaker = {.enabled = true, .failures = 1, .reset = 5s, .half_open = 1};
  start_ready();
  patient("a");
  worker(0).claim();
  auto b = patient("b");
  other("x");
  CHECK(waiting(1) == "x"); // "b" waits apart
  worker(1).claim();
  worker(1).finish_with({reason::python_exception, "so it is"});
  worker(1).send();
  run();
  CHECK(!answered(b));
  serve(0);
  CHECK(why(b) == reason::circuit_open);
  CHECK(waiting(0).empty());
  CHECK(stats().queued == 0);
}

TEST_CASE_FIXTURE(affinity_fixture, "waiting for a worker ends with the deadline [B3, Q2]") {
  start_ready();
  patient("a");
  worker(0).claim();
  auto late = call("s", affinity::strict_queue, "late", 50ms);
  auto tired = call("s", affinity::strict_queue, "tired", infinite, 20ms);
  advance(20ms);
  CHECK(why(tired) == reason::queue_timeout);
  CHECK(!answered(late));
  advance(30ms);
  CHECK(why(late) == reason::deadline_exceeded);
  CHECK(stats().queued == 0);
  serve(0);
  CHECK(waiting(0).empty());
}

TEST_CASE_FIXTURE(affinity_fixture, "a call that waits for its worker can be cancelled [B3, Q3]") {
  start_ready();
  patient("a");
  worker(0).claim();
  auto b = patient("b");
  auto c = patient("c");
  cancel(b);
  CHECK(why(b) == reason::cancelled);
  serve(0);
  CHECK(waiting(0) == "c");
  cancel(c);
  CHECK(why(c) == reason::cancelled);
}

TEST_CASE_FIXTURE(affinity_fixture,
                  "what waits for a worker that dies goes with its session [B3]") {
  start_ready();
  auto a = patient("a");
  worker(0).claim();
  auto b = patient("b");
  auto c = patient("c");
  auto d = patient("d");
  die(0);
  CHECK(why(a) == reason::worker_crashed);
  CHECK(waiting(1) == "b"); // at once
  CHECK(bound() == "new 0.1, moved 1.1");
  bring_up(worker(2));
  CHECK(waiting(2).empty());
  serve(1);
  CHECK(waiting(1) == "c");
  serve(1);
  serve(1);
  for (auto x : {b, c, d}) {
    CHECK(ends[x]->last->has_value());
    CHECK(ends[x]->answers == 1);
  }
}

TEST_CASE_FIXTURE(affinity_fixture, "what a dead worker had not begun moves, too [B3]") {
  start_ready();
  patient("a");
  serve(0);
  auto b = patient("b");
  CHECK(waiting(0) == "b");
  die(0);
  CHECK(waiting(1) == "b");
  serve(1);
  CHECK(text(b) == R"({"n":"b"})");
}

TEST_CASE_FIXTURE(affinity_fixture, "the only worker is waited for, whichever it is [B3]") {
  cfg.workers = 1;
  start_ready();
  patient("a");
  worker(0).claim();
  auto b = patient("b");
  die(0);
  CHECK(!answered(b));
  bring_up(worker(1));
  serve(1);
  CHECK(text(b) == R"({"n":"b"})");
  CHECK(bound() == "new 0.1, moved 0.2");
}

TEST_CASE_FIXTURE(affinity_fixture,
                  "a call that is run again goes where its session is now [B3, F1]") {
  options.idempotent = true;
  cfg.retry.jitter = 0;
  start_ready();
  auto a = patient("a");
  worker(0).claim();
  die(0);
  patient("b");
  CHECK(waiting(1) == "b");
  worker(1).claim();
  bring_up(worker(2)); // slot 0 again
  advance(100ms);      // the pause before the second run
  CHECK(waiting(2).empty());
  serve(1);
  CHECK(waiting(1) == "a");
  serve(1);
  CHECK(text(a) == R"({"n":"a"})");
}

TEST_CASE_FIXTURE(affinity_fixture, "calls do not wait for a worker that is recycled [B3, L2]") {
  start_ready();
  auto a = patient("a");
  worker(0).claim();
  auto b = patient("b");
  recycle(0);
  CHECK(waiting(1).empty()); // it still serves
  bring_up(worker(2));       // slot 0 again
  CHECK(waiting(2) == "b");
  patient("c");
  CHECK(waiting(1).empty());
  serve(0);
  CHECK(waiting(2) == "b");
  serve(2);
  CHECK(waiting(2) == "c");
  CHECK(answered(a));
  CHECK(answered(b));
}

TEST_CASE_FIXTURE(affinity_fixture, "calls do not wait for a worker that leaves [B3, Q5]") {
  lanes = 2;
  start_ready();
  call("t", affinity::hint, "stuck", 1s);
  worker(0).lanes[0].claim();
  patient("a");
  worker(0).lanes[1].claim();
  auto b = patient("b");
  CHECK(waiting(1).empty());
  advance(1s);
  advance(2s); // the call past its deadline does not end
  CHECK(waiting(1) == "b");
  serve(1);
  CHECK(answered(b));
}

TEST_CASE_FIXTURE(affinity_fixture, "what is taken back from a worker goes to no other [B3, Q3]") {
  cfg.queue.prefetch_time = 1ms;
  start_ready();
  patient("warm");
  serve(0); // its tool is short
  patient("a");
  worker(0).claim();
  auto b = patient("b");
  CHECK(waiting(0) == "b"); // it rides behind
  advance(1ms);             // a lane is idle while it waits: it is taken back
  CHECK(worker(0).page().limit() < core::lane_page::no_limit);
  CHECK(waiting(1).empty());
  CHECK(stats().queued == 1);
  serve(0);
  serve(0);
  CHECK(waiting(1).empty());
  CHECK(text(b) == R"({"n":"b"})");
}

TEST_CASE_FIXTURE(affinity_fixture,
                  "a first call that is taken back is free to go elsewhere [B3]") {
  cfg.queue.prefetch_time = 1ms;
  start_ready();
  other("warm");
  serve(0);
  for (auto* x : {"x", "y"})
    other(x);
  worker(0).claim();
  worker(1).claim();
  auto a = patient("a");
  CHECK(waiting(0) + waiting(1) == "a"); // behind one of them
  auto had = waiting(0) == "a" ? size_t{0} : size_t{1};
  serve(1 - had);
  advance(1ms);
  CHECK(waiting(1 - had) == "a");
  serve(1 - had);
  CHECK(text(a) == R"({"n":"a"})");
}

TEST_CASE_FIXTURE(affinity_fixture, "a drain waits for what waits for a worker [B3, R7]") {
  start_ready();
  patient("a");
  worker(0).claim();
  patient("b");
  auto c = patient("c");
  auto done = 0;
  caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()),
                 make_local(drain_order{1s, [&] { ++done; }}));
  run();
  CHECK(done == 0);
  serve(0);
  CHECK(waiting(0) == "b");
  worker(0).claim();
  CHECK(done == 0);
  advance(1s);
  CHECK(why(c) == reason::draining);
  CHECK(done == 1);
}

TEST_SUITE_END();
