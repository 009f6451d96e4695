#pragma once

#include "telemetry/log.hpp"

#include <snakepit/event.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace snakepit::telemetry {

/// A set of kinds.
using event_mask = uint64_t;

static_assert(event_table.size() <= 64, "an event_mask has a bit for each kind");

constexpr event_mask mask_of(event_kind x) noexcept {
  return event_mask{1} << static_cast<unsigned>(x);
}

/// The kinds that a filter lets through. Fails with invalid_argument if it names what is not there.
result<event_mask> mask_of(const event_filter& x);

/// Whether the event has the keys that the table says, and no others.
bool has_its_keys(const event& x);

using event_ptr = std::shared_ptr<const event>;

/// Hands the events of one runtime to those who asked for them. Any thread.
class event_hub {
public:
  /// Somebody who asked.
  class receiver {
  public:
    virtual ~receiver() = default;

    /// Called on the thread that emits: must neither block nor take long.
    virtual void offer(const event_ptr& x) noexcept = 0;

    /// Waits until what was offered has been handed on, at most until `until`.
    virtual void flush(std::chrono::steady_clock::time_point) noexcept {}
  };

  explicit event_hub(std::shared_ptr<telemetry::log> log);
  event_hub(const event_hub&) = delete;
  event_hub& operator=(const event_hub&) = delete;

  /// Whether anybody asked for one of these kinds: to be asked before anything is gathered. A load
  /// and a branch.
  bool wanted(event_mask x) const noexcept {
    return (wanted_.load(std::memory_order_relaxed) & x) != 0;
  }

  /// Sets the time and offers it to those who want it.
  void publish(event x) noexcept;

  /// False if the hub is closed.
  bool add(std::shared_ptr<receiver> x, event_mask mask);

  /// It may be offered events that are being published just now.
  void remove(const receiver& x) noexcept;

  /// Flushes all, for a time that is bounded over all of them, and lets go of them.
  void close(std::chrono::milliseconds limit) noexcept;

  /// A subscriber lost events.
  void tell_dropped(uint64_t events) noexcept;

  /// A callback threw.
  void tell_thrown(const event& x, std::string_view what) noexcept;

private:
  struct entry {
    std::shared_ptr<receiver> to;
    event_mask mask;
  };
  using list = std::vector<entry>;

  std::shared_ptr<const list> receivers() const;
  void replace(std::shared_ptr<const list> x);

  std::shared_ptr<telemetry::log> log_;
  std::atomic<event_mask> wanted_{0};
  mutable std::mutex mutex_;
  std::shared_ptr<const list> receivers_; // replaced, never changed
  bool closed_ = false;
};

/// Subscribes a callback, with a thread of its own. Fails with invalid_argument, `draining` if the
/// hub is closed, `internal` if no thread can be had.
result<subscription> subscribe(const std::shared_ptr<event_hub>& hub, const event_filter& filter,
                               event_callback callback, size_t backlog);

} // namespace snakepit::telemetry
