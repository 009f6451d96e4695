#include "actors/pool.hpp"

/// A pool that has more workers the longer its calls wait, and fewer when they are not needed: see
/// `core::autoscaler`.

namespace snakepit {

bool pool_state::scale() {
  if (draining || !begun)
    return false;
  auto time = now();
  auto load = core::autoscaler::load{};
  load.workers = slots->size();
  load.ready = ready();
  load.busy = board->busy();
  load.queued = queue->size() - queue->groups().saved();
  if (auto since = waiting_since(); since < time)
    load.waited = time - since;
  auto wanted = scaler->judge(load, time);
  if (wanted > load.workers) {
    slots->grow(wanted, time);
    tell_scaled(load.workers, "queue");
    start_workers();
  } else if (wanted < load.workers) {
    shrink(wanted);
  }
  return slots->size() < load.workers;
}

void pool_state::shrink(size_t wanted) {
  auto before = slots->size();
  for (auto& x : slots->shrink(wanted)) {
    replacements.erase(x.slot);
    let_go(x.slot, "scale");
  }
  for (auto gone = slots->size(); gone < before; ++gone) {
    auto slot = static_cast<uint32_t>(gone);
    trials.erase(slot);
    answer_recycles(slot, fail(reason::unavailable, "its slot is not needed any more"));
  }
  if (slots->size() < before)
    tell_scaled(before, "idle");
}

core::time_point pool_state::waiting_since() const {
  auto* front = queue->front();
  auto since = front ? front->admitted : core::never;
  if (auto* group = queue->next_group(now())) // what it was held back for is no want of workers
    since = std::min(since, queue->groups().ready_since(*group));
  return since;
}

core::time_point pool_state::scale_due() const {
  if (!scaler || draining)
    return core::never;
  auto since = waiting_since();
  if (since == core::never || slots->size() >= settings.config.autoscale.max
      || ready() < slots->size())
    return scaler->next_due();
  return std::min(core::later(since, scaler->target_wait()), scaler->next_due());
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
