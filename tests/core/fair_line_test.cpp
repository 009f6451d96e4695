#include "actors/core/fair_line.hpp"

#include "tests/support/calls.hpp"
#include "tests/support/properties.hpp"

#include <algorithm>
#include <deque>
#include <map>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::fair_line;
using test::recording_target;

TEST_SUITE_BEGIN("fair_line");

namespace {

struct fair_line_fixture {
  std::shared_ptr<recording_target> target = std::make_shared<recording_target>();
  std::vector<core::call_ptr> calls;
  fair_line uut;
  uint64_t made = 0;

  core::call* make(const std::string& tenant) {
    auto x = test::make_call(++made, target);
    auto group = std::make_shared<core::call_group>(*x->group);
    group->options.tenant = tenant;
    x->group = std::move(group);
    calls.push_back(std::move(x));
    return calls.back().get();
  }

  core::call* add(const std::string& tenant) {
    auto* x = make(tenant);
    uut.push_back(x);
    return x;
  }

  std::string next(fair_line::duration worth = 1ms) {
    auto name = uut.front()->group->options.tenant;
    uut.serve(worth);
    return name;
  }
};

} // namespace

TEST_CASE_FIXTURE(fair_line_fixture, "tenants with calls of one length take turns [Q6]") {
  for (int i = 0; i < 100; ++i)
    add("many");
  add("few");
  add("few");
  add("");
  auto order = std::string{};
  for (int i = 0; i < 8; ++i)
    order += next().substr(0, 1) + '.';
  CHECK(order == "m.f..m.f.m.m.m.");
}

TEST_CASE_FIXTURE(fair_line_fixture, "what is shared is time, not calls [Q6]") {
  for (int i = 0; i < 50; ++i) {
    add("slow");
    add("fast");
  }
  auto given = std::map<std::string, std::chrono::nanoseconds>{};
  for (int i = 0; i < 44; ++i) {
    auto worth = uut.front()->group->options.tenant == "slow" ? 10ms : 1ms;
    given[next(worth)] += worth;
  }
  CHECK(given["slow"] == 40ms);
  CHECK(given["fast"] == 40ms);
}

TEST_CASE_FIXTURE(fair_line_fixture, "who had nothing waiting has saved nothing up [Q6]") {
  for (int i = 0; i < 10; ++i)
    add("a");
  for (int i = 0; i < 5; ++i)
    next();
  for (int i = 0; i < 5; ++i)
    add("late");
  auto order = std::string{};
  for (int i = 0; i < 6; ++i)
    order += next()[0];
  CHECK(std::ranges::count(order, 'l') == 3);
}

TEST_CASE_FIXTURE(fair_line_fixture,
                  "who comes back while others wait still owes what it was given [Q6]") {
  add("long");
  for (int i = 0; i < 20; ++i)
    add("short");
  CHECK(next(10ms) == "long");
  add("long");
  for (int i = 0; i < 10; ++i)
    CHECK(next() == "short");
  CHECK(next() == "long");
}

TEST_CASE_FIXTURE(fair_line_fixture, "nobody owes anything once nobody waits [Q6]") {
  add("long");
  next(1h);
  add("other");
  add("long");
  next();
  CHECK(next() == "long");
  CHECK(uut.front() == nullptr);
}

TEST_CASE_FIXTURE(fair_line_fixture,
                  "a call that comes back stands before those made later [Q6, Q7]") {
  auto* first = add("a");
  add("a");
  uut.serve(1ms);
  add("b");
  uut.put_back(first);
  auto seen = std::vector<uint64_t>{};
  while (auto* x = uut.front()) {
    seen.push_back(x->id);
    uut.serve(1ms);
  }
  CHECK(std::ranges::find(seen, 1) < std::ranges::find(seen, 2));
  CHECK(seen.size() == 3);
}

TEST_CASE_FIXTURE(fair_line_fixture,
                  "a million tenants of one call each do not stay in memory [Q6]") {
  add("stays"); // so that somebody always waits
  auto names = 0;
  for (int i = 0; i < 20'000; ++i) {
    add(std::to_string(names++));
    uut.remove(calls.back().get());
    calls.pop_back();
  }
  CHECK(uut.tenants() < 3000);
}

TEST_CASE("a line keeps every call once, and each tenant's in order, whatever happens [Q6, Q7]") {
  CHECK(test::holds(2000, [](const std::vector<std::pair<uint8_t, uint8_t>>& steps) {
    auto x = fair_line_fixture{};
    auto model = std::map<std::string, std::deque<core::call*>>{};
    auto worth = fair_line::duration{0};
    auto waiting = size_t{0};
    for (auto& [what, a] : steps) {
      auto tenant = a % 4 == 0 ? std::string{} : std::string(1, static_cast<char>('a' + a % 4));
      if (what % 4 < 2) {
        auto* call = x.make(tenant);
        call->worth = std::chrono::nanoseconds{a};
        worth += call->worth;
        x.uut.push_back(call);
        model[tenant].push_back(call);
        ++waiting;
      } else if (auto* front = x.uut.front(); front && what % 4 == 2) {
        auto& line = model[front->group->options.tenant];
        RC_ASSERT(line.front() == front);
        line.pop_front();
        worth -= front->worth;
        x.uut.serve(std::chrono::nanoseconds{a});
        --waiting;
      } else if (auto& line = model[tenant]; !line.empty()) {
        auto i = line.begin() + a % static_cast<std::ptrdiff_t>(line.size());
        worth -= (*i)->worth;
        x.uut.remove(*i);
        line.erase(i);
        --waiting;
      }
      RC_ASSERT((x.uut.front() == nullptr) == (waiting == 0));
      RC_ASSERT((x.uut.worth() == worth));
    }
    for (; waiting > 0; --waiting) {
      auto* front = x.uut.front();
      RC_ASSERT(front != nullptr);
      auto& line = model[front->group->options.tenant];
      RC_ASSERT(line.front() == front);
      line.pop_front();
      x.uut.serve(1ns);
    }
    RC_ASSERT(x.uut.front() == nullptr);
  }));
}

TEST_SUITE_END();
