#pragma once

#include "actors/core/heartbeat.hpp"
#include "actors/core/in_flight.hpp"
#include "actors/core/lane_proof.hpp"
#include "actors/core/loop_watch.hpp"
#include "actors/core/revocation.hpp"
#include "actors/io/worker_channel.hpp"
#include "actors/lifecycle_messages.hpp"
#include "actors/messages.hpp"
#include "actors/pool_events.hpp"
#include "telemetry/metrics.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace snakepit {

/// The WORKER actor interface: one Python process and its channel.
using worker_actor = caf::typed_actor<
  // The process is there, or not. From the launcher.
  caf::reacts_to<local<launched>>,
  // The process accepts connections. From its side socket.
  caf::reacts_to<atom::listening>,
  // The process cannot start. From its side socket.
  caf::reacts_to<local<start_refused>>,
  // The end of the handshake. From the channel.
  caf::reacts_to<local<greeted>>,
  // Finals of calls. From the channel.
  caf::reacts_to<local<core::results>>,
  // A stream has ended. From the channel.
  caf::reacts_to<local<lane_closed>>,
  // The answer to a heartbeat. From the channel.
  caf::reacts_to<local<heartbeat_answer>>,
  // The process has ended. From the launcher, last.
  caf::reacts_to<local<io::exit_status>>,
  // Calls to run. From the POOL; those that cannot run any more go back with `worker_down`.
  caf::reacts_to<local<lane_batch>>,
  // A call is not wanted any more. From the POOL.
  caf::reacts_to<local<cancel_order>>,
  // A lane should be looked after. From the POOL.
  caf::reacts_to<local<lane_look>>,
  // The stacks that were asked for. From the process.
  caf::reacts_to<local<stacks_taken>>,
  // Somebody wants to see the stacks. From the POOL.
  caf::reacts_to<local<stacks_query>>,
  // Another one has its slot, or will: it is to end when what it has been given is done. With what
  // there is to say of the reason. From the POOL.
  caf::reacts_to<atom::leave, std::string>,
  // It is to be ended now. From the LIFECYCLE MANAGER, through the POOL.
  caf::reacts_to<local<end_order>>,
  // The POOL has seen `worker_down` and sends nothing any more.
  caf::reacts_to<atom::buried>,
  // INTERNAL: something is due.
  caf::reacts_to<atom::tick>>;

/// Everything one worker needs to know.
struct worker_config {
  io::launch_spec launch;
  core::hello hello;
  duration start_timeout = std::chrono::seconds{30};
  duration cancel_grace = std::chrono::seconds{2};
  /// If a call has to be ended with its worker: how long the calls of other lanes may go on.
  duration drain = std::chrono::seconds{30};
  heartbeat_config heartbeat{};
  duration health_interval = std::chrono::seconds{30};
  /// Whether the POOL has a breaker, which wants to know how single calls have ended.
  bool tells_ends = false;
  /// How long the process has to end by itself when the worker is told to stop.
  duration stop_grace = std::chrono::seconds{2};
};

/// How long beyond its `stop_grace` a worker's actor may take to end: kill, settle, bury.
inline constexpr auto worker_patience = std::chrono::seconds{4};

/// Who a worker talks to.
struct worker_world {
  caf::actor pool;
  caf::actor spawner;
  std::function<std::unique_ptr<io::worker_channel>(io::channel_events)> make_channel;
  std::shared_ptr<telemetry::log> log;
  /// Makes the writes of workers that have a barrier visible; false if this kernel cannot.
  std::function<bool()> barrier;
  std::shared_ptr<telemetry::pool_metrics> metrics;
  std::shared_ptr<telemetry::event_hub> events;
};

