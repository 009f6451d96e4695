#pragma once

#include "telemetry/log.hpp"
#include "telemetry/tally.hpp"

#include <snakepit/runtime.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace snakepit::telemetry {

/// What a worker that starts has just done.
enum class start_phase : uint8_t {
  spawn,  ///< its process was made
  listen, ///< its interpreter ran and its server listened
  greet,  ///< its adapter was loaded and initialized
  probe   ///< every lane answered a probe
};

/// How a session's call was sent, or not.
enum class affinity_result : uint8_t {
  hit,   ///< to its worker
  moved, ///< to another one than its last
  fresh, ///< it had none; "new"
  refused,
  waited ///< to its worker, for which alone it had to wait
};

/// The metrics of one pool that are counted as things happen. Every member may be called from any
/// thread and takes a lock for moments: call them once per batch, not once per call.
class pool_metrics {
public:
  virtual ~pool_metrics() = default;

  /// Tools that get labels of their own, up to a limit; the calls of all others count as "other".
  virtual void set_tools(const std::vector<std::string>& names) = 0;
  /// A batch goes to a worker; `waits` of its calls in the queue.
  virtual void sent(size_t calls, const time_tally& waits) = 0;
  /// Calls of a batch were answered.
  virtual void ended(const batch_tally& x) = 0;
  /// A call was answered with an error before it was sent.
  virtual void not_sent(std::string_view tool, reason why) = 0;
  /// A worker's process was started, by a template or by exec.
  virtual void launched(bool forked) = 0;
  virtual void started(start_phase phase, duration took) = 0;
  /// A worker has answered a heartbeat.
  virtual void heartbeat(duration round_trip) = 0;
  /// One was not answered in time.
  virtual void heartbeat_missed() = 0;
  /// A worker was replaced though nothing was wrong with it.
  virtual void recycled(std::string_view reason) = 0;
  /// A reload is over: `done` or `rolled_back`.
  virtual void reloaded(std::string_view outcome) = 0;
  /// A worker is gone, whether it had been ready or not.
  virtual void exited(const death_certificate& x) = 0;
  /// A session's call was sent, or refused since its worker has no room or is gone. No lock.
  virtual void affinity(affinity_result x) = 0;
  /// The pool is ready; remembered.
  virtual void became_ready() = 0;
  virtual bool was_ready() const = 0;
};

/// Every metric of one runtime; there is no global registry. Any thread.
class metrics {
public:
  metrics();
  ~metrics();
  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;

  /// Makes the metrics of a pool, known label values at 0. Lives longer than this if held.
  std::shared_ptr<pool_metrics> add_pool(const std::string& name);

  /// Processes that dead runs had left were ended.
  void orphans_killed(size_t count);
  void set_ledger_degraded(bool x);

  /// The text that Prometheus reads: what was counted, and what `pools` and `log` say now.
  std::string text(const std::vector<pool_stats>& pools, const log& log) const;

  struct implementation;

private:
  std::shared_ptr<implementation> impl_;
};

} // namespace snakepit::telemetry
