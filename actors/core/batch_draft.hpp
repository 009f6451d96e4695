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

  /// The calls will run as one, which takes `worth` however many there are. While it is empty.
  void run_as_one(size_t most_calls, duration worth) noexcept {
    as_one_ = true;
    most_calls_ = most_calls;
    worth_ = worth;
  }
  bool runs_as_one() const noexcept {
    return as_one_;
  }

  /// What a call adds to what its tenant has been given. `foreseen`: what its run usually takes.
  duration share(duration foreseen) const noexcept {
    return as_one_ ? foreseen / static_cast<int64_t>(most_calls_) : foreseen;
  }

  /// `foreseen`: what the call usually takes.
  bool fits(const call& x, duration foreseen) const noexcept {
    return calls_.empty()
           || (calls_.size() < most_calls_ && (as_one_ || worth_ + foreseen <= most_worth_)
               && bytes_ + x.bytes() <= max_batch_bytes && x.kind == calls_.front()->kind);
  }

  call& add(call_ptr x, duration foreseen) {
    if (!as_one_)
      worth_ += foreseen;
    bytes_ += x->bytes();
    return *calls_.emplace_back(std::move(x));
  }

  bool empty() const noexcept {
    return calls_.empty();
  }
  const call& first() const noexcept {
    return *calls_.front();
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
  bool as_one_ = false;
};

} // namespace snakepit::core
