#include "tests/actors/supervision_fixture.hpp"

using namespace snakepit;
using namespace std::chrono_literals;
using enum core::restart_strategy;
using enum core::restart_type;

TEST_SUITE_BEGIN("supervisor: children at run time");

namespace {

struct fixture : supervision_fixture {
  caf::expected<caf::actor> add(const caf::actor& uut, child_spec x) {
    auto spec = std::make_shared<const child_spec>(std::move(x));
    return ask<caf::actor>(uut, atom::start_child_v, child_spec_ptr{spec});
  }
};

} // namespace

TEST_CASE_FIXTURE(fixture, "a child is added after the others and handed to who asked") {
  auto uut = supervise(tree({child("a")}));
  auto x = add(uut, child("b"));
  REQUIRE(x);
  CHECK(*x == latest["b"]);
  CHECK(states(uut) == "a:running b:running");
  seen();
  ask_to_end(uut);
  CHECK(seen() == "-b -a");
}

TEST_CASE_FIXTURE(fixture, "an added child is restarted like the others") {
  auto uut = supervise(tree({child("a")}, rest_for_one));
  add(uut, child("b"));
  seen();
  end("a", reason::unhandled_exception);
  CHECK(seen() == "-a -b +a +b");
}

TEST_CASE_FIXTURE(fixture, "a child that does not start is not added, and no restart is counted") {
  auto uut = supervise(tree({child("a")}, one_for_all, 0));
  failures["b"] = 1;
  CHECK(add(uut, child("b")).error() == supervision_error::start_failed);
  CHECK(seen() == "+a !b");
  CHECK(states(uut) == "a:running");
  CHECK(add(uut, child("b")));
}

TEST_CASE_FIXTURE(fixture, "a name that is taken is refused; one that is free again is not") {
  auto uut = supervise(tree({child("a", transient), child("b", temporary)}));
  end("a", reason::normal);
  end("b", reason::normal);
  CHECK(add(uut, child("a")).error() == supervision_error::invalid_spec);
  CHECK(add(uut, child("b")));
  CHECK(ask<caf::actor>(uut, atom::start_child_v, child_spec_ptr{}).error()
        == supervision_error::invalid_spec);
}

TEST_CASE_FIXTURE(fixture, "a start is refused while it stops") {
  auto uut = supervise(tree({child("a", {.when_asked = manner::hangs, .grace = {3s}})}));
  ask_to_end(uut);
  CHECK(add(uut, child("b")).error() == supervision_error::stopping);
  advance(3s);
  CHECK(seen() == "+a ?a -a");
}

TEST_CASE_FIXTURE(fixture, "a start during a group's restart waits for its turn") {
  auto uut = supervise(
    tree({child("a", {.when_asked = manner::hangs, .grace = {3s}}), child("b")}, one_for_all));
  seen();
  end("b", reason::unhandled_exception);
  auto spec = std::make_shared<const child_spec>(child("c", temporary));
  auto answer_to = self->request(uut, caf::infinite, atom::start_child_v, child_spec_ptr{spec});
  run();
  CHECK(states(uut) == "a:stopping b:waiting c:waiting");
  advance(3s);
  CHECK(seen() == "-b ?a -a +a +b +c");
  CHECK(answer<caf::actor>(answer_to) == latest["c"]);
}

TEST_CASE_FIXTURE(fixture, "a start that waits is not lost to another restart that fails") {
  auto uut = supervise(
    tree({child("a", {.when_asked = manner::hangs, .grace = {3s}}), child("b")}, one_for_all));
  seen();
  end("b", reason::unhandled_exception);
  auto spec = std::make_shared<const child_spec>(child("c", temporary));
  auto answer_to = self->request(uut, caf::infinite, atom::start_child_v, child_spec_ptr{spec});
  failures["b"] = 1;
  advance(3s);
  CHECK(seen() == "-b ?a -a +a !b ?a");
  advance(3s);
  CHECK(seen() == "-a +a +b +c");
  CHECK(answer<caf::actor>(answer_to) == latest["c"]);
}

TEST_CASE_FIXTURE(fixture, "a start that waits is refused when the supervisor stops instead") {
  auto uut = supervise(
    tree({child("a", {.when_asked = manner::hangs, .grace = {3s}}), child("b")}, one_for_all));
  end("b", reason::unhandled_exception);
  auto spec = std::make_shared<const child_spec>(child("c"));
  auto answer_to = self->request(uut, caf::infinite, atom::start_child_v, child_spec_ptr{spec});
  run();
  ask_to_end(uut);
  CHECK(answer<caf::actor>(answer_to).error() == supervision_error::stopping);
  seen();
  advance(3s);
  CHECK(seen() == "-a");
  CHECK(ended);
}

