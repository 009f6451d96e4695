#pragma once

#include "actors/child_spec.hpp"
#include "actors/io/memory_meter.hpp"
#include "actors/pool.hpp"
#include "actors/process_registry.hpp"

#include <memory>
#include <vector>

namespace snakepit {

/// One configured pool: what its tree is made of.
struct pool_plan {
  pool_settings settings;
  /// `spawner` is filled in by the tree.
  pool_world world;
  std::shared_ptr<io::process_launcher> launcher;
  /// Null: there is no ledger.
  std::shared_ptr<registry_entry> registry;
  /// Null: memory is not measured.
  std::shared_ptr<io::memory_meter> meter{};
};

/// The supervision tree of a runtime as plain data.
///
///   root                              one_for_one
///   ├── process registry              the ledger of the processes that this run owns
///   └── pools                         one_for_one, one child per configured pool
///       └── pool supervisor           rest_for_one
///           ├── spawner               starts processes
///           ├── pool                  admission, queue, scheduling, readiness
///           ├── worker supervisor     one_for_one, temporary children named slot.generation
///           │   └── worker            owns ONE Python process and its channel
///           └── lifecycle manager     how long workers live
///
/// The list is the order of start, its reverse the order of stop. Without `registry` there is none
/// of these.
supervisor_spec root_tree(std::vector<pool_plan> pools, const std::shared_ptr<telemetry::log>& log,
                          const registry_world& registry = {});

} // namespace snakepit
