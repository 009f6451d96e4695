#include "actors/core/receipts.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

constexpr auto admitted_at = core::time_point{100s};

std::vector<core::final_result> runs(std::vector<uint32_t> run_us) {
  auto out = std::vector<core::final_result>{};
  for (auto us : run_us) {
    out.emplace_back();
    out.back().seq = out.size();
    out.back().run_us = us;
    out.back().end = payload{false, "1"};
  }
  return out;
}

core::call sent_call() {
  auto x = core::call{};
  x.data = R"({"x": 1})";
  x.attachments = {"abc"};
  x.admitted = admitted_at;
  x.sent = admitted_at + 2ms;
  x.attempt = 2;
  return x;
}

constexpr uint64_t us_of(core::time_point x) {
  return static_cast<uint64_t>(
    std::chrono::duration_cast<std::chrono::microseconds>(x.time_since_epoch()).count());
}

} // namespace

TEST_SUITE_BEGIN("receipts");

TEST_CASE("calls of a message ran one after the other [T7]") {
  auto x = runs({10, 0, 30, 5});
  core::spread_costs(x, 1000, 0);
  CHECK(x[0].cost.began_us == 1000);
  CHECK(x[1].cost.began_us == 1010);
  CHECK(x[2].cost.began_us == 1010);
  CHECK(x[3].cost.began_us == 1040);
  for (auto& one : x)
    CHECK(one.cost.cpu_calls == 0);
}

TEST_CASE("what was measured of several calls is shared by run time [T7]") {
  auto x = runs({10, 30, 5000, 40});
  x[2].cost.cpu_calls = 1;
  x[2].cost.cpu_ns = 1'000'000;
  core::spread_costs(x, 0, 40'000);
  CHECK(x[0].cost.cpu_ns == 5'000);
  CHECK(x[1].cost.cpu_ns == 15'000);
  CHECK(x[2].cost.cpu_ns == 1'000'000);
  CHECK(x[3].cost.cpu_ns == 20'000);
  CHECK(x[0].cost.cpu_calls == 3);
  CHECK(x[2].cost.cpu_calls == 1);
  CHECK(x[0].cost.began_us == 0);
}

TEST_CASE("no thread uses more of a processor than its time [T7, S5]") {
  auto x = runs({10, 20});
  x[0].cost.cpu_calls = 1;
  x[0].cost.cpu_ns = UINT64_MAX;
  core::spread_costs(x, UINT64_MAX - 3, UINT64_MAX);
  CHECK(x[0].cost.cpu_ns == 10'000);
  CHECK(x[1].cost.cpu_ns == 20'000);
}

TEST_CASE("runs that took no time share nothing [T7]") {
  auto x = runs({0, 0});
  core::spread_costs(x, 5, 100);
  CHECK(x[0].cost.cpu_calls == 0);
  auto none = std::vector<core::final_result>{};
  core::spread_costs(none, 5, 100);
  CHECK(none.empty());
}

TEST_CASE("a receipt says what is known of an ended call [T7]") {
  auto call = sent_call();
  auto final = runs({700}).front();
  final.end = payload{false, "[1, 2]", {"1234"}};
  final.cost = {us_of(admitted_at + 5ms), 600'000, 1, true, -4096};
  auto x = core::receipt_of(call, {3, 4}, final, admitted_at + 10ms);
  CHECK(x.queue == 2ms);
  CHECK(x.batch == 3ms);
  CHECK(x.run == 700us);
  CHECK(x.cpu == 600us);
  CHECK(x.cpu_calls == 1);
  CHECK(x.has_memory);
  CHECK(x.memory_growth == -4096);
  CHECK(x.bytes_in == 11);
  CHECK(x.bytes_out == 10);
  CHECK(x.attempt == 2);
  CHECK(x.slot == 3);
  CHECK(x.generation == 4);
}

TEST_CASE("a beginning that cannot be is cut to what can [T7, S5]") {
  auto call = sent_call();
  auto final = runs({1}).front();
  auto batch = [&](uint64_t began_us) {
    final.cost.began_us = began_us;
    return core::receipt_of(call, {0, 1}, final, admitted_at + 10ms).batch;
  };
  CHECK(batch(0) == 0ms);
  CHECK(batch(1) == 0ms);
  CHECK(batch(us_of(admitted_at + 2ms)) == 0ms);
  CHECK(batch(us_of(admitted_at + 10ms)) == 8ms);
  CHECK(batch(us_of(admitted_at + 11ms)) == 0ms);
  CHECK(batch(UINT64_MAX) == 0ms);
}

TEST_CASE("of a call without a final the host knows its own part [T7]") {
  auto call = sent_call();
  auto sent = core::receipt_of(call, {1, 2});
  CHECK(sent.queue == 2ms);
  CHECK(sent.run == 0ms);
  CHECK(sent.bytes_out == 0);
  CHECK(sent.generation == 2);
  auto waited = core::receipt_of(call, admitted_at + 7ms);
  CHECK(waited.queue == 7ms);
  CHECK(waited.generation == 0);
  CHECK(waited.bytes_in == 11);
}

TEST_CASE("a receipt as text says what is known, as JSON null for what is not [T7]") {
  auto x = call_receipt{};
  x.queue = 12us;
  x.bytes_in = 8;
  CHECK(to_string(x) == "queue 12 us, in 8 bytes, out 0 bytes");
  CHECK(to_json(x)
        == R"({"queue_us":12,"batch_us":null,"run_us":null,"cpu_us":null,"cpu_calls":0,)"
           R"("memory_growth_bytes":null,"bytes_in":8,"bytes_out":0,"attempt":1,"slot":null,)"
           R"("generation":null})");
  x.batch = 80us;
  x.run = 50'200us;
  x.cpu = 2500us;
  x.cpu_calls = 3;
  x.has_memory = true;
  x.memory_growth = 20'100'000;
  x.bytes_out = 1200;
  x.attempt = 2;
  x.slot = 1;
  x.generation = 4;
  CHECK(to_string(x)
        == "queue 12 us, batch 80 us, run 50 ms, cpu 2.5 ms (shared by 3), memory +20 MB, in 8 "
           "bytes, out 1.2 kB, attempt 2, worker 1.4");
  CHECK(to_json(x)
        == R"({"queue_us":12,"batch_us":80,"run_us":50200,"cpu_us":2500,"cpu_calls":3,)"
           R"("memory_growth_bytes":20100000,"bytes_in":8,"bytes_out":1200,"attempt":2,"slot":1,)"
           R"("generation":4})");
  x.memory_growth = -5000;
  CHECK(to_string(x).find("memory -5 kB") != std::string::npos);
}
