#include "tests/support/template_fixture.hpp"

#include <csignal>
#include <random>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace snakepit;
using namespace snakepit::test;

namespace {

constexpr int workers = 5;

/// A host of our own, with its stdout to read from.
class host {
public:
  /// With a module path it forks its workers.
  explicit host(std::string run, std::string path = {}) {
    int fds[2];
    REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
    std::string name = SNAKEPIT_HOST_PROGRAM;
    std::string count = std::to_string(workers);
    char* arguments[] = {name.data(), count.data(), run.data(),
                         path.empty() ? nullptr : path.data(), nullptr};
    REQUIRE(::posix_spawn(&pid_, name.c_str(), &actions, nullptr, arguments, environ) == 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(fds[1]);
    output_ = fds[0];
  }
  ~host() {
    kill();
    ::close(output_);
  }

  bool await_ready() const {
    char buffer[16];
    return ::read(output_, buffer, sizeof buffer) > 0;
  }

  void kill() {
    if (pid_ == 0)
      return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

private:
  pid_t pid_ = 0;
  int output_ = -1;
};

} // namespace

TEST_CASE("kill -9 of the host leaves no worker and no grandchild after a second [R5]") {
  auto run = io::make_run_id();
  host victim{run};
  REQUIRE(victim.await_ready());
  CHECK(processes_of_run(run).size() >= 2 * workers);
  victim.kill();
  CHECK(eventually(1s, [&] { return processes_of_run(run).empty(); }));
}

TEST_CASE_FIXTURE(template_fixture,
                  "kill -9 of a host that forks leaves no worker, child or template [R5, W3]") {
  host victim{run, module_path()};
  REQUIRE(victim.await_ready());
  CHECK(processes_of_run(run).size() >= 2 * workers + 1);
  victim.kill();
  CHECK(eventually(1s, [&] { return processes_of_run(run).empty(); }));
}

TEST_CASE_FIXTURE(template_fixture,
                  "kill -9 of a host while it forks leaves nothing either [R5, W3]") {
  std::random_device seed;
  auto value = seed();
  INFO("seed ", value);
  std::mt19937 random{value};
  for (int i = 0; i < 20; ++i) {
    auto name = run + std::to_string(i);
    host victim{name, module_path()};
    std::this_thread::sleep_for(std::chrono::microseconds{random() % 400'000});
    victim.kill();
    INFO("round ", i);
    CHECK(eventually(2s, [&] { return processes_of_run(name).empty(); }));
  }
}

TEST_CASE("kill -9 of the host while it starts workers leaves nothing either [R5]") {
  std::random_device seed;
  auto value = seed();
  INFO("seed ", value);
  std::mt19937 random{value};
  for (int i = 0; i < 20; ++i) {
    auto run = io::make_run_id();
    host victim{run};
    std::this_thread::sleep_for(std::chrono::microseconds{random() % 60'000});
    victim.kill();
    INFO("round ", i);
    CHECK(eventually(1s, [&] { return processes_of_run(run).empty(); }));
  }
}
