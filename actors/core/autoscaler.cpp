#include "actors/core/autoscaler.hpp"

#include <algorithm>
#include <cmath>

namespace snakepit::core {

size_t autoscaler::judge(const load& x, time_point now) {
  most_ = std::max(most_, x.busy + x.queued);
  if (x.queued > 0 && x.waited >= config_.target_wait && x.ready >= x.workers) {
    begun_ = now; // nothing is idle
    most_ = x.busy + x.queued;
    auto share = static_cast<double>(x.waited.count())
                 / static_cast<double>(std::max<int64_t>(config_.target_wait.count(), 1));
    auto most = std::min({2 * x.workers, needed(x.busy + x.queued), config_.max});
    auto wanted = static_cast<double>(x.workers) * std::min(share, 2.0);
    return std::clamp(static_cast<size_t>(std::ceil(wanted)), std::min(x.workers + 1, config_.max),
                      std::max(most, std::min(x.workers + 1, config_.max)));
  }
  if (now < next_due())
    return x.workers;
  begun_ = now;
  auto enough =
    std::clamp(needed(std::exchange(most_, x.busy + x.queued)), config_.min, config_.max);
  return std::min(enough, x.workers);
}

} // namespace snakepit::core
