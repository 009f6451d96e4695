#include "actors/core/autoscaler.hpp"

#include "tests/support/properties.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::autoscaler;
using core::time_point;

namespace {

const auto autoscaler_t0 = time_point{} + 1h;

struct autoscaler_fixture {
  autoscale_config config{.min = 1, .max = 8, .target_wait = 20ms, .idle = 60s};
  autoscaler uut{config, 1, autoscaler_t0};
  autoscaler::load load{.workers = 2, .ready = 2};
  time_point now = autoscaler_t0;

  size_t judge() {
    return uut.judge(load, now);
  }
};

} // namespace

TEST_SUITE_BEGIN("autoscaler");

TEST_CASE_FIXTURE(autoscaler_fixture, "calls that wait for long want more workers [P7]") {
  load.busy = 2;
  load.queued = 50;
  load.waited = 19ms;
  CHECK(judge() == 2);
  load.waited = 20ms;
  CHECK(judge() == 3);
  load.waited = 35ms;
  CHECK(judge() == 4); // in proportion
  load.waited = 10s;
  CHECK(judge() == 4); // twice at most
  load.workers = load.ready = 6;
  CHECK(judge() == 8); // and no more than may be
  load.workers = load.ready = 8;
  CHECK(judge() == 8);
}

TEST_CASE_FIXTURE(autoscaler_fixture, "no more than there are calls for [P7]") {
  load = {.workers = 4, .ready = 4, .busy = 4, .queued = 1, .waited = 10s};
  CHECK(judge() == 5);
}

TEST_CASE_FIXTURE(autoscaler_fixture, "those that were wanted are waited for [P7]") {
  load = {.workers = 4, .ready = 3, .busy = 3, .queued = 50, .waited = 10s};
  CHECK(judge() == 4);
}

TEST_CASE_FIXTURE(autoscaler_fixture, "an overload that goes on asks for no look at once [P7]") {
  load = {.workers = 8, .ready = 8, .busy = 8, .queued = 50, .waited = 1s};
  for (int i = 0; i < 5; ++i) {
    now += 61s;
    CHECK(judge() == 8);
    CHECK(uut.next_due() > now);
  }
}

TEST_CASE_FIXTURE(autoscaler_fixture, "what was not needed for long is given up [P7]") {
  load = {.workers = 8, .ready = 8, .busy = 3};
  CHECK(judge() == 8);
  load.busy = 0;
  now += 59s;
  CHECK(judge() == 8);
  now += 1s;
  CHECK(judge() == 3); // the most that were busy
  load.workers = load.ready = 3;
  CHECK(uut.next_due() == now + 60s);
  now += 60s;
  CHECK(judge() == 1);
  load.workers = load.ready = 1;
  now += 60s;
  CHECK(judge() == 1); // the least that must be
}

TEST_CASE("lanes are counted in workers [P7]") {
  auto uut = autoscaler{{.min = 1, .max = 8, .target_wait = 20ms, .idle = 60s}, 4, autoscaler_t0};
  CHECK(uut.judge({.workers = 8, .ready = 8, .busy = 9}, autoscaler_t0 + 60s) == 3);
}

TEST_CASE("whatever the load, there are as many as may be [P7]") {
  CHECK(test::holds(2000, [](const std::vector<std::tuple<uint8_t, uint8_t, uint8_t>>& steps) {
    auto config = autoscale_config{.min = 2, .max = 6, .target_wait = 20ms, .idle = 10s};
    auto uut = autoscaler{config, 2, autoscaler_t0};
    auto now = autoscaler_t0;
    auto workers = size_t{2};
    for (auto& [time, busy, queued] : steps) {
      now += std::chrono::milliseconds{time * 20};
      auto load = autoscaler::load{.workers = workers,
                                   .ready = workers - busy % 2,
                                   .busy = std::min<size_t>(busy, 2 * workers),
                                   .queued = queued,
                                   .waited = std::chrono::milliseconds{queued}};
      auto wanted = uut.judge(load, now);
      RC_ASSERT((wanted >= config.min && wanted <= config.max));
      RC_ASSERT(wanted <= 2 * workers);
      RC_ASSERT((wanted <= workers || (load.queued > 0 && load.waited >= config.target_wait)));
      RC_ASSERT((wanted >= workers || 2 * wanted >= load.busy));
      workers = wanted;
    }
  }));
}

TEST_SUITE_END();
