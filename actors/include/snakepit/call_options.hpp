#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace snakepit {

/// What may be said of one call; what is not said comes from the pool and from `timeouts`.
struct call_options {
  /// Name of the pool; empty: the pool called "default", or the only one.
  std::string pool;
  /// The call's whole budget, from here to the reply. Not positive: refused as invalid_argument;
  /// `std::chrono::nanoseconds::max()`: none.
  std::optional<std::chrono::nanoseconds> timeout;
  /// Bound on waiting in the pool's queue, within `timeout`.
  std::optional<std::chrono::nanoseconds> queue_timeout;
  /// Travels with the call into Python and into the logs.
  std::string session;
  std::string correlation_id;
  /// W3C traceparent.
  std::string traceparent;
};

} // namespace snakepit
