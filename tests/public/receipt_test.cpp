#include "runtime_fixture.hpp"

#include <snakepit/caf.hpp>
#include <snakepit/runtime.hpp>

#include <caf/scoped_actor.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <future>
#include <mutex>

using namespace snakepit;
using namespace std::chrono_literals;

/// What calls took, with real Python workers.

namespace {

struct receipt_fixture : runtime_fixture {
  pool_config receipts(size_t workers = 1) const {
    return pool("default", workers, SNAKEPIT_SOURCE_ROOT "/tests/public/receipts.py:Receipts");
  }
};

value for_seconds(double x) {
  return {{"seconds", x}};
}

} // namespace

TEST_SUITE_BEGIN("receipts");

TEST_CASE_FIXTURE(receipt_fixture, "processor time is told apart from time [T7]") {
  auto uut = start({receipts()});
  REQUIRE(uut.await_ready());
  auto x = call_receipt{};
  for (int i = 0; i < 5 && (i == 0 || x.cpu >= 100ms); ++i) // what a hypervisor takes may count
    REQUIRE(uut.execute("burn", for_seconds(0.05), {}, x));
  CHECK(x.cpu_calls == 1);
  CHECK(x.cpu >= 49ms);
  CHECK(x.cpu < 100ms);
  CHECK(x.run >= x.cpu);
  REQUIRE(uut.execute("sleep", for_seconds(0.25), {}, x));
  CHECK(x.cpu_calls == 1);
  CHECK(x.cpu < 50ms);
  CHECK(x.run >= 250ms);
  CHECK(x.attempt == 1);
  CHECK(x.slot == 0);
  CHECK(x.generation == 1);
  CHECK(x.bytes_in == std::string_view{R"({"seconds":0.25})"}.size());
  CHECK(x.bytes_out == std::string_view{R"("slept")"}.size());
}

TEST_CASE_FIXTURE(receipt_fixture, "memory that a call keeps is its growth, once [T7]") {
  auto uut = start({receipts()});
  auto x = call_receipt{};
  REQUIRE(uut.execute("sleep", for_seconds(0.02), {}, x));
  REQUIRE(uut.execute("keep", value{{"megabytes", 20}}, {}, x));
  REQUIRE(x.has_memory);
  CHECK(x.memory_growth > 19'000'000);
  CHECK(x.memory_growth < 26'000'000);
  REQUIRE(uut.execute("sleep", for_seconds(0.02), {}, x));
  REQUIRE(x.has_memory);
  CHECK(std::abs(x.memory_growth) < 3'000'000);
  for (int i = 0; i < 20 && (i == 0 || x.run >= 10ms); ++i) // it may wake up late
    REQUIRE(uut.execute("sleep", for_seconds(0.001), {}, x));
  REQUIRE(x.run < 10ms);
  CHECK(!x.has_memory);
}

TEST_CASE_FIXTURE(receipt_fixture, "a call that waits is told where it waited [T7]") {
  auto uut = start({receipts()});
  REQUIRE(uut.await_ready());
  // The pool foresees long runs, so that the second waits in the queue.
  REQUIRE(uut.execute("sleep", for_seconds(0.05)));
  auto first = std::promise<outcome>{};
  auto second = std::promise<outcome>{};
  uut.execute_async("sleep", for_seconds(3), {}, [&](outcome x) { first.set_value(std::move(x)); });
  uut.execute_async("sleep", for_seconds(0.01), {},
                    [&](outcome x) { second.set_value(std::move(x)); });
  auto ran = first.get_future().get();
  auto waited = second.get_future().get();
  REQUIRE(ran);
  REQUIRE(waited);
  CHECK(ran->receipt().queue + ran->receipt().batch < 2500ms);
  CHECK(ran->receipt().run >= 3s);
  auto& x = waited->receipt();
  CHECK(x.queue + x.batch >= 500ms);
  CHECK(x.queue + x.batch < 10s);
}