TEST_CASE_FIXTURE(fixture,
                  "a stop is answered when the child is down, and the child is forgotten") {
  auto uut =
    supervise(tree({child("a", {.when_asked = manner::hangs, .grace = {3s}}), child("b")}));
  seen();
  auto first = self->request(uut, caf::infinite, atom::stop_child_v, "a");
  auto second = self->request(uut, caf::infinite, atom::stop_child_v, "a");
  run();
  CHECK_FALSE(self->has_next_message());
  advance(3s);
  CHECK(seen() == "?a -a");
  CHECK(answer<caf::unit_t>(first));
  CHECK(answer<caf::unit_t>(second));
  CHECK(states(uut) == "b:running");
}

TEST_CASE_FIXTURE(fixture, "a stop of a child that ended for good forgets it") {
  auto uut = supervise(tree({child("a", transient)}));
  end("a", reason::normal);
  CHECK(ask<caf::unit_t>(uut, atom::stop_child_v, "a"));
  CHECK(counts(uut) == child_counts{});
  CHECK(ask<caf::unit_t>(uut, atom::stop_child_v, "a").error() == supervision_error::unknown_child);
}

TEST_CASE_FIXTURE(fixture,
                  "a child that is stopped during its group's restart does not come back") {
  auto uut = supervise(
    tree({child("a", {.when_asked = manner::hangs, .grace = {3s}}), child("b")}, one_for_all));
  end("b", reason::unhandled_exception);
  self->request(uut, caf::infinite, atom::stop_child_v, "a");
  run();
  advance(3s);
  CHECK(states(uut) == "b:running");
}

TEST_CASE_FIXTURE(fixture, "a child that is being stopped takes no part in its group's restart") {
  auto uut = supervise(
    tree({child("a", {.when_asked = manner::hangs, .grace = {3s}}), child("b")}, one_for_all));
  self->request(uut, caf::infinite, atom::stop_child_v, "a");
  run();
  seen();
  end("b", reason::unhandled_exception);
  CHECK(seen() == "-b +b");
  advance(3s);
  CHECK(seen() == "-a");
  CHECK(states(uut) == "b:running");
}

TEST_CASE_FIXTURE(fixture, "a factory does not find a sibling that is being stopped") {
  auto uut = supervise(tree({child("a", {.when_asked = manner::hangs, .grace = {3s}})}));
  auto found = std::vector<caf::actor>{};
  auto look = [&](const start_context& context) {
    found.push_back(context.sibling("a"));
    return child("b").start(context);
  };
  add(uut, {"first", look});
  self->request(uut, caf::infinite, atom::stop_child_v, "a");
  run();
  add(uut, {"second", look});
  CHECK(found == std::vector<caf::actor>{latest["a"], {}});
}

TEST_CASE_FIXTURE(fixture, "a start does not wait for another child's long stop") {
  auto uut = supervise(tree({child("a", {.when_asked = manner::hangs, .grace = {3s}})}));
  self->request(uut, caf::infinite, atom::stop_child_v, "a");
  run();
  CHECK(add(uut, child("b")));
  CHECK(states(uut) == "a:stopping b:running");
}

TEST_CASE_FIXTURE(fixture, "a thousand temporary children come and go") {
  auto uut = supervise(tree({}, one_for_one, 0));
  auto name = [](int i) { return "w" + std::to_string(i); };
  for (auto i = 0; i != 1000; ++i)
    REQUIRE(add(uut, child(name(i), temporary)));
  CHECK(counts(uut) == child_counts{1000, 1000, 0});
  for (auto i = 0; i != 500; ++i)
    end(name(2 * i), i % 2 == 0 ? reason::unhandled_exception : reason::normal);
  CHECK(counts(uut) == child_counts{500, 500, 0});
  seen();
  ask_to_end(uut);
  auto expected = std::string{};
  for (auto i = 999; i > 0; i -= 2)
    expected += (expected.empty() ? "-" : " -") + name(i);
  CHECK(seen() == expected);
  CHECK(ended == caf::make_error(reason::user_shutdown));
}

TEST_SUITE_END();
