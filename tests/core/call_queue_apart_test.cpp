#include "actors/core/call_queue.hpp"

#include "tests/support/calls.hpp"
#include "tests/support/properties.hpp"

#include <algorithm>
#include <map>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::call_queue;
using core::never;
using core::time_point;
using test::ids;
using test::recording_target;
using numbers = std::vector<uint64_t>;

/// Calls that wait for one slot only.

TEST_SUITE_BEGIN("call_queue");

namespace {

const auto begin = time_point{} + 1h;

struct apart_fixture {
  std::shared_ptr<recording_target> target = std::make_shared<recording_target>();
  call_queue uut{100, 1000};
  uint64_t made = 0;

  core::call* add(const std::string& tenant = {}, priority how = priority::normal,
                  time_point deadline = never, size_t bytes = 0) {
    auto x = test::make_call(++made, target, deadline, bytes);
    auto group = std::make_shared<core::call_group>(*x->group);
    group->options.tenant = tenant;
    group->options.priority = how;
    x->group = std::move(group);
    x->admitted = begin + std::chrono::milliseconds{made};
    auto* out = x.get();
    uut.push_back(std::move(x));
    return out;
  }

  /// Served in turn: by room of this slot as long as there is any.
  numbers serve(uint32_t slot, size_t most = 100) {
    auto out = numbers{};
    while (out.size() < most && (uut.has_front() || uut.front_of(slot))) {
      auto any = !uut.front_of(slot) || uut.is_fronts_turn(slot);
      out.push_back((any ? uut.pop_front(1ms) : uut.pop_front_of(slot, 1ms))->id);
    }
    return out;
  }
};

} // namespace

TEST_CASE_FIXTURE(apart_fixture, "a call that waits for one slot keeps nobody waiting [B3]") {
  add("", priority::normal, never, 7);
  add();
  CHECK(uut.apart() == 0);
  uut.set_apart(3);
  CHECK(uut.apart() == 1);
  CHECK(uut.size() == 2);
  CHECK(uut.bytes() == 7);
  CHECK(uut.front()->id == 2);
  CHECK(uut.front_of(3)->id == 1);
  CHECK(!uut.front_of(2));
  CHECK(!uut.is_fronts_turn(3)); // it came first
  CHECK(uut.pop_front()->id == 2);
  CHECK(!uut.has_front());
  CHECK(!uut.front());
  CHECK(!uut.empty());
  CHECK(uut.pop_front_of(3, 1ms)->id == 1);
  CHECK(uut.empty());
  CHECK(uut.bytes() == 0);
  CHECK(uut.apart() == 0);
}

TEST_CASE_FIXTURE(apart_fixture, "it expires, is cancelled and counted like any other [B3, Q2]") {
  auto* first = add("", priority::normal, begin + 1s);
  auto ticket = first->ticket;
  auto* second = add("", priority::normal, begin + 2s, 5);
  uut.set_apart(0);
  uut.set_apart(0);
  CHECK(uut.next_deadline() == begin + 1s);
  CHECK(ticket->queued == first);
  CHECK(ids(uut.expire(begin + 1s)) == numbers{1});
  CHECK(ticket->queued == nullptr);
  CHECK(uut.apart() == 1);
  CHECK(uut.remove(second)->waits_for == core::call::for_any);
  CHECK(uut.empty());
  CHECK(uut.apart() == 0);
  CHECK(!uut.front_of(0));
  add();
  add();
  uut.set_apart(1);
  CHECK(ids(uut.clear()) == numbers{4, 3});
  CHECK(uut.empty());
}

TEST_CASE_FIXTURE(apart_fixture, "calls that wait for any slot again stand where they stood [B3]") {
  for (int i = 0; i < 6; ++i)
    add();
  uut.set_apart(0); // 1
  uut.set_apart(1); // 2
  uut.set_apart(0); // 3
  uut.rejoin(0);
  uut.rejoin(7);
  CHECK(uut.apart() == 1);
  CHECK(uut.front_of(1)->id == 2);
  CHECK(serve(9) == numbers{1, 3, 4, 5, 6});
  uut.rejoin(1);
  CHECK(serve(9) == numbers{2});
}

