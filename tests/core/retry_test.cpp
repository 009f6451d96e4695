#include "actors/core/retry.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace snakepit::core;
using namespace std::chrono_literals;

namespace {

const auto first = time_point{} + 1h;

call_ptr make(uint64_t id, time_point deadline = never) {
  auto x = std::make_unique<call>();
  x->id = id;
  x->group = std::make_shared<call_group>(call_group{"work", {}});
  x->deadline = deadline;
  return x;
}

retry_config exact() {
  auto x = retry_config{};
  x.jitter = 0;
  return x;
}

} // namespace

TEST_SUITE_BEGIN("retry");

TEST_CASE("pauses grow as configured and the last one stays [F1]") {
  auto rules = exact();
  rules.attempts = 9;
  auto x = make(1);
  auto pauses = std::vector<duration>{};
  for (; x->attempt < 6; ++x->attempt)
    pauses.push_back(next_try(rules, *x, reason::worker_crashed, first).value() - first);
  CHECK(pauses == std::vector<duration>{100ms, 200ms, 400ms, 400ms, 400ms});
}

TEST_CASE("a call has its runs and no more [F1]") {
  auto rules = exact();
  auto x = make(1);
  x->attempt = 2;
  CHECK(next_try(rules, *x, reason::worker_crashed, first));
  x->attempt = 3;
  CHECK(!next_try(rules, *x, reason::worker_crashed, first));
  rules.attempts = 1;
  x->attempt = 1;
  CHECK(!next_try(rules, *x, reason::worker_crashed, first));
}

TEST_CASE("only the losses that are named are worth another run [F1]") {
  auto rules = exact();
  rules.on = {"worker_killed"};
  auto x = make(1);
  CHECK(next_try(rules, *x, reason::worker_killed, first));
  CHECK(!next_try(rules, *x, reason::worker_crashed, first));
  CHECK(!next_try(exact(), *x, reason::python_exception, first));
}

TEST_CASE("a run that would begin at the deadline or later is not tried [F1]") {
  CHECK(next_try(exact(), *make(1, first + 101ms), reason::worker_crashed, first));
  CHECK(!next_try(exact(), *make(1, first + 100ms), reason::worker_crashed, first));
}

TEST_CASE("jitter spreads pauses within its bounds and differs between calls [F1]") {
  auto rules = retry_config{};
  rules.jitter = 0.25;
  auto least = duration::max(), most = duration::zero();
  for (uint64_t id = 1; id <= 1000; ++id) {
    auto pause = next_try(rules, *make(id), reason::worker_crashed, first).value() - first;
    least = std::min<duration>(least, pause);
    most = std::max<duration>(most, pause);
  }
  CHECK(least >= 75ms);
  CHECK(most <= 125ms);
  CHECK(least < 80ms);
  CHECK(most > 120ms);
}

TEST_CASE("calls come back when their pause is over, as their next run, and not before [F1]") {
  auto line = retry_line{};
  CHECK(line.next_due() == never);
  line.add({make(1), {}}, first + 2s);
  line.add({make(2), {}}, first + 1s);
  line.add({make(3), {}}, first + 3s);
  CHECK(line.next_due() == first + 1s);
  CHECK(line.take_due(first).empty());
  auto due = line.take_due(first + 2s);
  REQUIRE(due.size() == 2);
  CHECK(due[0]->id == 2);
  CHECK(due[1]->id == 1);
  CHECK(due[0]->attempt == 2);
  CHECK(line.size() == 1);
  CHECK(line.next_due() == first + 3s);
}

TEST_CASE("a call that waits for its next run can be withdrawn, and all can be ended [F1, Q3]") {
  auto line = retry_line{};
  auto x = make(1);
  auto ticket = std::make_shared<call_ticket>();
  x->ticket = ticket;
  line.add({std::move(x), {}}, first);
  line.add({make(2), error{reason::worker_crashed, "it died"}}, first);
  CHECK(line.withdraw(std::make_shared<call_ticket>().get()) == nullptr);
  auto found = line.withdraw(ticket.get());
  REQUIRE(found);
  CHECK(found->id == 1);
  CHECK(found->attempt == 1);
  auto rest = line.clear();
  REQUIRE(rest.size() == 1);
  CHECK(rest[0].why.reason == reason::worker_crashed);
  CHECK(line.size() == 0);
}
