#include "tests/actors/reload_fixture.hpp"

#include <csignal>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("reload");

TEST_CASE_FIXTURE(reload_fixture, "one worker is tried, then the others follow one by one [L5]") {
  start_ready();
  auto job = reload();
  REQUIRE(world.workers.size() == 4);
  CHECK(is_new(3));
  CHECK(revisions() == std::vector<uint32_t>{1, 2, 1, 1});
  CHECK(stats().revision == 1);
  for (size_t i = 3; i < 6; ++i) {
    CHECK(stats().workers_ready == 3);
    REQUIRE(world.workers.size() == i + 1);
    CHECK(is_new(i));
    CHECK(!reloads[job]);
    bring_up(worker(i));
    CHECK(worker(i - 3).shutdown_came);
  }
  CHECK(stats().workers_ready == 3);
  CHECK(report(job).replaced == 3);
  CHECK(report(job).revision == 2);
  CHECK(!report(job).failure);
  CHECK(stats().revision == 2);
  CHECK(revisions() == std::vector<uint32_t>{2, 2, 2});
  CHECK(world.retired.empty()); // old ones are still there
  for (size_t i = 0; i < 3; ++i)
    leave(worker(i));
  advance(2s);
  CHECK(world.retired == std::vector<std::shared_ptr<const io::launch_spec>>{nullptr});
  CHECK(ledger.count(event_kind::reload_begun) == 1);
  auto done = ledger.of(event_kind::reload_done);
  REQUIRE(done.size() == 1);
  CHECK(done[0].text("revision") == "2");
  CHECK(done[0].measurements.at("workers") == 3);
  CHECK(ledger.of(event_kind::worker_recycled).at(0).text("reason") == "reload");
  crash(worker(4), SIGSEGV); // whatever starts now is new, too
  CHECK(is_new(6));
}

TEST_CASE_FIXTURE(reload_fixture, "an adapter that cannot be imported changes nothing [L5]") {
  start_ready();
  auto call = submit("work");
  auto job = reload();
  refuse(worker(3));
  REQUIRE(report(job).failure);
  CHECK(report(job).failure->message == "No module named `x`");
  CHECK(report(job).revision == 1);
  CHECK(report(job).replaced == 0);
  CHECK(stats().workers_ready == 3);
  CHECK(stats().revision == 1);
  CHECK(ledger.of(event_kind::reload_rolled_back).at(0).text("reason") == "worker_start_failed");
  CHECK(world.retired.size() == 1);
  CHECK(world.retired[0] == worker(3).origin);
  for (size_t i = 0; i < 3; ++i)
    worker(i).serve_all();
  run();
  CHECK(answered(call));
  advance(1min);
  CHECK(world.workers.size() == 4);
  crash(worker(0), SIGSEGV);
  CHECK(!is_new(4)); // the old one serves on
}

TEST_CASE_FIXTURE(reload_fixture, "while one is tried, all that restarts is old [L5]") {
  start_ready();
  auto job = reload();
  crash(worker(1), SIGSEGV);
  REQUIRE(world.workers.size() == 5);
  CHECK(!is_new(4));
  SUBCASE("and the tried one stays new if its predecessor dies") {
    crash(worker(0), SIGSEGV);
    CHECK(stats().workers_ready == 1);
    bring_up(worker(3));
    bring_up(worker(4)); // waited for, and replaced
    bring_up(worker(5));
    bring_up(worker(6));
    CHECK(report(job).revision == 2);
    CHECK(revisions() == std::vector<uint32_t>{2, 2, 2});
  }
  SUBCASE("and if that fails then its slot is old again") {
    crash(worker(0), SIGSEGV);
    refuse(worker(3));
    advance(1s);
    REQUIRE(report(job).failure);
    REQUIRE(world.workers.size() == 6);
    CHECK(!is_new(5));
    bring_up(worker(4));
    bring_up(worker(5));
    CHECK(stats().workers_ready == 3);
  }
}

TEST_CASE_FIXTURE(reload_fixture, "a later one that cannot start brings the old ones back [L5]") {
  start_ready();
  auto job = reload();
  bring_up(worker(3));
  leave(worker(0));
  CHECK(revisions() == std::vector<uint32_t>{2, 1, 2, 1});
  refuse(worker(4));
  CHECK(!reloads[job]);
  advance(1s);
  REQUIRE(world.workers.size() == 6);
  CHECK(!is_new(5));
  bring_up(worker(5));
  CHECK(worker(3).shutdown_came);
  CHECK(revisions() == std::vector<uint32_t>{1, 1, 1});
  REQUIRE(report(job).failure);
  CHECK(stats().workers_ready == 3);
  leave(worker(3));
  advance(2s);
  CHECK(world.retired.size() == 1);
  CHECK(world.retired[0] == worker(3).origin);
}

TEST_CASE_FIXTURE(reload_fixture, "new workers that crash bring the old ones back [L5]") {
  cfg.restart.start_failures = 2;
  cfg.restart.backoff = {0ms};
  start_ready();
  auto job = reload();
  bring_up(worker(3));
  crash(worker(3), SIGSEGV);
  advance(200ms);
  CHECK(!reloads[job]);
  CHECK(is_new(world.workers.size() - 1));
  bring_up(worker(5));
  crash(worker(5), SIGSEGV);
  for (size_t i = 0; i < world.workers.size(); ++i) {
    if (worker(i).now == scripted_worker::phase::ordered)
      bring_up(worker(i));
    advance(1s);
  }
  REQUIRE(report(job).failure);
  CHECK(report(job).failure->reason == reason::worker_crashed);
  CHECK(revisions() == std::vector<uint32_t>{1, 1, 1});
}

