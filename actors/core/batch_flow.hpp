#pragma once

#include <snakepit/batch.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace snakepit::core {

/// Decides how many items may be under way, so that workers never run dry, memory stays bounded and
/// no item waits long in the pool's queue, where its time already runs.
///
/// An item is *called* until its result is there, then *held* until the sink has it (a later
/// item waits for the one before it). One thread.
class batch_flow {
public:
  using time_point = std::chrono::steady_clock::time_point;

  using limits = batch_limits;

  batch_flow(limits x, time_point now);

  /// How many items may be called now.
  size_t room() const noexcept;

  /// How many are worth handing over together.
  size_t chunk() const noexcept;

  void called(size_t items, uint64_t argument_bytes) noexcept;
  void returned(size_t items, uint64_t argument_bytes, uint64_t result_bytes) noexcept;
  void written(size_t items, uint64_t result_bytes) noexcept;

  /// Adapts to the rate of results; call it when there are some.
  void adapt(time_point now) noexcept;

  size_t under_way() const noexcept {
    return called_;
  }
  size_t held() const noexcept {
    return held_;
  }

private:
  limits limits_;
  size_t allowed_;
  size_t called_ = 0;
  size_t held_ = 0;
  uint64_t argument_bytes_ = 0;
  uint64_t held_bytes_ = 0;
  uint64_t returned_ = 0;
  uint64_t result_bytes_ = 0;
  time_point since_;
  uint64_t returned_before_ = 0;
};

} // namespace snakepit::core
