#include "actors/core/batch_count.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace snakepit;
using namespace std::chrono_literals;
using core::batch_count;

namespace {

constexpr const error* fine = nullptr;

const error* bad(reason why = reason::python_exception) {
  static auto errors = std::map<reason, error>{};
  return &errors.try_emplace(why, why, "no").first->second;
}

} // namespace

TEST_SUITE_BEGIN("batch_count");

TEST_CASE("ends are counted, the first errors kept with their items [F6]") {
  auto uut = batch_count{0, 0};
  for (uint64_t i = 0; i < 30; ++i)
    uut.ended(i, i % 2 == 0 ? fine : bad());
  CHECK(uut.items() == 30);
  CHECK(uut.report().succeeded == 15);
  CHECK(uut.report().failed == 15);
  REQUIRE(uut.report().first_errors.size() == batch_errors_kept);
  CHECK(uut.report().first_errors[0].index == 1);
  CHECK(uut.report().first_errors[9].index == 19);
  CHECK(!uut.must_stop());
}

TEST_CASE("the last error that is allowed stops the batch [F6]") {
  auto uut = batch_count{3, 0};
  uut.ended(0, bad());
  uut.ended(1, bad());
  CHECK(!uut.must_stop());
  uut.ended(2, fine);
  CHECK(!uut.must_stop());
  uut.ended(3, bad());
  CHECK(uut.must_stop());
}

TEST_CASE("an error that every other item would have stops it at once [F6]") {
  for (auto why : {reason::pool_failed, reason::draining}) {
    auto uut = batch_count{0, 5};
    uut.ended(0, bad(why));
    CHECK(uut.must_stop());
  }
}

TEST_CASE("only what is retryable is tried again, in growing pauses, so often as was said [F6]") {
  auto uut = batch_count{0, 3};
  auto full = bad(reason::pool_saturated);
  CHECK(uut.pause(fine, 0) < 0ns);
  CHECK(uut.pause(bad(), 0) < 0ns);
  CHECK(uut.pause(full, 0) == 100ms);
  CHECK(uut.pause(full, 1) == 200ms);
  CHECK(uut.pause(full, 2) == 400ms);
  CHECK(uut.pause(full, 3) < 0ns);
  CHECK(uut.report().retried == 3);
  CHECK(batch_count{0, 1000}.pause(full, 999) == 6400ms);
  CHECK(batch_count{0, 0}.pause(full, 0) < 0ns);
}

TEST_CASE("arguments and results count about what they hold [F6]") {
  auto big = std::string(1000, 'x');
  CHECK(core::bytes_of(arguments{json_text{big}}) == 1000);
  CHECK(core::bytes_of(arguments{raw_bytes{big}}) == 1000);
  auto nested = value{{"a", value::list{1, big}}, {"b", bytes{big}}};
  CHECK(core::bytes_of(arguments{nested}) > 2000);
  CHECK(core::bytes_of(arguments{nested}) < 2200);
  CHECK(core::bytes_of(payload{false, "12", {"345", "6"}}) == 6);
}
