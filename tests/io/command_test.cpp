#include "actors/io/command.hpp"

#include "tests/support/eventually.hpp"

#include <doctest/doctest.h>

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

// Longer than anything here takes.
constexpr auto command_patience = 60s;

result<io::command_end> run_shell(const std::string& script,
                                  std::chrono::milliseconds timeout = command_patience) {
  return io::run_command({"/bin/sh", "-c", script}, {"PATH=/usr/bin:/bin", "WORD=here"}, timeout);
}

} // namespace

TEST_CASE("a program that is run tells its code and what it wrote [E4]") {
  auto end = run_shell("echo out $WORD; echo err >&2; exit 3");
  REQUIRE(end);
  CHECK(end->code == 3);
  CHECK(end->signal == 0);
  CHECK_FALSE(end->succeeded());
  CHECK(end->output == "out here\n");
  CHECK(end->errors == "err\n");
  CHECK(run_shell("true")->succeeded());
}

TEST_CASE("it has nothing on stdin and no signal blocked or ignored [E4]") {
  // 32 and 33 are glibc's own: where our parent ignores them nobody can reset them through glibc.
  auto end = run_shell("cat; for mask in $(sed -nE 's/^Sig(Blk|Ign):\\t/0x/p' /proc/self/status);"
                       " do echo $((mask & ~0x180000000)); done");
  REQUIRE(end);
  CHECK(end->output == "0\n0\n");
}

TEST_CASE("its death by a signal is told [E4]") {
  auto end = run_shell("kill -SEGV $$");
  REQUIRE(end);
  CHECK(end->signal == SIGSEGV);
  CHECK_FALSE(end->succeeded());
}

TEST_CASE("one that takes too long is ended with its children [W4]") {
  auto end = run_shell("sleep 1000 & echo $!; sleep 1000", 2s);
  REQUIRE(end);
  CHECK(end->timed_out);
  CHECK_FALSE(end->succeeded());
  auto child = std::stoi(end->output);
  CHECK(test::eventually(10s, [&] { return ::kill(child, 0) != 0; }));
}

TEST_CASE("a child that holds the output delays nothing [W4]") {
  auto end = run_shell("sleep 1000 & echo $!");
  REQUIRE(end);
  CHECK(end->succeeded());
  auto child = std::stoi(end->output);
  CHECK(test::eventually(10s, [&] { return ::kill(child, 0) != 0; }));
}

TEST_CASE("much output is read to its end, the first of it kept [W4]") {
  auto end = run_shell("head -c 1000000 /dev/zero | tr '\\0' x");
  REQUIRE(end);
  CHECK(end->succeeded());
  CHECK(end->output == std::string(65536, 'x'));
}

TEST_CASE("what cannot be started is an error that names it [W4]") {
  auto end = io::run_command({"/no/such/program"}, {}, command_patience);
  REQUIRE_FALSE(end);
  CHECK(end.error().reason == reason::worker_start_failed);
  CHECK(end.error().message.find("/no/such/program") != std::string::npos);
}
