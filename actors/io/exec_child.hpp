#pragma once

#include "actors/io/descriptor.hpp"
#include "actors/io/worker_limits.hpp"

#include <snakepit/error.hpp>

#include <sys/types.h>

namespace snakepit::io {

/// How many descriptors a worker finds: 0 to 8, see docs/wire.md, "Start".
inline constexpr int worker_descriptors = 9;
/// Sources of these are at or above this number, so that none is overwritten before its turn.
inline constexpr int first_source = 10;
/// The number of the lifetime pipe's read end in the worker.
inline constexpr int lifetime_descriptor = 5;

/// Everything that happens between clone and exec, prepared: the child allocates nothing. Plain
/// pointers, valid until `spawn_child` returns.
struct child_plan {
  const char* executable = nullptr;
  char* const* arguments = nullptr;   ///< argv, null terminated
  char* const* environment = nullptr; ///< null terminated
  const char* directory = nullptr;    ///< null: the host's
  int sources[worker_descriptors] = {};
  worker_limits limits{};
  const worker_user* user = nullptr; ///< null: the host's
};

/// A child that has executed its program; not yet reaped.
struct child {
  pid_t pid = 0;
  descriptor pidfd;
};

/// The step that failed, and its errno.
struct child_failure {
  const char* step = nullptr;
  int number = 0;
};

/// The stack on which children run until they exec.
class child_stack {
public:
  static result<child_stack> make();

  child_stack(child_stack&& x) noexcept : base_{std::exchange(x.base_, nullptr)} {}
  child_stack& operator=(child_stack&&) = delete;
  ~child_stack();

  void* top() const noexcept;

private:
  explicit child_stack(void* base) : base_{base} {}

  void* base_;
};

/// Starts the program as the leader of a session of its own and returns when it has been executed
/// or has failed (its process is then gone). The calling thread stands still meanwhile, others do
/// not.
tl::expected<child, child_failure> spawn_child(const child_plan& plan, const child_stack& stack);

/// Closes every descriptor from `first` on without the kernel's close_range; what `spawn_child`
/// does on a kernel before 5.9. Async-signal-safe.
void close_from_by_listing(int first) noexcept;

} // namespace snakepit::io
