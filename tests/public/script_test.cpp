#include "tests/public/runtime_fixture.hpp"

#include <snakepit/script.hpp>

#include <csignal>
#include <stdexcept>

using namespace snakepit;

namespace {

struct script_fixture : runtime_fixture {
  std::string said;

  int run(const std::function<int(runtime&)>& script, const std::string& adapter = {}) {
    auto cfg = configuration({adapter.empty() ? pool("default", 1) : pool("default", 1, adapter)});
    cfg.log.sink = [this](std::string_view line) { said += std::string{line} + '\n'; };
    return run_as_script(std::move(cfg), script);
  }
};

} // namespace

TEST_SUITE_BEGIN("public script");

TEST_CASE_FIXTURE(script_fixture, "a script's pools are ready, and its code is passed on [R8]") {
  for (auto code : {0, 3}) {
    auto sum = value{};
    auto state = std::string{};
    CHECK(run([&](runtime& pools) {
            state = pools.stats()[0].state;
            sum = pools.execute("add", value{{"a", 1}, {"b", 2}}).value();
            return code;
          })
          == code);
    CHECK(state == "ready");
    CHECK(sum == value{3});
    CHECK(said.empty());
    CHECK(std::filesystem::is_empty(run_dir)); // stopped and cleaned
  }
}

TEST_CASE_FIXTURE(script_fixture, "if the pools do not start the script is not called [R8]") {
  auto called = false;
  auto code = run(
    [&](runtime&) {
      called = true;
      return 0;
    },
    "./no_such_adapter.py");
  CHECK(code == 1);
  CHECK(!called);
  CHECK(said.find("snakepit: ") != std::string::npos);
  CHECK(said.find("no_such_adapter") != std::string::npos);
  said.clear();
  CHECK(run_as_script({}, [](runtime&) { return 0; }) == 1); // no pool at all
}

TEST_CASE_FIXTURE(script_fixture, "what a script throws ends nothing but the script [R8]") {
  CHECK(run([](runtime&) -> int { throw std::runtime_error{"no more"}; }) == 1);
  CHECK(said.find("no more") != std::string::npos);
  said.clear();
  CHECK(run([](runtime&) -> int { throw 7; }) == 1);
  CHECK(!said.empty());
}

TEST_CASE_FIXTURE(script_fixture, "the program's signals are left alone [R8]") {
  auto* before = std::signal(SIGTERM, SIG_IGN);
  CHECK(run([](runtime&) { return 0; }) == 0);
  CHECK((std::signal(SIGTERM, before) == SIG_IGN));
  sigset_t blocked;
  sigprocmask(SIG_SETMASK, nullptr, &blocked);
  CHECK(sigismember(&blocked, SIGINT) == 0);
}

TEST_SUITE_END();
