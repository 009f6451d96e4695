#include "actors/core/rollout.hpp"

#include "tests/support/properties.hpp"

#include <algorithm>
#include <map>
#include <random>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::rollout;
using core::time_point;
using core::worker_life;

namespace {

using order = rollout::worker;

const auto rollout_t0 = time_point{} + 1h;
const auto no_import = error{reason::worker_start_failed, "No module named `x`"};

struct rollout_fixture {
  rollout uut{1, 3, 1s};
  std::vector<worker_life> up{life(0, 1, 1), life(1, 1, 1), life(2, 1, 1)};
  std::vector<uint32_t> starting;
  size_t vacant = 0;
  time_point now = rollout_t0;

  static worker_life life(uint32_t slot, uint32_t generation, uint32_t revision) {
    auto x = worker_life{};
    x.slot = slot;
    x.generation = generation;
    x.revision = revision;
    return x;
  }

  rollout::verdict judge() {
    return uut.judge(up, starting, vacant, now);
  }
  /// The worker of the slot has been replaced by one of the revision.
  void replace(uint32_t slot, uint32_t revision) {
    auto old = up.at(slot);
    up.at(slot) = life(slot, old.generation + 1, revision);
    uut.over({slot, old.generation}, true, now);
  }
};

} // namespace

TEST_SUITE_BEGIN("rollout");

TEST_CASE_FIXTURE(rollout_fixture, "one worker is tried, then the others follow in turn [L5]") {
  CHECK(!uut.active());
  CHECK(judge().next == core::never);
  uut.begin(1, 2, now);
  auto first = judge();
  CHECK(first.trial);
  CHECK(first.replace == std::vector{order{0, 1}});
  CHECK(!first.adopt);
  CHECK(judge().replace.empty()); // once
  replace(0, 2);
  auto second = judge();
  CHECK(second.adopt == 2);
  CHECK(!second.trial);
  CHECK(second.replace == std::vector{order{1, 1}});
  CHECK(judge().replace.empty());
  replace(1, 2);
  CHECK(judge().replace == std::vector{order{2, 1}});
  now += 5s;
  replace(2, 2);
  auto last = judge();
  REQUIRE(last.end);
  CHECK(last.end->revision == 2);
  CHECK(last.end->replaced == 3);
  CHECK(last.end->took == 5s);
  CHECK(!last.end->rolled_back);
  CHECK(!uut.active());
}

TEST_CASE_FIXTURE(rollout_fixture, "one that cannot start costs nothing but the try [L5]") {
  uut.begin(1, 2, now);
  judge();
  uut.on_trouble(1, no_import, true); // an old one: not our business
  CHECK(!judge().end);
  uut.on_trouble(2, no_import, false);
  auto back = judge();
  CHECK(back.adopt == 1);
  CHECK(!back.end); // the order is not over
  uut.over({0, 1}, false, now);
  back = judge();
  REQUIRE(back.end);
  CHECK(back.end->revision == 1);
  REQUIRE(back.end->rolled_back);
  CHECK(back.end->rolled_back->message == no_import.message);
  CHECK(back.end->replaced == 0);
}

TEST_CASE_FIXTURE(rollout_fixture, "after too many failures the new ones are replaced again [L5]") {
  uut.begin(1, 2, now);
  judge();
  replace(0, 2);
  CHECK(judge().replace == std::vector{order{1, 1}});
  for (int i = 0; i < 2; ++i) {
    uut.on_trouble(2, error{reason::worker_start_failed, std::to_string(i)}, false);
    uut.over({1, 1}, false, now);
    CHECK(judge().replace.empty()); // not before a pause
    now += 1s;
    CHECK(judge().replace == std::vector{order{1, 1}});
  }
  uut.on_trouble(2, no_import, false);
  auto back = judge();
  CHECK(back.adopt == 1);
  CHECK(back.replace.empty()); // one at a time
  uut.over({1, 1}, false, now);
  now += 1s;
  CHECK(judge().replace == std::vector{order{0, 2}});
  uut.on_trouble(2, no_import, false);
  replace(0, 1);
  back = judge();
  REQUIRE(back.end);
  CHECK(back.end->rolled_back->message == "0"); // the first
}

