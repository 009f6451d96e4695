#include "actors/core/process_marks.hpp"
#include "tests/support/properties.hpp"

#include <doctest/doctest.h>

using namespace snakepit::core;

namespace {

std::string environment_of(const process_marks& x) {
  auto out = std::string{"HOME=/"} + '\0';
  for (auto& [name, text] : to_variables(x))
    out += name + "=" + text + '\0';
  return out + "PATH=/bin" + '\0';
}

std::string joined(std::initializer_list<std::string_view> xs) {
  auto out = std::string{};
  for (auto x : xs)
    out += std::string{x} + '\0';
  return out;
}

} // namespace

TEST_CASE("marks are read as they were written [R1]") {
  auto host = host_identity{42, 987654321, "pid:[4026531836]time:[4026531834]"};
  auto got = read_marks(environment_of({"0123456789ab", "pit+blue", host}));
  REQUIRE(got);
  CHECK(got->run == "0123456789ab");
  CHECK(got->instance == "pit+blue");
  CHECK(got->host == host);
}

TEST_CASE("an environment without a run has no marks; a broken host is none [R4]") {
  CHECK(!read_marks(""));
  CHECK(!read_marks(joined({"A=1", "SNAKEPIT_INSTANCE=x", "SNAKEPIT_RUN_ID="})));
  CHECK(!read_marks(joined({"XSNAKEPIT_RUN_ID=r", "SNAKEPIT_RUN_ID"})));
  for (auto host : {"", "1", "1:2", ":2:x", "1::x", "0:2:x", "-5:2:x", "99999999999999999999:2:x",
                    "a:2:x", "1:b:x"}) {
    auto got = read_marks(joined({"SNAKEPIT_RUN_ID=r", "SNAKEPIT_HOST=" + std::string{host}}));
    REQUIRE(got);
    CHECK_MESSAGE(got->host == host_identity{}, host);
  }
}

TEST_CASE("of a mark that stands twice the first counts, as for the program itself [R4]") {
  auto got = read_marks(joined({"SNAKEPIT_RUN_ID=a", "SNAKEPIT_RUN_ID=b"}));
  REQUIRE(got);
  CHECK(got->run == "a");
}

TEST_CASE("whatever an environment holds, reading it ends well [RL-8]") {
  CHECK(snakepit::test::holds(2000, [](std::string text, bool with_mark) {
    if (with_mark)
      text.insert(text.size() / 2, std::string{'\0'} + "SNAKEPIT_RUN_ID=r" + '\0');
    auto got = read_marks(text);
    RC_ASSERT((!with_mark || got.has_value()));
  }));
}
