#pragma once

#include "actors/core/tool_table.hpp"

#include <caf/actor.hpp>

#include <memory>
#include <mutex>

namespace snakepit {

/// Where those who make calls find a pool: its actor, which may be another one after a fault, and
/// its tools. Any thread.
class pool_entry {
public:
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
  }
  void set_tools(std::shared_ptr<const core::tool_table> x) {
    auto guard = std::lock_guard{mutex_};
    tools_ = std::move(x);
  }

private:
  mutable std::mutex mutex_;
  caf::actor actor_;
  std::shared_ptr<const core::tool_table> tools_ = std::make_shared<core::tool_table>();
};

} // namespace snakepit
