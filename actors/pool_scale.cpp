#include "actors/pool.hpp"

/// A pool that has more workers the longer its calls wait, and fewer when they are not needed: see
/// `core::autoscaler`.

namespace snakepit {

void pool_state::scale() {
  if (draining || !begun)
    return;
  auto* front = queue->front();
  auto load = core::autoscaler::load{};
  load.workers = slots->size();
  load.ready = ready();
  load.busy = board->busy();
  load.queued = queue->size();
  load.waited = front ? now() - front->admitted : duration{0};
  auto wanted = scaler->judge(load, now());
  if (wanted > load.workers) {
    slots->grow(wanted, now());
    tell_scaled(load.workers, "queue");
    start_workers();
  } else if (wanted < load.workers) {
    for (auto& x : slots->shrink(wanted)) {
      replacements.erase(x.slot);
      let_go(x.slot, "scale");
    }
    for (auto gone = slots->size(); gone < load.workers; ++gone) {
      auto slot = static_cast<uint32_t>(gone);
      trials.erase(slot);
      answer_recycles(slot, fail(reason::unavailable, "its slot is not needed any more"));
    }
    if (slots->size() < load.workers)
      tell_scaled(load.workers, "idle");
  }
}

core::time_point pool_state::scale_due() const {
  if (!scaler || draining)
    return core::never;
  auto* front = queue->front();
  auto full = slots->size() >= settings.config.autoscale.max || ready() < slots->size();
  auto grow = front && !full ? core::later(front->admitted, scaler->target_wait()) : core::never;
  return std::min(grow, scaler->next_due());
}

void pool_state::tell_scaled(size_t before, std::string_view because) {
  events.scaled(before, slots->size(), because);
  world.log->write(telemetry::level::info, pool_category, "scaled",
                   {{"pool", settings.config.name},
                    {"workers", static_cast<uint64_t>(slots->size())},
                    {"before", static_cast<uint64_t>(before)},
                    {"because", std::string{because}}});
}

} // namespace snakepit
