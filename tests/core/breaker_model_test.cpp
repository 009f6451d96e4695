#include "actors/core/breaker.hpp"

#include "tests/support/properties.hpp"

#include <map>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::breaker;
using core::call_end;
using way = core::call_end::way;
using state = core::circuit::state;

TEST_SUITE_BEGIN("breaker");

namespace {

constexpr auto reset = 10s;

/// A circuit as one would tell it: all that happened since it closed or opened last.
struct story {
  breaker_config rules;
  state now = state::closed;
  std::vector<bool> good{};                     // while closed
  core::time_point refused_since{};             // while open
  std::map<uint64_t, core::time_point> trial{}; // while half open: since when each is out
  size_t passed = 0;

  size_t row() const {
    auto n = size_t{0};
    for (auto i = good.rbegin(); i != good.rend() && !*i; ++i)
      ++n;
    return n;
  }

  bool refuses(uint64_t id, core::time_point time) const {
    if (now == state::open)
      return time < refused_since + reset;
    if (now == state::closed || trial.contains(id))
      return false;
    auto taken = passed;
    for (auto& [other, since] : trial)
      taken += time < since + reset;
    return taken >= rules.half_open;
  }

  void admit(uint64_t id, core::time_point time) {
    if (now == state::open) {
      now = state::half_open;
      trial.clear();
      passed = 0;
    }
    if (now == state::half_open)
      trial.emplace(id, time);
  }

  void open(core::time_point time) {
    now = state::open;
    refused_since = time;
  }

  /// 1 good, -1 bad, 0 neither.
  void end(uint64_t id, int how, core::time_point time) {
    if (now == state::closed) {
      if (how != 0)
        good.push_back(how > 0);
      if (row() >= rules.failures)
        open(time);
    } else if (now == state::half_open && trial.erase(id) > 0) {
      if (how < 0)
        open(time);
      passed += how > 0;
      if (passed >= rules.half_open) {
        now = state::closed;
        good.clear();
      }
    }
  }
};

struct breaker_twins {
  static constexpr uint32_t tools = 3;

  breaker_config rules;
  breaker uut;
  story pool;
  std::vector<story> of_tool;
  std::vector<core::call> out; // calls that have begun
  core::time_point now = core::time_point{} + 1h;
  uint64_t last_id = 0;

  explicit breaker_twins(breaker_config x)
    : rules{x}, uut{x}, pool{.rules = x}, of_tool(tools, story{.rules = x}) {}

  void begin(uint8_t a) {
    auto call = core::call{};
    call.id = ++last_id;
    call.tool = a % tools;
    auto& its = of_tool[call.tool];
    auto refused = pool.refuses(call.id, now) || its.refuses(call.id, now);
    auto why = uut.refuses(call, now);
    RC_ASSERT(why.has_value() == refused);
    if (refused) {
      RC_ASSERT(why->left > 0ns);
      RC_ASSERT((why->left <= duration{reset}));
      return;
    }
    uut.admit(call, now);
    pool.admit(call.id, now);
    its.admit(call.id, now);
    out.push_back(std::move(call));
  }

  void end(uint8_t a, uint8_t b) {
    if (out.empty())
      return;
    auto i = out.begin() + a % static_cast<long>(out.size());
    auto how = static_cast<way>(b % 5);
    auto ends = std::vector<call_end>{};
    core::note_end(ends, *i, how);
    uut.note(ends, now);
    auto lives = how == way::answered || how == way::raised;
    pool.end(i->id, how == way::lost ? -1 : lives, now);
    of_tool[i->tool].end(i->id, how == way::answered ? 1 : how == way::other ? 0 : -1, now);
    out.erase(i);
  }

  void compare() {
    auto shown = [&](const story& x) {
      return x.now == state::open && now >= x.refused_since + reset ? state::half_open : x.now;
    };
    auto all_closed = pool.now == state::closed;
    for (auto& x : of_tool)
      all_closed = all_closed && x.now == state::closed;
    RC_ASSERT(uut.all_closed() == all_closed);
    for (auto& x : uut.list(now)) {
      auto& its = x.tool == breaker::whole_pool ? pool : of_tool[x.tool];
      RC_ASSERT((x.state == shown(its)));
      if (its.now == state::closed)
        RC_ASSERT(x.failures == its.row());
    }
  }
};

} // namespace

TEST_CASE("circuits do what their story says, over any sequence of calls [F2]") {
  CHECK(test::holds(3000, [](uint8_t f, uint8_t h,
                             const std::vector<std::tuple<uint8_t, uint8_t, uint8_t>>& steps) {
    auto x = breaker_twins{{true, size_t{1} + f % 4, reset, size_t{1} + h % 3}};
    for (auto& [what, a, b] : steps) {
      switch (what % 8) {
      case 0:
      case 1:
      case 2:
        x.begin(a);
        break;
      case 3:
        x.now += std::chrono::seconds{a % 12};
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
