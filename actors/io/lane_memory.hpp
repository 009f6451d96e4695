#pragma once

#include "actors/core/lane_page.hpp"
#include "actors/io/descriptor.hpp"

#include <snakepit/error.hpp>

#include <cstdint>
#include <memory>

namespace snakepit::io {

/// The lane pages of one worker: a memfd, sealed so that neither side can make it shorter under the
/// other's feet, mapped here as long as this object or a view of it lives.
class lane_memory {
public:
  static constexpr uint32_t max_lanes = 4096;

  /// Makes and maps it, every section prepared; `fd` gets the descriptor that the worker inherits.
  static result<lane_memory> make(uint32_t lanes, descriptor& fd);

  /// The view of one lane's section, which keeps the memory; empty if there is no such lane.
  core::lane_page page(uint32_t lane) const noexcept;

private:
  std::shared_ptr<void> base_;
  uint32_t lanes_ = 0;
};

} // namespace snakepit::io
