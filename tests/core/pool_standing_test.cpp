#include "actors/core/pool_standing.hpp"

#include <doctest/doctest.h>

using namespace snakepit::core;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("pool_standing");

namespace {

using change = pool_standing::change;

struct pool_standing_fixture {
  pool_standing uut{2, 3};
  time_point begin = time_point{} + 1h;

  pool_standing_fixture() {
    uut.begin(begin);
  }

  /// What is new with so many ready workers after so long.
  std::vector<change> note(size_t ready, snakepit::duration after, bool failed = false) {
    auto result = std::vector<change>{};
    for (auto& x : news = uut.note(ready, failed, begin + after))
      result.push_back(x.what);
    return result;
  }
  std::vector<pool_standing::news> news;
};

using changes = std::vector<change>;

} // namespace

TEST_CASE_FIXTURE(pool_standing_fixture,
                  "ready with enough workers, started with all, each once [T1]") {
  CHECK(note(0, 1s).empty());
  CHECK(note(1, 2s).empty());
  CHECK_FALSE(uut.was_ready());
  CHECK(note(2, 3s) == changes{change::ready});
  CHECK(news[0].after == 3s);
  CHECK(note(2, 4s).empty());
  CHECK(note(3, 5s) == changes{change::start_done});
  CHECK(news[0].after == 5s);
  CHECK(note(2, 6s).empty());
  CHECK(note(3, 7s).empty());
}

TEST_CASE_FIXTURE(pool_standing_fixture, "one step can make it ready and started [T1]") {
  CHECK(note(3, 1s) == changes{change::ready, change::start_done});
}

TEST_CASE_FIXTURE(pool_standing_fixture,
                  "degraded below what it needs, then recovered; never ready twice [T1]") {
  note(2, 1s);
  CHECK(uut.was_ready());
  CHECK(note(1, 2s) == changes{change::degraded});
  CHECK(uut.was_ready());
  CHECK(note(0, 3s).empty());
  CHECK(note(1, 4s).empty());
  CHECK(note(2, 5s) == changes{change::recovered});
  CHECK(news[0].after == 3s);
  CHECK(note(1, 6s) == changes{change::degraded});
}

TEST_CASE_FIXTURE(pool_standing_fixture,
                  "degraded while its workers crash too often, with enough of them [F5]") {
  note(3, 1s);
  auto told = [&](bool often, snakepit::duration after) {
    auto out = uut.note(3, false, begin + after, often);
    return out.empty() ? std::optional<change>{} : out.front().what;
  };
  CHECK(told(true, 2s) == change::degraded);
  CHECK(told(true, 3s) == std::nullopt);
  CHECK(note(1, 4s) == changes{}); // for both reasons
  CHECK(told(false, 5s) == change::recovered);
  CHECK(uut.is_enough(2));
  CHECK(!uut.is_enough(1));
}

TEST_CASE_FIXTURE(pool_standing_fixture,
                  "a start that fails for good is told each time it does [T1]") {
  CHECK(note(0, 1s, true) == changes{change::start_failed});
  CHECK(note(0, 2s, true).empty());
  CHECK(note(2, 3s, false) == changes{change::ready});
  CHECK(note(0, 4s, true) == changes{change::degraded, change::start_failed});
}

TEST_SUITE_END();
