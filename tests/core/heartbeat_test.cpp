#include "actors/core/heartbeat.hpp"

#include "tests/support/properties.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

using namespace snakepit;
using namespace std::chrono_literals;
using core::heartbeat;
using core::time_point;
using opinion = core::heartbeat::verdict;

namespace {

constexpr auto start = time_point{} + 1h;

/// Two seconds between heartbeats, ten without an answer are a miss, three of them the end.
struct heartbeat_fixture {
  heartbeat_config terms{.jitter = 0};
  time_point now = start;
  heartbeat::sight seen;
  bool stopped = false;
  std::optional<heartbeat> uut;
  uint64_t out = 0; // the heartbeat that went out last

  heartbeat& it() {
    if (!uut)
      uut.emplace(terms, 1, now);
    return *uut;
  }

  /// Looks whenever something is due until so much time is over; the last opinion that was one.
  opinion pass(duration span) {
    auto result = opinion::nothing;
    auto end = now + span;
    while (it().next_due() <= end) {
      now = std::max(now, it().next_due());
      auto advice = it().look(now, seen, stopped);
      out = advice.send != 0 ? advice.send : out;
      result = advice.what != opinion::nothing ? advice.what : result;
    }
    now = end;
    return result;
  }

  bool answer() {
    return it().on_answer(now, out).recovered;
  }
};

} // namespace

TEST_SUITE_BEGIN("heartbeat");

TEST_CASE_FIXTURE(heartbeat_fixture,
                  "one heartbeat goes out every interval, the next after its answer [W6]") {
  CHECK(it().next_due() == start + 2s);
  CHECK(it().look(start + 1s, seen, false).send == 0);
  CHECK(it().look(start + 2s, seen, false).send == 1);
  // Not answered: no second one.
  CHECK(it().look(start + 4s, seen, false).send == 0);
  CHECK(it().on_answer(start + 5s, 1).known);
  ++seen.movement;
  CHECK(it().look(start + 5s, seen, false).send == 2);
  CHECK(it().next_due() == start + 7s);
}

TEST_CASE_FIXTURE(heartbeat_fixture,
                  "a worker that runs nothing is asked less often, down to a quarter [W6]") {
  auto sent = std::vector<duration>{};
  auto ask_for = [&](duration span) {
    sent.clear();
    for (auto end = now + span; it().next_due() <= end;) {
      now = it().next_due();
      auto nonce = it().look(now, seen, stopped).send;
      CHECK(it().on_answer(now, nonce).known);
      sent.push_back(now - start);
    }
  };
  ask_for(24s);
  CHECK(sent == std::vector<duration>{2s, 4s, 8s, 16s, 24s});
  ++seen.movement; // seen when it is looked at next, at 32 s
  ask_for(14s);
  CHECK(sent == std::vector<duration>{32s, 34s, 38s});
  seen.busy = true;
  ask_for(14s);
  CHECK(sent == std::vector<duration>{46s, 48s, 50s, 52s});
}

TEST_CASE_FIXTURE(heartbeat_fixture, "an idle worker is asked at least every timeout [W6]") {
  terms.interval = 4s;
  CHECK(it().look(start + 4s, seen, false).send == 1);
  CHECK(it().on_answer(start + 4s, 1).known);
  CHECK(it().look(start + 8s, seen, false).send == 2);
  CHECK(it().on_answer(start + 8s, 2).known);
  CHECK(it().look(start + 16s, seen, false).send == 3);
  CHECK(it().on_answer(start + 16s, 3).known);
  CHECK(it().next_due() == start + 26s);
}

TEST_CASE_FIXTURE(heartbeat_fixture, "an answer that nobody waits for is none [W6]") {
  CHECK(!it().on_answer(start, 0).known);
  CHECK(!it().on_answer(start, 1).known);
  it().look(start + 2s, seen, false);
  CHECK(!it().on_answer(start + 3s, 2).known);
  CHECK(it().on_answer(start + 3s, 1).known);
  CHECK(!it().on_answer(start + 3s, 1).known); // twice
}

TEST_CASE_FIXTURE(heartbeat_fixture, "an idle worker that is silent is missed, then hung [W6]") {
  CHECK(pass(11s) == opinion::nothing);
  CHECK(!it().silent());
  CHECK(pass(1s) == opinion::missed);
  CHECK(it().silent());
  CHECK(it().lost());
  CHECK(pass(10s) == opinion::missed);
  CHECK(it().misses() == 2);
  CHECK(pass(10s) == opinion::hung);
  CHECK(pass(60s) == opinion::nothing); // told once
  CHECK(answer());
  CHECK(!it().silent());
}

TEST_CASE_FIXTURE(heartbeat_fixture, "an answer begins the count anew [W6]") {
  pass(22s);
  CHECK(it().misses() == 2);
  CHECK(answer());
  CHECK(it().misses() == 0);
  CHECK(pass(9s) == opinion::nothing); // the next one went out at once
  CHECK(pass(1s) == opinion::missed);
  CHECK(it().misses() == 1);
}

TEST_CASE_FIXTURE(heartbeat_fixture,
                  "what moves in the lane pages is alive, though it does not answer [W6]") {
  for (int i = 0; i < 20; ++i) {
    ++seen.movement;
    seen.busy = i % 2 == 0;
    CHECK(pass(9s) == opinion::nothing);
  }
  pass(20s);
  CHECK(it().silent());
  ++seen.movement;
  now += 10s;
  CHECK(it().look(now, seen, false).recovered);
  CHECK(!it().silent());
}

