#pragma once

#include "actors/io/process.hpp"
#include "actors/messages.hpp"
#include "actors/process_registry.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <memory>

namespace snakepit {

/// The SPAWNER actor interface: starts the worker processes of one pool.
using spawner_actor = caf::typed_actor<
  // Starts one process. What comes of it goes to the order's callbacks; sent by a WORKER.
  caf::reacts_to<local<launch_order>>,
  // Templates are needed no more. From the LIFECYCLE MANAGER.
  caf::reacts_to<local<retire_order>>>;

struct spawner_state {
  static inline const char* name = "spawner";

  explicit spawner_state(spawner_actor::pointer self) : self{self} {}

  void on_launch(local<launch_order>& x);

  /// Starts the process, with the entry of this number in the ledger; 0: without one.
  void launch(launch_order& x, uint64_t entry);

  spawner_actor::pointer self;
  /// Null: there is no ledger.
  std::shared_ptr<registry_entry> registry;
  /// Outlives every spawner: processes refer to it.
  std::shared_ptr<io::process_launcher> launcher;
};

/// Passes orders to the launcher, which works on a thread of its own, once the REGISTRY has an
/// entry for the process; without one if that does not answer. Lives as long as its pool's
/// supervisor; the processes that it started do not depend on it.
spawner_actor::behavior_type spawner(spawner_actor::stateful_pointer<spawner_state> self,
                                     std::shared_ptr<io::process_launcher> launcher,
                                     std::shared_ptr<registry_entry> registry);

} // namespace snakepit
