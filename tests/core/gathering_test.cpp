#include "actors/core/gathering.hpp"

#include "tests/support/calls.hpp"
#include "tests/support/properties.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::gathering;
using core::never;
using core::time_point;

TEST_SUITE_BEGIN("gathering");

namespace {

const auto gathering_t0 = time_point{} + 1h;

const uint32_t* lowest(const gathering& x, time_point now) {
  return x.first_ready(now, [](uint32_t a, uint32_t b) { return a < b; });
}

/// The groups and the same as a list that is searched from end to end.
struct gathering_twins {
  struct member {
    uint32_t key;
    time_point until;
    uint64_t bytes;
  };
  gathering groups;
  std::vector<member> list; // in the order in which they came
  std::map<uint32_t, size_t> most{{0, 1}, {1, 3}, {2, 4}};
  bool flushed = false;

  void add(uint8_t a, uint8_t b) {
    auto x = member{a % 3u, gathering_t0 + std::chrono::seconds{b % 20},
                    b > 250 ? core::max_batch_bytes : b};
    groups.add(x.key, most[x.key], x.until, x.bytes, gathering_t0);
    list.push_back(x);
  }
  void remove(uint8_t a) {
    if (list.empty())
      return;
    auto i = list.begin() + static_cast<std::ptrdiff_t>(a % list.size());
    groups.remove(i->key, i->until, i->bytes);
    list.erase(i);
  }
  void flush() {
    groups.flush();
    flushed = true;
  }

  void compare() const {
    RC_ASSERT(groups.empty() == list.empty());
    for (auto now : {gathering_t0 - 1ns, gathering_t0 + 5s, gathering_t0 + 19s}) {
      const uint32_t* first = nullptr;
      auto due = never;
      for (auto& [key, n] : most) {
        auto size = size_t{0};
        auto bytes = uint64_t{0};
        auto soonest = never;
        for (auto& x : list)
          if (x.key == key) {
            ++size;
            bytes += x.bytes;
            soonest = std::min(soonest, x.until);
          }
        auto full = size >= n || bytes >= core::max_batch_bytes;
        auto ready = size > 0 && (flushed || full || soonest <= now);
        RC_ASSERT(groups.size(key) == size);
        RC_ASSERT(groups.is_ready(key, now) == ready);
        if (ready && !first)
          first = &key;
        if (size > 0 && !ready)
          due = std::min(due, soonest);
      }
      auto* found = lowest(groups, now);
      RC_ASSERT(static_cast<bool>(found) == static_cast<bool>(first));
      RC_ASSERT((!found || *found == *first));
      RC_ASSERT((groups.next_due(now) == due));
    }
  }
};

} // namespace

TEST_CASE("a group is to go since it was full, or since the first could wait no more [P7, Q8]") {
  gathering uut;
  CHECK(uut.ready_since(7) == never);
  uut.add(7, 2, gathering_t0 + 9s, 0, gathering_t0);
  CHECK(uut.ready_since(7) == gathering_t0 + 9s);
  uut.add(7, 2, gathering_t0 + 5s, 0, gathering_t0 + 1s);
  CHECK(uut.ready_since(7) == gathering_t0 + 1s);
  uut.add(7, 2, gathering_t0 + 9s, 0, gathering_t0 + 2s);
  CHECK(uut.ready_since(7) == gathering_t0 + 1s);
  SUBCASE("what is left is full since some went [P7, Q8]") {
    uut.add(7, 2, gathering_t0 + 9s, 0, gathering_t0 + 2s);
    uut.remove(7, gathering_t0 + 9s, 0);
    uut.remove(7, gathering_t0 + 5s, 0);
    uut.went(7, gathering_t0 + 3s);
    CHECK(uut.ready_since(7) == gathering_t0 + 3s);
  }
  SUBCASE("or is not full any more [P7, Q8]") {
    uut.remove(7, gathering_t0 + 9s, 0);
    uut.remove(7, gathering_t0 + 9s, 0);
    uut.went(7, gathering_t0 + 3s);
    CHECK(uut.ready_since(7) == gathering_t0 + 5s);
  }
}

