#pragma once

#include "actors/core/call.hpp"

#include <utility>
#include <vector>

namespace snakepit::core {

/// A batch of calls for one lane while it is put together. The first call always fits; more of the
/// same kind do as long as all are within what the lane may have and a message may hold.
class batch_draft {
public:
  using duration = std::chrono::nanoseconds;

  batch_draft(size_t most_calls, duration most_worth)
    : most_calls_{most_calls}, most_worth_{most_worth} {}

  /// `foreseen`: what the call usually takes.
  bool fits(const call& x, duration foreseen) const noexcept {
    return calls_.empty()
           || (calls_.size() < most_calls_ && worth_ + foreseen <= most_worth_
               && bytes_ + x.bytes() <= max_batch_bytes && x.kind == calls_.front()->kind);
  }

  call& add(call_ptr x, duration foreseen) {
    worth_ += foreseen;
    bytes_ += x->bytes();
    return *calls_.emplace_back(std::move(x));
  }

  bool empty() const noexcept {
    return calls_.empty();
  }
  duration worth() const noexcept {
    return worth_;
  }
  std::vector<call_ptr>& calls() noexcept {
    return calls_;
  }

private:
  size_t most_calls_;
  duration most_worth_;
  std::vector<call_ptr> calls_;
  duration worth_{0};
  uint64_t bytes_ = 0;
};

} // namespace snakepit::core
