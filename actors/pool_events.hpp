#pragma once

#include "actors/core/call.hpp"
#include "actors/core/call_queue.hpp"
#include "actors/core/lane_board.hpp"
#include "actors/core/pool_standing.hpp"
#include "telemetry/event_source.hpp"

#include <functional>
#include <vector>

namespace snakepit {

/// A worker, as events name it.
struct worker_name {
  uint32_t slot = 0;
  uint32_t generation = 0;
  int64_t pid = 0;
};

/// What a POOL and its WORKERs tell subscribers; see telemetry/events.txt for when. What happens to
/// single calls costs a load and a branch where nobody wants it, once a batch if it can: nothing is
/// gathered and no clock is read.
class pool_events : public telemetry::event_source {
public:
  using clock = std::function<core::time_point()>;

  pool_events() = default;
  pool_events(std::shared_ptr<telemetry::event_hub> hub, const std::string& pool, clock now)
    : event_source{std::move(hub), pool}, now_{std::move(now)} {}

  // -- calls ------------------------------------------------------------------

  /// `back`: a worker had it, and has not begun it.
  void entered(const core::call& x, size_t queued, bool back = false) const {
    if (wanted(event_kind::queue_entered)) [[unlikely]]
      tell_entered(x, queued, back);
  }

  /// Calls leave the queue for a worker.
  void dispatched(const std::vector<core::call_ptr>& xs, const core::lane_id& lane) const {
    if (wanted(telemetry::mask_of(event_kind::queue_left)
               | telemetry::mask_of(event_kind::call_dispatched))) [[unlikely]]
      tell_dispatched(xs, lane);
  }

  /// A call leaves the queue to be answered.
  void left(const core::call& x) const;

  void timed_out(const core::call& x, reason why) const;
  void rejected(const core::call& x, reason why, size_t queued) const;

  /// A worker has ended a call; nobody has answered it before.
  void finished(const core::call& x, const outcome& end, const call_receipt& took) const {
    if (wanted(telemetry::mask_of(event_kind::call_finished)
               | telemetry::mask_of(event_kind::python_exception))) [[unlikely]]
      tell_finished(x, end, took);
  }

  /// We end a call: its caller cancelled it, or something went wrong.
  void failed(const core::call& x, reason why) const;

  /// A call that was lost with its worker is to run again.
  void retried(const core::call& x, reason why, duration pause) const;

  // Of these two it should be asked before whether they are wanted.
  void late(const std::string& tool, duration run, const worker_name& worker) const;
  void sent(const core::batch& x, const worker_name& worker) const;

  // -- the pool -----------------------------------------------------------------

  void start_begun(size_t workers) const;
  void standing(const core::pool_standing::news& x, size_t ready, size_t failures, reason last,
                std::string_view because) const;
  void saturated(const core::call_queue& queue) const;
  void drained(duration took, size_t calls) const;
  void bound(const std::string& session, const core::worker_id& to, bool moved) const;

  // -- workers ------------------------------------------------------------------

  void spawned(const worker_name& worker, duration took, bool forked) const;
  void ready(const worker_name& worker, duration took, size_t tools) const;
  void restarted(const worker_name& worker, duration down) const;
  /// It was replaced; it has no pid here.
  void recycled(const worker_name& worker, duration age, uint64_t calls,
                std::string_view why) const;
  void start_failed(const worker_name& worker, reason why, size_t failures) const;
  void scaled(size_t before, size_t workers, std::string_view because) const;
  void reload_begun(uint32_t revision) const;
  void reload_done(uint32_t revision, duration took, size_t workers) const;
  void reload_rolled_back(uint32_t revision, duration took, reason why) const;
  void worker_draining(const worker_name& worker, duration grace) const;
  void exited(const death_certificate& x) const;
  void tainted(uint32_t slot, duration how_long, std::string_view because) const;

  // -- circuits; an empty tool stands for the pool's --

  void circuit_opened(const std::string& tool, size_t failures, duration reset) const;
  void circuit_half_opened(const std::string& tool) const;
  void circuit_closed(const std::string& tool, duration open_for) const;

  /// What is told of a worker that has not answered.
  struct silence {
    size_t misses = 0;
    duration silent{0};
    std::string_view because{}; ///< `stopped` or `silent` or `gil_held`
    std::string_view tool{};
  };
  void heartbeat_sent(const worker_name& worker) const;
  void heartbeat_answered(const worker_name& worker, duration lag) const;
  void heartbeat_missed(const worker_name& worker, const silence& x) const;
  void gil_held(const worker_name& worker, const silence& x) const;
  void heartbeat_recovered(const worker_name& worker) const;
  void heartbeat_failed(const worker_name& worker, const silence& x) const;
  void health_failed(const worker_name& worker, uint32_t lane, duration waited) const;

private:
  void tell_entered(const core::call& x, size_t queued, bool back) const;
  void tell_dispatched(const std::vector<core::call_ptr>& xs, const core::lane_id& lane) const;
  void tell_finished(const core::call& x, const outcome& end, const call_receipt& took) const;
  void tell_left(const core::call& x, std::string_view to, core::time_point now) const;
  void tell_end(const core::call& x, std::string_view outcome, const call_receipt& took) const;

  clock now_;
};

} // namespace snakepit
