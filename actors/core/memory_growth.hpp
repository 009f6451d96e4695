#pragma once

#include <cstdint>

namespace snakepit::core {

/// How the memory of one worker grows with the calls that it ends, which tells a leak from a big
/// working set. What it takes until its first call has ended is no growth.
class memory_growth {
public:
  /// Calls without which nothing is said.
  static constexpr uint64_t enough_calls = 100;

  /// It was measured when so many calls had ended.
  void note(uint64_t bytes, uint64_t calls) {
    if (calls > 0 && first_calls_ == 0) {
      first_ = bytes;
      first_calls_ = calls;
    }
    last_ = bytes;
    last_calls_ = calls;
  }

  /// When it was last measured; 0: it was not.
  uint64_t bytes() const noexcept {
    return last_;
  }

  /// Bytes per 1000 calls.
  int64_t per_1000_calls() const noexcept {
    auto calls = last_calls_ - first_calls_;
    if (first_calls_ == 0 || calls < enough_calls)
      return 0;
    auto grown = static_cast<double>(last_) - static_cast<double>(first_);
    return static_cast<int64_t>(grown * 1000 / static_cast<double>(calls));
  }

private:
  uint64_t first_ = 0;
  uint64_t first_calls_ = 0;
  uint64_t last_ = 0;
  uint64_t last_calls_ = 0;
};

} // namespace snakepit::core
