#include "actors/core/lane_board.hpp"

#include "tests/support/properties.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::lane_board;
using core::lane_id;
using duration = std::chrono::nanoseconds;

TEST_SUITE_BEGIN("lane_board");

namespace {

constexpr auto prefetch_time = 100ns;

/// What a lane has, call by call.
struct lane {
  lane_id id;
  struct batch {
    size_t calls; // that are left
    duration worth;
    bool together;
  };
  std::vector<batch> batches;
  uint64_t turn = 0;
  bool tainted = false;

  size_t calls() const {
    auto n = size_t{0};
    for (auto& x : batches)
      n += x.calls;
    return n;
  }
  size_t units() const {
    auto n = size_t{0};
    for (auto& x : batches)
      n += x.together ? 1 : x.calls;
    return n;
  }
  duration worth() const {
    auto sum = duration{0};
    for (auto& x : batches)
      sum += x.worth;
    return sum;
  }
  bool has_room() const {
    return batches.empty() || (batches.size() == 1 && worth() < prefetch_time);
  }
  void end_one() {
    if (batches.empty())
      return;
    if (--batches.front().calls == 0)
      batches.erase(batches.begin());
  }
};

/// The board and the same as a list that is searched from end to end.
struct board_twins {
  lane_board board{prefetch_time};
  std::vector<lane> lanes;
  std::set<uint32_t> tainted;
  uint64_t turn = 0;

  std::optional<lane_id> best(std::optional<std::pair<uint32_t, uint32_t>> worker = {}) const {
    const lane* found = nullptr;
    for (auto& x : lanes)
      if (x.has_room() && (!worker || *worker == std::pair{x.id.slot, x.id.generation})
          && (!found
              || std::tuple{x.tainted, x.worth(), x.turn, x.id}
                   < std::tuple{found->tainted, found->worth(), found->turn, found->id}))
        found = &x;
    return found ? std::optional{found->id} : std::nullopt;
  }

  lane* find(const lane_id& id) {
    auto i = std::ranges::find(lanes, id, &lane::id);
    return i == lanes.end() ? nullptr : &*i;
  }

  void add(uint8_t a, uint8_t b) {
    auto slot = uint32_t{a} % 5;
    auto generation = uint32_t{b} % 3;
    auto n = uint32_t{b} % 4;
    board.add(slot, generation, n);
    for (uint32_t i = 0; i < n; ++i)
      if (!find({slot, generation, i}))
        lanes.push_back({{slot, generation, i}, {}, 0, tainted.contains(slot)});
  }

  void taint(uint8_t a, uint8_t b) {
    auto slot = uint32_t{a} % 5;
    auto on = b % 2 == 0;
    board.taint(slot, on);
    on ? void(tainted.insert(slot)) : void(tainted.erase(slot));
    for (auto& x : lanes)
      if (x.id.slot == slot)
        x.tainted = on;
  }

  void remove(uint8_t a, uint8_t b) {
    auto slot = uint32_t{a} % 5;
    auto generation = uint32_t{b} % 3;
    auto lost = size_t{0};
    std::erase_if(lanes, [&](const lane& x) {
      auto gone = x.id.slot == slot && x.id.generation == generation;
      lost += gone ? x.calls() : 0;
      return gone;
    });
    RC_ASSERT(board.remove(slot, generation) == lost);
  }

  void send(uint8_t a, uint8_t b) {
    auto id = board.pick();
    if (!id)
      return;
    auto& x = *find(*id);
    auto allowed = board.room(*id, a);
    auto roomy = std::ranges::count_if(lanes, &lane::has_room);
    RC_ASSERT(allowed.calls
              == (size_t{a} + static_cast<size_t>(roomy) - 1) / static_cast<size_t>(roomy));
    RC_ASSERT((allowed.worth == std::max(duration{0}, prefetch_time - x.worth())));
    auto calls = size_t{a} % 7 + 1;
    auto together = b % 3 == 0;
    board.sent(*id, calls, duration{b}, together);
    x.batches.push_back({calls, duration{b}, together});
    x.turn = ++turn;
  }

  void end(uint8_t a, uint8_t b) {
    auto id = lane_id{uint32_t{a} % 5, uint32_t{b} % 3, uint32_t{a} / 5 % 3};
    auto calls = size_t{b} / 3 % 12;
    board.ended(id, calls);
    if (auto* x = find(id))
      for (size_t i = 0; i < calls; ++i)
        x->end_one();
  }

  void compare() const {
    auto busy = size_t{0};
    auto calls = size_t{0};
    for (auto& x : lanes) {
      busy += x.calls() > 0;
      calls += x.calls();
    }
    RC_ASSERT(board.lanes() == lanes.size());
    RC_ASSERT(board.busy() == busy);
    RC_ASSERT(board.in_flight() == calls);
    auto crowded = size_t{0};
    for (auto& x : lanes) {
      RC_ASSERT(board.is_crowded(x.id) == (x.units() > 1));
      crowded += x.units() > 1;
    }
    RC_ASSERT(board.any_crowded() == (crowded > 0));
    RC_ASSERT((board.pick() == best()));
    auto idle = std::ranges::any_of(lanes, [](auto& x) { return x.calls() == 0; });
    auto for_nothing = [](auto& x) { return x.calls() > 0 && x.worth() == 0ns; };
    if (std::ranges::none_of(lanes, for_nothing)) // they look idle
      RC_ASSERT(board.has_idle() == idle);
    for (uint32_t slot = 0; slot < 5; ++slot)
      for (uint32_t generation = 0; generation < 3; ++generation)
        RC_ASSERT((board.pick(slot, generation) == best(std::pair{slot, generation})));
  }
};

} // namespace

TEST_CASE("the board does what a list of lanes would, over any sequence of operations [P4]") {
  CHECK(test::holds(3000, [](const std::vector<std::tuple<uint8_t, uint8_t, uint8_t>>& steps) {
    auto x = board_twins{};
    for (auto& [what, a, b] : steps) {
      switch (what % 9) {
      case 0:
      case 1:
        x.add(a, b);
        break;
      case 2:
        x.remove(a, b);
        break;
      case 8:
        x.taint(a, b);
        break;
      case 3:
      case 4:
      case 5:
        x.send(a, b);
        break;
      default:
        x.end(a, b);
        break;
      }
      x.compare();
    }
  }));
}

TEST_SUITE_END();
