#include "tests/support/host_process.hpp"
#include "tests/support/template_fixture.hpp"

#include <random>

using namespace snakepit;
using namespace snakepit::test;

namespace {

constexpr int started = 5;

} // namespace

TEST_CASE("kill -9 of the host leaves no worker and no grandchild after a second [R5]") {
  auto in_time = false;
  for (int i = 0; i < 3 && !in_time; ++i) { // on a busy machine they may wait for a processor
    auto run = io::make_run_id();
    host_process victim{run, started};
    REQUIRE(victim.await_ready());
    CHECK(victim.others().size() >= 2 * started);
    victim.kill();
    in_time = victim.all_gone(1s);
    CHECK(victim.all_gone(soon));
  }
  CHECK(in_time);
}

TEST_CASE_FIXTURE(template_fixture,
                  "kill -9 of a host that forks leaves no worker, child or template [R5, W3]") {
  host_process victim{run, started, module_path()};
  REQUIRE(victim.await_ready());
  CHECK(victim.others().size() >= 2 * started + 1);
  victim.kill();
  CHECK(victim.all_gone(soon));
}

TEST_CASE_FIXTURE(template_fixture,
                  "kill -9 of a host while it forks leaves nothing either [R5, W3]") {
  std::random_device seed;
  auto value = seed();
  INFO("seed ", value);
  std::mt19937 random{value};
  for (int i = 0; i < 20; ++i) {
    auto name = run + std::to_string(i);
    host_process victim{name, started, module_path()};
    std::this_thread::sleep_for(std::chrono::microseconds{random() % 400'000});
    victim.kill();
    INFO("round ", i);
    CHECK(victim.all_gone(soon));
  }
}

TEST_CASE("kill -9 of the host while it starts workers leaves nothing either [R5]") {
  std::random_device seed;
  auto value = seed();
  INFO("seed ", value);
  std::mt19937 random{value};
  for (int i = 0; i < 20; ++i) {
    auto run = io::make_run_id();
    host_process victim{run, started};
    std::this_thread::sleep_for(std::chrono::microseconds{random() % 60'000});
    victim.kill();
    INFO("round ", i);
    CHECK(victim.all_gone(soon));
  }
}
