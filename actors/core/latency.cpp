#include "actors/core/latency.hpp"

namespace snakepit::core {

namespace {

constexpr auto part_length = std::chrono::seconds{10};

/// The bucket of the n-th, from 1.
duration nth(const std::array<uint64_t, time_buckets::count>& counts, uint64_t n) {
  auto seen = uint64_t{0};
  for (size_t i = 0; i < counts.size(); ++i)
    if ((seen += counts[i]) >= n)
      return time_buckets::end(i);
  return time_buckets::end(counts.size() - 1);
}

} // namespace

void recent_times::move_to(time_point now) {
  auto part = now.time_since_epoch() / part_length;
  if (part == part_) [[likely]]
    return;
  auto size = static_cast<int64_t>(parts_.size());
  // What was last filled a minute ago or more is all gone.
  for (auto i = std::max(part_ + 1, part - size + 1); i <= part; ++i)
    parts_[static_cast<size_t>(i % size)] = {};
  part_ = std::max(part, part_);
}

latency_stats recent_times::summary(time_point now) {
  move_to(now);
  auto all = std::array<uint64_t, time_buckets::count>{};
  auto out = latency_stats{};
  for (auto& part : parts_)
    for (size_t i = 0; i < all.size(); ++i) {
      all[i] += part[i];
      out.calls += part[i];
    }
  if (out.calls == 0)
    return out;
  auto share = [&](uint64_t percent) { return nth(all, (out.calls * percent + 99) / 100); };
  out.p50 = share(50);
  out.p90 = share(90);
  out.p99 = share(99);
  return out;
}

} // namespace snakepit::core