TEST_CASE_FIXTURE(reload_fixture, "with max_unavailable the old one leaves first [L5, L2]") {
  cfg.workers = 1;
  cfg.recycle.max_unavailable = 1;
  start_ready();
  auto job = reload();
  CHECK(world.workers.size() == 1);
  leave(worker(0));
  REQUIRE(world.workers.size() == 2);
  CHECK(is_new(1));
  SUBCASE("") {
    bring_up(worker(1));
    CHECK(!report(job).failure);
  }
  SUBCASE("and comes back if the new one fails") {
    refuse(worker(1));
    advance(1s);
    REQUIRE(report(job).failure);
    REQUIRE(world.workers.size() == 3); // at once
    CHECK(!is_new(2));
    CHECK(stats().state != "failed");
  }
}

TEST_CASE_FIXTURE(reload_fixture, "a failed pool tries the new revision at once [L5, W10]") {
  cfg.workers = 2;
  start();
  refuse(worker(0));
  refuse(worker(1));
  CHECK(stats().state == "failed");
  auto job = reload();
  REQUIRE(world.workers.size() == 3);
  CHECK(is_new(2));
  SUBCASE("") {
    bring_up(worker(2));
    REQUIRE(world.workers.size() == 4);
    refuse(worker(3)); // it was started before the new one was known to be better
    REQUIRE(world.workers.size() == 5);
    CHECK(is_new(4));
    bring_up(worker(4));
    CHECK(!report(job).failure);
    CHECK(stats().state == "ready");
  }
  SUBCASE("and says why that has failed, too") {
    refuse(worker(2));
    REQUIRE(report(job).failure);
    CHECK(report(job).failure->message == "No module named `x`");
    CHECK(stats().state == "failed");
    advance(10s);
    CHECK(!is_new(3));
  }
}

TEST_CASE_FIXTURE(reload_fixture, "a reload during one begins after it, once for all [L5]") {
  cfg.workers = 1;
  start_ready();
  auto first = reload();
  auto second = reload();
  auto third = reload();
  bring_up(worker(1));
  CHECK(report(first).revision == 2);
  CHECK(!reloads[second]);
  REQUIRE(world.workers.size() == 3);
  bring_up(worker(2));
  CHECK(report(second).revision == 3);
  CHECK(report(third).revision == 3);
  CHECK(world.workers.size() == 3);
}

TEST_CASE_FIXTURE(reload_fixture, "of those that wait the newest configuration is taken [L5]") {
  cfg.workers = 1;
  start_ready();
  auto made = std::string{};
  auto to = [&](const char* name) {
    return [this, name, &made](uint32_t revision) {
      made += name;
      return make_spec(revision);
    };
  };
  reload(true, to("a"));
  reload(true, to("b"));
  reload(true, to("c"));
  auto last = reload(); // as it is, which then is c
  bring_up(worker(1));
  bring_up(worker(2));
  CHECK(made == "ac");
  CHECK(report(last).revision == 3);
}

TEST_CASE_FIXTURE(reload_fixture,
                  "a slot that cannot start its worker gets the new one first [L5]") {
  cfg.workers = 2;
  cfg.recycle.max_unavailable = 1;
  start();
  bring_up(worker(0));
  refuse(worker(1));
  advance(0ms);
  auto broken = world.workers.size() - 1;
  if (worker(broken).now == scripted_worker::phase::ordered)
    refuse(worker(broken)); // and waits
  auto job = reload();
  auto next = world.workers.size() - 1;
  REQUIRE(is_new(next));
  bring_up(worker(next)); // which heals the pool
  CHECK(stats().workers_ready >= 1);
  leave(worker(0));
  bring_up(worker(world.workers.size() - 1));
  CHECK(!report(job).failure);
  CHECK(stats().workers_ready == 2);
}

TEST_CASE_FIXTURE(reload_fixture, "tools change when all workers are new [L5, B6]") {
  cfg.workers = 2;
  start_ready();
  world.tools.emplace("fresh", 18);
  reload();
  bring_up(worker(2));
  auto early = submit("x", infinite, infinite, "fresh");
  REQUIRE(answered(early));
  CHECK(failure(early).reason == reason::unknown_tool);
  bring_up(worker(3));
  auto late = submit("x", infinite, infinite, "fresh");
  worker(2).serve_all();
  worker(3).serve_all();
  run();
  CHECK(text(late) == R"({"n":"x"})");
}

TEST_CASE_FIXTURE(reload_fixture, "what a pool has been reloaded to outlives its actor [L5, L3]") {
  cfg.workers = 1;
  start_ready();
  reload();
  bring_up(worker(1));
  leave(worker(0));
  caf::anon_send_exit(entry->actor(), caf::exit_reason::kill);
  run();
  crash(worker(1), SIGKILL); // its actor went with the pool
  REQUIRE(world.workers.size() == 3);
  CHECK(is_new(2));
}

TEST_CASE_FIXTURE(reload_fixture, "a reload ends with its pool, and says so [L5]") {
  start_ready();
  auto job = reload();
  caf::anon_send_exit(entry->actor(), caf::exit_reason::kill);
  run();
  REQUIRE(reloads[job]);
  REQUIRE(!*reloads[job]);
  CHECK(reloads[job]->error().reason == reason::unavailable);
  for (size_t i = 0; i < 4; ++i)
    crash(worker(i), SIGKILL);
  REQUIRE(world.workers.size() == 7);
  for (size_t i = 4; i < 7; ++i)
    CHECK(!is_new(i));
}

TEST_SUITE_END();
