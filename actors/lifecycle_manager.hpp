#pragma once

#include "actors/core/rollout.hpp"
#include "actors/io/memory_meter.hpp"
#include "actors/lifecycle_messages.hpp"
#include "actors/pool_entry.hpp"
#include "actors/pool_events.hpp"
#include "actors/worker_spec.hpp"
#include "telemetry/metrics.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace snakepit {

/// The LIFECYCLE MANAGER actor interface: how long each worker of one pool lives.
using lifecycle_actor = caf::typed_actor<
  // The workers that there are. From the POOL, on `life_query`.
  caf::reacts_to<local<life_list>>,
  // What they hold. From the memory meter.
  caf::reacts_to<local<memory_taken>>,
  // An order came to nothing. From the POOL.
  caf::reacts_to<local<replace_refused>>,
  // From the runtime; answered when all workers are new, or the old ones are there again.
  caf::reacts_to<local<reload_order>>,
  // An order of a reload is over. From the POOL.
  caf::reacts_to<local<rollout_step>>,
  // A worker did not start, or has crashed, while there is a reload. From the POOL.
  caf::reacts_to<local<worker_trouble>>,
  // There is a new worker, or one has ended as many calls as it may. From the POOL.
  caf::reacts_to<atom::look>,
  // INTERNAL: something is due.
  caf::reacts_to<atom::tick>>;

/// How often memory is measured, if it is limited.
inline constexpr auto memory_interval = std::chrono::milliseconds{500};

/// What a LIFECYCLE MANAGER needs to know.
struct lifecycle_settings {
  std::string pool;
  recycle_config recycle{};
  uint64_t seed = 0;
  /// How long a worker is left alone that could not be replaced.
  duration pause = std::chrono::seconds{10};
  /// Of the workers, until there is a reload.
  worker_spec_ptr spec{};
  /// Failures of a new revision at which it is rolled back.
  size_t reload_failures = 5;
  /// After an order of a reload that came to nothing.
  duration reload_pause = std::chrono::seconds{1};
};

/// Who it talks to.
struct lifecycle_world {
  caf::actor pool;
  /// Null: memory is not measured.
  std::shared_ptr<io::memory_meter> meter;
  caf::actor spawner{};
  std::shared_ptr<pool_entry> entry{};
  std::shared_ptr<telemetry::log> log{};
  std::shared_ptr<telemetry::pool_metrics> metrics{};
  std::shared_ptr<telemetry::event_hub> events{};
};

/// Where a reload stands.
struct reload_job {
  worker_spec_ptr from;
  worker_spec_ptr to;
  std::vector<reload_order> requests;
};

/// The state of the LIFECYCLE MANAGER. What is to be done is decided by `rules`.
struct lifecycle_state {
  static inline const char* name = "lifecycle_manager";

  explicit lifecycle_state(lifecycle_actor::pointer self) : self{self} {}

  // -- message handlers -------------------------------------------------------

  void on_list(life_list& x);
  void on_memory(const memory_taken& x);
  void on_refused(const replace_refused& x);
  void on_reload(reload_order& x);
  void on_step(const rollout_step& x);
  void on_trouble(const worker_trouble& x);
  void on_look();
  void on_tick();

  // -- helpers ----------------------------------------------------------------

  void init(lifecycle_settings cfg, lifecycle_world w);

  /// Asks the POOL for its workers, unless it has been asked.
  void ask();

  /// Has done what is due by what is known of the workers.
  void decide();
  void replace(const core::recycle_rules::replacement& x);
  void end(const core::recycle_rules::worker& x);

  // -- reloads: lifecycle_reload.cpp --

  void begin_reload(reload_order x);
  /// The manager before has ended in the middle of one.
  void resume_reload();
  void begin_rollout();
  /// Has done what is due of the reload by what is known of the workers.
  void go_on();
  void adopt(uint32_t revision, bool over);
  void replace_for_reload(const core::recycle_rules::worker& who, worker_spec_ptr spec);
  void start_trial();
  void end_reload(core::rollout::ending x);
  /// Templates end whose workers are all gone.
  void retire();

  /// Has memory measured if that is due.
  void measure();

  /// Whether memory is to be measured as long as there are workers.
  bool measures() const {
    return world.meter && rules->measures();
  }
  void arm(core::time_point at);
  core::time_point now() const {
    return self->clock().now();
  }

  // -- data -------------------------------------------------------------------

  lifecycle_actor::pointer self;
  lifecycle_settings settings;
  lifecycle_world world;
  std::optional<core::recycle_rules> rules;

  std::vector<core::worker_life> workers;                  // as the POOL said last
  std::map<core::recycle_rules::worker, uint64_t> memory;  // measured last
  std::vector<core::recycle_rules::worker> being_measured; // in this order
  std::vector<uint32_t> starting;                          // their revisions
  size_t vacant = 0;                                       // slots
  bool is_first_list = true;
  core::rollout rollout{1, 1, duration{0}};
  worker_spec_ptr current;
  reload_job job;
  std::vector<reload_order> next_reload; // together, when this one is over
  std::vector<worker_spec_ptr> retiring;
  pool_events events;
  bool asking = false;
  core::time_point measure_at{};
  core::time_point armed = core::never;
};

/// Has the POOL replace workers that are too old, have ended too many calls, hold too much memory
/// or have had nothing to do for too long, end those that hold far too much, and replace all of
/// them by a new revision when it is told to. Lives as long as its pool's supervisor. If nothing is
/// limited it looks only when there is a new worker, until there is a reload.
lifecycle_actor::behavior_type
lifecycle_manager(lifecycle_actor::stateful_pointer<lifecycle_state> self,
                  lifecycle_settings settings, lifecycle_world world);

} // namespace snakepit
