#include "runtime_fixture.hpp"

using namespace snakepit;
using namespace std::chrono_literals;

/// Calls that are lost with their worker.

namespace {

struct lost_fixture : runtime_fixture {
  pool_config lossy() const {
    auto x = pool("default", 1, SNAKEPIT_SOURCE_ROOT "/tests/public/lost.py");
    x.restart.backoff = {0ms};
    x.retry.backoff = {10ms};
    return x;
  }
  static value run(int64_t x) {
    return value{{"run", x}};
  }
  static value nothing() {
    return value{value::map{}};
  }
};

} // namespace

TEST_SUITE_BEGIN("public lost");

TEST_CASE_FIXTURE(lost_fixture, "an idempotent call survives its workers, and knows its run [F1]") {
  auto uut = start({lossy()});
  CHECK(uut.execute("die_before", run(1)).value() == value{1});
  CHECK(uut.execute("die_before", run(3)).value() == value{3});
  CHECK(uut.stats()[0].calls_retried == 2);
  CHECK(uut.stats()[0].calls_failed == 0);
  auto lost = uut.execute("die_before", run(4));
  REQUIRE(!lost);
  CHECK(lost.error().reason == reason::worker_crashed);
  CHECK(lost.error().details.at("attempts") == "3");
  CHECK(lost.error().certificate);
}

TEST_CASE_FIXTURE(lost_fixture,
                  "what is not declared idempotent runs once, unless its caller says so [F1]") {
  auto uut = start({lossy()});
  auto lost = uut.execute("die_once", run(2));
  REQUIRE(!lost);
  CHECK(lost.error().reason == reason::worker_crashed);
  CHECK(uut.stats()[0].calls_retried == 0);
  auto harmless = call_options{};
  harmless.idempotent = true;
  CHECK(uut.execute("die_once", run(2), harmless).value() == value{2});
  harmless.idempotent = false;
  CHECK(!uut.execute("die_before", run(2), harmless));
}

TEST_CASE_FIXTURE(lost_fixture,
                  "a call that kills workers is refused until that is forgotten [F4]") {
  auto uut = start({lossy()});
  auto once = call_options{};
  once.idempotent = false;
  for (int i = 0; i < 3; ++i)
    CHECK(uut.execute("die", nothing(), once).error().reason == reason::worker_crashed);
  auto refused = uut.execute("die", nothing(), once);
  REQUIRE(!refused);
  CHECK(refused.error().reason == reason::poisoned);
  CHECK(uut.execute("die_before", run(1)).value() == value{1});
  auto list = uut.poisoned();
  REQUIRE(list.size() == 1);
  CHECK(list[0].pool == "default");
  CHECK(list[0].tool == "die");
  CHECK(list[0].cause == "exit 7");
  CHECK(list[0].deaths == 3);
  CHECK(uut.clear_poisoned().size() == 1);
  CHECK(uut.poisoned().empty());
  CHECK(uut.execute("die", nothing(), once).error().reason == reason::worker_crashed);
}
