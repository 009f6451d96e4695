#include "actors/core/batch_flow.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using time_point = core::batch_flow::time_point;

namespace {

constexpr time_point outset{};

// Workers that end `rate` calls a second; returns what the flow lets be under way in the end.
size_t settle(core::batch_flow& flow, double rate) {
  auto now = outset;
  double done = 0;
  for (int i = 0; i < 500; ++i) {
    now += 10ms;
    auto room = flow.room();
    flow.called(room, room * 10);
    done += rate / 100;
    auto n = std::min(static_cast<size_t>(done), flow.under_way());
    done -= static_cast<double>(n);
    flow.returned(n, n * 10, n * 10);
    flow.written(n, n * 10);
    flow.adapt(now);
  }
  return flow.under_way() + flow.room();
}

} // namespace

TEST_CASE("fast tools get many items at once, as many as wait for 50 ms [F6]") {
  core::batch_flow flow{{}, outset};
  CHECK(flow.room() == 2);
  auto allowed = settle(flow, 20000);
  CHECK(allowed > 700);
  CHECK(allowed < 1400);
}

TEST_CASE("a slow tool has little more than its workers at hand [F6]") {
  core::batch_flow flow{{}, outset};
  CHECK(settle(flow, 10) == 2);
}

TEST_CASE("a tool that becomes slow has little at hand soon [F6]") {
  core::batch_flow flow{{}, outset};
  CHECK(settle(flow, 20000) > 700);
  flow.returned(flow.under_way(), 0, 0);
  flow.adapt(outset + 10s);
  CHECK(flow.room() < 10);
}

TEST_CASE("there are never more items than the ceiling, held ones included [F6]") {
  core::batch_flow::limits limits;
  limits.floor = 10;
  limits.ceiling = 100;
  core::batch_flow flow{limits, outset};
  for (int i = 0; i < 1000; ++i) {
    auto room = flow.room();
    flow.called(room, 0);
    // All but the first come back and wait for it.
    if (flow.under_way() > 1)
      flow.returned(flow.under_way() - 1, 0, 0);
    flow.adapt(outset + (i + 1) * 5ms);
    REQUIRE(flow.under_way() + flow.held() <= 100);
  }
  CHECK(flow.under_way() + flow.held() == 100);
}

TEST_CASE("large arguments and results fill it before their number does [F6]") {
  core::batch_flow::limits limits;
  limits.floor = 50;
  limits.bytes = 1000;
  core::batch_flow by_arguments{limits, outset};
  by_arguments.called(10, 1000);
  CHECK(by_arguments.room() == 0);
  by_arguments.returned(1, 100, 0);
  by_arguments.written(1, 0);
  CHECK(by_arguments.room() > 0);

  core::batch_flow by_results{limits, outset};
  by_results.called(2, 0);
  by_results.returned(1, 0, 999);
  CHECK(by_results.room() == 0);
  by_results.written(1, 999);
  CHECK(by_results.room() > 0);
}

TEST_CASE("one item larger than all that may be held still goes through [F6]") {
  core::batch_flow::limits limits;
  limits.bytes = 1000;
  core::batch_flow flow{limits, outset};
  for (int i = 0; i < 3; ++i) {
    REQUIRE(flow.room() > 0);
    flow.called(1, 5000);
    CHECK(flow.room() == 0);
    flow.returned(1, 5000, 5000);
    flow.written(1, 5000);
  }
}
