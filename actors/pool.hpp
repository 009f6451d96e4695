#pragma once

#include "actors/core/autoscaler.hpp"
#include "actors/core/batch_draft.hpp"
#include "actors/core/breaker.hpp"
#include "actors/core/call_queue.hpp"
#include "actors/core/crash_barrier.hpp"
#include "actors/core/crash_rate.hpp"
#include "actors/core/lane_board.hpp"
#include "actors/core/lane_watch.hpp"
#include "actors/core/last_ends.hpp"
#include "actors/core/latency.hpp"
#include "actors/core/memory_growth.hpp"
#include "actors/core/poison_table.hpp"
#include "actors/core/pool_counters.hpp"
#include "actors/core/pool_standing.hpp"
#include "actors/core/retry.hpp"
#include "actors/core/run_times.hpp"
#include "actors/core/session_table.hpp"
#include "actors/core/slot_table.hpp"
#include "actors/lifecycle_messages.hpp"
#include "actors/messages.hpp"
#include "actors/pool_entry.hpp"
#include "actors/pool_events.hpp"
#include "actors/worker_spec.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace snakepit {

/// The POOL actor interface. Extends what anybody may send (`pool_interface`).
using pool_actor = pool_interface::extend<
  // Calls, each with its own reply slot. From the runtime.
  caf::reacts_to<local<core::submission>>,
  // Calls ended on a lane. From a WORKER.
  caf::reacts_to<local<lane_done>>,
  // A worker has been proved ready. From the WORKER.
  caf::reacts_to<local<worker_up>>,
  // A worker takes no more calls. From the WORKER, before its `worker_down`.
  caf::reacts_to<local<worker_leaving>>,
  // Whether a worker can serve has changed. From the WORKER.
  caf::reacts_to<local<worker_health>>,
  // A worker is gone and settled. From the WORKER; it is told `buried`.
  caf::reacts_to<local<worker_down>>,
  // Calls that reached a worker which was gone. From the WORKER.
  caf::reacts_to<local<calls_back>>,
  // Workers may be started. From the tree.
  caf::reacts_to<local<supervisor_up>>,
  // From the runtime; answered when the pool is ready or has failed.
  caf::reacts_to<local<ready_waiter>>,
  // From the runtime; answered at once.
  caf::reacts_to<local<stats_query>>,
  // From the runtime; handed to the worker of the slot.
  caf::reacts_to<local<stacks_query>>,
  // From the runtime; answered at once.
  caf::reacts_to<local<poison_query>>,
  // From the runtime; answered when the slot has a new worker.
  caf::reacts_to<local<recycle_order>>,
  // What the LIFECYCLE MANAGER asks, wants and knows; see lifecycle_messages.hpp.
  caf::reacts_to<local<life_query>>, caf::reacts_to<local<replace_order>>,
  caf::reacts_to<local<trial_order>>, caf::reacts_to<local<adopt_order>>,
  caf::reacts_to<local<end_order>>, caf::reacts_to<local<memory_seen>>,
  // A handle gives up its call.
  caf::reacts_to<local<cancel_order>>,
  // From the runtime: stop admitting, finish what is there.
  caf::reacts_to<local<drain_order>>,
  // INTERNAL: something is due.
  caf::reacts_to<atom::tick>,
  // INTERNAL: lanes are to be looked after.
  caf::reacts_to<atom::look>>;

/// Everything a POOL needs to know; what the configuration leaves open is filled in.
struct pool_settings {
  pool_config config;
  size_t workers = 1;
  uint32_t lanes = 1;
  duration call_timeout = infinite;
  duration queue_timeout = infinite;
  duration cancel_grace = std::chrono::seconds{2};
  /// Of the jitter of `config.recycle`.
  uint64_t recycle_seed = 0;
  /// Its first revision.
  worker_spec_ptr spec;
  /// What starts the template; none if workers are started by exec.
  std::optional<io::launch_spec> template_launch;
};

/// Of the POOL's lines in the log.
inline constexpr auto pool_category = "pool";

/// What a POOL uses and shares with others.
struct pool_world {
  std::shared_ptr<pool_entry> entry;
  std::function<std::unique_ptr<io::worker_channel>(io::channel_events)> make_channel;
  /// Of the host and the processes given.
  std::function<resource_usage(const std::vector<int64_t>&)> measure;
  std::function<bool()> barrier;
  std::shared_ptr<telemetry::log> log;
  caf::actor spawner;
  std::shared_ptr<telemetry::pool_metrics> metrics;
  std::shared_ptr<telemetry::event_hub> events;
};

/// The state of the POOL. Decisions are made by `queue`, `board`, `slots`, `times` and the tool
/// table; the rest turns their answers into messages.
struct pool_state {
  static inline const char* name = "pool";

