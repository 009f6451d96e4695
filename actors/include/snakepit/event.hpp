#pragma once

#include <snakepit/error.hpp>
#include <snakepit/event_kind.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace snakepit {

/// Something that happened in a runtime. What each kind says stands in `event_table` and in
/// docs/events.md; never arguments or results of calls. Texts are redacted as the log's are.
struct event {
  event_kind kind{};
  std::chrono::system_clock::time_point time{};
  std::string pool{}; ///< empty: of the whole runtime
  /// By name, the unit in it: {"took_us", 1500}.
  std::map<std::string, int64_t, std::less<>> measurements{};
  std::map<std::string, std::string, std::less<>> metadata{};

  /// The measurement of this name, 0 if there is none.
  int64_t number(std::string_view name) const {
    auto i = measurements.find(name);
    return i == measurements.end() ? 0 : i->second;
  }
  /// The metadata of this name, empty if there is none.
  std::string_view text(std::string_view name) const {
    auto i = metadata.find(name);
    return i == metadata.end() ? std::string_view{} : std::string_view{i->second};
  }
};

/// One line: "worker.exited pool=default age_us=8000 calls=3 cause=SIGSEGV ...".
std::string to_string(const event& x);

/// Which events a subscriber is told of; all, if nothing is said.
struct event_filter {
  std::vector<event_kind> kinds{};
  /// Names such as "worker.exited", and beginnings that end with a dot, such as "worker.".
  std::vector<std::string> names{};
};

/// Called with one event after the other, on a thread that this subscription alone has: it may
/// block, and may call any member of the runtime and end its own subscription. A subscriber that is
/// slow loses events and delays nobody. An exception costs that call only, and is logged.
using event_callback = std::function<void(const event&)>;

/// Events that may wait for a subscriber, unless it says otherwise.
inline constexpr size_t event_backlog = 8192;

/// The subscription of one callback; ends with this object. Movable; one thread at a time.
class subscription {
public:
  class implementation;

  subscription() = default;
  explicit subscription(std::shared_ptr<implementation> x) noexcept;
  subscription(subscription&&) noexcept = default;
  subscription& operator=(subscription&&) noexcept;
  ~subscription();

  /// Ends it. Waits for a call under way, after which there is no other; events that still waited
  /// are lost. From within the callback that call is the last. Do not hold what the callback waits
  /// for.
  void cancel() noexcept;

  /// Whether there is one. Also true after its runtime has ended.
  explicit operator bool() const noexcept {
    return impl_ != nullptr;
  }

  /// Events lost because as many waited as may; also told by the event telemetry.dropped.
  uint64_t dropped() const noexcept;

private:
  std::shared_ptr<implementation> impl_;
};

} // namespace snakepit
