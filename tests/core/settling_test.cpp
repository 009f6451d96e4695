#include "actors/core/settling.hpp"
#include "tests/support/properties.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace snakepit::core;

namespace {

const auto self = settler{100, "here", "boot", "pit"};
const auto dead_host = host_identity{50, 5, "here"};
const auto live_host = host_identity{60, 6, "here"};

process_sight sight(int64_t pid, uint64_t start_time = 0) {
  auto x = process_sight{};
  x.pid = pid;
  x.start_time = start_time != 0 ? start_time : static_cast<uint64_t>(pid) * 10;
  x.parent = 1;
  x.group = x.session = pid;
  x.ours = true;
  return x;
}

process_sight marked(int64_t pid, const std::string& run, const host_identity& host = dead_host,
                     const std::string& instance = "pit") {
  auto x = sight(pid);
  x.marks = process_marks{run, instance, host};
  return x;
}

ledger_row active(int64_t pid, uint64_t start_time = 0, const std::string& boot = "boot") {
  start_time = start_time != 0 ? start_time : static_cast<uint64_t>(pid) * 10;
  return reserved_entry{1, {"p", 0, 1}}.activate({pid, start_time, boot}).row();
}

open_ledger ledger_of(std::vector<ledger_row> rows, const host_identity& host = dead_host) {
  return {"dead", host, "boot", std::move(rows)};
}

/// The pids that are owed, in order; the settler itself and a live host are there, too.
std::vector<int64_t> owed(const std::vector<open_ledger>& ledgers, std::vector<process_sight> seen,
                          const settler& who = self) {
  seen.push_back(sight(1));
  seen.push_back(sight(100));
  seen.push_back(sight(60, 6));
  auto out = std::vector<int64_t>{};
  for (auto& x : find_debts(who, ledgers, seen))
    out.push_back(x.pid);
  std::sort(out.begin(), out.end());
  return out;
}

using pids = std::vector<int64_t>;

} // namespace

TEST_SUITE_BEGIN("settling");

TEST_CASE("what a dead run's ledger names is owed: by pid, start time and boot [R3]") {
  CHECK(owed({ledger_of({active(7)})}, {sight(7)}) == pids{7});
  CHECK(owed({ledger_of({active(7)})}, {sight(7, 71)}) == pids{}); // another has the number
  CHECK(owed({ledger_of({active(7, 70, "before")})}, {sight(7)}) == pids{});
  CHECK(owed({ledger_of({active(7)})}, {sight(8)}) == pids{});
  CHECK(owed({ledger_of({active(1, 10)})}, {}) == pids{}); // nobody ends init
  auto of_another_boot = ledger_of({active(7)});
  of_another_boot.boot_id = "before";
  CHECK(owed({of_another_boot}, {sight(7)}) == pids{});
  auto ended = reserved_entry{1, {}}.activate({7, 70, "boot"}).end().row();
  CHECK(owed({ledger_of({ended})}, {sight(7)}) == pids{});
  auto zombie = sight(7);
  zombie.zombie = true;
  CHECK(owed({ledger_of({active(7)})}, {zombie}) == pids{});
}

TEST_CASE("an abandoned reservation is found by the mark of its run [R3]") {
  auto reserved = reserved_entry{1, {"p", 0, 1}}.row();
  CHECK(owed({ledger_of({reserved})}, {marked(7, "dead"), sight(8)}) == pids{7});
  // Whatever it has become since: the ledger is ours, and tells of that run.
  auto other_user = marked(7, "dead");
  other_user.ours = false;
  CHECK(owed({ledger_of({reserved})}, {other_user}) == pids{7});
}

TEST_CASE("the group and the session of a worker are owed while it lives [R3]") {
  auto in_group = sight(8);
  in_group.group = 7;
  auto in_session = sight(9);
  in_session.session = 7;
  CHECK(owed({ledger_of({active(7)})}, {sight(7), in_group, in_session}) == pids{7, 8, 9});
  auto debts = find_debts(self, {ledger_of({active(7)})}, {sight(7), in_group});
  REQUIRE(debts.size() == 2);
  CHECK(debts[1].leader == 7);
  // Without it the group's number may be a stranger's.
  CHECK(owed({ledger_of({active(7)})}, {in_group, in_session}) == pids{});
  CHECK(owed({ledger_of({active(7)})}, {sight(7, 71), in_group}) == pids{});
}

TEST_CASE("a live host's processes are never owed, whatever a ledger says [R3]") {
  auto ledger = ledger_of({active(7)}, live_host);
  CHECK(owed({ledger}, {sight(7), marked(8, "dead", live_host)}) == pids{});
  CHECK(owed({ledger}, {marked(8, "dead", dead_host)}) == pids{});
  CHECK(!is_over(ledger, self, {sight(60, 6)}));
  CHECK(is_over(ledger, self, {sight(60, 7)}));
  CHECK(is_over(ledger_of({}), self, {}));
  CHECK(owed({}, {marked(7, "r", live_host)}) == pids{});
}

