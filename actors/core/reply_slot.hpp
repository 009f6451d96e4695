#pragma once

#include <snakepit/runtime.hpp>

#include <cstdint>
#include <memory>
#include <utility>

namespace snakepit::core {

/// Where the ends of calls go: a caller's callback, its future, or a CAF response. One target may
/// stand behind many calls, told apart by `tag`.
class reply_target {
public:
  virtual ~reply_target() = default;

  /// Called exactly once per tag, from whatever thread holds the call then. Must not block or
  /// throw.
  virtual void answer(uint64_t tag, outcome end) noexcept = 0;
};

/// The right and the duty to answer one call. Moves with the call from the pool's queue to the
/// worker's table; answering empties it. A slot that is destroyed full answers `internal` itself:
/// that a call gets exactly one reply is a property of this type.
///
/// One thread at a time.
class reply_slot {
public:
  reply_slot() = default;
  reply_slot(std::shared_ptr<reply_target> target, uint64_t tag)
    : target_{std::move(target)}, tag_{tag} {}

  reply_slot(reply_slot&& other) noexcept : target_{std::move(other.target_)}, tag_{other.tag_} {}
  reply_slot& operator=(reply_slot&& other) noexcept {
    if (this != &other) {
      abandon();
      target_ = std::move(other.target_);
      tag_ = other.tag_;
    }
    return *this;
  }
  ~reply_slot() {
    abandon();
  }

  explicit operator bool() const noexcept {
    return target_ != nullptr;
  }

  /// Answers and empties the slot. Does nothing on an empty one.
  void answer(outcome end) noexcept {
    if (auto target = std::exchange(target_, nullptr))
      target->answer(tag_, std::move(end));
  }

private:
  void abandon() noexcept {
    if (target_)
      answer(fail(reason::internal, "the part of the runtime that held the call is gone",
                  {{"cause", "actor_lost"}}));
  }

  std::shared_ptr<reply_target> target_;
  uint64_t tag_ = 0;
};

} // namespace snakepit::core
