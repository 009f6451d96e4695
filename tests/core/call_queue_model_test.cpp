#include "actors/core/call_queue.hpp"

#include "tests/support/calls.hpp"
#include "tests/support/properties.hpp"

#include <algorithm>
#include <list>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::never;
using core::time_point;
using test::make_call;
using test::recording_target;

TEST_SUITE_BEGIN("call_queue");

namespace {

const auto call_queue_model_t0 = time_point{} + 1h;
constexpr size_t max_calls = 12;
constexpr uint64_t max_bytes = 60;

struct waiting {
  uint64_t id;
  core::call* call;
  std::shared_ptr<core::call_ticket> ticket;
  time_point until;
  uint64_t bytes;
};

/// The queue and the same as a list that is searched from end to end.
struct queue_twins {
  std::shared_ptr<recording_target> target = std::make_shared<recording_target>();
  core::call_queue queue{max_calls, max_bytes};
  std::list<waiting> list;
  std::vector<core::call_ptr> outside;
  uint64_t made = 0;

  core::call_ptr next(uint8_t a, uint8_t b) {
    auto until = a % 4 == 0 ? never : call_queue_model_t0 + std::chrono::seconds{a};
    return make_call(made++, target, until, b % 16);
  }

  static waiting entry(const core::call_ptr& x) {
    return {x->id, x.get(), x->ticket, x->queue_deadline, x->bytes()};
  }

  void push_back(uint8_t a, uint8_t b) {
    auto x = next(a, b);
    list.push_back(entry(x));
    queue.push_back(std::move(x));
  }

  /// Some that were outside, or new ones.
  void push_front(uint8_t a, uint8_t b) {
    auto back = std::vector<core::call_ptr>{};
    for (auto i = 0; i < a % 5; ++i) {
      if (outside.empty()) {
        back.push_back(next(b, a));
      } else {
        back.push_back(std::move(outside.back()));
        outside.pop_back();
      }
    }
    std::ranges::sort(back, {}, [](const core::call_ptr& x) { return x->id; });
    auto place = list.begin();
    for (auto& x : back) {
      while (place != list.end() && place->call->id < x->id)
        ++place;
      list.insert(place, entry(x));
    }
    queue.push_front(std::move(back));
  }

  void take(core::call_ptr x, std::list<waiting>::iterator expected) {
    RC_ASSERT(x.get() == expected->call);
    RC_ASSERT(expected->ticket->queued == nullptr);
    RC_ASSERT(x->next == nullptr && x->previous == nullptr);
    list.erase(expected);
    outside.push_back(std::move(x));
  }

  void pop_front() {
    if (!list.empty())
      take(queue.pop_front(), list.begin());
  }

  void remove(uint8_t a) {
    if (list.empty())
      return;
    auto i = std::next(list.begin(), static_cast<std::ptrdiff_t>(a % list.size()));
    take(queue.remove(i->call), i);
  }

  void expire(uint8_t a) {
    auto now = call_queue_model_t0 + std::chrono::seconds{a / 2};
    for (auto& x : queue.expire(now)) {
      auto i = std::ranges::find(list, x.get(), &waiting::call);
      RC_ASSERT((i != list.end()));
      RC_ASSERT((i->until <= now));
      take(std::move(x), i);
    }
    for (auto& x : list)
      RC_ASSERT((x.until == never || x.until > now));
  }

  void clear() {
    for (auto& x : queue.clear())
      take(std::move(x), list.begin());
    RC_ASSERT(list.empty());
  }

  void compare() const {
    auto bytes = uint64_t{0};
    auto first = never;
    auto* at = queue.front();
    const core::call* before = nullptr;
    for (auto& x : list) {
      bytes += x.bytes;
      first = std::min(first, x.until);
      RC_ASSERT(at == x.call);
      RC_ASSERT(at->previous == before);
      RC_ASSERT(x.ticket->queued == x.call);
      before = at;
      at = at->next;
    }
    RC_ASSERT(at == nullptr);
    RC_ASSERT(queue.size() == list.size());
    RC_ASSERT(queue.empty() == list.empty());
    RC_ASSERT(queue.bytes() == bytes);
    RC_ASSERT((queue.next_deadline() == first));
    for (uint64_t more : {0, 1, 15, 60, 61})
      RC_ASSERT(queue.has_room(more)
                == (list.size() < max_calls && (more == 0 || bytes + more <= max_bytes)));
  }
};

} // namespace

TEST_CASE("the queue does what a list would, over any sequence of operations [Q1] [Q2] [P4]") {
  CHECK(test::holds(3000, [](const std::vector<std::tuple<uint8_t, uint8_t, uint8_t>>& steps) {
    auto target = std::shared_ptr<recording_target>{};
    auto made = uint64_t{0};
    {
      auto x = queue_twins{};
      for (auto& [what, a, b] : steps) {
        switch (what % 16) {
        default:
          x.push_back(a, b);
          break;
        case 7:
        case 8:
          x.push_front(a, b);
          break;
        case 9:
        case 10:
          x.pop_front();
          break;
        case 11:
        case 12:
        case 13:
          x.remove(a);
          break;
        case 14:
          x.expire(a);
          break;
        case 15:
          if (a < 16)
            x.clear();
          break;
        }
        x.compare();
      }
      target = x.target;
      made = x.made;
      RC_ASSERT(target->answers() == 0u);
    }
    RC_ASSERT(target->answers() == made);
    for (uint64_t id = 0; id < made; ++id)
      RC_ASSERT(target->answers(id) == 1u);
  }));
}

TEST_SUITE_END();
