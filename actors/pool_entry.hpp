#pragma once

#include "actors/core/tool_table.hpp"
#include "actors/death_ring.hpp"

#include <caf/actor.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace snakepit {

struct worker_spec;

/// Where those who make calls find a pool: its actor, which may be another one after a fault, its
/// tools, what its workers are made from, and how they have ended. Any thread.
class pool_entry {
public:
  /// `deaths` is what the pools of a runtime have in common.
  explicit pool_entry(std::shared_ptr<death_ring> deaths = std::make_shared<death_ring>())
    : deaths_{std::move(deaths)} {}

  death_ring& deaths() const noexcept {
    return *deaths_;
  }
  caf::actor actor() const {
    auto guard = std::lock_guard{mutex_};
    return actor_;
  }
  std::shared_ptr<const core::tool_table> tools() const {
    auto guard = std::lock_guard{mutex_};
    return tools_;
  }
  void set_actor(caf::actor x) {
    auto guard = std::lock_guard{mutex_};
    actor_ = std::move(x);
    changed_.notify_all();
  }
  /// Of the pool's LIFECYCLE MANAGER.
  caf::actor lifecycle() const {
    auto guard = std::lock_guard{mutex_};
    return lifecycle_;
  }
  void set_lifecycle(caf::actor x) {
    auto guard = std::lock_guard{mutex_};
    lifecycle_ = std::move(x);
    changed_.notify_all();
  }
  /// What the last reload has left; null: none has changed anything. Outlives the pool's actor.
  std::shared_ptr<const worker_spec> spec() const {
    auto guard = std::lock_guard{mutex_};
    return spec_;
  }
  void set_spec(std::shared_ptr<const worker_spec> x) {
    auto guard = std::lock_guard{mutex_};
    spec_ = std::move(x);
  }
  /// For the next reload.
  uint32_t next_revision() {
    auto guard = std::lock_guard{mutex_};
    return ++last_revision_;
  }
  /// The highest one a worker of the pool has had. Outlives the pool's actor: no two workers of a
  /// run have one name, nor have two deaths one id.
  uint32_t last_generation() const {
    auto guard = std::lock_guard{mutex_};
    return last_generation_;
  }
  void note_generation(uint32_t x) {
    auto guard = std::lock_guard{mutex_};
    last_generation_ = std::max(last_generation_, x);
  }
  /// Waits until both actors are there. Returns whether they are.
  bool await_actors(std::chrono::milliseconds timeout) const {
    auto guard = std::unique_lock{mutex_};
    return changed_.wait_for(guard, timeout, [this] { return actor_ && lifecycle_; });
  }
  void set_tools(std::shared_ptr<const core::tool_table> x) {
    auto guard = std::lock_guard{mutex_};
    tools_ = std::move(x);
  }

private:
  const std::shared_ptr<death_ring> deaths_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  caf::actor actor_;
  caf::actor lifecycle_;
  std::shared_ptr<const worker_spec> spec_;
  uint32_t last_revision_ = 1;
  uint32_t last_generation_ = 0;
  std::shared_ptr<const core::tool_table> tools_ = std::make_shared<core::tool_table>();
};

} // namespace snakepit
