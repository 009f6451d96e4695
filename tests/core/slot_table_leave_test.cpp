#include "actors/core/slot_table.hpp"

#include "tests/support/properties.hpp"

#include <algorithm>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::never;
using core::slot_table;
using core::time_point;

namespace {

const auto slot_table_leave_t0 = time_point{} + 1h;

/// Three slots with ready workers of generation 1, of which one may leave at a time.
struct leave_fixture {
  slot_table uut{3, {8, 0ms, 30s}, {{1s}, 2, 10s}, 1};

  leave_fixture() {
    for (auto& x : uut.due(slot_table_leave_t0))
      uut.on_ready(x.slot, x.generation, slot_table_leave_t0);
    REQUIRE(uut.ready() == 3);
  }

  /// The slot whose worker leaves now, -1 if none does.
  int leaver(size_t unwell = 0) {
    auto all = uut.leavers(unwell);
    REQUIRE(all.size() <= 1);
    return all.empty() ? -1 : static_cast<int>(all[0].slot);
  }

  /// What is started now.
  std::vector<slot_table::order> due(time_point now = slot_table_leave_t0) {
    auto next = uut.next_due();
    auto result = uut.due(now);
    CHECK((next <= now) == !result.empty());
    return result;
  }
};

} // namespace

TEST_SUITE_BEGIN("slot_table");

TEST_CASE_FIXTURE(leave_fixture, "with max_unavailable the old worker leaves first [L2]") {
  CHECK(leaver() == -1);
  CHECK(uut.renew(1));
  CHECK(due().empty()); // none beside it
  CHECK(leaver() == 1);
  CHECK(uut.ready() == 2);
  CHECK(uut.waiting() == 1);
  CHECK(uut.owed() == 1);
  CHECK(due().empty()); // not before it has ended
  CHECK(uut.renew(1));  // is being done
  uut.on_exit(1, 1, slot_table_leave_t0);
  auto next = due(); // without a pause
  REQUIRE(next.size() == 1);
  CHECK(next[0].slot == 1);
  CHECK(next[0].generation == 2);
  CHECK(uut.owed() == 0);
  uut.on_ready(1, 2, slot_table_leave_t0);
  CHECK(uut.ready() == 3);
  CHECK(!uut.failed());
  uut.on_exit(1, 2, slot_table_leave_t0); // and a crash is a crash
  CHECK(uut.next_due() == slot_table_leave_t0 + 1s);
}

TEST_CASE_FIXTURE(leave_fixture, "no more leave than may be away, whyever others are [L2]") {
  for (uint32_t i = 0; i < 3; ++i)
    CHECK(uut.renew(i));
  CHECK(leaver(1) == -1); // one does not answer
  CHECK(leaver() == 0);
  CHECK(leaver() == -1);
  uut.on_exit(0, 1, slot_table_leave_t0);
  CHECK(leaver() == -1);
  REQUIRE(due().size() == 1);
  CHECK(leaver() == -1);
  uut.on_start_failed(0, 2, false, slot_table_leave_t0);
  CHECK(leaver() == -1);
  REQUIRE(due(slot_table_leave_t0 + 1s).size() == 1);
  uut.on_ready(0, 3, slot_table_leave_t0 + 1s);
  CHECK(leaver() == 1);
  uut.on_exit(2, 1, slot_table_leave_t0 + 1s); // is lost meanwhile, and has what it wanted
  uut.on_exit(1, 1, slot_table_leave_t0 + 1s);
  CHECK(leaver() == -1);
  for (auto& x : due(slot_table_leave_t0 + 2s))
    uut.on_ready(x.slot, x.generation, slot_table_leave_t0 + 2s);
  CHECK(uut.ready() == 3);
  CHECK(leaver() == -1);
}

TEST_CASE_FIXTURE(leave_fixture, "a stop leaves no pool without a worker for a renewal [L2, R2]") {
  CHECK(uut.renew(1));
  CHECK(leaver() == 1);
  uut.stop();
  CHECK(!uut.renew(0));
  uut.on_exit(1, 1, slot_table_leave_t0);
  CHECK(due().empty()); // others are there
  uut.on_exit(0, 1, slot_table_leave_t0);
  uut.on_exit(2, 1, slot_table_leave_t0);
  auto next = due();
  REQUIRE(next.size() == 1);
  CHECK(next[0].slot == 1);
  CHECK(due().empty());
  uut.on_start_failed(1, 2, false, slot_table_leave_t0);
  CHECK(due(slot_table_leave_t0 + 1h).empty()); // it was owed one try
  CHECK(uut.owed() == 0);
}

TEST_CASE("renewals never take more workers away than may be [L2]") {
  using steps = std::vector<std::tuple<uint8_t, uint8_t>>;
  CHECK(test::holds(2000, [](const steps& all, uint8_t a, uint8_t b) {
    auto size = a % 5 + size_t{1};
    auto most = b % 4 + size_t{1};
    auto table = slot_table{size, {b % 3 + size_t{1}, 0ms, 30s}, {{0ms}, 3, 10s}, most};
    auto leaving = std::vector<slot_table::order>{};
    auto starting = std::vector<slot_table::order>{};
    auto last = std::vector<uint32_t>(size);
    auto take = [](auto& from, size_t i) {
      auto x = from[i % from.size()];
      from.erase(from.begin() + static_cast<long>(i % from.size()));
      return x;
    };
    for (auto& [what, n] : all) {
      switch (what % 5) {
      case 0:
        table.renew(n % static_cast<uint32_t>(size));
        break;
      case 1:
        for (auto& x : table.leavers(n % 8 == 0 ? 1 : 0)) {
          RC_ASSERT((x.generation == last[x.slot]));
          leaving.push_back(x);
          RC_ASSERT((table.ready() + most >= size));
        }
        break;
      case 2:
        for (auto& x : table.due(slot_table_leave_t0)) {
          RC_ASSERT((x.generation == last[x.slot] + 1));
          last[x.slot] = x.generation;
          auto still = [&](auto& one) { return one.slot == x.slot; };
          RC_ASSERT(std::ranges::none_of(leaving, still)); // never two
          starting.push_back(x);
        }
        break;
      case 3:
        if (!leaving.empty()) {
          auto x = take(leaving, n);
          table.on_exit(x.slot, x.generation, slot_table_leave_t0);
        }
        break;
      default:
        if (!starting.empty()) {
          auto x = take(starting, n);
          table.on_ready(x.slot, x.generation, slot_table_leave_t0);
        }
      }
      RC_ASSERT((leaving.size() <= most));
      RC_ASSERT((table.ready() + table.starting() + table.waiting() == size));
      RC_ASSERT((table.starting() == starting.size()));
    }
    // All comes to an end.
    for (int i = 0; i < 100; ++i) {
      for (auto& x : leaving)
        table.on_exit(x.slot, x.generation, slot_table_leave_t0);
      leaving = table.leavers(0);
      for (auto& x : starting)
        table.on_ready(x.slot, x.generation, slot_table_leave_t0);
      starting = table.due(slot_table_leave_t0);
    }
    RC_ASSERT((table.ready() == size));
  }));
}

TEST_SUITE_END();
