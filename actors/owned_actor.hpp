#pragma once

#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>

#include <utility>

namespace snakepit {

/// A handle that kills its actor when it is dropped before the actor was known to be down.
///
/// A supervisor holds its children so: none outlives it, however it ends. CAF's links would do
/// this, but an actor goes with a link that was killed whatever its exit handler says (CAF 0.17),
/// and a supervisor must not go with its child.
class owned_actor {
public:
  owned_actor() = default;
  explicit owned_actor(caf::actor x) : handle_{std::move(x)} {}
  owned_actor(owned_actor&& x) noexcept : handle_{std::exchange(x.handle_, {})} {}
  owned_actor& operator=(owned_actor&& x) noexcept {
    std::swap(handle_, x.handle_);
    return *this;
  }
  ~owned_actor();

  explicit operator bool() const noexcept {
    return static_cast<bool>(handle_);
  }
  const caf::actor& get() const noexcept {
    return handle_;
  }
  bool is(const caf::actor_addr& x) const noexcept {
    return handle_ && handle_.address() == x;
  }

  /// Forgets an actor that is down.
  void release() {
    handle_ = {};
  }

private:
  caf::actor handle_;
};

} // namespace snakepit
