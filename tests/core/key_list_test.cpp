#include "actors/core/key_list.hpp"

#include <deque>
#include <string>

#include <doctest/doctest.h>

using snakepit::core::key_list;

TEST_CASE("a duplicate is found among any number of keys [D1]") {
  for (size_t count : {2, 7, 8, 9, 23, 24, 25, 100, 128, 129, 200, 1000}) {
    std::deque<std::string> names;
    for (size_t i = 0; i < count; ++i)
      names.push_back("key " + std::to_string(i));
    for (size_t twice : {size_t{0}, count / 2, count - 1}) {
      CAPTURE(count);
      CAPTURE(twice);
      key_list keys;
      keys.push("key 1"); // of a map outside
      for (auto& name : names)
        keys.push(name);
      CHECK_FALSE(keys.find_duplicate(1).has_value());
      keys.push(names[twice]);
      CHECK(keys.find_duplicate(1) == names[twice]);
    }
  }
}

TEST_CASE("keys of maps that were left are forgotten [D1]") {
  key_list keys;
  std::deque<std::string> names;
  for (int i = 0; i < 100; ++i)
    keys.push(names.emplace_back(std::to_string(i)));
  for (size_t left : {50, 24, 10, 0}) {
    keys.truncate(left);
    CHECK(keys.size() == left);
    keys.push("99");
    CHECK_FALSE(keys.find_duplicate(0).has_value());
    keys.truncate(left);
  }
}

TEST_CASE("empty keys are keys [D1]") {
  key_list keys;
  keys.push("");
  CHECK_FALSE(keys.find_duplicate(0).has_value());
  for (int i = 0; i < 20; ++i)
    keys.push("");
  CHECK(keys.find_duplicate(0) == "");
}
