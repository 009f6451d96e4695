#include "tests/actors/supervision_fixture.hpp"

using namespace snakepit;
using namespace std::chrono_literals;
using core::restart_strategy;
using core::restart_type;
using enum core::restart_strategy;
using enum core::restart_type;

TEST_SUITE_BEGIN("supervisor: restart");

namespace {

struct cell {
  const char* name;
  restart_strategy strategy;
  restart_type restart;
  caf::exit_reason reason;
  const char* journal;
  const char* states;
};

constexpr auto normal = caf::exit_reason::normal;
constexpr auto shutdown = caf::exit_reason::user_shutdown;
constexpr auto crash = caf::exit_reason::unhandled_exception;
constexpr auto killed = caf::exit_reason::kill;

constexpr auto all = "a:running b:running c:running";
constexpr auto b_ended = "a:running b:ended c:running";
constexpr auto b_forgotten = "a:running c:running";
constexpr auto one = "-b +b";
constexpr auto group = "-b -c -a +a +b +c";
constexpr auto rest = "-b -c +b +c";
constexpr auto none = "-b";

// Children a, b, c of one restart type; b ends by itself.
const cell grid[] = {
  {"one_for_one permanent normal", one_for_one, permanent, normal, one, all},
  {"one_for_one permanent shutdown", one_for_one, permanent, shutdown, one, all},
  {"one_for_one permanent crash", one_for_one, permanent, crash, one, all},
  {"one_for_one permanent kill", one_for_one, permanent, killed, one, all},
  {"one_for_one transient normal", one_for_one, transient, normal, none, b_ended},
  {"one_for_one transient shutdown", one_for_one, transient, shutdown, none, b_ended},
  {"one_for_one transient crash", one_for_one, transient, crash, one, all},
  {"one_for_one transient kill", one_for_one, transient, killed, one, all},
  {"one_for_one temporary normal", one_for_one, temporary, normal, none, b_forgotten},
  {"one_for_one temporary shutdown", one_for_one, temporary, shutdown, none, b_forgotten},
  {"one_for_one temporary crash", one_for_one, temporary, crash, none, b_forgotten},
  {"one_for_one temporary kill", one_for_one, temporary, killed, none, b_forgotten},
  {"one_for_all permanent normal", one_for_all, permanent, normal, group, all},
  {"one_for_all permanent shutdown", one_for_all, permanent, shutdown, group, all},
  {"one_for_all permanent crash", one_for_all, permanent, crash, group, all},
  {"one_for_all permanent kill", one_for_all, permanent, killed, group, all},
  {"one_for_all transient normal", one_for_all, transient, normal, none, b_ended},
  {"one_for_all transient shutdown", one_for_all, transient, shutdown, none, b_ended},
  {"one_for_all transient crash", one_for_all, transient, crash, group, all},
  {"one_for_all transient kill", one_for_all, transient, killed, group, all},
  {"one_for_all temporary normal", one_for_all, temporary, normal, none, b_forgotten},
  {"one_for_all temporary shutdown", one_for_all, temporary, shutdown, none, b_forgotten},
  {"one_for_all temporary crash", one_for_all, temporary, crash, none, b_forgotten},
  {"one_for_all temporary kill", one_for_all, temporary, killed, none, b_forgotten},
  {"rest_for_one permanent normal", rest_for_one, permanent, normal, rest, all},
  {"rest_for_one permanent shutdown", rest_for_one, permanent, shutdown, rest, all},
  {"rest_for_one permanent crash", rest_for_one, permanent, crash, rest, all},
  {"rest_for_one permanent kill", rest_for_one, permanent, killed, rest, all},
  {"rest_for_one transient normal", rest_for_one, transient, normal, none, b_ended},
  {"rest_for_one transient shutdown", rest_for_one, transient, shutdown, none, b_ended},
  {"rest_for_one transient crash", rest_for_one, transient, crash, rest, all},
  {"rest_for_one transient kill", rest_for_one, transient, killed, rest, all},
  {"rest_for_one temporary normal", rest_for_one, temporary, normal, none, b_forgotten},
  {"rest_for_one temporary shutdown", rest_for_one, temporary, shutdown, none, b_forgotten},
  {"rest_for_one temporary crash", rest_for_one, temporary, crash, none, b_forgotten},
  {"rest_for_one temporary kill", rest_for_one, temporary, killed, none, b_forgotten},
};

} // namespace