TEST_CASE_FIXTURE(receipt_fixture, "short calls of a batch share what it took [T7]") {
  auto settings = receipts();
  settings.queue.prefetch_time = 20ms;
  auto uut = start({settings});
  REQUIRE(uut.await_ready());
  REQUIRE(uut.execute("burn", for_seconds(0.0001)));
  auto mutex = std::mutex{};
  auto all = std::vector<call_receipt>{};
  auto done = std::promise<void>{};
  constexpr size_t n = 60;
  uut.submit_many("burn", std::vector<arguments>(n, for_seconds(0.0002)), {},
                  [&](size_t, outcome x) {
                    auto guard = std::unique_lock{mutex};
                    all.push_back(x ? x->receipt() : call_receipt{});
                    auto last = all.size() == n;
                    guard.unlock();
                    if (last)
                      done.set_value();
                  });
  done.get_future().get();
  auto cpu = std::chrono::nanoseconds{0};
  auto known = size_t{0};
  auto shared = size_t{0};
  for (auto& x : all) {
    cpu += x.cpu;
    known += x.cpu_calls > 0;
    shared += x.cpu_calls > 1;
    CHECK(x.cpu <= x.run);
  }
  CHECK(known > n / 2);
  CHECK(shared > 0);
  CHECK(cpu >= n * 50us);
}

TEST_CASE_FIXTURE(receipt_fixture, "a call that fails has its receipt, too [T7]") {
  auto uut = start({receipts()});
  auto x = call_receipt{};
  REQUIRE(!uut.execute("fail", for_seconds(0.02), {}, x));
  CHECK(x.cpu >= 19ms);
  CHECK(x.bytes_out == 0);
  auto end = uut.execute("die", value{value::map{}}, {}, x);
  REQUIRE(!end);
  REQUIRE(end.error().receipt);
  CHECK(*end.error().receipt == x);
  CHECK(x.generation == 1);
  CHECK(x.run == 0ms); // who could have said it is dead
  auto brief = call_options{};
  brief.timeout = 100ms;
  REQUIRE(!uut.execute("sleep", for_seconds(10), brief, x));
  CHECK(x.bytes_in > 0);
  // Refused before its admission: there is none.
  x.slot = 99;
  end = uut.execute("no_such_tool", value{value::map{}}, {}, x);
  REQUIRE(!end);
  CHECK(!end.error().receipt);
  CHECK(x == call_receipt{});
}

TEST_CASE_FIXTURE(receipt_fixture, "a call that ran again says so, and where [T7, Q7]") {
  auto uut = start({receipts()});
  auto path = (state_dir / "died").string();
  auto x = call_receipt{};
  auto end = uut.execute("die_once", value{{"path", path}}, {}, x);
  REQUIRE_MESSAGE(end, to_string(end.error()));
  CHECK(x.attempt == 2);
  CHECK(x.generation == 2);
}

TEST_CASE_FIXTURE(receipt_fixture, "each thread of a worker has its own processor time [T7, W3]") {
  auto settings = receipts();
  settings.profile = "thread";
  settings.lanes = 2;
  auto uut = start({settings});
  REQUIRE(uut.await_ready());
  auto burnt = std::promise<outcome>{};
  auto slept = std::promise<outcome>{};
  uut.execute_async("burn", for_seconds(0.1), {},
                    [&](outcome x) { burnt.set_value(std::move(x)); });
  uut.execute_async("sleep", for_seconds(0.1), {},
                    [&](outcome x) { slept.set_value(std::move(x)); });
  auto hot = burnt.get_future().get();
  auto cold = slept.get_future().get();
  REQUIRE(hot);
  REQUIRE(cold);
  CHECK(hot->receipt().cpu >= 98ms);
  CHECK(cold->receipt().cpu < 50ms);
  auto x = call_receipt{};
  REQUIRE(uut.execute("burn_on_main", for_seconds(0.05), {}, x));
  CHECK(x.cpu >= 49ms);
  CHECK(x.cpu <= x.run);
}

TEST_CASE_FIXTURE(receipt_fixture, "an actor's response has its receipt [T7, E3]") {
  auto cfg = caf::actor_system_config{};
  prepare(cfg);
  cfg.set("scheduler.policy", caf::atom("sharing"));
  auto system = caf::actor_system{cfg};
  auto uut = start_in(system, configuration({receipts()}));
  REQUIRE(uut);
  auto pool = pool_actor_of(*uut);
  REQUIRE(pool);
  auto self = caf::scoped_actor{system};
  self->request(*pool, 30s, request{"burn", R"({"seconds": 0.02})"})
    .receive(
      [](const response& x) {
        CHECK(x.receipt.cpu >= 19ms);
        CHECK(x.receipt.generation == 1);
      },
      [](const caf::error& x) { FAIL(to_string(from_caf(x))); });
  uut->stop();
}
