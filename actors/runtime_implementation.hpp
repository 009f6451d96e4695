#pragma once

#include "actors/io/ledger.hpp"
#include "actors/io/memory_meter.hpp"
#include "actors/io/process.hpp"
#include "actors/io/run_directory.hpp"
#include "actors/pool.hpp"
#include "actors/process_registry.hpp"
#include "actors/settings.hpp"
#include "telemetry/admin_server.hpp"
#include "telemetry/event_hub.hpp"

#include <snakepit/runtime.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace snakepit {

/// An actor system of our own, where the embedder has none.
struct own_system {
  own_system();

  caf::actor_system_config config;
  caf::actor_system system;

private:
  static caf::actor_system_config& prepared(caf::actor_system_config& x);
};

/// Runs `f` on a thread of its own and waits for it. CAF 0.17 leaves a reference to the system's
/// logger in every thread that makes a system or spawns an actor, and the system's destructor waits
/// until all of them are gone: for ever, if such a thread lives on and another one destroys. False:
/// there can be no more threads now, and nothing was done.
template <class F>
bool apart(F f) {
  try {
    std::thread{std::move(f)}.join();
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

/// What stands behind a `runtime`: the tree's root, and for each pool where to find it.
class runtime::implementation {
public:
  struct pool_place {
    std::string name;
    duration call_timeout;
    duration queue_timeout;
    uint64_t payload_bytes;
    std::shared_ptr<pool_entry> entry;
    std::shared_ptr<telemetry::pool_metrics> metrics;
  };

  /// Starts the tree. `own` is null if the system is the embedder's.
  static result<runtime> start(config cfg, std::unique_ptr<own_system> own,
                               caf::actor_system* system);

  implementation();
  /// Only if it was never started, or has stopped; else see `dispose`.
  ~implementation();

  /// Stops and destroys it, as far as that can be done.
  static void dispose(std::unique_ptr<implementation> x);

  /// Whether a callback of a call runs on this thread.
  static bool& in_callback() noexcept;

  result<const pool_place*> find(const std::string& pool) const;

  /// Makes a call and hands it to its pool; what cannot be called is answered at once.
  void submit(std::string_view tool, std::vector<arguments> args, const call_options& options,
              std::shared_ptr<core::reply_target> target,
              std::shared_ptr<core::call_ticket> ticket);

  /// Asks a pool for readiness until `until`.
  result<start_report> await(const std::string& pool, duration timeout, bool all);

  /// Of every pool; one that does not answer within `timeout` is "stopped".
  std::vector<pool_stats> stats(duration timeout) const;

  /// Of every pool that answers within `timeout`; `clear`: and has them forgotten.
  std::vector<poisoned_call> poisoned(duration timeout, bool clear);

  /// See `runtime::reload`. No `wanted`: the configuration stays.
  void reload(const std::string& pool, std::optional<config> wanted,
              std::function<void(result<reload_summary>)> done);

  result<void> stop(duration drain);

  // Order matters: what is declared later goes first.
  std::string run_id;
  config cfg;
  std::shared_ptr<telemetry::log> log;
  telemetry::metrics metrics;
  std::shared_ptr<telemetry::event_hub> events;
  const std::shared_ptr<death_ring> deaths = std::make_shared<death_ring>();
  std::shared_ptr<io::run_directory> directory;
  std::unique_ptr<own_system> own;
  std::shared_ptr<io::sqlite_ledger> ledger;
  std::shared_ptr<registry_entry> registry;
  std::shared_ptr<io::process_launcher> launcher;
  /// Null if no pool limits the memory of its workers.
  std::shared_ptr<io::memory_meter> meter;
  /// Those of pools with a template; each uses `launcher` where it cannot fork.
  std::vector<std::shared_ptr<io::process_launcher>> forks;
  std::vector<pool_place> pools;
  settings_context context; // what all have in common
  caf::actor root;
  bool root_was_made = false;
  std::unique_ptr<telemetry::admin_server> admin;
  std::string admin_address;
  subscription sink; // of the configuration
  std::atomic<bool> stopping{false};

private:
  /// What a reload is to make the workers of a pool from; null: from what they are.
  struct reload_plan {
    const pool_place* place;
    result<spec_maker> make;
  };
  result<std::vector<reload_plan>> plan_reload(const std::string& pool,
                                               const std::optional<config>& wanted,
                                               std::vector<std::string>& ignored);

  result<void> start_admin();
  /// Starts the thread that ends everything later: then there may be no more threads.
  result<void> start_closer();

  // The ledger of processes: see runtime_ledger.cpp.

  /// Opens it and settles what dead runs have left. Fails if the instance has an id and runs
  /// already, or the folder is not ours.
  result<void> open_ledger(const instance_config& instance);
  /// Variables for the environment of all our processes.
  std::map<std::string, std::string> marks(const instance_config& instance) const;
  void tell(const cleanup_report& x);
  /// Removes it, unless a process of ours is still there.
  void close_ledger();

  struct drain_state;

  /// Lets the pools drain for no longer than this from now on.
  void shorten_drain(duration limit);
  result<void> stop_now();
  /// Ends everything; on a thread of its own.
  void close();
  void stop_launchers();
  /// SIGKILL to all workers and templates.
  void kill_all();

  std::mutex reload_mutex_;
  const std::shared_ptr<drain_state> drain_;
  bool drain_is_begun_ = false; // under its mutex
  std::mutex launchers_;        // while the launchers go
  std::thread closer_;
  std::promise<bool> close_; // false: there is nothing to end
  bool is_closing_ = false;
  std::future<void> closed_;
  std::vector<int64_t> survivors_; // the closer's, until it is through
  std::mutex stop_mutex_;
  bool stopped_ = false;
  result<void> stop_result_;
};

/// For those of our own sources that have a `runtime` and need what is behind it.
struct runtime_access {
  static runtime::implementation& of(runtime& x) {
    return *x.impl_;
  }
};

/// "12, 13".
std::string pids_text(const std::vector<int64_t>& pids);

/// How a handle reaches its call.
struct call_handle::state {
  state() = default;
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  /// The last handle is dropped.
  ~state();

  void cancel() const;
  /// Whether somebody else has the ticket: its call is not answered yet.
  bool is_under_way() const {
    return ticket && ticket.use_count() > 1;
  }

  uint64_t id = 0;
  bool cancel_on_drop = false;
  std::shared_ptr<core::call_ticket> ticket;
  std::shared_ptr<pool_entry> entry;
};

} // namespace snakepit
