#include "actors/core/batch_order.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

using snakepit::core::batch_order;

TEST_SUITE_BEGIN("batch_order");

TEST_CASE("what comes first waits for what stands before it [F6]") {
  auto uut = batch_order<int>{4};
  CHECK(!uut.take());
  uut.put(1, 10);
  uut.put(3, 30);
  CHECK(!uut.take());
  uut.put(0, 0);
  CHECK(*uut.take() == 0);
  CHECK(*uut.take() == 10);
  CHECK(!uut.take());
  CHECK(uut.next() == 2);
  uut.skip();
  CHECK(*uut.take() == 30);
}

TEST_CASE("any order within the window becomes the right one [F6]") {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    auto random = std::mt19937{seed};
    constexpr uint64_t window = 7;
    auto uut = batch_order<uint64_t>{window};
    auto open = std::vector<uint64_t>{}; // given out and not put in
    auto next = uint64_t{0};
    auto out = uint64_t{0};
    while (out < 500) {
      while (next < uut.next() + window)
        open.push_back(next++);
      std::swap(open[random() % open.size()], open.back());
      auto index = open.back();
      open.pop_back();
      if (index == uut.next() && random() % 2 == 0) {
        uut.skip();
        ++out;
      } else {
        uut.put(index, index);
      }
      for (auto one = uut.take(); one; one = uut.take())
        REQUIRE(*one == out++);
    }
  }
}
