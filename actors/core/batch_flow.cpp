#include "actors/core/batch_flow.hpp"

#include <algorithm>

namespace snakepit::core {

namespace {
constexpr std::chrono::milliseconds shortest_sample{4};
constexpr uint64_t smallest_sample = 16;
constexpr size_t largest_chunk = 256;
constexpr size_t steepest_growth = 4;
} // namespace

batch_flow::batch_flow(limits x, time_point now)
  : limits_{x}, allowed_{std::min(x.floor, x.ceiling)}, since_{now} {
  // nop
}

size_t batch_flow::room() const noexcept {
  auto count = called_ + held_;
  if (count == 0)
    return allowed_;
  auto expected = returned_ == 0 ? 0 : result_bytes_ / returned_ * called_;
  if (argument_bytes_ + held_bytes_ + expected >= limits_.bytes)
    return 0;
  auto by_wait = allowed_ - std::min(allowed_, called_);
  auto by_memory = limits_.ceiling - std::min(limits_.ceiling, count);
  return std::min(by_wait, by_memory);
}

size_t batch_flow::chunk() const noexcept {
  return std::clamp<size_t>(allowed_ / 4, 1, largest_chunk);
}

void batch_flow::called(size_t items, uint64_t argument_bytes) noexcept {
  called_ += items;
  argument_bytes_ += argument_bytes;
}

void batch_flow::returned(size_t items, uint64_t argument_bytes, uint64_t result_bytes) noexcept {
  called_ -= items;
  argument_bytes_ -= argument_bytes;
  held_ += items;
  held_bytes_ += result_bytes;
  returned_ += items;
  result_bytes_ += result_bytes;
}

void batch_flow::written(size_t items, uint64_t result_bytes) noexcept {
  held_ -= items;
  held_bytes_ -= result_bytes;
}

void batch_flow::adapt(time_point now) noexcept {
  auto count = returned_ - returned_before_;
  if (now - since_ < (count < smallest_sample ? limits_.wait : shortest_sample))
    return;
  // By Little's law: what is under way is the rate times the time that each waits.
  auto wanted = static_cast<double>(count) * std::chrono::duration<double>(limits_.wait).count()
                / std::chrono::duration<double>(now - since_).count();
  auto most = std::min(limits_.ceiling, allowed_ * steepest_growth);
  allowed_ = std::clamp(static_cast<size_t>(std::min(wanted, static_cast<double>(most))),
                        std::min(limits_.floor, most), most);
  since_ = now;
  returned_before_ = returned_;
}

} // namespace snakepit::core
