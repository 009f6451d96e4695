#pragma once

#include "actors/core/call_end.hpp"
#include "actors/core/lane_board.hpp"
#include "actors/core/latency.hpp"
#include "actors/core/ledger_entry.hpp"
#include "actors/core/run_times.hpp"
#include "actors/io/process.hpp"

#include <snakepit/caf.hpp>
#include <snakepit/poison.hpp>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace snakepit {

/// A message that never leaves the process: what is in it cannot be copied or serialized. The
/// receiver takes it.
template <class T>
struct local {
  std::shared_ptr<T> ptr;

  T& operator*() const noexcept {
    return *ptr;
  }
  T* operator->() const noexcept {
    return ptr.get();
  }
};

template <class T>
local<T> make_local(T x) {
  return {std::make_shared<T>(std::move(x))};
}

// -- towards the SPAWNER and from it ------------------------------------------

/// Start a process; the answer is a `launched`.
struct launch_order {
  io::launch_spec spec;
  io::process_events events;
  std::function<void(result<std::unique_ptr<io::process>>)> done;
  core::worker_key who{};
};

/// The templates of this origin are needed no more.
struct retire_order {
  std::shared_ptr<const io::launch_spec> origin;
};

// -- towards the WORKER ---------------------------------------------------------

/// The process is there, or could not be started.
struct launched {
  result<std::unique_ptr<io::process>> process;
};

/// The worker cannot start and says why: a serialized Error.
struct start_refused {
  std::string text;
};

/// The worker answered Hello.
struct greeted {
  result<core::hello_reply> reply;
};

/// A stream has ended: the worker is as good as dead.
struct lane_closed {
  uint32_t lane;
  std::string why;
};

/// Calls for one lane, from the POOL.
struct lane_batch {
  uint32_t lane;
  std::vector<core::call_ptr> calls;
  bool together = false; ///< they run as one
};

/// A lane holds more than one call and should be looked after. From the POOL.
struct lane_look {
  uint32_t lane;
  /// Take back what has not begun.
  bool revoke;
};

/// Stacks that were asked for.
struct stacks_taken {
  enum what { for_end, for_answer } why = for_end;
  core::stack_sample sample;
};

/// Asks for the stacks of a worker. Destroyed unanswered it answers `unavailable`.
struct stacks_query {
  uint32_t slot = 0;
  std::function<void(result<stack_report>)> done;

  stacks_query(uint32_t whose, std::function<void(result<stack_report>)> f)
    : slot{whose}, done{std::move(f)} {}
  stacks_query(stacks_query&& other) noexcept
    : slot{other.slot}, done{std::exchange(other.done, nullptr)} {}
  stacks_query& operator=(stacks_query&&) = delete;
  ~stacks_query() {
    answer(fail(reason::unavailable, "the worker has ended"));
  }

  void answer(result<stack_report> x) {
    if (auto f = std::exchange(done, nullptr))
      f(std::move(x));
  }
};

/// Asks for a new worker in a slot; answered when it is ready, or could not be started. Destroyed
/// unanswered it answers `unavailable`.
struct recycle_order {
  uint32_t slot = 0;
  std::function<void(result<void>)> done;

  recycle_order(uint32_t which, std::function<void(result<void>)> f)
    : slot{which}, done{std::move(f)} {}
  recycle_order(recycle_order&& other) noexcept
    : slot{other.slot}, done{std::exchange(other.done, nullptr)} {}
  recycle_order& operator=(recycle_order&&) = delete;
  ~recycle_order() {
    answer(fail(reason::unavailable, "the pool is being restarted"));
  }

  void answer(result<void> x) {
    if (auto f = std::exchange(done, nullptr))
      f(std::move(x));
  }
};

/// Stop serving; end within `grace`.
struct worker_stop {
  duration grace;
};

// -- towards the POOL -----------------------------------------------------------

/// A worker has been proved ready.
struct worker_up {
  uint32_t slot;
  uint32_t generation;
  caf::actor worker;
  std::vector<core::lane_page> pages; // one a lane
  int64_t pid;
  std::vector<core::tool_entry> tools;
  /// From the order to start it until now.
  duration took;
};

/// A worker takes no more calls and will end soon, though some may still run in it.
struct worker_leaving {
  uint32_t slot = 0;
  uint32_t generation = 0;
};

/// Whether a worker can serve has changed. From the WORKER.
struct worker_health {
  uint32_t slot = 0;
  uint32_t generation = 0;
  bool well = true;
};

/// The worker has answered a heartbeat. From the channel.
struct heartbeat_answer {
  uint64_t nonce = 0;
  duration round_trip{0};
};

