#include "tests/public/runtime_fixture.hpp"

#include "tests/support/eventually.hpp"

#include <snakepit/json.hpp>

using namespace snakepit;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("public stacks");

TEST_CASE_FIXTURE(runtime_fixture, "what a live worker does can be seen, and it goes on [W9]") {
  auto uut = start({pool("default", 1)});
  auto call = uut.execute_async("sleep", value{{"seconds", 4.0}});
  auto seen = result<stack_report>{};
  CHECK(test::eventually(20s, [&] {
    seen = uut.stacks("default", 0);
    return seen && tool_stack(*seen).find("in sleep\n") != std::string::npos;
  }));
  REQUIRE(seen);
  CHECK_FALSE(seen->gil_held);
  CHECK(seen->note.empty());
  REQUIRE_FALSE(seen->kernel.empty());
  CHECK(seen->kernel.front().waits_in.find("sleep") != std::string::npos);
  CHECK(to_string(*seen).find("The kernel's view:") != std::string::npos);
  CHECK(parse_json(to_json(*seen)));
  CHECK(call.future.get().value() == value{"slept"});
}

TEST_CASE_FIXTURE(runtime_fixture, "who asks for what is not there is told so [W9]") {
  auto uut = start({pool("default", 1)});
  CHECK(uut.stacks("nothing", 0).error().reason == reason::pool_not_found);
  auto no_slot = uut.stacks("default", 7);
  CHECK(no_slot.error().reason == reason::invalid_argument);
  CHECK(no_slot.error().message == "pool `default` has no slot 7, only 0 to 0");
  REQUIRE(uut.await_ready());
  uut.stop();
  CHECK(uut.stacks("default", 0).error().reason == reason::unavailable);
}

TEST_CASE_FIXTURE(runtime_fixture, "the error of a call at its deadline has the stacks [W9]") {
  auto uut = start({pool("default", 1)});
  REQUIRE(uut.await_ready());
  auto options = call_options{};
  options.timeout = 500ms;
  auto why = error{};
  auto shown = false;
  for (int i = 0; i < 10 && !shown; ++i) { // they come within 50 ms or not at all
    auto begin = std::chrono::steady_clock::now();
    auto end = uut.execute("sleep", value{{"seconds", 100.0}}, options);
    CHECK(std::chrono::steady_clock::now() - begin < 10s);
    REQUIRE(!end);
    why = std::move(end.error());
    CHECK(why.reason == reason::deadline_exceeded);
    shown = shows(why, "in sleep\n");
  }
  CHECK(shown);
  CHECK(why.details["certificate_id"] == uut.run_id() + "/default/0.1");
}

TEST_SUITE_END();
