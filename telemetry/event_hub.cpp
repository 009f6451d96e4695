#include "telemetry/event_hub.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace snakepit::telemetry {

event_hub::event_hub(std::shared_ptr<telemetry::log> log)
  : log_{std::move(log)}, receivers_{std::make_shared<list>()} {}

void event_hub::publish(event what) noexcept {
  assert(has_its_keys(what));
  try {
    what.time = std::chrono::system_clock::now();
    auto mask = mask_of(what.kind);
    auto shared = std::make_shared<const event>(std::move(what));
    auto all = receivers();
    for (auto& x : *all)
      if ((x.mask & mask) != 0)
        x.to->offer(shared);
  } catch (const std::bad_alloc&) { // nobody hears of it
  }
}

bool event_hub::add(std::shared_ptr<receiver> x, event_mask mask) {
  auto guard = std::lock_guard{mutex_};
  if (closed_)
    return false;
  auto next = std::make_shared<list>(*receivers_);
  next->push_back({std::move(x), mask});
  replace(std::move(next));
  return true;
}

void event_hub::remove(const receiver& x) noexcept {
  auto gone = std::shared_ptr<const list>{}; // what it held goes when the lock is free
  auto guard = std::lock_guard{mutex_};
  auto next = std::make_shared<list>(*receivers_);
  std::erase_if(*next, [&](auto& e) { return e.to.get() == &x; });
  gone = receivers_;
  replace(std::move(next));
}

void event_hub::close(std::chrono::milliseconds limit) noexcept {
  auto until = std::chrono::steady_clock::now() + limit;
  auto last = receivers();
  for (auto pass = 0; pass < 2; ++pass) // whoever takes the last events may tell what it lost
    for (auto& x : *last)
      x.to->flush(until);
  auto late = std::shared_ptr<const list>{}; // those that came meanwhile end outside of the lock
  auto guard = std::lock_guard{mutex_};
  closed_ = true;
  late = receivers_;
  replace(std::make_shared<list>());
}

void event_hub::tell_dropped(uint64_t events) noexcept {
  if (!wanted(mask_of(event_kind::telemetry_dropped)))
    return;
  auto x = event{};
  x.kind = event_kind::telemetry_dropped;
  x.measurements.emplace("events", static_cast<int64_t>(events));
  publish(std::move(x));
}

void event_hub::tell_thrown(const event& x, std::string_view what) noexcept {
  log_->write(level::error, "events", "a subscriber's callback threw",
              {{"event", to_string(x.kind)}, {"what", what}});
}

std::shared_ptr<const event_hub::list> event_hub::receivers() const {
  auto guard = std::lock_guard{mutex_};
  return receivers_;
}

void event_hub::replace(std::shared_ptr<const list> x) {
  auto all = event_mask{0};
  for (auto& e : *x)
    all |= e.mask;
  receivers_ = std::move(x);
  wanted_.store(all, std::memory_order_relaxed);
}

} // namespace snakepit::telemetry
