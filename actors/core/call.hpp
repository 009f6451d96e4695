#pragma once

#include "actors/core/reply_slot.hpp"
#include "actors/core/worker_protocol.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace snakepit::core {

using time_point = std::chrono::steady_clock::time_point;

/// No time limit.
inline constexpr time_point never = time_point::max();

/// `now + x`, or `never` if that is out of range.
inline time_point later(time_point now, std::chrono::nanoseconds x) {
  return x >= never - now ? never : now + std::chrono::duration_cast<time_point::duration>(x);
}

/// Names one worker process of a pool. Generations count from 1.
struct worker_id {
  uint32_t slot = 0;
  uint32_t generation = 0;

  friend bool operator==(const worker_id&, const worker_id&) = default;
};

/// What all calls of one submission share.
struct call_group {
  std::string tool;
  call_options options;
};

/// How a handle finds its call again. Only the POOL reads and writes it.
struct call_ticket {
  /// Of the call; 0: it gets one.
  uint64_t id = 0;
  /// The call while it waits in the pool's queue.
  struct call* queued = nullptr;
  /// The worker it was handed to, if `queued` is null.
  uint32_t slot = 0;
  uint32_t generation = 0;
  /// Set when cancelled before the pool saw the call.
  bool cancelled = false;
  /// It was cancelled since its caller is gone.
  bool caller_gone = false;
};

/// One request for a tool, from its admission until it is answered.
struct call {
  static constexpr uint32_t unresolved = UINT32_MAX;
  static constexpr size_t not_in_heap = SIZE_MAX;
  static constexpr size_t in_chain = SIZE_MAX - 1;
  static constexpr uint32_t for_any = UINT32_MAX;

  uint64_t id = 0;
  std::shared_ptr<const call_group> group;
  payload_kind kind = payload_kind::json;
  /// JSON text of the arguments object, or the raw bytes.
  std::string data;
  std::vector<std::string> attachments;
  /// Index in the pool's tool table.
  uint32_t tool = unresolved;
  /// Whether `data` was checked against the tool's schema.
  bool checked = false;
  /// Whether it was let through as a trial, see `breaker`.
  bool trial = false;
  /// Which run this is; 1 for the first.
  uint32_t attempt = 1;
  time_point admitted{};
  /// When it was sent to a worker, the last time; stays when it comes back.
  time_point sent{};
  time_point deadline = never;
  /// Bound on waiting; never later than `deadline`.
  time_point queue_deadline = never;
  reply_slot slot;
  /// Null unless somebody may cancel it.
  std::shared_ptr<call_ticket> ticket;

  uint64_t bytes() const noexcept {
    auto n = uint64_t{data.size()};
    for (auto& x : attachments)
      n += x.size();
    return n;
  }

  /// What it adds to the wait of those behind it, foreseen when it was admitted; 0: not known.
  std::chrono::nanoseconds worth{0};

  /// The worker that it was sent to for its session's sake and no other's; generation 0: none.
  worker_id bound{};

  // Places in the call_queue, which alone touches them.
  uint32_t waits_for = for_any; // slot, or key of a group
  time_point held_until{};      // in its group
  call* previous = nullptr;
  call* next = nullptr;
  call* sooner = nullptr; // neighbours in its chain
  call* later = nullptr;
  size_t heap_index = not_in_heap;
  uint64_t queued_bytes = 0;
};

using call_ptr = std::unique_ptr<call>;

/// Calls on their way to the pool. If the pool is not there to take them they are refused.
struct submission {
  std::vector<call_ptr> calls;

  submission() = default;
  submission(submission&&) = default;
  submission& operator=(submission&&) = default;
  ~submission() {
    for (auto& x : calls)
      if (x)
        x->slot.answer(fail(reason::unavailable, "the pool is being restarted"));
  }
};

} // namespace snakepit::core