TEST_CASE("strategy, restart type and reason decide what a child's end leads to") {
  for (auto& x : grid) {
    INFO(std::string{x.name});
    auto f = supervision_fixture{};
    auto uut = f.supervise(f.tree(
      {f.child("a", x.restart), f.child("b", x.restart), f.child("c", x.restart)}, x.strategy));
    CHECK(f.seen() == "+a +b +c");
    CHECK(f.counts(uut) == child_counts{3, 3, 0});
    f.end("b", x.reason);
    CHECK(f.seen() == x.journal);
    CHECK(f.states(uut) == x.states);
    CHECK_FALSE(f.ended);
  }
}

TEST_CASE_FIXTURE(supervision_fixture,
                  "a group restart starts transient children again that had ended") {
  auto uut = supervise(tree({child("a"), child("b", transient)}, one_for_all));
  end("b", normal);
  CHECK(states(uut) == "a:running b:ended");
  seen();
  end("a", crash);
  CHECK(seen() == "-a +a +b");
  CHECK(states(uut) == "a:running b:running");
}

TEST_CASE_FIXTURE(supervision_fixture,
                  "a group restart stops temporary children and forgets them") {
  auto uut =
    supervise(tree({child("a", temporary), child("b"), child("c", temporary)}, one_for_all));
  seen();
  end("b", crash);
  CHECK(seen() == "-b -c -a +b");
  CHECK(states(uut) == "b:running");
}

TEST_CASE_FIXTURE(supervision_fixture, "nobody of a group is started before all of it are down") {
  auto hanging = child("a", {.restart = temporary, .when_asked = manner::hangs, .grace = {2s}});
  supervise(tree({hanging, child("b")}, one_for_all));
  seen();
  end("b", crash);
  CHECK(seen() == "-b ?a");
  advance(1999ms);
  CHECK(seen() == "");
  advance(1ms);
  CHECK(seen() == "-a +b");
}

TEST_CASE_FIXTURE(supervision_fixture,
                  "more restarts than the intensity within the period end it") {
  for (auto strategy : {one_for_one, one_for_all, rest_for_one}) {
    ended.reset();
    supervise(tree({child("a"), child("b")}, strategy, 2));
    end("a", crash);
    advance(6s); // the first restart falls out of the window
    end("a", crash);
    end("a", crash);
    CHECK_FALSE(ended);
    seen();
    end("a", crash);
    CHECK(seen() == "-a -b");
    REQUIRE(ended);
    CHECK(*ended == supervision_error::too_many_restarts);
  }
}

TEST_CASE_FIXTURE(supervision_fixture, "an intensity of 0 means the first end is the last") {
  supervise(tree({child("a")}, one_for_one, 0));
  end("a", normal);
  CHECK(ended == caf::make_error(supervision_error::too_many_restarts));
}

TEST_CASE_FIXTURE(supervision_fixture,
                  "the reason of giving up names the supervisor, the child and its reason") {
  supervise(tree({child("a")}, one_for_one, 0));
  end("a", crash);
  REQUIRE(ended);
  CHECK(ended->context().get_as<std::string>(0).find("uut: a: ") == 0);
  REQUIRE(faults.size() == 2);
  CHECK(faults[0].find("unhandled_exception") != std::string::npos);
  CHECK(faults[1] == "a: was restarted too often");
}

TEST_CASE_FIXTURE(supervision_fixture,
                  "ends that lead to no restart do not count against the intensity") {
  auto uut =
    supervise(tree({child("a", temporary), child("b", transient), child("c")}, one_for_one, 0));
  end("a", crash);
  end("b", normal);
  CHECK(states(uut) == "b:ended c:running");
  CHECK_FALSE(ended);
}

TEST_CASE_FIXTURE(supervision_fixture, "a group restart counts once") {
  auto uut = supervise(tree({child("a"), child("b"), child("c")}, one_for_all, 1));
  end("b", crash);
  CHECK_FALSE(ended);
  CHECK(counts(uut).restarts == 3);
  end("b", crash);
  CHECK(ended);
}

