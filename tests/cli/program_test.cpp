#include "actors/cli/program.hpp"

#include <cerrno>
#include <cstdlib>

#include <doctest/doctest.h>

using namespace snakepit;

namespace {

sigset_t nothing() {
  sigset_t out;
  sigemptyset(&out);
  return out;
}

std::unique_ptr<cli::program> shell(const std::string& script,
                                    const std::vector<std::string>& variables = {}) {
  auto started = cli::program::start({"sh", "-c", script}, variables, nothing());
  REQUIRE(std::holds_alternative<std::unique_ptr<cli::program>>(started));
  return std::move(std::get<0>(started));
}

} // namespace

TEST_SUITE_BEGIN("program");

TEST_CASE("a program's exit code is passed on, 128 and more for a signal [R8]") {
  CHECK(shell("exit 0")->wait() == 0);
  CHECK(shell("exit 7")->wait() == 7);
  CHECK(shell("kill -KILL $$")->wait() == 137);
}

TEST_CASE("it has our variables, and none of them twice [R8]") {
  setenv("SNAKEPIT_TEST_X", "old", 1);
  CHECK(shell("[ \"$SNAKEPIT_TEST_X\" = new ] && [ -n \"$PATH\" ]", {"SNAKEPIT_TEST_X=new"})->wait()
        == 0);
  CHECK(shell("[ \"$(env | grep -c ^SNAKEPIT_TEST_X=)\" = 1 ]", {"SNAKEPIT_TEST_X=new"})->wait()
        == 0);
  unsetenv("SNAKEPIT_TEST_X");
}

TEST_CASE("signals reach it until it has ended [R8]") {
  auto it = shell("exec sleep 1000");
  it->signal(SIGTERM);
  CHECK(it->wait() == 128 + SIGTERM);
  it->signal(SIGKILL); // to nobody
}

TEST_CASE("a closed pipe ends it as it ends any program [R8]") {
  CHECK(shell("yes | head -n 1 >/dev/null; kill -PIPE $$")->wait() == 141);
}

TEST_CASE("what cannot be started says why [R8]") {
  auto none = cli::program::start({"./no-such-program"}, {}, nothing());
  CHECK(std::get<int>(none) == ENOENT);
  auto folder = cli::program::start({"/etc"}, {}, nothing());
  CHECK(std::get<int>(folder) == EACCES);
}

TEST_SUITE_END();
