#include "tests/support/launching.hpp"

#include <csignal>

#include <sys/wait.h>

using namespace snakepit;
using namespace snakepit::test;

namespace {

/// A worker that only SIGKILL can end: it ignores what can be ignored and then holds the GIL in one
/// call that never returns, with a child of its own in its group. Prints that child's pid.
const char* const stubborn = R"(
import re, signal, subprocess, sys
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
child = subprocess.Popen(['/bin/sh', '-c', 'trap "" TERM INT HUP; while :; do sleep 1000; done'])
print(child.pid, flush=True)
re.match(r'(a+)+$', 'a' * 60 + 'b')
)";

/// Starts a stubborn one; its grandchild's pid.
int64_t start_stubborn(io::process_launcher& launcher, recorder& log,
                       std::unique_ptr<io::process>& process) {
  process = must_launch(launcher, python(stubborn), log);
  REQUIRE(log.await_output(1));
  auto grandchild = std::stoll(log.output()[0]);
  CHECK(is_alive(grandchild));
  return grandchild;
}

} // namespace

TEST_CASE("exit code, signal and resources are reported [R6]") {
  recorder log;
  auto launcher = make_launcher();
  SUBCASE("exit code") {
    auto process = must_launch(*launcher, shell("exit 42"), log);
    REQUIRE(log.await_exit());
    CHECK(log.exit()->known);
    CHECK(log.exit()->code == 42);
    CHECK(log.exit()->signal == 0);
    CHECK_FALSE(process->signal(0));
  }
  SUBCASE("its own signal") {
    auto process = must_launch(*launcher, shell("kill -SEGV $$"), log);
    REQUIRE(log.await_exit());
    CHECK(log.exit()->signal == SIGSEGV);
  }
  SUBCASE("a signal of ours") {
    auto process = must_launch(*launcher, shell("echo up; exec sleep 1000"), log);
    REQUIRE(log.await_output(1));
    CHECK(process->signal(SIGTERM));
    REQUIRE(log.await_exit());
    CHECK(log.exit()->signal == SIGTERM);
    CHECK_FALSE(process->signal(SIGTERM));
    CHECK_FALSE(process->kill_group()); // harmless
  }
  SUBCASE("resources") {
    auto process = must_launch(*launcher, python("sum(i for i in range(10**6))"), log);
    REQUIRE(log.await_exit());
    CHECK(log.exit()->user_time > 1ms);
    CHECK(log.exit()->max_rss_bytes > 1'000'000);
  }
}

TEST_CASE("a kill says whether the worker had ended by itself, though nobody was told yet [W9]") {
  recorder log;
  auto launcher = make_launcher();
  std::promise<void> seen;
  std::promise<void> go_on;
  auto events = log.events();
  auto note = events.on_output;
  events.on_output = [&, note](bool is_stderr, std::string_view x) {
    note(is_stderr, x);
    seen.set_value();
    go_on.get_future().wait(); // the launcher's thread, which reaps
  };
  auto process = launch(*launcher, shell("echo up; kill -9 $$"), std::move(events));
  REQUIRE(process);
  seen.get_future().wait();
  auto pid = (*process)->identity().pid;
  auto ended = eventually(patience, [&] {
    auto stat = io::read_proc_stat(pid);
    return stat && stat->state == 'Z';
  });
  auto was_there = (*process)->kill_group();
  go_on.set_value();
  CHECK(ended);
  CHECK_FALSE(was_there);
  REQUIRE(log.await_exit());
  CHECK(log.exit()->signal == SIGKILL);
}

TEST_CASE("kill_group ends a worker that holds the GIL and ignores signals, and its child [R6]") {
  recorder log;
  auto launcher = make_launcher();
  std::unique_ptr<io::process> process;
  auto grandchild = start_stubborn(*launcher, log, process);
  CHECK(process->kill_group());
  REQUIRE(log.await_exit());
  CHECK(log.exit()->signal == SIGKILL);
  CHECK(eventually(soon, [&] { return !is_alive(grandchild); }));
}

