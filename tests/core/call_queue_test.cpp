#include "actors/core/call_queue.hpp"

#include "tests/support/calls.hpp"

#include <algorithm>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::call_queue;
using core::never;
using core::time_point;
using test::ids;
using test::make_call;
using test::recording_target;
using numbers = std::vector<uint64_t>;

TEST_SUITE_BEGIN("call_queue");

namespace {

const auto call_queue_t0 = time_point{} + 1h;

core::call_ptr of_priority(uint64_t id, const std::shared_ptr<recording_target>& target,
                           priority how, time_point admitted) {
  auto x = make_call(id, target);
  auto group = std::make_shared<core::call_group>(*x->group);
  group->options.priority = how;
  x->group = std::move(group);
  x->admitted = admitted;
  return x;
}

struct call_queue_fixture {
  std::shared_ptr<recording_target> target = std::make_shared<recording_target>();
  call_queue uut{4, 100};

  core::call* prioritized(uint64_t id, priority how, time_point admitted) {
    auto x = of_priority(id, target, how, admitted);
    auto* result = x.get();
    uut.push_back(std::move(x));
    return result;
  }

  core::call* add(uint64_t id, time_point deadline = never, size_t bytes = 0) {
    auto x = make_call(id, target, deadline, bytes);
    auto* result = x.get();
    uut.push_back(std::move(x));
    return result;
  }
};

numbers sorted(numbers x) {
  std::ranges::sort(x);
  return x;
}

} // namespace

TEST_CASE_FIXTURE(call_queue_fixture, "calls leave in the order in which they came [P4]") {
  CHECK(uut.empty());
  CHECK(uut.front() == nullptr);
  add(1);
  add(2);
  add(3);
  CHECK(uut.size() == 3);
  REQUIRE(uut.front() != nullptr);
  CHECK(uut.front()->id == 1);
  CHECK(uut.pop_front()->id == 1);
  CHECK(uut.pop_front()->id == 2);
  add(4);
  CHECK(uut.pop_front()->id == 3);
  CHECK(uut.pop_front()->id == 4);
  CHECK(uut.empty());
  CHECK(uut.front() == nullptr);
}

TEST_CASE_FIXTURE(call_queue_fixture,
                  "a queue with as many calls as it may have has no room [Q1]") {
  for (uint64_t i = 0; i < 4; ++i) {
    CHECK(uut.has_room(0));
    add(i);
  }
  CHECK_FALSE(uut.has_room(0));
  uut.pop_front();
  CHECK(uut.has_room(0));
}

TEST_CASE_FIXTURE(call_queue_fixture,
                  "bytes are bounded: what fits exactly fits, one more does not [Q1]") {
  CHECK(uut.has_room(100));
  CHECK_FALSE(uut.has_room(101));
  CHECK_FALSE(uut.has_room(UINT64_MAX));
  add(1, never, 60);
  CHECK(uut.bytes() == 60);
  CHECK(uut.has_room(40));
  CHECK_FALSE(uut.has_room(41));
  CHECK_FALSE(uut.has_room(UINT64_MAX));
  add(2, never, 40);
  CHECK(uut.has_room(0));
  CHECK_FALSE(uut.has_room(1));
  uut.pop_front();
  CHECK(uut.bytes() == 40);
  CHECK(uut.has_room(60));
}

TEST_CASE_FIXTURE(call_queue_fixture, "attachments count against the bytes [Q1]") {
  auto x = make_call(1, target, never, 10);
  x->attachments = {std::string(50, 'a'), std::string(20, 'b')};
  uut.push_back(std::move(x));
  CHECK(uut.bytes() == 80);
  CHECK_FALSE(uut.has_room(21));
}

TEST_CASE_FIXTURE(call_queue_fixture,
                  "a queue above its bounds has no room, and gets it again [Q1]") {
  for (uint64_t i = 0; i < 6; ++i)
    add(i, never, 30);
  CHECK(uut.size() == 6);
  CHECK(uut.bytes() == 180);
  CHECK_FALSE(uut.has_room(0));
  for (auto i = 0; i < 3; ++i)
    uut.pop_front();
  CHECK(uut.has_room(10));
  CHECK_FALSE(uut.has_room(11));
}

TEST_CASE("a queue of no calls takes none [Q1]") {
  CHECK_FALSE(call_queue(0, 100).has_room(0));
}

