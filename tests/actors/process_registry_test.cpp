#include "actors/process_registry.hpp"
#include "tests/support/pool_fixture.hpp"
#include "tests/support/scripted_ledger.hpp"

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

/// A whole tree with a registry.
struct registry_fixture : pool_fixture {
  std::shared_ptr<scripted_ledger> disk = std::make_shared<scripted_ledger>();

  registry_fixture() {
    registry.entry = std::make_shared<registry_entry>();
    registry.ledger = disk;
    listen();
  }
  ~registry_fixture() {
    registry.entry->set_actor(nullptr);
  }

  bool degraded() const {
    return !registry.entry->trouble().empty();
  }
  size_t started() const {
    return world.workers.size();
  }
};

} // namespace

TEST_CASE_FIXTURE(registry_fixture, "no process is started before its entry is durable [R2]") {
  cfg.workers = 3;
  start();
  REQUIRE(disk->orders.size() == 1); // the empty ledger
  CHECK(started() == 0);
  disk->succeed();
  run();
  REQUIRE(disk->orders.size() == 1);
  CHECK(disk->orders[0].rows.size() == 3); // all at once
  CHECK(started() == 0);
  disk->succeed();
  run();
  CHECK(started() == 3);
  CHECK(disk->states() == "rrr");
  CHECK(disk->content.at(1).key.pool == "p");
  CHECK(!degraded());
}

TEST_CASE_FIXTURE(registry_fixture, "an entry is active with its process and ends with it [R2]") {
  disk->instant = true;
  start_ready();
  REQUIRE(disk->states() == "a");
  CHECK(disk->content.at(1).process.pid == 1000);
  CHECK(disk->content.at(1).key == core::worker_key{"p", 0, 1});
  crash(worker(0), 11);
  run();
  CHECK(disk->states().substr(0, 1) == "e");
}

TEST_CASE_FIXTURE(registry_fixture, "an entry whose process could not be started ends [R2]") {
  disk->instant = true;
  start();
  CHECK(disk->states() == "r");
  worker(0).fail_to_spawn({reason::worker_start_failed, "no"});
  run();
  CHECK(disk->states().substr(0, 1) == "e");
}

TEST_CASE_FIXTURE(registry_fixture,
                  "a write that fails stops no start, and is told once [R2, RL-11]") {
  start();
  disk->fail("the disk is full");
  run();
  CHECK(started() == 1);
  CHECK(registry.entry->trouble().find("the disk is full") != std::string::npos);
  REQUIRE(ledger.count(event_kind::ledger_degraded) == 1);
  CHECK(ledger.of(event_kind::ledger_degraded)[0].text("because").find("full")
        != std::string::npos);
  bring_up(worker(0));
  CHECK(disk->orders.empty()); // it is left alone for a while
  advance(registry_pause);
  REQUIRE(disk->orders.size() == 1);
  disk->fail("still full");
  run();
  CHECK(ledger.count(event_kind::ledger_degraded) == 1);
  CHECK(ledger.count(event_kind::ledger_recovered) == 0);
}

TEST_CASE_FIXTURE(registry_fixture, "when the disk is back the ledger has all that lives [R2]") {
  cfg.workers = 2;
  start();
  disk->fail("no");
  run();
  REQUIRE(started() == 2);
  bring_up(worker(0));
  advance(registry_pause);
  disk->succeed();
  run();
  CHECK(!degraded());
  REQUIRE(ledger.count(event_kind::ledger_recovered) == 1);
  CHECK(ledger.of(event_kind::ledger_recovered)[0].number("degraded_us") == 2'000'000);
  CHECK(disk->states() == "ar");
  disk->instant = true;
  bring_up(worker(1));
  CHECK(disk->states() == "aa");
}

TEST_CASE_FIXTURE(registry_fixture, "a write that takes longer than 500 ms stops no start [R2]") {
  start();
  disk->succeed();
  run();
  REQUIRE(disk->orders.size() == 1);
  advance(499ms);
  CHECK(started() == 0);
  CHECK(!degraded());
  advance(1ms);
  CHECK(started() == 1);
  CHECK(degraded());
  CHECK(ledger.count(event_kind::ledger_degraded) == 1);
  bring_up(worker(0));
  disk->succeed(); // late
  run();
  CHECK(degraded()); // until one is in time
  REQUIRE(disk->orders.size() == 1);
  disk->succeed();
  run();
  CHECK(!degraded());
  CHECK(disk->states() == "a");
  CHECK(ledger.count(event_kind::ledger_recovered) == 1);
}

TEST_CASE_FIXTURE(registry_fixture,
                  "a disk that hangs for ever holds up nothing but itself [RL-11]") {
  start();
  advance(500ms);
  REQUIRE(started() == 1);
  bring_up(worker(0));
  for (int i = 0; i < 50; ++i) {
    auto& x = *world.find("p/0.");
    crash(x, 9);
    advance(60s);
    REQUIRE(started() == static_cast<size_t>(i) + 2);
    bring_up(*world.find("p/0."));
  }
  CHECK(disk->orders.size() == 1); // no more are asked of it
  CHECK(degraded());
  disk->succeed();
  run();
  disk->succeed();
  run();
  CHECK(!degraded());
  CHECK(disk->content.size() == 1); // what came and went meanwhile is not kept
  CHECK(disk->states() == "a");
}

TEST_CASE_FIXTURE(registry_fixture, "a ledger that answers twice does no harm [R2]") {
  start();
  auto twice = disk->orders.front().done;
  disk->succeed();
  run();
  twice(fail(reason::internal, "again"));
  twice({});
  run();
  CHECK(!degraded());
  CHECK(started() == 0);
  disk->succeed();
  run();
  CHECK(started() == 1);
}

TEST_CASE_FIXTURE(registry_fixture,
                  "while there is no registry, or it is new, workers start [R2]") {
  disk->instant = true;
  start_ready();
  caf::anon_send_exit(registry.entry->actor(), caf::exit_reason::unhandled_exception);
  run();
  // Its successor ends what it never knew.
  crash(worker(0), 9);
  advance(60s);
  REQUIRE(started() == 2);
  bring_up(worker(1));
  CHECK(disk->states() == "ea");
  auto silent =
    caf::actor_cast<caf::actor>(sys.spawn([](caf::event_based_actor* x) -> caf::behavior {
      x->set_default_handler(caf::drop);
      return {[](int) {}};
    }));
  registry.entry->set_actor(silent);
  crash(worker(1), 9);
  advance(60s);
  CHECK(started() == 3);
  caf::anon_send_exit(silent, caf::exit_reason::kill);
}