TEST_CASE("the mark of a run whose host is gone is enough, in its instance [R4]") {
  CHECK(owed({}, {marked(7, "r")}) == pids{7});
  CHECK(owed({}, {marked(7, "r", dead_host, "other")}) == pids{});
  CHECK(owed({}, {marked(7, "r", dead_host, "pit+id")}) == pids{});
  auto other_user = marked(7, "r");
  other_user.ours = false;
  CHECK(owed({}, {other_user}) == pids{});
  CHECK(owed({}, {marked(7, "r", {60, 7, "here"})}) == pids{7}); // another has the host's number
}

TEST_CASE("who cannot be judged from here is left alone [R4]") {
  CHECK(owed({}, {marked(7, "r", {50, 5, "elsewhere"})}) == pids{});
  CHECK(owed({}, {marked(7, "r", {})}) == pids{}); // no host in its marks
  CHECK(owed({ledger_of({active(7)}, {50, 5, "elsewhere"})}, {sight(7)}) == pids{});
  CHECK(is_over(ledger_of({}, {50, 5, "elsewhere"}), self, {}));
}

TEST_CASE("nobody ends himself nor who has started him [R4]") {
  auto shell = marked(90, "r");
  auto settles = marked(100, "r");
  settles.parent = 90;
  auto tool = marked(91, "r");
  auto seen = std::vector{shell, settles, tool};
  auto debts = find_debts(self, {}, seen);
  REQUIRE(debts.size() == 1);
  CHECK(debts[0].pid == 91);
  auto by_ledger = find_debts(self, {ledger_of({active(90)})}, seen);
  REQUIRE(by_ledger.size() == 1);
  CHECK(by_ledger[0].pid == 91);
  auto circle = sight(100);
  circle.parent = 100;
  CHECK(find_debts(self, {}, {circle}).empty());
}

TEST_CASE("each process is owed once, first of all as the ledger says [R3]") {
  auto debts = find_debts(self, {ledger_of({active(7), active(7)})}, {marked(7, "dead")});
  REQUIRE(debts.size() == 1);
  CHECK(debts[0].by == debt::ledger);
  CHECK(debts[0].run == "dead");
}

TEST_CASE("no stranger is ever owed, whatever is seen [R3] [R4] [RL-3]") {
  CHECK(snakepit::test::holds(2000, [] {
    auto seen = std::vector<process_sight>{};
    auto some = [](auto... xs) { return *rc::gen::element(xs...); };
    auto count = *rc::gen::inRange(0, 8);
    for (int i = 0; i < count; ++i) {
      auto x = sight(some(2, 3, 4, 7, 50, 60, 100), some(5u, 6u, 70u));
      x.group = some(2, 3, 7);
      x.session = some(2, 3, 7);
      x.parent = some(1, 2, 3, 7);
      x.ours = some(true, false);
      x.zombie = some(false, false, true);
      if (some(true, false))
        x.marks = process_marks{some("dead", "r"), some("pit", "other"),
                                some(dead_host, live_host, host_identity{50, 5, "elsewhere"})};
      if (std::none_of(seen.begin(), seen.end(), [&](auto& y) { return y.pid == x.pid; }))
        seen.push_back(x);
    }
    auto lives = [&](const host_identity& x) {
      return x.place != "here" || std::any_of(seen.begin(), seen.end(), [&](auto& y) {
               return y.pid == x.pid && y.start_time == x.start_time && !y.zombie;
             });
    };
    auto ledger = ledger_of({active(7, 70), active(3, 5)}, some(dead_host, live_host));
    auto debts = find_debts(self, {ledger}, seen);
    for (auto& x : debts) {
      auto& who = *std::find_if(seen.begin(), seen.end(), [&](auto& y) { return y.pid == x.pid; });
      RC_ASSERT(who.start_time == x.start_time);
      RC_ASSERT(!who.zombie);
      RC_ASSERT(who.pid != 100);
      if (x.by == debt::ledger) {
        RC_ASSERT(!lives(ledger.host));
        auto named = (x.pid == 7 && x.start_time == 70) || (x.pid == 3 && x.start_time == 5);
        auto member = x.leader != 0 && (who.group == x.leader || who.session == x.leader);
        RC_ASSERT((named || member));
      } else {
        RC_ASSERT(who.marks.has_value());
        RC_ASSERT(!lives(who.marks->host));
        RC_ASSERT((who.marks->run == "dead" || (who.ours && who.marks->instance == "pit")));
      }
    }
  }));
}

TEST_SUITE_END();