TEST_CASE_FIXTURE(heartbeat_fixture,
                  "busy is not dead: a call that holds the lock is named, once [W6]") {
  seen.busy = true;
  CHECK(pass(12s) == opinion::gil_held);
  CHECK(it().silent());
  CHECK(!it().lost());
  CHECK(pass(24h) == opinion::nothing);
  CHECK(answer());
}

TEST_CASE_FIXTURE(heartbeat_fixture, "the lock may be held for gil_limit, not longer [W6]") {
  terms.gil_limit = 25s;
  seen.busy = true;
  CHECK(pass(12s) == opinion::gil_held);
  CHECK(pass(14s) == opinion::nothing);
  CHECK(pass(1s) == opinion::hung); // it went out at 2 s
  CHECK(it().lost());
}

TEST_CASE_FIXTURE(heartbeat_fixture, "gil_limit may be as short as the timeout [W6]") {
  terms.gil_limit = terms.timeout;
  seen.busy = true;
  CHECK(pass(11s) == opinion::nothing);
  CHECK(it().look(start + 12s, seen, false).what == opinion::gil_held);
  CHECK(it().next_due() == start + 12s);
  CHECK(it().look(start + 12s, seen, false).what == opinion::hung);
}

TEST_CASE_FIXTURE(heartbeat_fixture,
                  "a worker that is stopped is hung, also while a call runs [W6]") {
  seen.busy = true;
  stopped = true;
  CHECK(pass(12s) == opinion::missed);
  CHECK(pass(10s) == opinion::missed);
  CHECK(pass(10s) == opinion::hung);
}

TEST_CASE_FIXTURE(heartbeat_fixture,
                  "misses of a stop that is over do not count against a call [W6]") {
  seen.busy = true;
  stopped = true;
  pass(22s);
  CHECK(it().misses() == 2);
  stopped = false;
  CHECK(pass(10s) == opinion::gil_held);
  CHECK(it().misses() == 0);
  stopped = true;
  CHECK(pass(10s) == opinion::missed);
  CHECK(it().misses() == 1);
}

TEST_CASE_FIXTURE(heartbeat_fixture, "a host that looks late does not judge [W6]") {
  pass(11s);
  CHECK(it().look(start + 18s, seen, false).what == opinion::nothing); // due at 12 s
  CHECK(!it().silent());
  now = start + 18s;
  CHECK(pass(9s) == opinion::nothing);
  CHECK(pass(1s) == opinion::missed);
}

TEST_CASE_FIXTURE(heartbeat_fixture,
                  "without an interval nothing is sent and nothing judged [W6]") {
  terms.interval = infinite;
  CHECK(!it().on());
  CHECK(it().next_due() == core::never);
  CHECK(heartbeat{}.next_due() == core::never);
}

TEST_CASE("intervals differ by up to the jitter, and from worker to worker [W6]") {
  auto terms = heartbeat_config{.interval = 1s, .jitter = 0.2};
  auto soonest = core::never;
  auto latest = start;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    auto due = heartbeat{terms, seed, start}.next_due();
    soonest = std::min(soonest, due);
    latest = std::max(latest, due);
  }
  CHECK(soonest >= start + 800ms);
  CHECK(soonest < start + 850ms);
  CHECK(latest <= start + 1200ms);
  CHECK(latest > start + 1150ms);
}

/// Whatever happens in whatever order: who moved or answered lately, or is busy and not stopped, is
/// not hung; who is idle and silent for long enough is.
TEST_CASE("who gives signs of life is never hung, who gives none always is [W6]") {
  CHECK(test::holds(2000, [](const std::vector<std::pair<uint8_t, uint8_t>>& steps) {
    auto terms = heartbeat_config{.interval = 20ms, .timeout = 100ms, .jitter = 0.3};
    auto uut = heartbeat{terms, steps.size(), start};
    auto now = start;
    auto seen = heartbeat::sight{};
    auto out = uint64_t{0};
    auto stopped = false;
    auto sign_at = start; // the last time at which something spoke for it
    for (auto [what, much] : steps) {
      switch (what % 6) {
      case 0:
      case 1:
        seen.busy = what % 6 == 0 ? seen.busy : !seen.busy;
        ++seen.movement;
        sign_at = now;
        break;
      case 2:
        if (uut.on_answer(now, out).known)
          sign_at = now;
        break;
      case 3:
        stopped = !stopped;
        break;
      default:
        break;
      }
      now = much % 3 == 0 ? now + 1ms * much : std::max(now, uut.next_due());
      auto was_silent = uut.silent();
      auto busy = uut.judges(now) && seen.busy && !stopped;
      auto advice = uut.look(now, seen, stopped);
      if (advice.send != 0) {
        RC_ASSERT(advice.send == out + 1);
        out = advice.send;
      }
      RC_ASSERT((was_silent || !advice.recovered));
      RC_ASSERT((advice.what != opinion::hung || !busy));
      // The first miss may fall on the last of its time.
      RC_ASSERT((advice.what != opinion::hung || now - sign_at >= 2 * terms.timeout));
      RC_ASSERT((uut.next_due() < core::never));
    }
    seen.busy = false;
    ++seen.movement;
    auto hung = false;
    for (int i = 0; i < 8 && !hung; ++i) {
      now = std::max(now, uut.next_due());
      hung = uut.look(now, seen, false).what == opinion::hung;
    }
    RC_ASSERT(hung);
  }));
}

TEST_SUITE_END();
