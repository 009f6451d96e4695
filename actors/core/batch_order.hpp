#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace snakepit::core {

/// Puts what comes in any order back into that of its indices, from 0 on without gaps. What is put
/// in lies less than `window` beyond the next that is due.
///
/// One thread.
template <class T>
class batch_order {
public:
  explicit batch_order(size_t window) : waiting_(window) {}

  void put(uint64_t index, T x) {
    assert(index - next_ < waiting_.size());
    waiting_[index % waiting_.size()] = std::make_unique<T>(std::move(x));
  }

  /// The next one, if it is there; its place is free again.
  std::unique_ptr<T> take() {
    auto& place = waiting_[next_ % waiting_.size()];
    if (place)
      ++next_;
    return std::move(place);
  }

  /// The next one did not come through here.
  void skip() noexcept {
    assert(!waiting_[next_ % waiting_.size()]);
    ++next_;
  }

  /// Index of the next that is due.
  uint64_t next() const noexcept {
    return next_;
  }

private:
  std::vector<std::unique_ptr<T>> waiting_; // by index modulo window
  uint64_t next_ = 0;
};

} // namespace snakepit::core