  explicit pool_state(pool_actor::pointer self) : self{self} {}

  // -- message handlers -------------------------------------------------------

  caf::result<response> on_request(request& x);
  void on_submission(core::submission& x);
  void on_lane_done(lane_done& x);
  void on_worker_up(worker_up& x);
  void on_worker_leaving(const worker_leaving& x);
  void on_worker_health(const worker_health& x);
  void on_worker_down(worker_down& x);
  void on_calls_back(calls_back& x);
  void on_supervisor_up(supervisor_up& x);
  void on_waiter(ready_waiter& x);
  void on_stats(stats_query& x);
  void on_stacks(stacks_query& x);
  void on_poison(poison_query& x);
  void on_recycle(recycle_order& x);
  void on_life_query(const life_query& x);
  void on_replace(replace_order& x);
  void on_trial(trial_order& x);
  void on_adopt(adopt_order& x);
  void on_end(end_order& x);
  void on_memory(const memory_seen& x);
  void on_cancel(cancel_order& x);
  void on_drain(drain_order& x);
  void on_tick();
  void on_look();

  /// The actor of a worker has ended; unless it has said so before, by a fault of ours.
  void on_down(const caf::down_msg& x);

  // -- helpers ----------------------------------------------------------------

  struct member {
    uint32_t generation = 0;
    uint32_t revision = 0;
    caf::actor worker; // null until its supervisor has started it
    int64_t pid = 0;
    bool up = false;
    bool well = true;                       // while it is up
    uint64_t sent = 0;                      // calls
    std::vector<core::lane_page> pages;     // one a lane
    std::vector<core::lane_watch> watchers; // of them
    core::time_point up_since{};
    core::time_point last_end{}; // of a call; only if idle workers are replaced
    uint64_t calls = 0;          // that have ended
    uint64_t most_calls = core::recycle_limits::none;
    core::memory_growth memory{};
  };

  void init(pool_settings cfg, pool_world w);

  /// The worker of this slot and generation, whether it serves or leaves; null if it is gone.
  member* find_member(uint32_t slot, uint32_t generation);

  /// The worker of this slot and generation is gone: whoever was to follow it, does.
  void forget(uint32_t slot, uint32_t generation);

  /// The successor is up: it takes the slot, and the old one leaves.
  void succeed(uint32_t slot);

  // -- reloads: pool_reload.cpp --

  /// What the next worker of the slot is made from.
  worker_spec_ptr spec_for(uint32_t slot);
  /// A worker has become ready that can do this. The error is why it must go.
  result<void> learn_tools(const member& x, const std::vector<core::tool_entry>& declared);
  void use_tools(std::shared_ptr<const core::tool_table> x);
  /// A worker of this revision did not start, or has crashed.
  void tell_trouble(uint32_t revision, const error& why, bool for_good);

  /// Answers those who wait for a new worker in the slot.
  void answer_recycles(uint32_t slot, const result<void>& x);

  /// A worker that is to be replaced, or has left for its successor.
  struct replacement {
    uint32_t generation = 0;
    core::recycle_reason why{};
    bool left = false;
    // When it left.
    duration age{0};
    uint64_t calls = 0;
  };

  /// Whether the slot will have a new worker.
  bool renew(uint32_t slot, core::recycle_reason why);

  /// Has workers leave that are to do so before their successors are started.
  void let_leave();

  /// The worker of the slot takes no more calls and ends when those that it has are done.
  void dismiss(uint32_t slot);

  void let_go(uint32_t slot, std::string_view why);

  // -- the number of workers: pool_scale.cpp; only with a `scaler` --

  /// Whether there are fewer workers now, for whose calls others may have room.
  bool scale();
  void shrink(size_t wanted);
  core::time_point scale_due() const;
  /// Since when the call that is served next has waited for a lane; `never`: none does.
  core::time_point waiting_since() const;
  void tell_scaled(size_t before, std::string_view because);

  /// The worker of the slot has become ready.
  void begin_life(uint32_t slot);

  /// Tells of a worker that was replaced.
  void note_replaced(uint32_t slot);

  /// Calls have ended on the worker.
  void note_ran(member& x, uint64_t calls);

  size_t calls_on(uint32_t slot, const member& x) const;

  /// The workers that there are, for the statistics.
  std::vector<worker_stats> worker_list() const;

  /// Why the slot has no worker to act on; nothing if it has one.
  std::optional<error> no_worker(uint32_t slot) const;

  /// Logs why a worker has ended.
  void note_certificate(const death_certificate& x);

  /// Workers that can serve: they are up and well.
  size_t ready() const;

  /// A worker that was ready has ended.
  void note_exit(const worker_down& x);

  /// The actor of a worker has ended without a word.
  void on_actor_down(uint32_t slot, const member& x);

