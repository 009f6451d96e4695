#include "actors/io/exec_child.hpp"
#include "tests/support/launching.hpp"

#include <set>

#include <sys/resource.h>

using namespace snakepit;
using namespace snakepit::test;
namespace fs = std::filesystem;

namespace {

/// The message of a launch that must fail; nothing may be left of it.
std::string failure_of(io::process_launcher& launcher, io::launch_spec spec) {
  auto descriptors = count_own_descriptors();
  recorder log;
  auto started = launch(launcher, std::move(spec), log.events());
  REQUIRE_FALSE(started);
  CHECK(started.error().reason == reason::worker_start_failed);
  CHECK(started.error().retryable);
  CHECK(count_own_descriptors() == descriptors);
  CHECK_FALSE(log.exit());
  return started.error().message;
}

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return true;
}

} // namespace

TEST_CASE("a program that is not there is named [W4]") {
  auto launcher = make_launcher();
  has(failure_of(*launcher, program("/nonexistent/python3", {})),
      "test/0.1: cannot execute /nonexistent/python3: No such file or directory (ENOENT)");
  has(failure_of(*launcher, program("no-such-program", {})),
      "cannot execute no-such-program: no such program in PATH (/usr/bin:/bin)");
  has(failure_of(*launcher, program("", {})), "no executable was given");
}

TEST_CASE("a program that cannot be executed is named, with what it is instead [W4]") {
  temporary_folder folder;
  auto launcher = make_launcher();
  auto plain = folder.write("plain", "#!/bin/sh\n", fs::perms::owner_read);
  has(failure_of(*launcher, program(plain, {})), plain + ": Permission denied (EACCES)");
  has(failure_of(*launcher, program(folder.path().string(), {})), "Is a directory (EISDIR)");
  has(failure_of(*launcher, program(plain + "/x", {})), "Not a directory (ENOTDIR)");
  auto in_path = program("plain", {});
  in_path.environment = {"PATH=" + folder.path().string()};
  has(failure_of(*launcher, in_path), plain + ": Permission denied (EACCES)");
}

TEST_CASE("a script whose interpreter is missing says which [W4]") {
  temporary_folder folder;
  auto launcher = make_launcher();
  auto script = folder.write("script", "#! /nonexistent/interpreter -x\n");
  has(failure_of(*launcher, program(script, {})),
      "it is a script for /nonexistent/interpreter, which is missing");
  auto garbage = folder.write("garbage", "neither\n");
  has(failure_of(*launcher, program(garbage, {})), "neither a program for this machine");
}

TEST_CASE("a working directory that cannot be entered is named [W4]") {
  auto launcher = make_launcher();
  auto spec = shell("true");
  spec.working_directory = "/nonexistent";
  has(failure_of(*launcher, spec), "cannot enter the working directory /nonexistent: No such file");
}

TEST_CASE("null bytes and too many arguments are errors, not surprises [W4]") {
  auto launcher = make_launcher();
  has(failure_of(*launcher, program("/bin/echo", {std::string{"a\0b", 3}})), "null bytes");
  has(failure_of(*launcher, program("/bin/echo", {std::string(200'000, 'x')})),
      "arguments and environment are too large together");
  auto spec = shell("true");
  spec.lanes = 0;
  has(failure_of(*launcher, spec), "lanes");
}

TEST_CASE("without descriptors a launch fails by name at each step, and nothing leaks [W4]") {
  auto launcher = make_launcher();
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  // Every low number is taken, so that each further one allows one descriptor more.
  std::vector<io::descriptor> fillers;
  while (fillers.empty() || fillers.back().get() < io::first_source)
    fillers.emplace_back(::dup(2));
  auto descriptors = count_own_descriptors();
  bool started = false;
  std::set<std::string> steps;
  for (rlim_t limit = io::first_source + 1; limit < before.rlim_cur && !started; ++limit) {
    recorder log;
    rlimit tight{limit, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &tight);
    auto process = launch(*launcher, shell("exit 0"), log.events());
    ::setrlimit(RLIMIT_NOFILE, &before);
    started = process.has_value();
    if (started) {
      CHECK(log.await_exit());
      CHECK(log.exit()->code == 0);
    } else {
      steps.insert(process.error().details["step"]);
      has(process.error().message, "Too many open files (EMFILE); the limit of open files");
    }
    process = fail(reason::internal, "");
    CHECK(count_own_descriptors() == descriptors);
  }
  CHECK(started);
  CHECK(std::vector<std::string>{steps.begin(), steps.end()}
        == std::vector<std::string>{"the lifetime pipe", "the pipe for stderr",
                                    "the pipe for stdout", "the side socket", "the token pipe",
                                    "too few descriptors are left"});
}