/// A worker is gone and settled. The POOL answers with `buried`, after which it sends it nothing.
struct worker_down {
  uint32_t slot = 0;
  uint32_t generation = 0;
  /// Whom to answer; null if its actor is gone, too.
  caf::actor worker;
  bool was_ready = false;
  /// Why it did not start; set unless `was_ready`.
  std::optional<error> start_error;
  /// Starting again cannot but fail again.
  bool for_good = false;
  std::shared_ptr<const death_certificate> certificate;
  /// Calls that it had not begun, in their order.
  std::vector<core::call_ptr> returned;
  /// Calls that were lost with it, and what they are answered with if they do not run again.
  std::vector<std::pair<core::call_ptr, error>> lost;
  /// Whether the first of these was all that ran in it, and we did not end it.
  bool killed_by_call = false;
  /// How many calls it has been given in all. Those that the POOL sent and are not among them come
  /// with `calls_back`.
  uint64_t received = 0;
};

/// Calls that came too late to a worker that is gone, in their order. From the WORKER.
struct calls_back {
  std::vector<core::call_ptr> calls;
};

/// Calls ended on a lane, or were answered while they were on it.
struct lane_done {
  core::lane_id lane;
  size_t ended = 0;                                // numbers that are free again
  uint32_t succeeded = 0;                          // calls answered with a result
  uint32_t late = 0;                               // finals for calls that had been answered
  std::vector<std::pair<reason, uint32_t>> failed; // calls answered with an error
  std::vector<core::run_sum> runs;                 // by tool
  core::time_counts times;                         // from admission to the answer
  std::vector<core::call_end> ends;                // if the POOL has a breaker
  /// Whether the lane must not be given anything for now: it is being cleared.
  bool held = false;
  /// Calls among `ended` that have not begun and will not, in their order. They come in this
  /// message lest a draining pool sees them nowhere.
  std::vector<core::call_ptr> back;

  void count_failure(reason why) {
    for (auto& [seen, n] : failed)
      if (seen == why) {
        ++n;
        return;
      }
    failed.emplace_back(why, 1);
  }
};

/// The worker supervisor is there, or there again: workers may be started.
struct supervisor_up {
  caf::actor worker_supervisor;
};

/// Asks to be told when the pool is ready. Destroyed unanswered it answers `unavailable`.
struct ready_waiter {
  bool all = false; // all workers, not only min_ready
  std::function<void(result<start_report>)> done;

  ready_waiter(bool everyone, std::function<void(result<start_report>)> f)
    : all{everyone}, done{std::move(f)} {}
  ready_waiter(ready_waiter&& other) noexcept
    : all{other.all}, done{std::exchange(other.done, nullptr)} {}
  ready_waiter& operator=(ready_waiter&&) = delete;
  ~ready_waiter() {
    answer(fail(reason::unavailable, "the pool is being restarted"));
  }

  void answer(result<start_report> x) {
    if (auto f = std::exchange(done, nullptr))
      f(std::move(x));
  }
};

/// Asks which calls are refused since they have killed workers, or has them forgotten first.
struct poison_query {
  bool clear = false;
  std::function<void(std::vector<poisoned_call>)> done;
};

/// Asks for the statistics.
struct stats_query {
  std::function<void(pool_stats)> done;
};

/// Cancels the call of this ticket.
struct cancel_order {
  std::shared_ptr<core::call_ticket> ticket;
  /// Whoever made it is gone.
  bool caller_gone = false;
};

/// Take no more calls, finish those that are there until `deadline`, then answer the rest and end
/// the workers. `done` is called when nothing is left.
struct drain_order {
  duration timeout;
  std::function<void()> done;
};

} // namespace snakepit

namespace caf {
template <class T>
struct allowed_unsafe_message_type<snakepit::local<T>> : std::true_type {};
} // namespace caf

CAF_BEGIN_TYPE_ID_BLOCK(snakepit_internal, SNAKEPIT_FIRST_TYPE_ID + 120)

CAF_ADD_ATOM(snakepit_internal, snakepit::atom, tick, "tick")
CAF_ADD_ATOM(snakepit_internal, snakepit::atom, listening, "listening")
CAF_ADD_ATOM(snakepit_internal, snakepit::atom, buried, "buried")
CAF_ADD_ATOM(snakepit_internal, snakepit::atom, look, "look")
CAF_ADD_ATOM(snakepit_internal, snakepit::atom, finish, "finish")
CAF_ADD_ATOM(snakepit_internal, snakepit::atom, watch, "watch")
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::core::submission>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::core::results>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::io::exit_status>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::launch_order>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::launched>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::start_refused>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::greeted>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::lane_closed>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::lane_batch>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::worker_stop>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::worker_up>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::worker_down>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::calls_back>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::lane_done>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::supervisor_up>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::ready_waiter>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::stats_query>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::cancel_order>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::drain_order>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::lane_look>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::worker_leaving>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::stacks_taken>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::stacks_query>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::worker_health>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::heartbeat_answer>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::poison_query>))
CAF_ADD_ATOM(snakepit_internal, snakepit::atom, leave, "leave")
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::recycle_order>))
CAF_ADD_TYPE_ID(snakepit_internal, (snakepit::local<snakepit::retire_order>))

CAF_END_TYPE_ID_BLOCK(snakepit_internal)
