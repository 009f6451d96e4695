#include "runtime_fixture.hpp"
#include "tests/support/eventually.hpp"

#include <algorithm>

using namespace snakepit;
using namespace std::chrono_literals;

/// Tools that would never end: each is off its lane soon after its deadline.

namespace {

using stubborn_clock = std::chrono::steady_clock;

constexpr auto stubborn_deadline = 400ms;
constexpr auto stubborn_grace = 1s;
/// Ten times what an interrupt or a kill takes, on a machine that is busy.
constexpr auto stubborn_slack = 3s;

struct stubborn_fixture : runtime_fixture {
  runtime uut = start_one();
  bool shown = false; // the stack of the tool, in the last answer

  runtime start_one() const {
    auto cfg =
      configuration({pool("default", 1, SNAKEPIT_SOURCE_ROOT "/tests/public/stubborn.py")});
    cfg.timeouts.cancel_grace = stubborn_grace;
    auto x = runtime::start(std::move(cfg));
    REQUIRE_MESSAGE(x, to_string(x.error()));
    REQUIRE(x->await_ready({}, 60s));
    return std::move(*x);
  }

  int64_t pid() {
    auto x = uut.execute("pid", value{value::map{}});
    REQUIRE_MESSAGE(x, to_string(x.error()));
    return *x->get_if<int64_t>();
  }

  /// Calls the tool, which is answered at its deadline with where it was.
  error answer_of(const std::string& tool) {
    auto options = call_options{};
    options.timeout = stubborn_deadline;
    auto begun = stubborn_clock::now();
    auto end = uut.execute(tool, value{value::map{}}, options);
    auto took = stubborn_clock::now() - begun;
    CHECK(took >= stubborn_deadline);
    CHECK(took < stubborn_deadline + stubborn_slack);
    REQUIRE(!end);
    auto why = std::move(end.error());
    CHECK(why.reason == reason::deadline_exceeded);
    // The answer does not wait for stacks; on a busy machine they may be too late.
    shown = shows(why, "in " + tool + "\n");
    CHECK(why.details.count("certificate_id") == 1);
    return why;
  }
};

} // namespace

TEST_SUITE_BEGIN("stubborn tools");

TEST_CASE_FIXTURE(stubborn_fixture,
                  "a loop, a sleep, C code that holds the GIL and a system call are freed [Q5]") {
  for (auto* tool : {"spin", "sleep", "hold_gil", "wait_in_the_kernel"}) {
    CAPTURE(tool);
    auto before = pid();
    shown = false;
    for (int i = 0; i < 10 && !shown; ++i)
      answer_of(tool);
    CHECK(shown);
    auto answered = stubborn_clock::now();
    CHECK(pid() == before); // waits for the lane
    CHECK(stubborn_clock::now() - answered < stubborn_grace + stubborn_slack);
  }
  CHECK(uut.deaths().empty());
  CHECK(uut.stats().at(0).worker_starts == 1);
}

TEST_CASE_FIXTURE(stubborn_fixture,
                  "a tool that catches everything costs its worker, which says why [Q5, W9]") {
  auto before = pid();
  auto why = answer_of("refuse"); // with its stacks or without, the certificate has some
  auto answered = stubborn_clock::now();
  CHECK(pid() != before);
  CHECK(stubborn_clock::now() - answered < stubborn_grace + 2 * stubborn_slack);
  auto& id = why.details.at("certificate_id");
  auto deaths = uut.deaths();
  auto named = std::ranges::find_if(deaths, [&](auto& x) { return x.certificate->id == id; });
  REQUIRE(named != deaths.end());
  auto& certificate = *named->certificate;
  CHECK(certificate.pid == before);
  CHECK(certificate.cause == "ended by us: deadline");
  CHECK(certificate.running_tool == "refuse");
  CHECK(tool_stack(certificate.stacks).find("in refuse\n") != std::string::npos);
  CHECK(certificate.calls_done == 1);
}

TEST_SUITE_END();