  /// Queues the call or answers why not.
  void admit(core::call_ptr x);
  std::optional<error> refusal(core::call& x);

  /// Why the call cannot be done in time, if that is foreseen. Notes what it is worth.
  std::optional<error> unmeetable(core::call& x);

  /// Gives lanes with room what waits.
  void dispatch();

  /// Sends what is served next, or ends its waiting otherwise. False: nothing waits that may go, or
  /// no lane has room.
  bool dispatch_next();

  /// The same of the front. False: no lane has room.
  bool dispatch_front();

  /// Takes what the lane may have off the queue.
  core::batch_draft take(const core::lane_id& lane);
  void send(const core::lane_id& lane, std::vector<core::call_ptr> calls, duration worth,
            bool together = false);

  // -- calls that run in groups: see pool_groups.cpp --

  /// The call's tool if it wants its calls in groups, else null.
  const tool_description* batching(const core::call& x) const noexcept {
    return tools->any_batches() ? batching_tool(x) : nullptr;
  }
  const tool_description* batching_tool(const core::call& x) const noexcept;

  /// What a call adds to the time that those behind it wait, if runs of its tool take `mean`.
  duration worth_of(const core::call& x, duration mean) const noexcept;

  /// Lets the call wait for others to run with, if it is one to do so. `again`: it waited before.
  bool gather(core::call_ptr& x, bool again = false);
  /// The same for those that come back; what is left is to wait like any other.
  void gather_again(std::vector<core::call_ptr>& calls);

  /// Sends a group that is to go. False: no lane has room.
  bool dispatch_group(uint32_t key);

  /// Whether a call may be the next of these, which run as one or not as the first says.
  bool may_join(core::batch_draft& to, const core::call& x) const;

  // -- calls of sessions: see pool_affinity.cpp --

  static bool has_session(const core::call& x) noexcept {
    return !x.group->options.session.empty();
  }
  affinity mode_of(const core::call& x) const noexcept;
  bool serves(const core::worker_id& x) const;
  /// A lane of this worker that a call of that mode may be given now.
  std::optional<core::lane_id> lane_of(const core::worker_id& x, affinity mode) const;
  /// The same of the worker that the call's session has, if any.
  std::optional<core::lane_id> lane_of_session(const core::call& x);

  /// Why the call's session cannot have it run, if so.
  std::optional<error> affinity_refusal(const core::call& x);
  error worker_busy(const core::call& x) const;
  error worker_unavailable(const core::call& x) const;

  /// Sends a call that does not wait, if it has a worker.
  bool send_at_once(core::call_ptr& x);
  /// Where the front, a session's call, goes, if any lane may take it: `free` or one of its
  /// worker's. Nothing: it was set apart or answered.
  std::optional<core::lane_id> place_front(const core::lane_id& free);
  /// Whether the front may go along with others on a lane of this slot.
  bool may_ride(const core::call& x, uint32_t slot);
  /// A session's call goes to this worker.
  void bind(core::call& x, const core::worker_id& to, bool waited = false);
  /// Gives a slot that may have room the calls that wait for it alone.
  void serve_bound(uint32_t slot);
  void send_bound(const core::lane_id& lane);
  /// A call that was given to a worker for its session has not begun there.
  void unbind(core::call& x);

  // -- whoever makes calls as an actor: see pool_callers.cpp --

  struct caller {
    std::vector<std::shared_ptr<core::call_ticket>> calls; // some of which have ended
    size_t prune_at = 16;
  };
  void note_caller(core::call& x);
  void forget_callers();
  /// It is gone: nobody waits for its calls any more.
  void end_calls_of(caller x);

  /// The front of the queue if it may run; one that may not is answered.
  const core::call* next_call();

  /// Puts calls that no worker has begun back to the front of the queue.
  void take_back(std::vector<core::call_ptr> calls);

  // -- trouble, and what it is noticed by: pool_trouble.cpp --

  /// Whether any call may have to be refused by the breaker.
  bool has_open_circuit() const noexcept {
    return breaker && !breaker->all_closed();
  }
  /// Why the breaker lets the call not begin.
  std::optional<error> circuit_refusal(const core::call& x) const;
  /// The call that is not refused begins, or waits for that.
  void begin_circuit(core::call& x);
  void note_ends(const std::vector<core::call_end>& ends);
  /// Calls were lost with one worker.
  void note_loss(const std::vector<std::pair<core::call_ptr, error>>& lost);
  /// A call is answered that no worker has; the breaker may have let it through as a trial.
  void note_given_up(const core::call& x);
  void tell_circuits();
  /// A worker has ended that had been ready: perhaps it has crashed.
  void note_crash(const death_certificate& x);
  /// Calls succeeded on the slot's worker.
  void note_good_calls(uint32_t slot, size_t n);
  /// Ends the taints and alarms whose time is over.
  void end_trouble();
  core::time_point trouble_due() const {
    return std::min(taints.next_due(), crashes.next_due());
  }
  /// How long the calls of a batch have waited.
  void note_waits(const std::vector<core::call_ptr>& calls, core::time_point time);
  void add_trouble(pool_stats& to);

