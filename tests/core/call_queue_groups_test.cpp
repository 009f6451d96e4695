#include "actors/core/call_queue.hpp"

#include "tests/support/calls.hpp"
#include "tests/support/properties.hpp"

#include <algorithm>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::call_queue;
using core::never;
using core::time_point;
using test::recording_target;
using numbers = std::vector<uint64_t>;

/// Calls that wait for others to run with.

TEST_SUITE_BEGIN("call_queue");

namespace {

const auto groups_t0 = time_point{} + 1h;

struct groups_fixture {
  std::shared_ptr<recording_target> target = std::make_shared<recording_target>();
  call_queue uut{100, 1000};
  uint64_t made = 0;

  core::call_ptr make(uint32_t tool, priority how = priority::normal, time_point deadline = never) {
    auto x = test::make_call(++made, target, deadline, 2);
    auto group = std::make_shared<core::call_group>(*x->group);
    group->options.priority = how;
    x->group = std::move(group);
    x->tool = tool;
    x->admitted = groups_t0 + std::chrono::milliseconds{made};
    return x;
  }

  /// Joins a group of three, held for 10 ms.
  core::call* gather(uint32_t tool, priority how = priority::normal, time_point deadline = never) {
    auto x = make(tool, how, deadline);
    auto* out = x.get();
    auto until = x->admitted + 10ms;
    uut.gather(std::move(x), 3, until);
    return out;
  }

  numbers pop_all(uint32_t key) {
    auto out = numbers{};
    while (uut.front_of(key))
      out.push_back(uut.pop_front_of(key, 0ms)->id);
    return out;
  }
};

} // namespace

TEST_CASE_FIXTURE(groups_fixture, "a call that gathers keeps nobody waiting [Q8]") {
  auto* held = gather(5);
  auto key = call_queue::group_key(*held);
  uut.push_back(make(6));
  CHECK(uut.size() == 2);
  CHECK(uut.apart() == 1);
  CHECK(uut.bytes() == 4);
  CHECK(uut.front()->id == 2);
  CHECK(uut.groups().size(key) == 1);
  CHECK(!uut.next_group(groups_t0 + 10ms));
  REQUIRE(uut.next_group(groups_t0 + 11ms));
  CHECK(*uut.next_group(groups_t0 + 11ms) == key);
  CHECK_FALSE(uut.is_fronts_turn(key)); // it came first
  CHECK(uut.pop_front()->id == 2);
  CHECK(!uut.has_front());
  CHECK(pop_all(key) == numbers{1});
  CHECK(uut.groups().empty());
  CHECK(uut.apart() == 0);
  CHECK(uut.empty());
}

TEST_CASE_FIXTURE(groups_fixture,
                  "a group is served by priority, and takes its turn by it [Q6, Q8]") {
  uut.push_back(make(1));
  auto key = call_queue::group_key(*gather(5, priority::low));
  CHECK(uut.is_fronts_turn(key));
  gather(5, priority::high);
  gather(5);
  CHECK(uut.next_group(groups_t0)); // full
  CHECK_FALSE(uut.is_fronts_turn(key));
  CHECK(pop_all(key) == numbers{3, 4, 2});
}

TEST_CASE_FIXTURE(groups_fixture, "raw calls are a group of their own [Q8, D3]") {
  auto a = make(5);
  auto b = make(5);
  b->kind = core::payload_kind::raw;
  auto c = make(6);
  CHECK(call_queue::group_key(*a) != call_queue::group_key(*b));
  CHECK(call_queue::group_key(*b) != call_queue::group_key(*c));
  CHECK(call_queue::group_key(*a) != call_queue::group_key(*c));
}

TEST_CASE_FIXTURE(groups_fixture, "of two groups the one goes whose first call came first [Q8]") {
  auto late = call_queue::group_key(*gather(4));
  auto x = make(9);
  x->admitted = groups_t0;
  auto early = call_queue::group_key(*x);
  uut.gather(std::move(x), 3, groups_t0 + 10ms);
  CHECK(*uut.next_group(groups_t0 + 1s) == early);
  CHECK(uut.goes_before(early, late));
  pop_all(early);
  CHECK(*uut.next_group(groups_t0 + 1s) == late);
}

