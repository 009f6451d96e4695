#include "actors/death_ring.hpp"

#include <algorithm>

namespace snakepit {

void death_ring::add(std::shared_ptr<const death_certificate> x) {
  auto now = std::chrono::system_clock::now();
  auto guard = std::lock_guard{mutex_};
  deaths_.push_front({now, std::move(x)});
  if (deaths_.size() > deaths_kept)
    deaths_.pop_back();
}

std::vector<recorded_death> death_ring::latest(size_t most) const {
  auto guard = std::lock_guard{mutex_};
  auto count = static_cast<std::ptrdiff_t>(std::min(most, deaths_.size()));
  return {deaths_.begin(), deaths_.begin() + count};
}

} // namespace snakepit
