#include "tests/support/pool_fixture.hpp"

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

struct receipt_fixture : pool_fixture {
  receipt_fixture() {
    cfg.retry.jitter = 0;
    cfg.restart.backoff = {0ms};
    cfg.heartbeat.interval = infinite;
    cfg.queue.prefetch_time = 0ms;
  }

  const call_receipt& receipt(size_t call) const {
    auto& end = *ends[call]->last;
    if (end)
      return end->receipt();
    REQUIRE(end.error().receipt);
    return *end.error().receipt;
  }
};

} // namespace

TEST_SUITE_BEGIN("receipts");

TEST_CASE_FIXTURE(receipt_fixture, "a call that waited in the queue says for how long [T7]") {
  start_ready();
  auto first = submit("1");
  worker(0).claim();
  auto second = submit("22");
  advance(40ms);
  worker(0).finish();
  worker(0).send();
  run();
  advance(60ms);
  worker(0).serve_all();
  run();
  CHECK(receipt(first).queue == 0ms);
  auto& x = receipt(second);
  CHECK(x.queue == 40ms);
  CHECK(x.run == 5us);
  CHECK(x.batch == 0ms); // the script does not say when it began
  CHECK(x.bytes_in == std::string_view{R"({"n":"22"})"}.size());
  CHECK(x.bytes_out == x.bytes_in); // it sends them back
  CHECK(x.cpu_calls == 0);
  CHECK(x.attempt == 1);
  CHECK(x.slot == 0);
  CHECK(x.generation == 1);
}

TEST_CASE_FIXTURE(receipt_fixture, "a call that never left the queue has no worker [T7]") {
  start_ready();
  submit("1");
  worker(0).claim();
  auto waits = submit("2", infinite, 30ms);
  auto dropped = submit("3");
  advance(20ms);
  cancel(dropped);
  advance(10ms);
  REQUIRE(answered(waits));
  CHECK(receipt(waits).queue == 30ms);
  CHECK(receipt(waits).generation == 0);
  REQUIRE(answered(dropped));
  CHECK(receipt(dropped).queue == 20ms);
}

TEST_CASE_FIXTURE(receipt_fixture, "a call that is refused has none [T7]") {
  cfg.queue.max_calls = 1;
  start_ready();
  submit("1");
  worker(0).claim();
  submit("2");
  auto refused = submit("3");
  REQUIRE(answered(refused));
  CHECK(failure(refused).reason == reason::pool_saturated);
  CHECK(!failure(refused).receipt);
}

TEST_CASE_FIXTURE(receipt_fixture, "a lost call has that of its worker, one that runs again of the "
                                   "next [T7, F1]") {
  start_ready();
  auto lost = submit("1");
  worker(0).claim();
  crash(worker(0), SIGSEGV);
  REQUIRE(answered(lost));
  CHECK(receipt(lost).generation == 1);
  CHECK(receipt(lost).run == 0ms);
  bring_up(*world.workers.back());
  options.idempotent = true;
  auto again = submit("2");
  world.workers.back()->claim();
  crash(*world.workers.back(), SIGSEGV);
  bring_up(*world.workers.back());
  advance(100ms);
  world.workers.back()->serve_all();
  run();
  REQUIRE(answered(again));
  CHECK(receipt(again).attempt == 2);
  CHECK(receipt(again).generation == 3);
  CHECK(receipt(again).queue == 100ms);
}

TEST_CASE_FIXTURE(receipt_fixture, "a call that is answered at its deadline has its part [T7]") {
  start_ready();
  auto call = submit("123", 50ms);
  worker(0).claim();
  advance(50ms);
  advance(10s);
  REQUIRE(answered(call));
  CHECK(failure(call).reason == reason::deadline_exceeded);
  CHECK(receipt(call).bytes_in == 11);
  CHECK(receipt(call).generation == 1);
}
