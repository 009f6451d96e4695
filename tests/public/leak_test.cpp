#include "runtime_fixture.hpp"
#include "tests/support/eventually.hpp"

#include <snakepit/caf.hpp>

#include <caf/all.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string_view>

using namespace snakepit;
using namespace snakepit::test;
using namespace std::chrono_literals;

/// Nothing leaks. SNAKEPIT_CYCLES says how many cycles of each kind; by default a hundred, of which
/// every fifth goes all the way.

namespace {

size_t cycles() {
  auto* text = std::getenv("SNAKEPIT_CYCLES");
  return text ? std::strtoull(text, nullptr, 10) : 100;
}

size_t entries(const char* folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator{folder},
                                           std::filesystem::directory_iterator{}));
}

/// Lines of /proc/self/maps that a leak of shared memory would add to.
size_t shared_mappings() {
  auto file = std::ifstream{"/proc/self/maps"};
  auto count = size_t{0};
  for (auto line = std::string{}; std::getline(file, line);)
    count += line.find("memfd:") != std::string::npos;
  return count;
}

size_t resident_kib() {
  auto file = std::ifstream{"/proc/self/status"};
  for (auto line = std::string{}; std::getline(file, line);)
    if (line.starts_with("VmRSS:"))
      return std::strtoull(line.c_str() + 6, nullptr, 10);
  return 0;
}

/// Of gRPC's pools, which grow and shrink by themselves with what there is to do.
constexpr std::string_view pooled[] = {"event_engine", "grpc_global_tim"};
/// How many more of those there may be: they depend on the processors, not on the cycles.
constexpr size_t more_pooled = 8;

struct thread_counts {
  size_t pooled = 0;
  size_t others = 0;
};
thread_counts count_threads() {
  auto out = thread_counts{};
  for (auto& x : std::filesystem::directory_iterator{"/proc/self/task"}) {
    auto name = std::string{};
    std::getline(std::ifstream{x.path() / "comm"}, name);
    ++(std::find(std::begin(pooled), std::end(pooled), name) != std::end(pooled) ? out.pooled
                                                                                 : out.others);
  }
  return out;
}

struct measure {
  size_t descriptors = entries("/proc/self/fd");
  thread_counts threads = count_threads();
  size_t mappings = shared_mappings();
  size_t resident = resident_kib();
};

/// What a warm process may still grow by: arenas of the allocator, pools of gRPC. Under the address
/// sanitizer, which keeps what was freed, more: that one finds leaks by itself.
#ifdef __SANITIZE_ADDRESS__
constexpr size_t tolerance_kib = 128 * 1024;
#else
constexpr size_t tolerance_kib = 8 * 1024;
#endif

void check_same(const measure& before, size_t n) {
  CHECK(eventually(10s, [&] { return count_threads().others <= before.threads.others; }));
  CHECK(eventually(10s, [&] { return entries("/proc/self/fd") <= before.descriptors; }));
  auto after = measure{};
  CHECK(after.descriptors <= before.descriptors);
  CHECK(after.threads.others <= before.threads.others);
  CHECK(after.threads.pooled <= before.threads.pooled + more_pooled);
  CHECK(after.mappings <= before.mappings);
  CHECK(after.resident <= before.resident + tolerance_kib);
  MESSAGE(n << " cycles: descriptors " << before.descriptors << " -> " << after.descriptors
            << ", threads " << before.threads.others << " -> " << after.threads.others
            << ", gRPC's " << before.threads.pooled << " -> " << after.threads.pooled
            << ", memfd mappings " << before.mappings << " -> " << after.mappings << ", resident "
            << before.resident << " -> " << after.resident << " KiB");
}

} // namespace

TEST_SUITE_BEGIN("leak");

TEST_CASE_FIXTURE(runtime_fixture, "workers that crash leave nothing in the host [RL-6]") {
  auto x = pool("default", 1);
  x.restart.backoff = {0ms, 0ms};
  x.poison.enabled = false; // they are all the same call
  auto uut = start({x});
  auto crash = [&] {
    CHECK(uut.execute("die", value::map{}).error().reason == reason::worker_crashed);
  };
  for (auto i = 0; i < 10; ++i)
    crash();
  CHECK(uut.execute("echo", value{{"x", 1}}).value() == value{1});
  auto before = measure{};
  for (size_t i = 0; i < cycles(); ++i)
    crash();
  CHECK(uut.execute("echo", value{{"x", 1}}).value() == value{1});
  check_same(before, cycles());
}

TEST_CASE_FIXTURE(runtime_fixture,
                  "runtimes that start and stop leave nothing, nor actors in a system [RL-6]") {
  auto cfg = caf::actor_system_config{};
  prepare(cfg);
  auto system = caf::actor_system{cfg};
  auto actors = system.registry().running();
  auto one = [&](bool whole) {
    {
      auto uut = start({pool("default", 1)});
      if (whole)
        CHECK(uut.execute("echo", value{{"x", 1}}).value() == value{1});
    }
    auto uut = start_in(system, configuration({pool("default", 1)}));
    REQUIRE(uut);
    if (whole)
      CHECK(uut->execute("echo", value{{"x", 1}}).value() == value{1});
  };
  for (auto i = 0; i < 6; ++i)
    one(i % 2 == 0);
  auto before = measure{};
  for (size_t i = 0; i < cycles() / 2; ++i)
    one(i % 5 == 0);
  check_same(before, cycles() / 2 * 2);
  CHECK(eventually(10s, [&] { return system.registry().running() == actors; }));
}

TEST_SUITE_END();