TEST_CASE("a group goes when it is full, or when its first call has waited enough [Q8]") {
  auto uut = gathering{};
  CHECK(uut.empty());
  CHECK(uut.next_due(gathering_t0) == never);
  uut.add(7, 3, gathering_t0 + 5ms, 10, gathering_t0);
  uut.add(7, 3, gathering_t0 + 6ms, 10, gathering_t0);
  CHECK(uut.size(7) == 2);
  CHECK_FALSE(uut.is_ready(7, gathering_t0));
  CHECK(uut.next_due(gathering_t0) == gathering_t0 + 5ms);
  SUBCASE("its time comes") {
    CHECK_FALSE(uut.is_ready(7, gathering_t0 + 5ms - 1ns));
    CHECK(uut.is_ready(7, gathering_t0 + 5ms));
    CHECK(uut.next_due(gathering_t0 + 5ms) == never); // nothing is waited for but a lane
  }
  SUBCASE("it is full by number") {
    uut.add(7, 3, gathering_t0 + 7ms, 10, gathering_t0);
    CHECK(uut.is_ready(7, gathering_t0));
  }
  SUBCASE("it is full by bytes") {
    uut.add(7, 3, gathering_t0 + 7ms, core::max_batch_bytes - 20, gathering_t0);
    CHECK(uut.is_ready(7, gathering_t0));
  }
  SUBCASE("its first call leaves") {
    uut.remove(7, gathering_t0 + 5ms, 10);
    CHECK(uut.next_due(gathering_t0) == gathering_t0 + 6ms);
    uut.remove(7, gathering_t0 + 6ms, 10);
    CHECK(uut.empty());
    CHECK_FALSE(uut.is_ready(7, gathering_t0 + 1h));
  }
  SUBCASE("nobody is to be held back any more") {
    uut.flush();
    CHECK(uut.is_ready(7, gathering_t0));
    CHECK_FALSE(uut.is_ready(8, gathering_t0));
  }
}

TEST_CASE("of groups that are to go the first is asked for [Q8]") {
  auto uut = gathering{};
  uut.add(2, 1, gathering_t0 + 1s, 0, gathering_t0);
  uut.add(1, 5, gathering_t0, 0, gathering_t0);
  uut.add(3, 9, gathering_t0 + 1s, 0, gathering_t0);
  REQUIRE(lowest(uut, gathering_t0));
  CHECK(*lowest(uut, gathering_t0) == 1);
  CHECK(*lowest(uut, gathering_t0 - 1ns) == 2);
  CHECK(uut.next_due(gathering_t0) == gathering_t0 + 1s);
}

TEST_CASE("a call is held back for a part of the time that it has [Q2, Q8]") {
  auto target = std::make_shared<test::recording_target>();
  auto call = test::make_call(1, target);
  call->admitted = gathering_t0;
  auto after = [&](duration delay, duration foreseen) {
    return gathering::hold_until(*call, delay, foreseen) - gathering_t0;
  };
  CHECK(after(5ms, 1h) == 5ms);
  CHECK(after(0ms, 1h) == 0ms);
  call->deadline = gathering_t0 + 100ms;
  CHECK(after(5ms, 20ms) == 5ms);
  CHECK(after(50ms, 20ms) == 40ms);
  CHECK(after(50ms, 98ms) == 1ms);
  CHECK(after(50ms, 100ms) == 0ms);
  CHECK(after(50ms, 1h) == 0ms);
  call->queue_deadline = gathering_t0 + 30ms;
  CHECK(after(50ms, 20ms) == 15ms);
}

TEST_CASE("groups do what a list would, over any sequence of operations [Q8]") {
  CHECK(test::holds(1000, [](const std::vector<std::tuple<uint8_t, uint8_t, uint8_t>>& steps) {
    auto x = gathering_twins{};
    for (auto& [what, a, b] : steps) {
      if (what % 16 == 15)
        a == 0 ? x.flush() : void();
      else if (what % 3 == 0)
        x.remove(a);
      else
        x.add(a, b);
      x.compare();
    }
  }));
}

TEST_SUITE_END();
