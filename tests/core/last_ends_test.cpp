#include "actors/core/last_ends.hpp"

#include <doctest/doctest.h>

using snakepit::core::last_ends;

TEST_SUITE_BEGIN("last_ends");

TEST_CASE("the last five ends are kept, oldest first, one a line [W10]") {
  last_ends uut;
  CHECK(uut.text().empty());
  for (auto i = 1; i <= 7; ++i)
    uut.note("end\n" + std::to_string(i));
  CHECK(uut.text() == "end 3\nend 4\nend 5\nend 6\nend 7");
}

TEST_CASE("a long end is cut between two characters [W10]") {
  last_ends uut;
  uut.note(std::string(last_ends::longest - 1, 'x') + "\xc3\xa9" + "more");
  CHECK(uut.text() == std::string(last_ends::longest - 1, 'x') + "...");
}

TEST_SUITE_END();
