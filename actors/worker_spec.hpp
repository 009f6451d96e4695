#pragma once

#include "actors/io/process.hpp"
#include "actors/worker.hpp"

#include <functional>
#include <memory>

namespace snakepit {

/// What the workers of a pool are made from: one for first starts, restarts, replacements and
/// reloads. A reload makes the next *revision* of it.
struct worker_spec {
  /// Counts reloads from 1. One that was rolled back keeps its number.
  uint32_t revision = 1;
  /// Makes the configuration of the worker of a slot and generation.
  std::function<result<worker_config>(uint32_t slot, uint32_t generation)> make;
  /// What starts the template that they are forked from; null: the pool's first one, or none.
  std::shared_ptr<const io::launch_spec> origin{};
  /// The same begun anew, as the revision of this number, with templates of its own.
  std::function<std::shared_ptr<const worker_spec>(uint32_t revision)> again{};
};

using worker_spec_ptr = std::shared_ptr<const worker_spec>;

} // namespace snakepit
