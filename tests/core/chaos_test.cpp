#include "actors/core/chaos.hpp"

#include <doctest/doctest.h>

using namespace snakepit;

TEST_SUITE_BEGIN("chaos");

namespace {

chaos_config with(std::map<std::string, std::string> faults) {
  return {std::move(faults), 0};
}

std::string refusal(const std::string& fault, const std::string& often) {
  auto x = core::chaos_faults(with({{fault, often}}));
  REQUIRE_FALSE(x);
  CHECK(x.error().reason == reason::invalid_config);
  return x.error().message;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a fault comes at a rate or at the nth call [F7]") {
  auto x = core::chaos_faults(with({{"kill", "0.001"}, {"hang", "@100"}, {"slow", "1e-2"}}));
  REQUIRE(x);
  REQUIRE(x->size() == 3);
  CHECK((*x)[0].word == "hang");
  CHECK((*x)[0].nth == 100);
  CHECK((*x)[1].word == "kill");
  CHECK((*x)[1].rate == 0.001);
  CHECK((*x)[1].nth == 0);
  CHECK((*x)[2].rate == 0.01);
  CHECK(core::chaos_faults(with({}))->empty());
}

TEST_CASE("an unknown fault is refused with those that there are [F7]") {
  auto text = refusal("kil", "0.1");
  CHECK(has(text, "`kil`"));
  for (auto& word : core::chaos_words())
    CHECK(has(text, "`" + word + "`"));
  CHECK(has(text, "did you mean `kill`?"));
}

TEST_CASE("what is no share from 0 to 1 and no number of a call is refused [F7]") {
  for (auto text : {"1.1", "-0.1", "nan", "inf", "often", "", "0.1x", "@", "@0", "@-1", "@x",
                    "@1.5", "@99999999999999999999"}) {
    auto message = refusal("segv", text);
    CHECK_MESSAGE(has(message, "`chaos.faults.segv`"), message);
    CHECK_MESSAGE(has(message, std::string{"`"} + text + "`"), message);
  }
  CHECK(core::chaos_faults(with({{"segv", "0"}})));
  CHECK(core::chaos_faults(with({{"segv", "1"}})));
}

TEST_CASE("shares that come to more than all calls are refused [F7]") {
  CHECK(core::chaos_faults(with({{"segv", "0.5"}, {"kill", "0.5"}})));
  CHECK_FALSE(core::chaos_faults(with({{"segv", "0.6"}, {"kill", "0.5"}})));
}

TEST_CASE("starts fail in a share of cases, the same each time, or the nth of each slot [F7]") {
  auto faults = core::chaos_faults(with({{"no_start", "0.25"}, {"kill", "1"}})).value();
  auto count = [&](uint64_t seed) {
    auto n = 0;
    for (uint32_t slot = 0; slot < 40; ++slot)
      for (uint32_t generation = 1; generation <= 50; ++generation)
        n += core::start_fails(faults, seed, slot, generation);
    return n;
  };
  CHECK(count(1) == count(1));
  CHECK(count(1) > 400);
  CHECK(count(1) < 600);
  auto second = core::chaos_faults(with({{"no_start", "@2"}})).value();
  CHECK_FALSE(core::start_fails(second, 0, 3, 1));
  CHECK(core::start_fails(second, 0, 3, 2));
  CHECK_FALSE(core::start_fails({}, 0, 0, 1));
}

TEST_SUITE_END();