TEST_CASE_FIXTURE(rollout_fixture, "what cannot but fail again is given up at once [L5]") {
  uut.begin(1, 2, now);
  judge();
  replace(0, 2);
  judge();
  uut.on_trouble(2, no_import, true);
  CHECK(judge().adopt == 1);
}

TEST_CASE_FIXTURE(rollout_fixture, "a worker that starts is waited for [L5]") {
  up.clear();
  starting = {1};
  uut.begin(1, 2, now);
  auto first = judge();
  CHECK(!first.start);
  CHECK(first.next < now + 1s);
  SUBCASE("and replaced if it is old") {
    starting = {};
    up = {life(0, 1, 1)};
    CHECK(judge().replace == std::vector{order{0, 1}});
    starting = {1};
    replace(0, 2);
    CHECK(!judge().end);
    starting = {2};
    CHECK(judge().end);
  }
  SUBCASE("and if there is none at all one is started [L5]") {
    starting = {};
    vacant = 1;
    CHECK(judge().start);
    CHECK(!judge().start);
    uut.start_over(now);
    CHECK(!judge().start);
    now += 1s;
    CHECK(judge().start);
    up = {life(0, 1, 2)};
    CHECK(judge().adopt == 2);
    uut.start_over(now);
    CHECK(judge().end);
  }
}

TEST_CASE_FIXTURE(rollout_fixture, "a slot without a worker is tried before one that serves [L5]") {
  vacant = 1;
  uut.begin(1, 2, now);
  auto first = judge();
  CHECK(first.start);
  CHECK(first.replace.empty());
  vacant = 0;
  uut.start_over(now);
  CHECK(judge().replace.empty()); // nothing has come of it, and not at once again
  now += 1s;
  CHECK(judge().replace == std::vector{order{0, 1}});
}

TEST_CASE_FIXTURE(rollout_fixture, "what was tried in an empty slot is followed at once [L5]") {
  vacant = 1;
  uut.begin(1, 2, now);
  REQUIRE(judge().start);
  vacant = 0;
  auto over_first = false;
  SUBCASE("if it is ready before the start is over [L5]") {}
  SUBCASE("or after it [L5]") {
    over_first = true;
  }
  if (over_first)
    uut.start_over(now);
  up.push_back(life(3, 1, 2));
  auto said = judge();
  CHECK(said.adopt == 2);
  CHECK(said.replace == std::vector{order{0, 1}});
  if (!over_first)
    uut.start_over(now);
  replace(0, 2);
  CHECK(judge().replace == std::vector{order{1, 1}});
}

TEST_CASE_FIXTURE(rollout_fixture, "workers that leave are nobody's concern [L5]") {
  up = {life(0, 1, 1), life(0, 2, 1)};
  up[0].leaving = true;
  uut.begin(1, 2, now);
  CHECK(judge().replace == std::vector{order{0, 2}});
  up[1] = life(0, 3, 2);
  uut.over({0, 2}, true, now);
  CHECK(judge().adopt == 2);
  CHECK(judge().end);
}

TEST_CASE_FIXTURE(rollout_fixture, "an old one that starts meanwhile is not forgotten [L5]") {
  up = {life(0, 1, 1), life(1, 1, 1)};
  uut.begin(1, 2, now);
  judge();
  replace(0, 2);
  up[1].leaving = true; // it is to be ended for something else
  auto said = judge();
  CHECK(said.adopt == 2);
  CHECK(!said.end);
  up.pop_back();
  starting = {1}; // its place was filled just before the pool heard of that
  CHECK(!judge().end);
  starting = {};
  up.push_back(life(1, 2, 1));
  CHECK(judge().replace == std::vector{order{1, 2}});
  replace(1, 2);
  CHECK(judge().end);
}

