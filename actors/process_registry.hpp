#pragma once

#include "actors/core/ledger_entry.hpp"
#include "actors/io/ledger.hpp"
#include "actors/messages.hpp"
#include "telemetry/event_source.hpp"
#include "telemetry/metrics.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace snakepit {

/// A worker's process is about to be started.
struct reservation {
  core::worker_key who;
};

/// The process of a reservation is there.
struct process_started {
  uint64_t id;
  core::worker_key who;
  core::process_identity process;
};

/// The process of a reservation is gone, or was never started.
struct process_ended {
  uint64_t id;
};

/// A write has ended.
struct ledger_written {
  uint64_t number;
  result<void> end;
};

/// The PROCESS REGISTRY actor interface: the one way to the ledger.
using process_registry_actor = caf::typed_actor<
  // A worker is about to be started. Answered with the number of its entry once that is durable; at
  // once, or after `registry_patience`, if the ledger is degraded. From a SPAWNER.
  caf::replies_to<local<reservation>>::with<uint64_t>,
  // Its process is there. From a SPAWNER's launcher.
  caf::reacts_to<local<process_started>>,
  // Its process is gone. From whoever had the process.
  caf::reacts_to<local<process_ended>>,
  // A write has ended. From the ledger.
  caf::reacts_to<local<ledger_written>>,
  // INTERNAL: something is due.
  caf::reacts_to<atom::tick>>;

/// A write that takes longer makes the ledger degraded: starts do not wait for it.
inline constexpr auto registry_patience = std::chrono::milliseconds{500};

/// How long a degraded ledger is left alone before it is tried again.
inline constexpr auto registry_pause = std::chrono::seconds{2};

/// Where spawners find the registry, which may be another one after a fault, and others how its
/// ledger does. Outlives all registries of a runtime. Any thread.
class registry_entry {
public:
  caf::actor actor() const {
    auto guard = std::lock_guard{mutex_};
    return actor_;
  }
  void set_actor(caf::actor x) {
    auto guard = std::lock_guard{mutex_};
    actor_ = std::move(x);
  }

  /// Why the ledger is degraded; empty if it is not.
  std::string trouble() const {
    auto guard = std::lock_guard{mutex_};
    return trouble_;
  }
  void set_trouble(std::string x) {
    auto guard = std::lock_guard{mutex_};
    trouble_ = std::move(x);
  }

  /// None is given twice.
  uint64_t next_id() noexcept {
    return ++last_id_;
  }

private:
  mutable std::mutex mutex_;
  caf::actor actor_;
  std::string trouble_;
  std::atomic<uint64_t> last_id_{0};
};

/// Who a registry talks to.
struct registry_world {
  std::shared_ptr<registry_entry> entry;
  std::shared_ptr<io::ledger> ledger;
  std::shared_ptr<telemetry::log> log;
  std::shared_ptr<telemetry::event_hub> events;
};

struct process_registry_state {
  static inline const char* name = "process_registry";

  explicit process_registry_state(process_registry_actor::pointer self) : self{self} {}

  // -- message handlers -------------------------------------------------------

  caf::result<uint64_t> on_reservation(const reservation& x);
  void on_started(process_started& x);
  void on_ended(const process_ended& x);
  void on_written(const ledger_written& x);
  void on_tick();

  // -- helpers ----------------------------------------------------------------

  /// What is written about an entry now.
  void note(const core::ledger_row& x);

  /// Writes what has changed, unless a write is out or the ledger is left alone.
  void flush();

  /// Answers the spawners that wait for the write that is out.
  void answer();

  void degrade(const std::string& why);
  void recover();
  void arm(core::time_point at);
  core::time_point now() const {
    return self->clock().now();
  }

  // -- data -------------------------------------------------------------------

  process_registry_actor::pointer self;
  registry_world world;
  telemetry::event_source events;

  using live_entry = std::variant<core::reserved_entry, core::active_entry>;
  struct waiting {
    uint64_t id;
    caf::typed_response_promise<uint64_t> promise;
  };

  std::map<uint64_t, live_entry> live;
  std::map<uint64_t, core::ledger_row> changed; // since the last write was begun
  std::vector<waiting> next;                    // for the next write
  std::vector<waiting> riding;                  // for the one that is out
  std::map<uint64_t, core::ledger_row> written; // by the one that is out
  std::set<uint64_t> durable;                   // live ones that have been written
  bool out = false;
  bool late = false; // the one that is out has taken too long
  uint64_t number = 0;
  core::time_point due = core::never;      // of the one that is out
  core::time_point retry_at = core::never; // while degraded
  bool degraded = false;
  core::time_point degraded_since{};
  core::time_point armed = core::never;
};

/// Keeps the ledger of the processes that this run owns. Lives as long as the runtime; after a
/// fault its successor knows nothing of the entries that are there, but harms none.
process_registry_actor::behavior_type
process_registry(process_registry_actor::stateful_pointer<process_registry_state> self,
                 registry_world world);

} // namespace snakepit

CAF_BEGIN_TYPE_ID_BLOCK(snakepit_registry, SNAKEPIT_FIRST_TYPE_ID + 180)

CAF_ADD_TYPE_ID(snakepit_registry, (snakepit::local<snakepit::reservation>))
CAF_ADD_TYPE_ID(snakepit_registry, (snakepit::local<snakepit::process_started>))
CAF_ADD_TYPE_ID(snakepit_registry, (snakepit::local<snakepit::process_ended>))
CAF_ADD_TYPE_ID(snakepit_registry, (snakepit::local<snakepit::ledger_written>))

CAF_END_TYPE_ID_BLOCK(snakepit_registry)