TEST_CASE_FIXTURE(call_queue_fixture,
                  "what changes in a call while it waits does not upset the sum [Q1]") {
  auto* x = add(1, never, 50);
  x->data.clear();
  auto out = uut.pop_front();
  CHECK(uut.bytes() == 0);
}

TEST_CASE_FIXTURE(call_queue_fixture, "higher priorities go first, equal ones in order [Q6]") {
  prioritized(1, priority::low, call_queue_t0);
  prioritized(2, priority::normal, call_queue_t0 + 1ms);
  prioritized(3, priority::high, call_queue_t0 + 2ms);
  prioritized(4, priority::high, call_queue_t0 + 3ms);
  prioritized(5, priority::normal, call_queue_t0 + 4ms);
  CHECK(ids(uut.clear()) == numbers{3, 4, 2, 5, 1});
}

TEST_CASE_FIXTURE(call_queue_fixture,
                  "who has waited for `ageing` goes before a new call of the next priority [Q6]") {
  prioritized(1, priority::normal, call_queue_t0);
  prioritized(2, priority::high, call_queue_t0 + 2s); // equal: the higher one
  prioritized(3, priority::high, call_queue_t0 + 2s + 1ns);
  CHECK(ids(uut.clear()) == numbers{2, 1, 3});
  prioritized(4, priority::low, call_queue_t0);
  prioritized(5, priority::normal, call_queue_t0 + 2s + 1ns);
  prioritized(6, priority::high, call_queue_t0 + 4s + 2ns);
  CHECK(ids(uut.clear()) == numbers{4, 5, 6});
}

TEST_CASE("low priority is served although high calls never end [Q6]") {
  auto target = std::make_shared<recording_target>();
  auto uut = call_queue{1000, 1000};
  auto served_low = 0;
  for (uint64_t i = 0; i < 600; ++i) { // twice as many come as are served
    auto time = call_queue_t0 + static_cast<int64_t>(i) * 100ms;
    for (int n = 0; n < 2; ++n)
      uut.push_back(of_priority(2 * i + n, target, priority::high, time));
    if (i % 10 == 0)
      uut.push_back(of_priority(5000 + i, target, priority::low, time));
    served_low += uut.pop_front()->group->options.priority == priority::low;
  }
  CHECK(served_low >= 20); // they wait about as long as the high ones that are served
}

TEST_CASE_FIXTURE(call_queue_fixture,
                  "what stands before a call of each priority is known [Q2] [Q6]") {
  prioritized(1, priority::high, call_queue_t0)->worth = 0s; // not known
  for (auto x : {priority::high, priority::normal, priority::low}) {
    auto call = of_priority(9, target, x, call_queue_t0);
    call->worth = 1s * (1 + static_cast<int>(x));
    uut.push_back(std::move(call));
  }
  CHECK(uut.worth_before(priority::high) == 1s);
  CHECK(uut.worth_before(priority::normal) == 3s);
  CHECK(uut.worth_before(priority::low) == 6s);
  uut.clear();
  CHECK(uut.worth_before(priority::low) == 0s);
}

TEST_CASE_FIXTURE(call_queue_fixture, "calls that come back stand before those made later [P4]") {
  add(2);
  add(8);
  auto back = std::vector<core::call_ptr>{};
  for (uint64_t i : {1, 3, 9})
    back.push_back(make_call(i, target, never, 30));
  uut.push_front(std::move(back));
  CHECK(uut.size() == 5);
  CHECK(uut.bytes() == 90);
  CHECK(ids(uut.clear()) == numbers{1, 2, 3, 8, 9});
}

TEST_CASE_FIXTURE(call_queue_fixture,
                  "calls can come back to an empty queue, and none can come back") {
  uut.push_front({});
  CHECK(uut.empty());
  auto back = std::vector<core::call_ptr>{};
  back.push_back(make_call(1, target));
  back.push_back(make_call(2, target));
  uut.push_front(std::move(back));
  add(3);
  CHECK(ids(uut.clear()) == numbers{1, 2, 3});
}

TEST_CASE_FIXTURE(call_queue_fixture, "a call can be taken out from everywhere") {
  auto* first = add(1);
  add(2);
  auto* middle = add(3);
  add(4);
  auto* last = add(5);
  CHECK(uut.remove(middle)->id == 3);
  CHECK(uut.remove(first)->id == 1);
  CHECK(uut.remove(last)->id == 5);
  add(6);
  CHECK(ids(uut.clear()) == numbers{2, 4, 6});
}

