#pragma once

#include "actors/core/supervision.hpp"

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace snakepit {

/// What a factory may know of the place where its child is started. Valid during the factory's
/// call; the handles may be kept.
struct start_context {
  caf::actor_system& system;

  /// The supervisor that starts the child. A child must not link to it: CAF 0.17 ends an actor
  /// whose link was killed, whatever its exit handler says.
  caf::actor supervisor;

  /// The child of that name that runs now, or null. Those before this one in the list do run,
  /// unless they ended for good; under one_for_one their successor is another actor.
  std::function<caf::actor(const std::string&)> sibling;
};

/// How to start, restart and stop one child.
struct child_spec {
  /// Unique in its supervisor, not empty.
  std::string name;

  /// Spawns the child and returns it at once; the child counts as started then. May throw or return
  /// null: the start failed. Runs on the supervisor's thread, once per start. A typed actor comes
  /// as `caf::actor_cast<caf::actor>(x)`.
  std::function<caf::actor(const start_context&)> start;

  core::restart_type restart = core::restart_type::permanent;

  core::shutdown_grace grace{};
};

/// One level of a supervision tree as plain data: build it, print it, test it.
struct supervisor_spec {
  /// For messages and status.
  std::string name = "supervisor";

  core::restart_strategy strategy = core::restart_strategy::one_for_one;

  core::stop_order stop = core::stop_order::reverse;

  /// More than `intensity` restarts within `period` and the supervisor gives up. Levels multiply:
  /// keep upper ones low.
  size_t intensity = 1;
  std::chrono::milliseconds period{5'000};

  /// Started in this order.
  std::vector<child_spec> children;

  /// Told of each abnormal end of a child, each failed start, each child killed after its grace and
  /// the restart that was one too many, before it acts on it; for logs and counters. Runs on the
  /// supervisor's thread; must not throw.
  std::function<void(const std::string& child, const std::string& what)> on_fault{};
};

} // namespace snakepit
