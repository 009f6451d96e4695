#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace snakepit {

/// Which of the calls that wait goes first.
enum class priority : uint8_t { high, normal, low };

/// "high", "normal", "low"; nothing for another word.
std::optional<priority> find_priority(std::string_view word);
std::string_view to_string(priority x);

/// Whether calls of one session go to the worker that ran its first: see `pool_config::affinity`.
enum class affinity : uint8_t { hint, strict_queue, strict_fail_fast };

/// "hint", "strict_queue", "strict_fail_fast"; nothing for another word.
std::optional<affinity> find_affinity(std::string_view word);
std::string_view to_string(affinity x);

/// What may be said of one call; what is not said comes from the pool and from `timeouts`.
struct call_options {
  /// Name of the pool; empty: the pool called "default", or the only one.
  std::string pool;
  /// The call's whole budget, from here to the reply. Not positive: refused as invalid_argument;
  /// `std::chrono::nanoseconds::max()`: none.
  std::optional<std::chrono::nanoseconds> timeout;
  /// Bound on waiting in the pool's queue, within `timeout`.
  std::optional<std::chrono::nanoseconds> queue_timeout;
  /// A call goes before those of lower priority, unless these have waited for long: a normal one is
  /// treated as if it had come `queue.ageing` later than it has, a low one twice that.
  snakepit::priority priority = snakepit::priority::normal;
  /// On whose behalf it is made; empty: nobody's in particular. Tenants share a pool fairly by the
  /// time that their calls take. 256 bytes at most.
  std::string tenant;
  /// Whether running it twice does no harm; then it is run again if its worker is lost, see
  /// `pool_config::retry`. None: as the tool says (`@tool(idempotent=True)`).
  std::optional<bool> idempotent;
  /// Travels with the call into Python and into the logs. Calls of one session go to one worker, as
  /// far as `affinity` says. 256 bytes at most.
  std::string session;
  /// None: the pool's.
  std::optional<snakepit::affinity> affinity;
  /// Whether the call is cancelled when the last copy of its `call_handle` is dropped while it is
  /// under way. (A `call_future` holds one; its `future` alone does not.)
  bool cancel_on_drop = false;
  std::string correlation_id;
  /// W3C traceparent.
  std::string traceparent;
};

} // namespace snakepit
