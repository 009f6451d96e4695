#include "actors/io/orphans.hpp"

#include "actors/io/proc_files.hpp"
#include "tests/support/eventually.hpp"

#include <cerrno>
#include <cstdlib>
#include <string>

#include <doctest/doctest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

/// Runs a command of the shell in a session of its own, as a worker is, to its end; it prints a
/// number, which is returned.
int64_t run_apart(const std::string& command, const std::string& run_id) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  auto child = ::fork();
  if (child == 0) { // system calls and nothing else
    ::setsid();
    ::dup2(ends[1], 1);
    ::close(ends[0]);
    ::close(ends[1]);
    auto mark = "SNAKEPIT_RUN_ID=" + run_id;
    const char* argv[] = {"/bin/sh", "-c", command.c_str(), nullptr};
    const char* envp[] = {"PATH=/usr/bin:/bin", mark.c_str(), nullptr};
    ::execve(argv[0], const_cast<char**>(argv), const_cast<char**>(envp));
    ::_exit(99);
  }
  ::close(ends[1]);
  auto text = std::string{};
  char block[64];
  for (ssize_t n = 0; (n = ::read(ends[0], block, sizeof block)) > 0;)
    text.append(block, static_cast<size_t>(n));
  ::close(ends[0]);
  int status = 0;
  // A keeper that looks every few milliseconds may be quicker: it leads a session, too.
  auto waited = ::waitpid(child, &status, 0);
  REQUIRE((waited == child || errno == ECHILD));
  REQUIRE(status == 0);
  return std::stoll(text);
}

int64_t parent_of(int64_t pid) {
  auto stat = io::read_proc_stat(pid);
  return stat ? stat->parent : 0;
}

} // namespace

TEST_SUITE_BEGIN("orphans");

TEST_CASE("an orphan becomes the daemon's child and is reaped when it has ended [R6]") {
  io::orphan_keeper keeper{5ms};
  auto pid = run_apart("sleep 1000 >/dev/null & echo $!", "r1");
  CHECK(parent_of(pid) == ::getpid());
  ::kill(static_cast<pid_t>(pid), SIGKILL);
  CHECK(test::eventually(10s, [&] { return !io::read_proc_stat(pid); }));
}

TEST_CASE("also one that leads a session of its own [R6]") {
  io::orphan_keeper keeper{5ms};
  auto pid = run_apart("setsid sleep 0.2 >/dev/null & echo $!", "r1");
  CHECK(test::eventually(10s, [&] { return !io::read_proc_stat(pid); }));
}

TEST_CASE("children that somebody waits for are left to him [R6]") {
  io::orphan_keeper keeper{5ms};
  auto child = ::fork();
  if (child == 0)
    ::_exit(7);
  auto orphan = run_apart("sleep 0.1 >/dev/null & echo $!", "r1"); // the keeper has been at work
  CHECK(test::eventually(10s, [&] { return !io::read_proc_stat(orphan); }));
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 7);
}

TEST_CASE("orphans of this run end with it, others go on [R3] [R7]") {
  io::orphan_keeper keeper{1h};
  auto ours = run_apart("setsid sleep 1000 >/dev/null & echo $!", "ours");
  auto other = run_apart("setsid sleep 1000 >/dev/null & echo $!", "ours2");
  // One that is just being executed shows no environment.
  auto ends = [&](int64_t pid, const char* run) {
    return keeper.end_all(run).empty() && !io::read_proc_stat(pid);
  };
  CHECK(test::eventually(10s, [&] { return ends(ours, "ours"); }));
  CHECK(parent_of(other) == ::getpid());
  CHECK(test::eventually(10s, [&] { return ends(other, "ours2"); }));
}

TEST_SUITE_END();