TEST_CASE_FIXTURE(call_queue_fixture, "a call that was taken out may come in again") {
  auto* x = add(1, call_queue_t0 + 1s);
  add(2);
  auto out = uut.remove(x);
  CHECK(uut.next_deadline() == never);
  uut.push_back(std::move(out));
  CHECK(uut.next_deadline() == call_queue_t0 + 1s);
  CHECK(ids(uut.clear()) == numbers{2, 1});
}

TEST_CASE_FIXTURE(call_queue_fixture,
                  "expire takes those whose time is over at this very instant [Q2]") {
  add(1, call_queue_t0 + 3s);
  add(2);
  add(3, call_queue_t0 + 1s);
  add(4, call_queue_t0 + 2s);
  CHECK(uut.next_deadline() == call_queue_t0 + 1s);
  CHECK(uut.expire(call_queue_t0 + 1s - 1ns).empty());
  CHECK(ids(uut.expire(call_queue_t0 + 1s)) == numbers{3});
  CHECK(uut.next_deadline() == call_queue_t0 + 2s);
  CHECK(sorted(ids(uut.expire(call_queue_t0 + 1h))) == numbers{1, 4});
  CHECK(uut.next_deadline() == never);
  CHECK(ids(uut.clear()) == numbers{2});
}

TEST_CASE_FIXTURE(call_queue_fixture, "a call without a limit never expires [Q2]") {
  add(1);
  CHECK(uut.next_deadline() == never);
  CHECK(uut.expire(never).empty());
  CHECK(uut.size() == 1);
}

TEST_CASE_FIXTURE(call_queue_fixture,
                  "many deadlines expire each at its time, whatever was removed [Q2]") {
  auto calls = std::vector<core::call*>{};
  for (uint64_t i = 0; i < 1000; ++i) // 7919 is prime: every order of arrival and deadline
    calls.push_back(add(i, call_queue_t0 + std::chrono::seconds{i * 7919 % 1000}));
  for (uint64_t i = 0; i < 1000; i += 3)
    uut.remove(calls[i]);
  auto left = size_t{666};
  for (auto s = 0; s < 1000; ++s) {
    auto out = uut.expire(call_queue_t0 + std::chrono::seconds{s});
    REQUIRE(out.size() <= 1);
    left -= out.size();
    for (auto& x : out) {
      CHECK(x->queue_deadline == call_queue_t0 + std::chrono::seconds{s});
      CHECK(x->id % 3 != 0);
    }
    REQUIRE(uut.size() == left);
  }
  CHECK(uut.empty());
}

TEST_CASE_FIXTURE(call_queue_fixture, "a ticket finds its call exactly while it waits [Q7]") {
  auto x = make_call(1, target, call_queue_t0);
  auto first = x->ticket;
  auto* raw = x.get();
  CHECK(first->queued == nullptr);
  uut.push_back(std::move(x));
  CHECK(first->queued == raw);
  auto out = uut.pop_front();
  CHECK(first->queued == nullptr);
  auto back = std::vector<core::call_ptr>{};
  back.push_back(std::move(out));
  uut.push_front(std::move(back));
  CHECK(first->queued == raw);
  auto expired = uut.expire(call_queue_t0);
  CHECK(first->queued == nullptr);
  uut.push_back(std::move(expired.front()));
  CHECK(first->queued == raw);
  auto all = uut.clear();
  CHECK(first->queued == nullptr);
}

TEST_CASE_FIXTURE(call_queue_fixture, "calls without tickets wait as well") {
  auto x = make_call(1, target);
  x->ticket = nullptr;
  uut.push_back(std::move(x));
  CHECK(uut.pop_front()->id == 1);
}

TEST_CASE("destroying the queue answers every call once and clears the tickets [Q7]") {
  auto target = std::make_shared<recording_target>();
  auto ticket = std::shared_ptr<core::call_ticket>{};
  {
    auto uut = call_queue{10, 100};
    for (uint64_t i = 0; i < 5; ++i)
      uut.push_back(make_call(i, target, i % 2 ? call_queue_t0 : never));
    ticket = uut.front()->ticket;
    uut.pop_front()->slot.answer(test::good());
    ticket = uut.front()->ticket;
  }
  CHECK(ticket->queued == nullptr);
  CHECK(target->answers() == 5);
  for (uint64_t i = 0; i < 5; ++i)
    CHECK(target->answers(i) == 1);
  CHECK(target->end(0));
  for (uint64_t i = 1; i < 5; ++i)
    CHECK(target->end(i).error().reason == reason::internal);
}

TEST_SUITE_END();