TEST_CASE_FIXTURE(supervision_fixture,
                  "a failing restart counts as another one and is tried at once") {
  supervise(tree({child("a")}, one_for_one, 3));
  seen();
  failures["a"] = 2;
  end("a", crash);
  CHECK(seen() == "-a !a !a +a");
  CHECK_FALSE(ended);
  end("a", crash);
  CHECK(ended == caf::make_error(supervision_error::too_many_restarts));
}

TEST_CASE_FIXTURE(supervision_fixture, "a restart that keeps failing ends it") {
  supervise(tree({child("a"), child("b"), child("c")}, one_for_one, 3));
  seen();
  failures["b"] = 100;
  end("b", crash);
  CHECK(seen() == "-b !b !b !b -c -a");
  CHECK(ended == caf::make_error(supervision_error::too_many_restarts));
}

TEST_CASE_FIXTURE(supervision_fixture,
                  "one_for_all: a failing restart takes down those restarted before it") {
  supervise(tree({child("a"), child("b"), child("c")}, one_for_all, 3));
  seen();
  failures["b"] = 1;
  end("c", crash);
  CHECK(seen() == "-c -b -a +a !b -a +a +b +c");
}

TEST_CASE_FIXTURE(supervision_fixture,
                  "rest_for_one: a failing restart goes on with the one that failed") {
  supervise(tree({child("a"), child("b"), child("c")}, rest_for_one, 3));
  seen();
  failures["b"] = 1;
  end("a", crash);
  CHECK(seen() == "-a -c -b +a !b +b +c");
}

TEST_CASE_FIXTURE(supervision_fixture,
                  "a child that dies while its group restarts is part of that restart") {
  auto hanging = child("b", {.when_asked = manner::hangs, .grace = {2s}});
  supervise(tree({child("a"), hanging, child("c")}, one_for_all, 1));
  seen();
  end("c", crash);
  end("a", crash);
  CHECK(seen() == "-c ?b -a");
  end("b", crash);
  CHECK(seen() == "-b +a +b +c");
  CHECK_FALSE(ended);
}

TEST_CASE_FIXTURE(supervision_fixture, "the supervisor survives a child that was killed") {
  auto uut = supervise(tree({child("a")}));
  caf::anon_send_exit(latest["a"], killed);
  run();
  CHECK(seen() == "+a -a +a");
  CHECK(states(uut) == "a:running");
}

TEST_CASE_FIXTURE(supervision_fixture, "a child that unlinks itself is still supervised") {
  auto uut = supervise(tree({child("a")}));
  caf::anon_send(latest["a"], caf::unlink_atom_v, uut);
  run();
  end("a", crash);
  CHECK(seen() == "+a -a +a");
  ask_to_end(uut);
  CHECK(seen() == "-a");
}

TEST_CASE_FIXTURE(supervision_fixture,
                  "a child that links itself to its supervisor does not end it by crashing") {
  auto uut = supervise(tree({child("a")}));
  caf::anon_send(latest["a"], caf::link_atom_v, uut);
  run();
  end("a", crash);
  CHECK(seen() == "+a -a +a");
  CHECK_FALSE(ended);
}

TEST_CASE_FIXTURE(supervision_fixture, "a supervisor that gives up is an abnormal end to its own") {
  auto inner = child_spec{
    .name = "inner",
    .start =
      [this](const start_context& context) {
        return latest["inner"] =
                 context.system.spawn(supervisor, tree({child("a"), child("b")}, one_for_one, 0));
      },
    .restart = transient,
    .grace = core::shutdown_grace::infinite(),
  };
  auto uut = supervise(tree({inner}, one_for_one, 1));
  CHECK(seen() == "+a +b");
  end("a", crash);
  CHECK(seen() == "-a -b +a +b");
  CHECK(counts(uut).restarts == 1);
  CHECK_FALSE(ended);
  end("b", crash);
  CHECK(seen() == "-b -a");
  CHECK(ended == caf::make_error(supervision_error::too_many_restarts));
}

TEST_SUITE_END();