TEST_CASE("a worker that has disarmed its lifetime pipe is ended all the same [R6]") {
  recorder log;
  auto launcher = make_launcher();
  auto process = must_launch(*launcher, python(R"(
import fcntl, subprocess
fcntl.fcntl(5, fcntl.F_SETFL, 0)
child = subprocess.Popen(['sleep', '1000'])
print(child.pid, flush=True)
child.wait()
)"),
                             log);
  REQUIRE(log.await_output(1));
  auto grandchild = std::stoll(log.output()[0]);
  SUBCASE("by kill_group") {
    process->kill_group();
    REQUIRE(log.await_exit());
  }
  SUBCASE("by letting it go") {
    process.reset();
  }
  CHECK(eventually(soon, [&] { return !is_alive(grandchild); }));
}

TEST_CASE("letting a process go ends its group at once and without waiting [R6]") {
  recorder log;
  auto launcher = make_launcher();
  std::unique_ptr<io::process> process;
  auto grandchild = start_stubborn(*launcher, log, process);
  auto pid = process->identity().pid;
  auto begun = std::chrono::steady_clock::now();
  process.reset();
  CHECK(std::chrono::steady_clock::now() - begun < 2s);
  CHECK(eventually(soon, [&] { return !is_alive(grandchild); }));
  // Reaped too, although nobody is told.
  CHECK(eventually(soon, [&] { return !io::read_proc_stat(pid); }));
  CHECK_FALSE(log.exit());
}

TEST_CASE("what a worker leaves in its group ends with it [R6]") {
  recorder log;
  auto launcher = make_launcher();
  auto process = must_launch(*launcher, shell("sleep 1000 & echo $!; exit 3"), log);
  REQUIRE(log.await_exit());
  CHECK(log.exit()->code == 3);
  auto grandchild = std::stoll(log.output().at(0));
  CHECK(eventually(soon, [&] { return !is_alive(grandchild); }));
}

TEST_CASE("destroying the launcher ends and reaps every process [R6]") {
  recorder logs[3];
  std::unique_ptr<io::process> processes[3];
  int64_t grandchildren[3];
  auto launcher = make_launcher();
  for (int i = 0; i < 3; ++i)
    grandchildren[i] = start_stubborn(*launcher, logs[i], processes[i]);
  launcher.reset();
  for (int i = 0; i < 3; ++i) {
    REQUIRE(logs[i].exit());
    CHECK(logs[i].exit()->signal == SIGKILL);
    CHECK_FALSE(io::read_proc_stat(processes[i]->identity().pid));
    CHECK(eventually(soon, [&] { return !is_alive(grandchildren[i]); }));
    CHECK_FALSE(processes[i]->signal(SIGTERM));
    processes[i]->kill_group();
    CHECK(processes[i]->page(0).limit() == core::lane_page::no_limit);
  }
}

TEST_CASE("with SIGCHLD ignored an exit is still seen, its status unknown, its group ended [R6]") {
  auto before = std::signal(SIGCHLD, SIG_IGN);
  {
    recorder log;
    auto launcher = make_launcher();
    auto process = must_launch(*launcher, shell("sleep 1000 & echo $!; exit 3"), log);
    CHECK(log.await_exit());
    CHECK_FALSE(log.exit()->known);
    // The leader's number is free again, so only the lifetime pipe can have done this.
    auto grandchild = std::stoll(log.output().at(0));
    CHECK(eventually(soon, [&] { return !is_alive(grandchild); }));
    auto missing = launch(*launcher, program("/bin/sh", {std::string(200'000, 'x')}), log.events());
    CHECK_FALSE(missing);
  }
  std::signal(SIGCHLD, before);
}

TEST_CASE("an embedder that waits for any child does no harm [R6]") {
  std::atomic<bool> stop{false};
  std::thread greedy{[&] {
    while (!stop)
      if (::waitpid(-1, nullptr, WNOHANG) <= 0)
        std::this_thread::yield();
  }};
  {
    auto launcher = make_launcher();
    for (int i = 0; i < 50; ++i) {
      recorder log;
      auto process = must_launch(*launcher, shell("sleep 1000 & echo $!; exit 3"), log);
      CHECK(log.await_exit());
      CHECK((!log.exit()->known || log.exit()->code == 3));
      auto grandchild = std::stoll(log.output().at(0));
      CHECK(eventually(soon, [&] { return !is_alive(grandchild); }));
    }
  }
  stop = true;
  greedy.join();
}
