#pragma once

#include <snakepit/runtime.hpp>

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace snakepit {

/// How the last workers of a runtime have ended. Any thread.
class death_ring {
public:
  /// Forgets the oldest if there are `deaths_kept`.
  void add(std::shared_ptr<const death_certificate> x);

  /// The latest first.
  std::vector<recorded_death> latest(size_t most) const;

private:
  mutable std::mutex mutex_;
  std::deque<recorded_death> deaths_; // the latest first
};

} // namespace snakepit