TEST_CASE_FIXTURE(rollout_fixture, "as many are replaced at a time as may be [L5]") {
  uut = rollout{2, 3, 1s};
  up.push_back(life(3, 1, 1));
  uut.begin(1, 2, now);
  CHECK(judge().replace.size() == 1);
  replace(0, 2);
  CHECK(judge().replace.size() == 2);
  replace(2, 2);
  CHECK(judge().replace == std::vector{order{3, 1}});
}

TEST_CASE("whatever fails, a rollout ends with one revision [L5]") {
  CHECK(test::holds(2000, [](uint32_t seed, uint8_t slots, uint8_t share) {
    auto random = std::mt19937{seed};
    auto happens = [&](int percent) { return static_cast<int>(random() % 100) < percent; };
    auto uut = rollout{1 + seed % 3, 3, 1s};
    auto now = rollout_t0;
    struct place {
      std::optional<worker_life> up;
      std::optional<uint32_t> starting;
      std::optional<order> ordered;
      bool alone = false; // it starts where there was none, as it was asked to
    };
    auto pool = std::vector<place>(1 + slots % 6);
    for (uint32_t i = 0; i < pool.size(); ++i)
      pool[i].up = rollout_fixture::life(i, 1, 1);
    auto current = uint32_t{1};
    uut.begin(1, 2, now);
    auto end = std::optional<rollout::ending>{};
    auto generation = uint32_t{1};
    for (int step = 0; step < 2000 && !end; ++step) {
      now += 100ms;
      auto calm = step > 1000; // then nothing fails
      // What was going on goes on, or fails.
      for (uint32_t i = 0; i < pool.size(); ++i) {
        auto& x = pool[i];
        if (x.up && !calm && happens(1)) {
          uut.on_trouble(x.up->revision, no_import, false);
          x.up.reset();
        }
        if (!x.up && !x.starting && (calm || happens(30))) // after a pause
          x.starting = current;
        if (!x.starting || happens(50))
          continue;
        auto works = *x.starting == 1 || calm || !happens(share % 50);
        if (works)
          x.up = rollout_fixture::life(i, ++generation, *x.starting);
        else
          uut.on_trouble(*x.starting, no_import, happens(10));
        x.starting.reset();
        if (std::exchange(x.alone, false))
          uut.start_over(now);
        if (x.ordered)
          uut.over(*std::exchange(x.ordered, std::nullopt), works, now);
      }
      auto up = std::vector<worker_life>{};
      auto starting = std::vector<uint32_t>{};
      auto is_vacant = [](auto& x) { return !x.up && !x.starting; };
      auto vacant = static_cast<size_t>(std::ranges::count_if(pool, is_vacant));
      for (auto& x : pool) {
        if (x.up)
          up.push_back(*x.up);
        if (x.starting)
          starting.push_back(*x.starting);
      }
      auto said = uut.judge(up, starting, vacant, now);
      for (auto& x : pool) // of what is judged, and adopted, the pool hears later
        if (is_vacant(x) && happens(30))
          x.starting = current;
      if (said.adopt)
        current = *said.adopt;
      for (auto& who : said.replace) {
        auto& x = pool.at(who.slot);
        RC_ASSERT(x.up.has_value());
        if (x.starting || x.ordered) {
          uut.over(who, false, now);
          continue;
        }
        x.ordered = who;
        x.starting = said.trial ? 2 : current;
      }
      if (said.start) {
        auto place = std::ranges::find_if(pool, is_vacant);
        if (place == pool.end()) {
          uut.start_over(now);
        } else {
          place->starting = 2;
          place->alone = true;
        }
      }
      end = std::move(said.end);
      if (!end)
        continue;
      RC_ASSERT(end->revision == current);
      RC_ASSERT(end->rolled_back.has_value() == (current == 1));
      for (auto& x : pool) {
        RC_ASSERT((!x.up || x.up->revision == current));
        RC_ASSERT((!x.starting || *x.starting == current));
      }
    }
    RC_ASSERT(end.has_value());
  }));
}

TEST_SUITE_END();
