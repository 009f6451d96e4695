#include "actors/io/memory_meter.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <future>

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace snakepit;

namespace {

constexpr auto mebibyte = uint64_t{1} << 20;
/// What may be beside what was taken. Where AddressSanitizer looks at memory for the first time it
/// takes an eighth of it for itself.
#ifdef __SANITIZE_ADDRESS__
constexpr auto slack = 10 * mebibyte + 100 * mebibyte / 8;
#else
constexpr auto slack = 10 * mebibyte;
#endif
constexpr auto exactly = uint64_t{0};
constexpr auto roughly = ~uint64_t{0};

/// Pages of this process, or of one that it forks; `kind` as for mmap.
char* hold(uint64_t bytes, int kind = MAP_PRIVATE) {
  auto* x = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0);
  if (x == MAP_FAILED)
    std::abort();
  return static_cast<char*>(std::memset(x, 1, bytes));
}

/// A child that has done something and stays until it is not wanted any more.
class child_process {
public:
  explicit child_process(const std::function<void()>& what) {
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::setsid();
      what();
      char byte = 1;
      if (::write(ready[1], &byte, 1) != 1)
        ::_exit(1);
      for (;;)
        ::pause();
    }
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~child_process() {
    end();
  }
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  void end() {
    if (pid_ == 0)
      return;
    ::kill(-pid_, SIGKILL); // its session is its group
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const {
    return pid_;
  }

private:
  pid_t pid_ = 0;
};

struct meter_fixture {
  std::shared_ptr<io::memory_meter> uut = io::make_memory_meter();

  std::vector<uint64_t> measure(std::vector<io::memory_target> targets) {
    auto promise = std::promise<std::vector<uint64_t>>{};
    REQUIRE(uut->measure(std::move(targets),
                         [&](std::vector<uint64_t> x) { promise.set_value(std::move(x)); }));
    return promise.get_future().get();
  }
  uint64_t measure(const child_process& x, uint64_t exact_above) {
    auto out = measure({{x.pid(), exact_above}});
    REQUIRE(out.size() == 1);
    return out[0];
  }
};

} // namespace

TEST_SUITE_BEGIN("memory_meter");

TEST_CASE_FIXTURE(meter_fixture, "a process holds what is its own [L4]") {
  auto small = child_process{[] {}};
  auto large = child_process{[] { hold(100 * mebibyte); }};
  auto shared = child_process{[] { hold(100 * mebibyte, MAP_SHARED); }};
  auto all = measure({{small.pid(), roughly}, {large.pid(), roughly}, {shared.pid(), roughly}});
  REQUIRE(all.size() == 3);
  CHECK(all[0] > 0);
  CHECK(all[1] > all[0] + 90 * mebibyte);
  CHECK(all[1] < all[0] + 100 * mebibyte + slack);
  CHECK(all[2] < all[0] + slack);
}

TEST_CASE_FIXTURE(meter_fixture,
                  "its descendants count with it, also those that it has lost [L4]") {
  auto parent = child_process{[] {
    int ready[2];
    char byte = 1;
    if (::pipe(ready) != 0)
      std::abort();
    if (::fork() == 0) {
      if (::fork() == 0) {
        hold(100 * mebibyte);
        for (auto told = ::write(ready[1], &byte, 1); told == 1;)
          ::pause();
        ::_exit(1);
      }
      ::_exit(0); // the other one is somebody else's child now
    }
    if (::read(ready[0], &byte, 1) != 1)
      std::abort();
  }};
  auto small = child_process{[] {}};
  auto bytes = measure(parent, roughly);
  CHECK(bytes > 90 * mebibyte);
  CHECK(bytes < 2 * measure(small, roughly) + 100 * mebibyte + slack);
}

TEST_CASE_FIXTURE(meter_fixture, "what a fork has in common with others counts once in all [L4]") {
  auto* here = hold(100 * mebibyte);
  auto child = child_process{[] {}};
  auto all = measure(child, roughly);
  CHECK(all > 90 * mebibyte);
  CHECK(measure(child, exactly) < all - 40 * mebibyte);
  CHECK(measure(child, 80 * mebibyte) < all - 40 * mebibyte);
  CHECK(measure(child, 80 * mebibyte) < all - 40 * mebibyte); // without looking again
  ::munmap(here, 100 * mebibyte);
  auto last = uint64_t{0};
  for (int i = 0; i < 25 && last < 90 * mebibyte; ++i)
    last = measure(child, 80 * mebibyte);
  CHECK(last > 90 * mebibyte); // nobody else has it any more
}

TEST_CASE_FIXTURE(meter_fixture, "a process that is gone has nothing [L4]") {
  auto child = child_process{[] {}};
  auto pid = child.pid();
  child.end();
  CHECK(measure({{pid, exactly}, {0, exactly}}) == std::vector<uint64_t>{0, 0});
  CHECK(measure(std::vector<io::memory_target>{}).empty());
}

TEST_SUITE_END();