/// Where a worker stands; it only ever goes down this list, or straight to `dying`.
///
///   spawning --launched--> binding --listening--> greeting --greeted--> probing --finals--> ready
///       |                     |                      |                     |                  |
///       +---- refused, timeout, exit, lost stream ---+---------------------+        exit_msg  |
///                             |                                                       v       |
///                             |                                                   stopping    |
///                             v                                                       v       |
///                           dying  <--------------- exit, lost stream, overrun ---------------+
///                             |  pidfd readable, Hello answered, streams closed (for a while)
///                             v
///                          settled: every call answered or returned; calls that the POOL sent
///                             |      meanwhile go back to it
///                             v  buried, or the POOL is gone
///                          the actor ends
enum class worker_phase { spawning, binding, greeting, probing, ready, stopping, dying, settled };

/// The phase's name; that of the last ones is "stopping".
std::string_view to_string(worker_phase x);

/// What a worker in this phase does, for "... while it ...".
std::string_view doing(worker_phase x);

struct worker_state {
  static inline const char* name = "worker";

  explicit worker_state(worker_actor::pointer self) : self{self} {}

  // -- message handlers -------------------------------------------------------

  void on_launched(launched& x);
  void on_listening();
  void on_refused(start_refused& x);
  void on_greeted(greeted& x);
  void on_results(core::results& x);
  void on_lane_closed(lane_closed& x);
  void on_heartbeat(const heartbeat_answer& x);
  void on_exit(io::exit_status& x);
  void on_batch(lane_batch& x);
  void on_cancel(cancel_order& x);
  void on_look(lane_look& x);
  void on_stacks(stacks_taken& x);
  void on_query(stacks_query& x);
  void on_leave(std::string why);
  void on_end(end_order& x);
  void on_buried();
  void on_tick();

  /// Told to stop by its supervisor.
  void on_stop();

  /// Nobody is there to say `buried`.
  void on_pool_down();

  // -- helpers ----------------------------------------------------------------

  struct lane {
    core::in_flight calls;
    core::lane_page page;
    bool closed = false;
    uint64_t acked = 0;      // highest number whose final has come
    uint64_t last_batch = 0; // its first number
    core::time_point sent_at{};
    core::revocation revocation;
    core::lane_proof proof;
    bool limited = false;                   // the page's limit is lowered
    core::time_point look_at = core::never; // while it has to look again without a barrier
    /// The abandoned call that is being interrupted, 0: none.
    uint64_t overrun = 0;
    core::time_point again_at = core::never;
    core::time_point kill_at = core::never;

    /// The highest number whose run began. The worker wrote it: not above what was sent.
    uint64_t claimed() const {
      return std::min(page.claimed(), calls.next_seq() - 1);
    }
  };

  /// Asks the SPAWNER for the process.
  void launch();

  /// The answer to Hello, when the process has ended already: it may say why.
  void on_late_answer(greeted& x);

  /// A lane has answered its probe.
  void on_proved(core::results& x);
  void become_ready();

  /// The start has failed: `why` is kept, the process is given a moment to end by itself.
  void refuse(error why);

  /// Gives the process a moment to end by itself, then ends it.
  void expect_end(std::string because);

  /// Ends the process group, once its stacks are there or have been waited for, a second at most;
  /// `because` goes into the certificate.
  void kill(std::string because);
  /// Nobody has answered in time: with what the process has written until now.
  void end_unseen();
  stack_report stacks_so_far(std::chrono::milliseconds waited) const;

  /// Ends it now.
  void kill_now(std::string because);

  /// Asks the process for its stacks; `on_stacks` follows, unless the launcher ends.
  void take_stacks(stacks_taken::what why, std::chrono::milliseconds limit);

  /// A call whose deadline has passed while it runs: its answer waits for the stacks.
  struct overdue_call {
    core::call_ptr call;
    uint32_t lane = 0;
    uint64_t seq = 0;
    core::time_point at; // not longer than this
  };

  /// Takes the call unless it is to be answered at once.
  bool hold_overdue(uint32_t index, uint64_t seq, core::call_ptr& call);
  /// Whether an answer waits for the stacks, of a call up to this number.
  bool is_held(const lane& x, uint64_t seq) const;