TEST_CASE_FIXTURE(apart_fixture, "a slot's own calls and the others' take their turns [B3, Q6]") {
  SUBCASE("in the order in which they came") {
    for (int i = 0; i < 4; ++i)
      add();
    uut.set_apart(0);
    uut.set_apart(0);
    CHECK(serve(0) == numbers{1, 2, 3, 4});
  }
  SUBCASE("by priority, which ages") {
    add("", priority::low);
    uut.set_apart(0);
    add("", priority::high);
    CHECK(serve(0) == numbers{2, 1});
    add("", priority::low)->admitted = begin - 1min;
    uut.set_apart(0);
    add("", priority::high);
    CHECK(serve(0) == numbers{3, 4});
  }
  SUBCASE("by tenant: one with many sessions there has no more than its share") {
    for (int i = 0; i < 4; ++i) {
      add("many");
      uut.set_apart(0);
    }
    for (int i = 0; i < 4; ++i)
      add("few");
    CHECK(serve(0, 6) == numbers{1, 5, 2, 6, 3, 7});
  }
  SUBCASE("and what it was given there counts elsewhere") {
    add("many");
    uut.set_apart(0);
    for (int i = 0; i < 2; ++i)
      add("many");
    add("few");
    CHECK(uut.pop_front_of(0, 10ms)->id == 1);
    CHECK(serve(9) == numbers{4, 2, 3});
  }
}

TEST_CASE("the queue with calls set apart loses none and keeps order, in any order [B3] [Q7]") {
  CHECK(test::holds(2000, [](const std::vector<std::tuple<uint8_t, uint8_t, uint8_t>>& steps) {
    auto x = apart_fixture{};
    // By slot, 99 for any: those that wait there, by number, which is how they are served.
    auto lists = std::map<uint32_t, std::map<uint64_t, core::call*>>{};
    auto deadlines = std::map<uint64_t, time_point>{};
    auto outside = std::vector<core::call_ptr>{};
    auto took = [&](uint32_t slot, core::call_ptr call) {
      RC_ASSERT(lists[slot].erase(call->id) == 1u);
      RC_ASSERT(call->waits_for == core::call::for_any);
      outside.push_back(std::move(call));
    };
    for (auto& [what, a, b] : steps) {
      auto slot = uint32_t{b} % 3;
      auto& any = lists[99];
      switch (what % 10) {
      case 0:
      case 1:
      case 2: {
        auto until = a % 3 == 0 ? never : begin + std::chrono::seconds{a};
        auto* call = x.add("", priority::normal, until);
        any.emplace(call->id, call);
        deadlines[call->id] = until;
        break;
      }
      case 3:
      case 4:
        if (!any.empty()) {
          lists[slot].insert(any.extract(any.begin()));
          x.uut.set_apart(slot);
        }
        break;
      case 5:
        any.merge(lists[slot]);
        x.uut.rejoin(slot);
        break;
      case 6:
        if (!any.empty())
          took(99, x.uut.pop_front(1ms));
        break;
      case 7:
        if (!lists[slot].empty()) {
          auto turn = !any.empty() && any.begin()->first < lists[slot].begin()->first;
          RC_ASSERT(x.uut.is_fronts_turn(slot) == turn);
          took(slot, x.uut.pop_front_of(slot, 1ms));
        }
        break;
      case 8:
        if (auto& from = lists[a % 4 == 3 ? 99 : a % 4]; !from.empty()) {
          auto i = std::next(from.begin(), static_cast<std::ptrdiff_t>(b % from.size()));
          took(a % 4 == 3 ? 99 : a % 4, x.uut.remove(i->second));
        } else if (!outside.empty()) {
          auto back = std::vector<core::call_ptr>{};
          back.push_back(std::move(outside.back()));
          outside.pop_back();
          any.emplace(back.front()->id, back.front().get());
          x.uut.push_front(std::move(back));
        }
        break;
      default:
        for (auto& call : x.uut.expire(begin + std::chrono::seconds{a / 4})) {
          auto where =
            std::ranges::find_if(lists, [&](auto& l) { return l.second.contains(call->id); });
          RC_ASSERT((where != lists.end()));
          took(where->first, std::move(call));
        }
      }
      auto waiting = size_t{0};
      auto apart = size_t{0};
      auto first = never;
      for (auto& [where, list] : lists) {
        waiting += list.size();
        apart += where == 99 ? 0 : list.size();
        auto* front = where == 99 ? x.uut.front() : x.uut.front_of(where);
        RC_ASSERT(front == (list.empty() ? nullptr : list.begin()->second));
        for (auto& [id, call] : list)
          first = std::min(first, deadlines[id]);
      }
      RC_ASSERT(x.uut.size() == waiting);
      RC_ASSERT(x.uut.apart() == apart);
      RC_ASSERT(x.uut.has_front() == (waiting > apart));
      RC_ASSERT((x.uut.next_deadline() == first));
    }
    RC_ASSERT(x.target->answers() == 0u);
  }));
}

TEST_SUITE_END();