TEST_CASE_FIXTURE(groups_fixture, "a call leaves its group, however it leaves the queue [Q3, Q8]") {
  auto* first = gather(5);
  auto key = call_queue::group_key(*first);
  gather(5, priority::normal, groups_t0 + 5ms);
  gather(5);
  CHECK(uut.groups().is_ready(key, groups_t0));
  SUBCASE("cancelled") {
    uut.remove(first);
    CHECK(uut.groups().next_due(groups_t0) == groups_t0 + 12ms);
  }
  SUBCASE("its time is over") {
    CHECK(uut.expire(groups_t0 + 5ms).size() == 1);
  }
  SUBCASE("it is to wait like any other") {
    uut.ungather(key);
    CHECK(uut.front() == first);
    CHECK(uut.apart() == 2);
    CHECK(uut.pop_front()->id == 1);
  }
  SUBCASE("served") {
    uut.pop_front_of(key, 1ms);
  }
  CHECK(uut.groups().size(key) == 2);
  CHECK_FALSE(uut.groups().is_ready(key, groups_t0));
  CHECK(uut.clear().size() == 2);
  CHECK(uut.groups().empty());
}

TEST_CASE_FIXTURE(groups_fixture, "what gathers counts in the wait of those behind it [Q2, Q8]") {
  auto x = make(5);
  x->worth = 3ms;
  uut.gather(std::move(x), 3, groups_t0);
  CHECK(uut.worth_before(priority::normal) == 3ms);
  CHECK(uut.worth_before(priority::high) == 0ms);
}

TEST_CASE_FIXTURE(groups_fixture, "what comes back stands before what was made later [Q8]") {
  auto back = make(5);
  auto key = call_queue::group_key(*gather(5));
  uut.gather(std::move(back), 3, groups_t0, true);
  CHECK(pop_all(key) == numbers{1, 2});
}

TEST_CASE("nothing is lost in groups, over any sequence of operations [Q7, Q8]") {
  CHECK(test::holds(1000, [](const std::vector<std::tuple<uint8_t, uint8_t, uint8_t>>& steps) {
    auto x = groups_fixture{};
    auto inside = std::vector<core::call*>{};
    auto out = [&](const core::call_ptr& call) { RC_ASSERT(std::erase(inside, call.get()) == 1u); };
    for (auto& [what, a, b] : steps) {
      auto key = inside.empty() ? 0 : call_queue::group_key(*inside[a % inside.size()]);
      auto gathers = !inside.empty() && x.uut.front_of(key);
      auto deadline = b % 3 == 0 ? groups_t0 + std::chrono::seconds{b} : never;
      switch (what % 8) {
      case 0: {
        auto call = x.make(a % 3u, static_cast<priority>(b % 3), deadline);
        inside.push_back(call.get());
        x.uut.push_back(std::move(call));
        break;
      }
      case 1:
        if (!inside.empty())
          out(x.uut.remove(inside[a % inside.size()]));
        break;
      case 2:
        if (gathers)
          out(x.uut.pop_front_of(key, 1ms));
        break;
      case 3:
        if (gathers)
          x.uut.ungather(key);
        break;
      case 4:
        for (auto& call : x.uut.expire(groups_t0 + std::chrono::seconds{b / 2}))
          out(call);
        break;
      case 5:
        if (x.uut.has_front())
          out(x.uut.pop_front());
        break;
      default:
        inside.push_back(x.gather(a % 3u, static_cast<priority>(b % 3), deadline));
      }
      auto gathered = std::map<uint32_t, size_t>{};
      for (auto* call : inside)
        if (call->waits_for != core::call::for_any)
          ++gathered[call->waits_for];
      auto apart = size_t{0};
      for (auto& [k, n] : gathered) {
        apart += n;
        RC_ASSERT(x.uut.groups().size(k) == n);
      }
      RC_ASSERT(x.uut.size() == inside.size());
      RC_ASSERT(x.uut.bytes() == 2 * inside.size());
      RC_ASSERT(x.uut.apart() == apart);
      RC_ASSERT(x.uut.groups().empty() == gathered.empty());
      RC_ASSERT(x.uut.has_front() == (apart < inside.size()));
    }
  }));
}

TEST_SUITE_END();
