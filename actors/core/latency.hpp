#pragma once

#include "actors/core/call.hpp"

#include <snakepit/runtime.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

namespace snakepit::core {

/// Buckets for times, in whole microseconds: each one below 16 us has its own, above there are
/// eight to each doubling. So a time is known to an eighth. The last one is for all from 71 minutes
/// on.
struct time_buckets {
  static constexpr size_t count = 240;

  static uint16_t of(std::chrono::nanoseconds x) noexcept {
    constexpr auto most = int64_t{UINT32_MAX};
    auto us = static_cast<uint32_t>(std::clamp<int64_t>(x.count() / 1000, 0, most));
    auto shift = static_cast<uint32_t>(std::max<int>(std::bit_width(us), 4) - 4);
    return static_cast<uint16_t>(8 * shift + (us >> shift));
  }

  /// The first time that is too long for the bucket.
  static std::chrono::nanoseconds end(size_t bucket) noexcept {
    auto shift = bucket < 16 ? 0 : bucket / 8 - 1;
    return std::chrono::microseconds{(bucket - 8 * shift + 1) << shift};
  }
};

/// How many times fell into which bucket, of a few times that are mostly alike.
class time_counts {
public:
  void add(std::chrono::nanoseconds x) {
    auto bucket = time_buckets::of(x);
    for (auto i = counts_.rbegin(); i != counts_.rend(); ++i)
      if (i->first == bucket) {
        ++i->second;
        return;
      }
    counts_.emplace_back(bucket, 1);
  }
  const std::vector<std::pair<uint16_t, uint32_t>>& list() const noexcept {
    return counts_;
  }

private:
  std::vector<std::pair<uint16_t, uint32_t>> counts_;
};

/// The times of the last minute, of the last 50 to 60 seconds to be exact: six counts of ten
/// seconds each, the oldest of which makes place for the next. Of fixed size; to add a time is to
/// increment a number.
///
/// One thread at a time; the caller passes the time in.
class recent_times {
public:
  using counts = std::array<uint32_t, time_buckets::count>;

  /// Where times are counted now, as `++at(now)[time_buckets::of(x)]`. Valid until the next call.
  counts& at(time_point now) {
    move_to(now);
    return parts_[static_cast<size_t>(part_) % parts_.size()];
  }

  void add(const time_counts& x, time_point now) {
    auto& to = at(now);
    for (auto& [bucket, n] : x.list())
      to[bucket] += n;
  }

  /// Percentiles are rounded up to the end of their bucket: by an eighth at most, or a microsecond.
  latency_stats summary(time_point now);

private:
  void move_to(time_point now);

  std::array<counts, 6> parts_{};
  int64_t part_ = 0; // number of the one that is filled, since the clock's beginning
};

} // namespace snakepit::core
