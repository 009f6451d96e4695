#include "actors/core/slot_table.hpp"

#include "tests/support/properties.hpp"

#include <algorithm>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::never;
using core::slot_table;
using core::time_point;

TEST_SUITE_BEGIN("slot_table");

namespace {

const auto slot_table_model_t0 = time_point{} + 1h;

enum class standing { waiting, starting, ready };

struct slot {
  standing now = standing::waiting;
  uint32_t generation = 0;
  size_t setbacks = 0;
  time_point not_before = slot_table_model_t0;
};

/// The table and what an onlooker knows of its slots.
struct slot_twins {
  start_config start;
  restart_config restart;
  slot_table table;
  std::vector<slot> slots;
  time_point now = slot_table_model_t0;
  size_t failures = 0;
  size_t unserved = 0; // of them those while no worker was ready
  bool failed = false;
  bool stopped = false;

  slot_twins(size_t n, size_t batch_size, duration batch_delay, restart_config r)
    : start{batch_size, batch_delay, 30s}, restart{r}, table{n, start, r}, slots(n) {}

  size_t count(standing x) const {
    return static_cast<size_t>(std::ranges::count(slots, x, &slot::now));
  }

  void due() {
    auto before = count(standing::starting);
    auto orders = table.due(now);
    for (auto& x : orders) {
      RC_ASSERT(!stopped);
      auto& s = slots.at(x.slot);
      RC_ASSERT((s.now == standing::waiting)); // never one slot twice
      RC_ASSERT(x.generation == s.generation + 1);
      RC_ASSERT((s.not_before <= now));
      s.now = standing::starting;
      s.generation = x.generation;
    }
    RC_ASSERT((orders.empty() || count(standing::starting) <= (failed ? 1 : start.batch_size)));
    RC_ASSERT((orders.empty() || before == 0 || start.batch_delay == duration{0}));
  }

  void set_back(slot& s) {
    s.now = standing::waiting;
    if (!restart.backoff.empty())
      s.not_before = now + restart.backoff[std::min(s.setbacks, restart.backoff.size() - 1)];
    ++s.setbacks;
  }

  /// Mostly the slot's current generation, sometimes another.
  void tell(uint8_t what, uint8_t a, uint8_t b) {
    auto index = a % (slots.size() + 1);
    auto known = index < slots.size();
    auto stale = !known || b % 8 == 0;
    auto generation = (known ? slots[index].generation : 1u) + (stale ? b % 3 + 1 : 0u);
    auto is = [&](standing x) { return !stale && slots[index].now == x; };
    auto i = static_cast<uint32_t>(index);
    if (what == 0) {
      table.on_ready(i, generation, now);
      if (is(standing::starting)) {
        slots[index].now = standing::ready;
        failures = unserved = 0;
        failed = false;
      }
    } else if (what == 1) {
      auto for_good = b % 16 == 1;
      table.on_start_failed(i, generation, for_good, now);
      if (is(standing::starting)) {
        set_back(slots[index]);
        auto more = [&](size_t n) {
          return for_good ? std::max(n + 1, restart.start_failures) : n + 1;
        };
        failures = more(failures);
        if (count(standing::ready) == 0)
          unserved = more(unserved);
        failed = failed || (unserved >= restart.start_failures && count(standing::ready) == 0);
      }
    } else {
      table.on_exit(i, generation, now);
      if (is(standing::ready))
        set_back(slots[index]);
    }
  }

  /// What `next_due` says, `due` keeps: nothing before, something then.
  void check_next_due() const {
    auto at = table.next_due();
    auto early = table;
    auto then = table;
    if (at == never) {
      RC_ASSERT(early.due(now + 1000h).empty());
      RC_ASSERT((stopped || count(standing::waiting) == 0 || count(standing::starting) > 0));
      return;
    }
    RC_ASSERT(early.due(at - 1ns).empty());
    RC_ASSERT(!then.due(at).empty());
  }

  void compare() const {
    RC_ASSERT(table.ready() == count(standing::ready));
    RC_ASSERT(table.starting() == count(standing::starting));
    RC_ASSERT(table.waiting() == count(standing::waiting));
    RC_ASSERT(table.ready() + table.starting() + table.waiting() == table.size());
    RC_ASSERT(table.starting() <= start.batch_size);
    RC_ASSERT(table.failed() == failed);
    RC_ASSERT((!failed || table.ready() == 0));
    RC_ASSERT(table.hopeless() == (failed || failures >= restart.start_failures));
    check_next_due();
  }

  void step(uint8_t what, uint8_t a, uint8_t b) {
    switch (what % 16) {
    case 0:
    case 1:
    case 2:
    case 3:
      due();
      break;
    case 4:
    case 5:
      now += std::chrono::milliseconds{a};
      break;
    case 6:
      now += std::chrono::seconds{b % 12};
      break;
    case 13:
      table.on_good_call(static_cast<uint32_t>(a % slots.size()));
      slots[a % slots.size()].setbacks = 0;
      break;
    case 14:
      // The time that is told to be right must be enough: nothing may be forgotten.
      now = std::max(now, table.next_due() == never ? now : table.next_due());
      due();
      break;
    case 15:
      if (a < 4) {
        table.stop();
        stopped = true;
      }
      break;
    default:
      tell(what % 3, a, b);
      break;
    }
  }
};

} // namespace

TEST_CASE("the rules of slots hold over any sequence of events [P2] [P3] [W10]") {
  using steps = std::vector<std::tuple<uint8_t, uint8_t, uint8_t>>;
  CHECK(test::holds(3000, [](const steps& all, uint8_t a, uint8_t b, bool delay, bool pauses) {
    auto restart = restart_config{{}, b % 4 + size_t{1}, 10s};
    if (pauses)
      restart.backoff = {0ms, 100ms, 500ms};
    auto x =
      slot_twins{a % 6 + size_t{1}, b % 3 + size_t{1}, delay ? duration{1s} : duration{0}, restart};
    for (auto& [what, p, q] : all) {
      x.step(what, p, q);
      x.compare();
    }
  }));
}

TEST_CASE("a pool whose starts all succeed at last gets all of its workers [P2] [P3]") {
  CHECK(test::holds(1000, [](const std::vector<bool>& luck, uint8_t a, uint8_t b, bool delay) {
    auto x = slot_twins{a % 6 + size_t{1}, b % 3 + size_t{1}, delay ? duration{1s} : duration{0},
                        restart_config{{0ms, 100ms}, 3, 10s}};
    auto tries = size_t{0};
    while (x.table.ready() < x.table.size()) {
      RC_ASSERT((x.table.next_due() != never));
      x.now = std::max(x.now, x.table.next_due());
      auto orders = x.table.due(x.now);
      RC_ASSERT(!orders.empty());
      for (auto& order : orders) {
        if (tries >= luck.size() || luck[tries++])
          x.table.on_ready(order.slot, order.generation, x.now);
        else
          x.table.on_start_failed(order.slot, order.generation, false, x.now);
      }
    }
    RC_ASSERT(!x.table.failed());
  }));
}

TEST_SUITE_END();