  /// Answers those that have waited enough.
  void expire_overdue();
  void answer_overdue(const std::function<bool(const overdue_call&)>& which,
                      const std::shared_ptr<const stack_report>& seen);

  /// That the call was not done by its deadline.
  static error deadline_error(const core::call& x);

  /// The call is answered so though it ran. Of one lane only those run that run as one.
  void note_late(lane_done& to, const core::call& x) const {
    if (cfg.tells_ends)
      core::note_end(to.ends, x, core::call_end::way::late, true);
  }

  /// Of the certificate that there will be.
  std::string certificate_id() const;

  /// Whether it is to end and takes no more calls.
  bool is_leaving() const {
    return !condemned_by.empty() || !doomed.empty();
  }

  /// Numbers the calls and sends them, as many of one payload kind at a time as follow each other.
  /// `together`: they are of one, and run as one.
  void send(uint32_t index, std::vector<core::call_ptr> calls, bool together = false);

  /// Ends the calls whose finals have come, by whatever way.
  void take_finals(core::results& x);

  /// Takes the finals that the lane's journal has and the stream has not brought.
  void read_journal(uint32_t index);

  /// Takes back what the lane has not begun.
  void revoke(uint32_t index);

  /// Looks whether what is above the lowered limit can be taken back by now.
  void try_taking(uint32_t index);

  /// Numbers above `floor` will never be begun: their calls go back to the POOL.
  void take_above(uint32_t index, uint64_t floor);

  /// Lets the lane have calls again.
  void release(uint32_t index);

  /// A call and the error that ends it.
  using ending = std::pair<core::call_ptr, error>;

  /// Answers calls, after the POOL was told: who has an answer must find it counted.
  void answer(std::vector<ending> ends, lane_done done);

  /// Answers the calls whose deadline has passed, and takes back what has not begun if one of them
  /// has not.
  void expire(uint32_t index);

  /// Sees to an abandoned call that still runs, or a group all of whose calls are: interrupts it,
  /// then ends the worker.
  void press(lane& x);

  /// The process has to end for the call that runs on a lane: at once, or when what runs on others
  /// has ended.
  void condemn(const lane& x, uint64_t running);

  /// Whether a call runs on the lane that is not yet answered.
  static bool runs_for_somebody(const lane& x);

  /// Ends the process that is to leave if nobody waits for anything in it, or has waited enough.
  void leave_if_done();

  /// Asks the process to end by itself, within its grace.
  void ask_to_end(std::string because);

  /// From `ready` on the worker is looked after: see worker_health.cpp.
  void begin_health();
  void look_at_health();
  void look_at_heartbeat();
  void look_at_proof(uint32_t index);
  void send_probe(uint32_t index);
  bool is_idle(const lane& x) const;
  /// All lanes are on one event loop: whether it comes round.
  void look_at_loop();
  /// Lanes on one loop are proved together.
  const core::lane_proof& proof_of(const lane& x) const {
    return cfg.hello.on_loop ? lanes.front().proof : x.proof;
  }
  /// The lane has sent something. Returns whether it was held.
  bool note_life(lane& x, core::time_point time);
  /// What can be seen of it from outside.
  core::heartbeat::sight what_it_does() const;
  /// It does not answer, or a probe does not end: its lanes get nothing, and what it has not begun
  /// goes elsewhere.
  void hold_lane(uint32_t index);
  void hold_lanes();
  /// It answers heartbeats again.
  void recovered();
  /// Lanes that were held for its health's sake may have calls again.
  void relieve();
  void log_silence(core::heartbeat::verdict what, const pool_events::silence& x);
  /// The tool of a call that it has claimed and not done; empty if there is none.
  std::string running_tool() const;
  /// Tells the POOL if what it thinks of the worker is not true any more.
  void tell_health();
  bool is_held(const lane& x) const {
    return proof_of(x).held() || heartbeat.silent() || loop.blocked();
  }
  core::time_point health_due() const;

