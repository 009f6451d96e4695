#include "actors/core/latency.hpp"

#include <random>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::recent_times;
using core::time_buckets;

TEST_SUITE_BEGIN("latency");

namespace {

const auto first_time = core::time_point{} + 1h;

recent_times times_of(const std::vector<duration>& xs) {
  auto out = recent_times{};
  auto counts = core::time_counts{};
  for (auto& x : xs)
    counts.add(x);
  out.add(counts, first_time);
  return out;
}

} // namespace

TEST_CASE("every time lies in its bucket, whose end is an eighth away at most [P6]") {
  for (auto us = int64_t{0}; us < int64_t{1} << 32; us += 1 + us / 37) {
    auto x = duration{std::chrono::microseconds{us}};
    auto bucket = time_buckets::of(x);
    CAPTURE(us);
    REQUIRE(bucket < time_buckets::count);
    REQUIRE(x < time_buckets::end(bucket));
    REQUIRE((bucket == 0 || x >= time_buckets::end(bucket - 1u)));
    REQUIRE(time_buckets::end(bucket) - x <= std::max<duration>(x / 8, 1us));
  }
  CHECK(time_buckets::of(-1s) == 0);
  CHECK(time_buckets::of(999ns) == 0);
  CHECK(time_buckets::of(infinite) == time_buckets::count - 1);
}

TEST_CASE("percentiles are those of a sorted list, rounded up by an eighth at most [P6]") {
  auto random = std::mt19937_64{7};
  for (auto n : {1, 2, 10, 99, 1000}) {
    auto xs = std::vector<duration>{};
    for (int i = 0; i < n; ++i)
      xs.push_back(std::chrono::microseconds{1 << (random() % 20)} + 1us * (random() % 1000));
    auto s = times_of(xs).summary(first_time);
    std::ranges::sort(xs);
    auto is_near = [&](duration told, int percent) {
      auto exact = xs[static_cast<size_t>((n * percent + 99) / 100 - 1)];
      return told > exact && told <= exact + std::max<duration>(exact / 8, 1us);
    };
    CAPTURE(n);
    CHECK(s.calls == static_cast<uint64_t>(n));
    CHECK(is_near(s.p50, 50));
    CHECK(is_near(s.p90, 90));
    CHECK(is_near(s.p99, 99));
  }
}

TEST_CASE("without calls there is nothing to tell [P6]") {
  auto s = recent_times{}.summary(first_time);
  CHECK(s.calls == 0);
  CHECK(s.p99 == 0ns);
}

TEST_CASE("what is older than a minute is forgotten, ten seconds at a time [P6]") {
  auto uut = recent_times{};
  for (int second = 0; second < 300; ++second) {
    auto now = first_time + std::chrono::seconds{second};
    ++uut.at(now)[time_buckets::of(1ms)];
    auto calls = uut.summary(now).calls;
    CHECK(calls <= 60);
    CHECK(calls >= std::min<uint64_t>(static_cast<uint64_t>(second) + 1, 51));
  }
  auto later = first_time + 300s;
  CHECK(uut.summary(later + 30s).calls > 0);
  CHECK(uut.summary(later + 60s).calls == 0);
  ++uut.at(later + 24h)[0];
  CHECK(uut.summary(later + 24h).calls == 1);
}

TEST_SUITE_END();
