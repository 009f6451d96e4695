#include "tests/actors/affinity_fixture.hpp"

using namespace snakepit;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("affinity");

// -- hint -------------------------------------------------------------------------

TEST_CASE_FIXTURE(affinity_fixture, "a hint goes to the session's worker if that has room [B3]") {
  start_ready();
  hint("a");
  CHECK(waiting(0) == "a");
  serve(0);
  hint("b"); // else it would be the other one's turn
  CHECK(waiting(0) == "b");
  CHECK(bound() == "new 0.1");
}

TEST_CASE_FIXTURE(affinity_fixture, "a hint that would wait goes elsewhere and moves along [B3]") {
  start_ready();
  hint("a");
  worker(0).claim();
  hint("b");
  CHECK(waiting(1) == "b");
  CHECK(bound() == "new 0.1, moved 1.1");
  serve(0);
  serve(1);
  hint("c");
  CHECK(waiting(1) == "c");
}

TEST_CASE_FIXTURE(affinity_fixture, "a hint does not move a session that others rely on [B3]") {
  start_ready();
  patient("a");
  hint("b");
  CHECK(waiting(0) == "a");
  CHECK(waiting(1) == "b");
  serve(0);
  serve(1);
  patient("c");
  CHECK(waiting(0) == "c");
  CHECK(bound() == "new 0.1");
}

TEST_CASE_FIXTURE(affinity_fixture, "many sessions with a hint still ride together [B3, P4]") {
  cfg.queue.prefetch_time = 1ms;
  cfg.workers = 1;
  start_ready();
  other("warm");
  serve(0);
  auto message = std::vector<size_t>{};
  for (auto* session : {"s", "t", "u", "s"})
    message.push_back(call(session, affinity::hint, session));
  serve(0);
  serve(0);
  for (auto x : message)
    CHECK(answered(x));
}

// -- strict_fail_fast -------------------------------------------------------------

TEST_CASE_FIXTURE(affinity_fixture,
                  "a call that must not wait is refused while its worker is busy [B3]") {
  start_ready();
  auto a = hasty("a");
  worker(0).claim();
  auto b = hasty("b");
  CHECK(why(b) == reason::worker_busy);
  CHECK(failure(b).retryable);
  CHECK(stats().rejected.at("worker_busy") == 1);
  CHECK(waiting(1).empty());
  serve(0);
  CHECK(answered(a));
  auto c = hasty("c");
  CHECK(waiting(0) == "c");
  serve(0);
  CHECK(text(c) == R"({"n":"c"})");
}

TEST_CASE_FIXTURE(affinity_fixture, "nor does it go behind a call that should be short [B3]") {
  cfg.queue.prefetch_time = 1ms;
  start_ready();
  hasty("warm");
  serve(0);
  hasty("a");
  CHECK(why(hasty("b")) == reason::worker_busy);
}

TEST_CASE_FIXTURE(affinity_fixture,
                  "of two first calls at once the second learns it is busy [B3]") {
  start_ready();
  options.session = "s";
  options.affinity = affinity::strict_fail_fast;
  auto calls = submit_all({"a", "b"});
  CHECK(waiting(0) == "a");
  CHECK(waiting(1).empty());
  CHECK(why(calls[1]) == reason::worker_busy);
}

TEST_CASE_FIXTURE(affinity_fixture, "it is told once that its worker has died [B3]") {
  start_ready();
  hasty("a");
  serve(0);
  die(0);
  auto b = hasty("b");
  CHECK(why(b) == reason::session_worker_unavailable);
  CHECK(!failure(b).retryable);
  auto c = hasty("c");
  CHECK(waiting(1) == "c");
  serve(1);
  CHECK(text(c) == R"({"n":"c"})");
  CHECK(bound() == "new 0.1, new 1.1");
}

TEST_CASE_FIXTURE(affinity_fixture, "what its worker had not begun is told at once [B3]") {
  start_ready();
  hasty("a");
  serve(0);
  auto b = hasty("b");
  CHECK(waiting(0) == "b");
  die(0);
  CHECK(why(b) == reason::session_worker_unavailable);
  hasty("c");
  CHECK(waiting(1) == "c");
}

TEST_CASE_FIXTURE(affinity_fixture, "a session that had nothing in its worker lost nothing [B3]") {
  start_ready();
  auto a = hasty("a");
  CHECK(waiting(0) == "a");
  die(0);
  CHECK(waiting(1) == "a");
  serve(1);
  CHECK(text(a) == R"({"n":"a"})");
}

TEST_CASE_FIXTURE(affinity_fixture, "a recycled worker is gone for its sessions, too [B3, L2]") {
  start_ready();
  hasty("a");
  serve(0);
  recycle(0);
  hasty("b");
  CHECK(waiting(0) == "b"); // it still serves
  serve(0);
  bring_up(worker(2));
  CHECK(why(hasty("c")) == reason::session_worker_unavailable);
}

// -- which mode, which session ----------------------------------------------------

TEST_CASE_FIXTURE(affinity_fixture, "a call's own word goes before the pool's [B3]") {
  cfg.affinity = "strict_fail_fast";
  start_ready();
  options.session = "s";
  submit("a");
  worker(0).claim();
  CHECK(why(submit("b")) == reason::worker_busy);
  options.affinity = affinity::hint;
  submit("c");
  CHECK(waiting(1) == "c");
}

TEST_CASE_FIXTURE(affinity_fixture, "sessions have workers of their own [B3, P4]") {
  start_ready();
  patient("a", "s");
  patient("b", "t");
  CHECK(waiting(0) == "a");
  CHECK(waiting(1) == "b");
  serve(1);
  serve(0);
  patient("c", "t");
  patient("d", "s");
  CHECK(waiting(0) == "d");
  CHECK(waiting(1) == "c");
}

TEST_CASE_FIXTURE(affinity_fixture, "a session's id has 256 bytes at most [B3]") {
  start_ready();
  auto x = patient("a", std::string(257, 's'));
  CHECK(why(x) == reason::invalid_argument);
  CHECK(failure(x).message == "the session's id is longer than 256 bytes");
  patient("b", std::string(256, 's'));
  CHECK(waiting(0) == "b");
}

TEST_SUITE_END();
