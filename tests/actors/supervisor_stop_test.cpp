#include "tests/actors/supervision_fixture.hpp"

using namespace snakepit;
using namespace std::chrono_literals;
using enum core::restart_strategy;
using enum core::restart_type;

TEST_SUITE_BEGIN("supervisor: start and stop");

namespace {

using core::shutdown_grace;

} // namespace

TEST_CASE_FIXTURE(supervision_fixture,
                  "starts in order and stops in reverse, then ends with the reason given") {
  auto uut = supervise(tree({child("a"), child("b", transient), child("c", temporary)}));
  CHECK(seen() == "+a +b +c");
  ask_to_end(uut, reason::remote_link_unreachable);
  CHECK(seen() == "-c -b -a");
  CHECK(ended == caf::make_error(reason::remote_link_unreachable));
}

TEST_CASE_FIXTURE(supervision_fixture, "without children it just runs and ends") {
  auto uut = supervise(tree({}));
  CHECK(counts(uut) == child_counts{});
  ask_to_end(uut);
  CHECK(ended == caf::make_error(reason::user_shutdown));
}

TEST_CASE_FIXTURE(supervision_fixture,
                  "a hanging child is killed after its grace, and only then the next asked [R7]") {
  auto uut =
    supervise(tree({child("a"), child("b", {.when_asked = manner::hangs, .grace = {3s}})}));
  seen();
  ask_to_end(uut);
  CHECK(states(uut) == "a:stopping b:stopping");
  advance(2999ms);
  CHECK(seen() == "?b");
  advance(1ms);
  CHECK(seen() == "-b -a");
  CHECK(ended == caf::make_error(reason::user_shutdown));
  CHECK(faults == std::vector<std::string>{"b: did not end within its grace, is killed"});
}

TEST_CASE_FIXTURE(supervision_fixture, "a brutal child is killed without being asked") {
  auto brutal = child("a", {.when_asked = manner::hangs, .grace = shutdown_grace::brutal()});
  ask_to_end(supervise(tree({brutal})));
  CHECK(seen() == "+a -a");
  CHECK(ended);
}

TEST_CASE_FIXTURE(supervision_fixture, "a child with infinite grace is never killed") {
  auto slow = child("a", {.when_asked = manner::hangs, .grace = shutdown_grace::infinite()});
  ask_to_end(supervise(tree({slow})));
  advance(24h);
  CHECK(seen() == "+a ?a");
  CHECK_FALSE(ended);
  end("a", reason::normal);
  CHECK(ended == caf::make_error(reason::user_shutdown));
}

TEST_CASE_FIXTURE(supervision_fixture, "children that need no order are asked all at once [R7]") {
  auto hanging = child_options{.when_asked = manner::hangs, .grace = {3s}};
  auto spec = tree({child("a", hanging), child("b", hanging), child("c", hanging)});
  spec.stop = core::stop_order::together;
  ask_to_end(supervise(spec));
  seen();
  advance(3s);
  CHECK(seen() == "-c -b -a");
  CHECK(ended);
}

TEST_CASE_FIXTURE(supervision_fixture, "a second stop is harmless and the first reason stays") {
  auto uut = supervise(tree({child("a", {.when_asked = manner::hangs, .grace = {3s}})}));
  ask_to_end(uut);
  ask_to_end(uut, reason::unknown);
  CHECK_FALSE(ended);
  advance(3s);
  CHECK(ended == caf::make_error(reason::user_shutdown));
}

TEST_CASE_FIXTURE(supervision_fixture, "children that die while it stops are not restarted") {
  auto hanging = child("c", {.when_asked = manner::hangs, .grace = {3s}});
  auto uut = supervise(tree({child("a"), child("b"), hanging}));
  seen();
  ask_to_end(uut);
  end("a", reason::unhandled_exception);
  end("c", reason::unhandled_exception);
  CHECK(seen() == "?c -a -c -b");
  CHECK(ended);
}

TEST_CASE_FIXTURE(supervision_fixture, "a stop abandons a restart that is under way") {
  auto hanging = child("b", {.when_asked = manner::hangs, .grace = {3s}});
  auto uut = supervise(tree({child("a"), hanging}, one_for_all));
  seen();
  end("a", reason::unhandled_exception);
  ask_to_end(uut);
  advance(3s);
  CHECK(seen() == "-a ?b -b");
  CHECK(ended == caf::make_error(reason::user_shutdown));
}

TEST_CASE_FIXTURE(supervision_fixture, "an old grace does not strike the child that came after") {
  auto hanging = child("b", {.when_asked = manner::hangs, .grace = {3s}});
  auto uut = supervise(tree({child("a"), hanging}, one_for_all));
  seen();
  end("a", reason::unhandled_exception);
  end("b", reason::normal);
  CHECK(seen() == "-a ?b -b +a +b");
  advance(3s);
  CHECK(seen() == "");
  CHECK(states(uut) == "a:running b:running");
}

TEST_CASE_FIXTURE(supervision_fixture,
                  "a supervisor that is killed takes its children with it, at every level") {
  auto hanging = child("b", {.when_asked = manner::hangs, .grace = shutdown_grace::infinite()});
  auto inner = child_spec{"inner", [&](const start_context& context) {
                            return context.system.spawn(supervisor, tree({hanging}));
                          }};
  auto uut = supervise(tree({child("a"), inner}));
  seen();
  ask_to_end(uut, reason::kill);
  CHECK(seen() == "-a -b");
  CHECK(ended == caf::make_error(reason::kill));
}

TEST_CASE_FIXTURE(supervision_fixture, "a first start that fails stops those started and ends it") {
  failures["c"] = 1;
  supervise(tree({child("a"), child("b"), child("c"), child("d")}));
  CHECK(seen() == "+a +b !c -b -a");
  CHECK(ended == caf::make_error(supervision_error::start_failed));
  CHECK(faults == std::vector<std::string>{"c: start failed: c: no luck"});
}

TEST_CASE_FIXTURE(supervision_fixture,
                  "a factory that returns nothing or throws anything is a failed start") {
  supervise(tree({{"a", [](const start_context&) { return caf::actor{}; }}}));
  CHECK(ended == caf::make_error(supervision_error::start_failed));
  ended.reset();
  supervise(tree({{"a", [](const start_context&) -> caf::actor { throw 1; }}}));
  CHECK(ended == caf::make_error(supervision_error::start_failed));
}

TEST_CASE_FIXTURE(supervision_fixture, "nothing is started of a list that is wrong") {
  auto nameless = child("");
  auto without_factory = child_spec{"b", nullptr};
  for (auto& wrong : {nameless, without_factory, child("a")}) {
    ended.reset();
    supervise(tree({child("a"), wrong}));
    CHECK(seen() == "");
    CHECK(ended == caf::make_error(supervision_error::invalid_spec));
    CHECK(faults.back().find("invalid child spec: ") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(supervision_fixture, "a factory finds the siblings that run before it") {
  auto found = std::vector<caf::actor>{};
  auto look = [&](const start_context& context) {
    found = {context.sibling("a"), context.sibling("look"), context.sibling("z")};
    return context.system.spawn([]() -> caf::behavior { return {[](caf::ok_atom) {}}; });
  };
  supervise(tree({child("a"), {"look", look}, child("z")}, one_for_all));
  CHECK(found == std::vector<caf::actor>{latest["a"], {}, {}});
  end("z", reason::unhandled_exception);
  CHECK(found == std::vector<caf::actor>{latest["a"], {}, {}});
}

TEST_SUITE_END();
