#pragma once

#include "actors/core/worker_protocol.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>

namespace snakepit::io {

/// What one lane has to remember of the numbers it sent, to judge what comes back: the highest one,
/// and which calls were raw. One thread notes, any thread asks.
class sent_numbers {
public:
  /// Numbers up to and including `last` are of one kind.
  struct run {
    core::payload_kind kind = core::payload_kind::json;
    uint64_t last = 0;
  };

  /// Far above the calls that one lane may hold at once, so what is forgotten has long ended.
  static constexpr size_t max_runs = 4096;

  /// Notes `count` numbers from `first` on, all above those noted before.
  void note(uint64_t first, uint64_t count, core::payload_kind kind) {
    if (last() == 0 || kind != newest_) {
      std::lock_guard guard{mutex_};
      starts_.push_back({first, kind});
      if (starts_.size() > max_runs)
        starts_.pop_front();
      newest_ = kind;
    }
    last_.store(first + count - 1, std::memory_order_release);
  }

  /// The highest number sent, 0: none.
  uint64_t last() const noexcept {
    return last_.load(std::memory_order_acquire);
  }

  /// What `seq` belongs to; it must not be above `last()`.
  run find(uint64_t seq) const {
    std::lock_guard guard{mutex_};
    run found{core::payload_kind::json, last()};
    for (auto i = starts_.rbegin(); i != starts_.rend(); ++i) {
      found.kind = i->kind;
      if (i->first <= seq)
        break;
      found.last = i->first - 1;
    }
    return found;
  }

private:
  struct start {
    uint64_t first;
    core::payload_kind kind;
  };

  std::atomic<uint64_t> last_{0};
  core::payload_kind newest_ = core::payload_kind::json;
  mutable std::mutex mutex_;
  std::deque<start> starts_; // one per change of kind
};

} // namespace snakepit::io