  /// What the lane waits for next.
  core::time_point next_due(const lane& x) const;

  /// Once the process is gone and nothing can arrive any more, accounts for every call.
  void settle_if_done();
  void settle();
  std::shared_ptr<const death_certificate>
  certify(const std::vector<core::in_flight::settlement>& settlements);

  /// How long the call that the lane has claimed last has run.
  std::chrono::milliseconds time_since_claim(const core::lane_page& x) const;

  /// Makes sure that `on_tick` comes at `at` or before.
  void arm(core::time_point at);
  void arm_all();

  /// Measures the phase of the start that is over.
  void note_phase(telemetry::start_phase x);

  void tell_pool(lane_done x);
  lane_done done_on(uint32_t index) const;
  /// Whether calls for this lane go back.
  bool takes_none(uint32_t index) const;
  core::time_point now() const {
    return self->clock().now();
  }
  bool starting() const {
    return phase < worker_phase::ready;
  }
  uint32_t tool_number(const core::call& x);
  worker_name its_name() const;

  // -- data -------------------------------------------------------------------

  worker_actor::pointer self;
  worker_config cfg;
  worker_world world;
  pool_events events;
  worker_phase phase = worker_phase::spawning;
  worker_phase phase_at_exit = worker_phase::spawning;
  bool was_ready = false;

  // The channel goes first: its callbacks must be over before the process object is.
  std::unique_ptr<io::process> process;
  /// For the log, which other threads write; 0 until known.
  std::shared_ptr<std::atomic<int64_t>> pid = std::make_shared<std::atomic<int64_t>>(0);
  std::unique_ptr<io::worker_channel> channel;

  std::vector<lane> lanes;
  std::unordered_map<std::string, uint32_t> tools; // numbers by name
  std::vector<core::tool_entry> hello_tools;       // until the pool has them
  const core::call_group* last_group = nullptr;    // of the tool looked up last
  std::shared_ptr<const core::call_group> last_group_owner;
  uint32_t last_number = 0;
  bool hello_is_out = false;
  bool has_barrier = false;
  size_t unproved = 0; // lanes whose probe is out

  core::loop_watch loop;     // if all lanes are on one
  core::heartbeat heartbeat; // before it is ready it is off
  bool told_well = true;     // what the POOL was told last

  std::optional<error> start_error;
  bool pool_gone = false;
  bool was_told = false; // to end by itself, when it was there
  std::string ended_by_us;
  std::string explained;                  // if it is that by which we end it,
  std::string explanation;                // there is this to say of it
  std::string doomed;                     // why we end it, once its stacks are there
  core::time_point doom_at = core::never; // without them
  std::optional<stack_report> stacks;     // taken last
  std::vector<overdue_call> overdue;
  bool asking = false; // for the stacks of overdue calls
  core::time_point ask_again_at{};
  std::string culprit;      // the tool whose call is why we ended it, or will
  std::string condemned_by; // why, if it is to leave
  core::time_point leave_at = core::never;
  std::optional<io::exit_status> exit;
  std::vector<core::call_ptr> returned;
  uint64_t calls_done = 0;
  uint64_t calls_received = 0;

  core::time_point born{};
  core::time_point phase_begun{};
  core::time_point start_deadline = core::never;
  core::time_point kill_at = core::never; // the process should have ended by itself
  std::string kill_because;
  core::time_point settle_at = core::never; // nobody is waited for any longer
  core::time_point armed = core::never;
};

/// Owns one process from its start to its end and answers every call that it was given, whatever
/// happens. Ends normally when its process is gone and settled, having sent the POOL one
/// `worker_down`, and `worker_up` before if it became ready.
worker_actor::behavior_type worker(worker_actor::stateful_pointer<worker_state> self,
                                   worker_config cfg, worker_world world);

} // namespace snakepit
