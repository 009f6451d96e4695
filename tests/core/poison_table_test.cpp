#include "actors/core/poison_table.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace snakepit::core;
using namespace std::chrono_literals;

namespace {

const auto first = time_point{} + 1h;

call make(const std::string& data, const std::string& tool = "work") {
  auto x = call{};
  x.group = std::make_shared<call_group>(call_group{tool, {}});
  x.data = data;
  return x;
}

} // namespace

TEST_SUITE_BEGIN("poison_table");

TEST_CASE("a call is poisoned after as many deaths as configured, and others are not [F4]") {
  auto table = poison_table{{}};
  CHECK(table.empty());
  auto x = make("{}");
  CHECK(!table.note(x, "SIGSEGV", first));
  CHECK(!table.note(x, "SIGSEGV", first + 1s));
  CHECK(table.find(x, first + 1s) == nullptr);
  CHECK(!table.empty());
  CHECK(table.note(x, "SIGABRT", first + 2s));
  auto* found = table.find(x, first + 3s);
  REQUIRE(found);
  CHECK(found->deaths == 3);
  CHECK(found->cause == "SIGABRT");
  CHECK(table.until(*found) == first + 2s + 10min);
  CHECK(!table.find(make("{} "), first + 3s));
  CHECK(!table.find(make("{}", "other"), first + 3s));
  auto raw = make("{}");
  raw.kind = payload_kind::raw;
  CHECK(!table.find(raw, first + 3s));
}

TEST_CASE("bytes beside the arguments tell calls apart, and where one ends too [F4]") {
  auto table = poison_table{{.crashes = 1}};
  auto x = make("{}");
  x.attachments = {"ab", "c"};
  CHECK(table.note(x, "SIGSEGV", first));
  CHECK(table.find(x, first));
  x.attachments = {"a", "bc"};
  CHECK(!table.find(x, first));
}

TEST_CASE("what happened long ago is forgotten [F4]") {
  auto table = poison_table{{.crashes = 2, .ttl = 1min}};
  auto x = make("{}");
  table.note(x, "SIGSEGV", first);
  CHECK(!table.note(x, "SIGSEGV", first + 1min)); // the first is forgotten
  CHECK(table.note(x, "SIGSEGV", first + 90s));
  CHECK(table.find(x, first + 149s));
  CHECK(!table.find(x, first + 150s));
  CHECK(table.empty());
}

TEST_CASE("the poisoned are listed, the latest first, and cleared [F4]") {
  auto table = poison_table{{.crashes = 1, .ttl = 1min}};
  table.note(make("1"), "SIGSEGV", first);
  table.note(make("2", "later"), "exit 3", first + 10s);
  auto list = table.list(first + 20s);
  REQUIRE(list.size() == 2);
  CHECK(list[0].tool == "later");
  CHECK(list[0].cause == "exit 3");
  CHECK(list[0].since == 10s);
  CHECK(list[0].left == 50s);
  CHECK(list[1].tool == "work");
  CHECK(table.clear(first + 20s) == 2);
  CHECK(table.empty());
  CHECK(!table.find(make("1"), first + 20s));
}

TEST_CASE("a table that is off notes nothing, and one that is full forgets the oldest [F4]") {
  auto off = poison_table{{.enabled = false, .crashes = 1}};
  CHECK(!off.note(make("1"), "SIGSEGV", first));
  CHECK(off.empty());
  auto table = poison_table{{.crashes = 1}};
  for (int i = 0; i < 1001; ++i)
    table.note(make(std::to_string(i)), "SIGSEGV", first + i * 1ms);
  CHECK(table.list(first + 2s).size() == 1000);
  CHECK(!table.find(make("0"), first + 2s));
  CHECK(table.find(make("1"), first + 2s));
}