  // -- calls that were lost with their worker --

  using lost_call = std::pair<core::call_ptr, error>;

  /// Has them run again later, or answers them.
  void take_lost(worker_down& x);
  /// When it is to run again; nothing: it is not.
  std::optional<core::time_point> may_run_again(const core::call& x, reason why);
  void answer_lost(std::vector<lost_call> ends);
  /// Queues those whose pause is over.
  void run_again();
  /// Answers all that were to run again.
  void end_retries();
  /// A worker died while it ran this call and no other.
  void note_killer(const core::call& x, const death_certificate& of);
  /// Why the call is refused, if it has killed workers.
  std::optional<error> poisoned(const core::call& x);

  /// Looks after lanes as long as any holds more than one call.
  void keep_looking();
  void look_after(uint32_t slot, member& x, core::time_point time, bool others_idle);

  /// Starts the workers that are due.
  void start_workers();
  void start_worker(uint32_t slot, uint32_t generation);
  /// `revision`: what it was to be made from.
  void start_failed(uint32_t slot, uint32_t generation, uint32_t revision, error why,
                    bool for_good);

  /// Tells those who wait for the pool if there is something to tell.
  void answer_waiters();
  error not_ready() const;

  /// Answers a call that no worker has, or has any more.
  void give_up(core::call& x, error why);
  void give_up_cancelled(core::call& x);
  static error cancelled(const core::call& x);

  /// Answers what cannot run any more.
  void fail_queued(const error& why);
  void end_drain_if_done();

  /// Tells subscribers what has become of the pool.
  void note_standing();

  void note_resources();
  void arm();
  std::string state() const;
  core::time_point now() const {
    return self->clock().now();
  }

  // -- data -------------------------------------------------------------------

  pool_actor::pointer self;
  pool_settings settings;
  pool_world world;
  std::unique_ptr<core::call_queue> queue;
  std::unique_ptr<core::lane_board> board;
  std::unique_ptr<core::run_times> times;
  std::unique_ptr<core::slot_table> slots;
  std::unique_ptr<core::autoscaler> scaler; // null: their number stays
  std::shared_ptr<const core::tool_table> tools = std::make_shared<core::tool_table>();
  std::unique_ptr<core::poison_table> poison;
  std::unique_ptr<core::breaker> breaker; // null: it is off
  core::crash_barrier taints;
  core::crash_rate crashes;
  core::recent_times waits; // in the queue
  core::recent_times totals;
  core::retry_line retries;
  core::session_table sessions;
  affinity usual_affinity = affinity::hint;
  std::map<caf::actor_addr, caller> callers; // all monitored
  size_t sweep_callers_at = 64;
  core::pool_counters counters;
  core::pool_standing standing;
  pool_events events;

  caf::actor worker_supervisor;
  std::map<uint32_t, member> members; // by slot; the workers that are there or being started
  /// By slot and generation; still there, but their slots have others.
  std::map<std::pair<uint32_t, uint32_t>, member> leaving;
  std::map<uint32_t, member> successors; // by slot; they start while `members` has the old one
  worker_spec_ptr spec;
  std::map<uint32_t, worker_spec_ptr> trials;           // by slot; of the next worker
  bool mixed = false;                                   // revisions, while there is a reload
  std::shared_ptr<const core::tool_table> coming_tools; // of the newer one
  uint32_t coming_revision = 0;
  std::vector<recycle_order> recycles;
  std::map<uint32_t, replacement> replacements; // by slot
  caf::actor lifecycle;                         // null while it wants to know nothing
  std::vector<ready_waiter> waiters;
  std::optional<error> last_start_error;
  core::last_ends ends;
  std::optional<start_report> report;
  std::map<uint32_t, core::time_point> lost_at; // by slot; those whose worker was lost

  uint64_t crossing = 0; // calls that were sent to workers that were gone, and come back

  bool begun = false;     // to start workers
  bool saturated = false; // the last call that needed room found none

  bool draining = false;
  core::time_point drain_begun{};
  std::vector<std::function<void()>> drained;
  core::time_point drain_until = core::never;

  core::time_point armed = core::never;
  bool looking = false; // an `atom::look` is on its way
};

/// Runs every admitted call on one worker of its own, keeps its slots filled, and answers or hands
/// over every call. Lives as long as its supervisor; calls that wait in it when it ends by a fault
/// are answered `internal`.
pool_actor::behavior_type pool(pool_actor::stateful_pointer<pool_state> self,
                               pool_settings settings, pool_world world);

} // namespace snakepit
