#pragma once

#include "actors/lifecycle_messages.hpp"
#include "actors/supervisor.hpp"
#include "actors/tree.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/event_ledger.hpp"
#include "tests/support/scripted_world.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace snakepit {

/// Processes hold what the test says.
struct scripted_meter : io::memory_meter {
  std::map<int64_t, uint64_t> bytes; // by pid
  size_t asked = 0;
  bool silent = false; // as if /proc were stuck

  bool measure(std::vector<io::memory_target> targets, callback done) override {
    ++asked;
    auto out = std::vector<uint64_t>{};
    for (auto& x : targets)
      out.push_back(bytes[x.pid]);
    if (!silent)
      done(std::move(out));
    return true;
  }
};

/// A whole runtime tree with one pool, on the test coordinator, over a scripted world.
struct pool_fixture : actor_fixture {
  struct end {
    int answers = 0;
    std::optional<outcome> last;
    std::shared_ptr<core::call_ticket> ticket;
  };

  scripted_world world;
  std::shared_ptr<pool_entry> entry = std::make_shared<pool_entry>();
  std::vector<std::unique_ptr<end>> ends;
  caf::actor root;
  std::shared_ptr<telemetry::log> log = quiet_log();
  std::shared_ptr<telemetry::event_hub> events = std::make_shared<telemetry::event_hub>(log);
  test::event_ledger ledger;
  pool_config cfg;
  std::shared_ptr<scripted_meter> meter = std::make_shared<scripted_meter>();
  /// Of the ledger; with no entry there is none.
  registry_world registry;
  uint32_t lanes = 1;
  bool on_loop = false; ///< all lanes are on one event loop
  /// What happens at a memory barrier; the scripted world has no caches.
  std::function<bool()> barrier = [] { return true; };
  duration cancel_grace = std::chrono::seconds{2};
  duration drain = std::chrono::seconds{30};
  duration stop_grace = std::chrono::seconds{2};
  /// How reloads have ended.
  std::deque<std::optional<result<reload_report>>> reloads;
  /// Of the calls that are submitted from now on.
  call_options options;

  pool_fixture() {
    cfg.name = "p";
    cfg.workers = 1;
    cfg.health_interval = infinite; // else idle workers want probes answered
  }
  ~pool_fixture() {
    if (root)
      caf::anon_send_exit(root, caf::exit_reason::kill);
    end_all();
  }

  /// From now on the ledger is told of all events.
  void listen();

  /// Starts the tree; workers do nothing until they are told to.
  void start();

  /// Starts the tree and takes all workers to where they are ready.
  void start_ready();

  /// Moves a worker from its order to ready.
  void bring_up(scripted_worker& x);

  /// A worker that was asked to end does, and the host is told.
  void leave(scripted_worker& x);

  /// Ends a worker as the kernel would and tells the host.
  void crash(scripted_worker& x, int signal);

  /// Tells the host of the end of a worker that has ended.
  void tell_end(scripted_worker& x);

  /// The certificate of the worker that ended last.
  std::shared_ptr<const death_certificate> last_death() const;

  /// Submits one call; its place in `ends` comes back.
  size_t submit(const std::string& data, duration timeout = infinite,
                duration queue_timeout = infinite, const std::string& tool = "work");

  /// Submits several in one message, without running the actors.
  std::vector<size_t> submit_all(std::vector<std::string> data, duration timeout = infinite,
                                 duration queue_timeout = infinite,
                                 const std::string& tool = "work", bool run_now = true);

  void cancel(size_t call);

  /// What workers of this revision are made from; from 2 on it has an origin.
  worker_spec_ptr make_spec(uint32_t revision);

  /// Asks for a reload, with `make` to another specification; its place in `reloads` comes back.
  size_t reload(bool run_now = true, spec_maker make = nullptr);

  bool answered(size_t call) const {
    return ends[call]->answers > 0;
  }
  /// The text of a call that succeeded.
  std::string text(size_t call) const;
  /// The error of a call that failed.
  const error& failure(size_t call) const;

  pool_stats stats();

  scripted_worker& worker(size_t i) {
    return *world.workers.at(i);
  }

private:
  static std::shared_ptr<telemetry::log> quiet_log();
};

} // namespace snakepit
