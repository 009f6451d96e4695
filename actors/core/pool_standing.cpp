#include "actors/core/pool_standing.hpp"

#include <utility>

namespace snakepit::core {

std::vector<pool_standing::news> pool_standing::note(size_t ready, bool failed, time_point now,
                                                     bool crashes_often) {
  auto result = std::vector<news>{};
  auto enough = is_enough(ready) && !crashes_often;
  if (enough && !std::exchange(is_ready_, enough)) {
    auto first = !std::exchange(was_ready_, true);
    result.push_back(
      {first ? change::ready : change::recovered, now - (first ? begun_ : degraded_at_)});
  } else if (!enough && std::exchange(is_ready_, enough)) {
    degraded_at_ = now;
    result.push_back({change::degraded, now - begun_});
  }
  if (ready >= all_ && !std::exchange(started_all_, true))
    result.push_back({change::start_done, now - begun_});
  if (!std::exchange(failed_, failed) && failed)
    result.push_back({change::start_failed, now - begun_});
  return result;
}

} // namespace snakepit::core
