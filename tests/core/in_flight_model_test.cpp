#include "actors/core/in_flight.hpp"

#include "tests/support/calls.hpp"
#include "tests/support/properties.hpp"

#include <map>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::in_flight;
using core::never;
using core::time_point;
using test::make_call;
using test::recording_target;

TEST_SUITE_BEGIN("in_flight");

namespace {

const auto in_flight_model_t0 = time_point{} + 1h;

struct number {
  bool waits = true; // somebody waits for the call
  bool finished = false;
  time_point deadline;
  std::shared_ptr<core::call_ticket> ticket;
};

/// The table and the same as a map of all numbers ever given.
struct flight_twins {
  std::shared_ptr<recording_target> target = std::make_shared<recording_target>();
  in_flight table;
  std::map<uint64_t, number> all;

  void add(uint8_t a) {
    auto seq = all.size() + 1;
    RC_ASSERT(table.next_seq() == seq);
    auto deadline = a % 3 == 0 ? never : in_flight_model_t0 + std::chrono::seconds{a};
    auto x = make_call(seq, target, deadline);
    all[seq] = {true, false, deadline, x->ticket};
    table.add(std::move(x));
  }

  /// A call that comes out is answered by whoever has it.
  void came_out(core::call_ptr x) {
    RC_ASSERT(all.at(x->id).waits);
    all.at(x->id).waits = false;
    x->slot.answer(test::good());
  }

  void finish(uint64_t seq) {
    auto x = table.finish(seq);
    auto i = all.find(seq);
    if (i == all.end() || i->second.finished) {
      RC_ASSERT((x.kind == in_flight::match::unknown));
      RC_ASSERT(!x.call);
      return;
    }
    i->second.finished = true;
    RC_ASSERT(x.tool == seq);
    RC_ASSERT(
      (x.kind == (i->second.waits ? in_flight::match::call_waits : in_flight::match::late)));
    RC_ASSERT(i->second.waits == static_cast<bool>(x.call));
    if (x.call) {
      RC_ASSERT(x.call->id == seq);
      came_out(std::move(x.call));
    }
  }

  void expire(uint8_t a) {
    auto now = in_flight_model_t0 + std::chrono::seconds{a};
    for (auto& x : table.expire(now)) {
      RC_ASSERT((x->deadline <= now));
      came_out(std::move(x));
    }
    for (auto& [seq, x] : all)
      RC_ASSERT((!x.waits || x.deadline > now));
  }

  void withdraw(uint8_t a) {
    if (all.empty())
      return;
    auto& x = all.at(a % all.size() + 1);
    auto out = table.withdraw(x.ticket.get());
    RC_ASSERT(static_cast<bool>(out) == x.waits);
    if (out)
      came_out(std::move(out));
  }

  void compare() const {
    auto unfinished = size_t{0};
    auto abandoned = size_t{0};
    auto first = never;
    for (auto& [seq, x] : all) {
      auto is_abandoned = !x.finished && !x.waits;
      unfinished += !x.finished;
      abandoned += is_abandoned;
      if (x.waits)
        first = std::min(first, x.deadline);
      RC_ASSERT(table.is_abandoned(seq) == is_abandoned);
    }
    RC_ASSERT(table.unfinished() == unfinished);
    RC_ASSERT(table.has_abandoned() == (abandoned > 0));
    RC_ASSERT((table.next_deadline() == first));
    RC_ASSERT(table.next_seq() == all.size() + 1);
  }

  void settle(uint64_t claimed, uint64_t done) {
    auto ends = table.settle(claimed, done);
    if (ends.running) {
      RC_ASSERT(ends.running->id == claimed);
      RC_ASSERT(ends.running->id > done);
      came_out(std::move(ends.running));
    }
    auto last = uint64_t{0};
    for (auto& x : ends.not_started) {
      RC_ASSERT(x->id > claimed);
      RC_ASSERT(x->id > done);
      RC_ASSERT(x->id > last);
      last = x->id;
      came_out(std::move(x));
    }
    for (auto& x : ends.ended) {
      RC_ASSERT((x->id <= done || claimed > all.size()));
      came_out(std::move(x));
    }
    for (auto& x : ends.beside) {
      RC_ASSERT(x->id > done);
      RC_ASSERT(x->id < claimed);
      came_out(std::move(x));
    }
    for (auto& [seq, x] : all) {
      RC_ASSERT(!x.waits);
      x.finished = true;
    }
  }
};

/// A word of the page: in range mostly, anything sometimes.
uint64_t word(uint8_t a, size_t numbers) {
  return a < 240 ? a % (numbers + 2) : a < 248 ? UINT64_MAX - a + 240 : uint64_t{a} << 56;
}

} // namespace

TEST_CASE("every call comes out exactly once over any sequence of operations [Q7]") {
  using steps = std::vector<std::pair<uint8_t, uint8_t>>;
  CHECK(test::holds(3000, [](const steps& all, uint8_t claimed, uint8_t done) {
    auto x = flight_twins{};
    for (auto& [what, a] : all) {
      switch (what % 8) {
      default:
        x.add(a);
        break;
      case 4:
        x.finish(word(a, x.all.size()));
        break;
      case 5:
        x.finish(x.all.size() / 2);
        break;
      case 6:
        x.expire(a / 4);
        break;
      case 7:
        x.withdraw(a);
        break;
      }
      x.compare();
    }
    x.settle(word(claimed, x.all.size()), word(done, x.all.size()));
    x.compare();
    for (auto& [seq, entry] : x.all) {
      x.finish(seq);
      RC_ASSERT(x.target->answers(seq) == 1u);
    }
  }));
}

TEST_CASE("an honest worker's page sorts its calls exactly, wherever it dies [Q7]") {
  CHECK(test::holds(3000, [](uint8_t given, uint8_t at, bool inside, uint8_t behind) {
    auto x = flight_twins{};
    auto n = given % 40u;
    for (auto i = 0u; i < n; ++i)
      x.add(0);
    auto done = n == 0 ? 0u : at % (n + 1u);             // runs that ended
    auto claimed = inside && done < n ? done + 1 : done; // one more was begun, or not
    auto arrived = done - behind % (done + 1);           // finals that came before the end
    for (auto i = 1u; i <= arrived; ++i)
      x.finish(i);
    auto ends = x.table.settle(claimed, done);
    RC_ASSERT(ends.ended.size() == done - arrived);
    RC_ASSERT(static_cast<bool>(ends.running) == (claimed > done));
    RC_ASSERT(ends.running_tool == (ends.running ? "tool" + std::to_string(claimed) : ""));
    RC_ASSERT(ends.not_started.size() == n - claimed);
    for (auto i = size_t{0}; i < ends.ended.size(); ++i)
      RC_ASSERT(ends.ended[i]->id == arrived + 1 + i);
    for (auto i = size_t{0}; i < ends.not_started.size(); ++i)
      RC_ASSERT(ends.not_started[i]->id == claimed + 1 + i);
  }));
}

TEST_SUITE_END();
