#include "actors/core/reply_slot.hpp"

#include "tests/support/calls.hpp"
#include "tests/support/properties.hpp"

#include <array>

#include <doctest/doctest.h>

using namespace snakepit;
using core::reply_slot;
using test::good;
using test::recording_target;

TEST_SUITE_BEGIN("reply_slot");

namespace {

auto new_target() {
  return std::make_shared<recording_target>();
}

void check_abandoned(const outcome& x) {
  REQUIRE_FALSE(x);
  CHECK(x.error().reason == reason::internal);
  CHECK(x.error().details.at("cause") == "actor_lost");
}

/// A target that looks at the slot from within the answer.
class looking_target : public core::reply_target {
public:
  void answer(uint64_t, outcome) noexcept override {
    ++answers;
    was_full = static_cast<bool>(*slot);
    slot->answer(good());
  }

  reply_slot* slot = nullptr;
  bool was_full = true;
  int answers = 0;
};

} // namespace

TEST_CASE("an answer reaches the target under its tag and empties the slot [Q7]") {
  auto target = new_target();
  auto uut = reply_slot{target, 7};
  CHECK(uut);
  uut.answer(good("42"));
  CHECK_FALSE(uut);
  REQUIRE(target->answers(7) == 1);
  CHECK(target->end(7)->text() == "42");
}

TEST_CASE("a second answer is nothing [Q7]") {
  auto target = new_target();
  {
    auto uut = reply_slot{target, 7};
    uut.answer(good());
    uut.answer(fail(reason::cancelled, "too late"));
  }
  CHECK(target->answers() == 1);
  CHECK(target->end(7));
}

TEST_CASE("an empty slot answers nobody") {
  auto uut = reply_slot{};
  CHECK_FALSE(uut);
  uut.answer(good());
  CHECK_FALSE(uut);
}

TEST_CASE("a slot destroyed full answers `internal` with its cause [Q7]") {
  auto target = new_target();
  { auto uut = reply_slot{target, 3}; }
  REQUIRE(target->answers(3) == 1);
  check_abandoned(target->end(3));
}

TEST_CASE("moving hands the duty on: the source is empty and answers nothing [Q7]") {
  auto target = new_target();
  {
    auto first = reply_slot{target, 1};
    auto second = reply_slot{std::move(first)};
    CHECK_FALSE(first);
    CHECK(second);
    first.answer(good("from the old place"));
    CHECK(target->answers() == 0);
    second.answer(good("from the new place"));
  }
  REQUIRE(target->answers() == 1);
  CHECK(target->end(1)->text() == "from the new place");
}

TEST_CASE("assigning over a full slot answers the one that is lost [Q7]") {
  auto target = new_target();
  {
    auto uut = reply_slot{target, 1};
    uut = reply_slot{target, 2};
    REQUIRE(target->answers(1) == 1);
    check_abandoned(target->end(1));
    CHECK(target->answers(2) == 0);
    uut.answer(good());
  }
  CHECK(target->answers(1) == 1);
  CHECK(target->answers(2) == 1);
}

TEST_CASE("assigning an empty slot over a full one answers it [Q7]") {
  auto target = new_target();
  auto uut = reply_slot{target, 1};
  uut = reply_slot{};
  CHECK_FALSE(uut);
  CHECK(target->answers(1) == 1);
}

TEST_CASE("assigning a slot to itself keeps it full [Q7]") {
  auto target = new_target();
  auto uut = reply_slot{target, 1};
  auto& same = uut;
  uut = std::move(same);
  CHECK(uut);
  CHECK(target->answers() == 0);
  uut.answer(good());
  CHECK(target->answers(1) == 1);
}

TEST_CASE(
  "a slot is empty while its target is told, so an answer within the answer is nothing [Q7]") {
  auto target = std::make_shared<looking_target>();
  auto uut = reply_slot{target, 1};
  target->slot = &uut;
  uut.answer(good());
  CHECK(target->answers == 1);
  CHECK_FALSE(target->was_full);
}

TEST_CASE("a target lives as long as a slot may need it and not longer") {
  auto target = new_target();
  auto seen = std::weak_ptr<recording_target>{target};
  auto uut = reply_slot{std::move(target), 1};
  CHECK_FALSE(seen.expired());
  uut.answer(good());
  CHECK(seen.expired());
}

TEST_CASE("any sequence of moves, answers and ends gives each tag exactly one answer [Q7]") {
  CHECK(test::holds(2000, [](const std::vector<std::tuple<uint8_t, uint8_t, uint8_t>>& steps) {
    auto target = new_target();
    auto made = uint64_t{0};
    {
      auto slots = std::array<reply_slot, 4>{};
      for (auto& [what, a, b] : steps) {
        auto& x = slots[a % 4];
        switch (what % 4) {
        case 0:
          x = reply_slot{target, made++};
          break;
        case 1:
          x = std::move(slots[b % 4]);
          break;
        case 2:
          x.answer(good());
          break;
        case 3:
          std::swap(x, slots[b % 4]);
          break;
        }
      }
    }
    for (uint64_t tag = 0; tag < made; ++tag)
      RC_ASSERT(target->answers(tag) == 1u);
    RC_ASSERT(target->answers() == made);
  }));
}

TEST_SUITE_END();
