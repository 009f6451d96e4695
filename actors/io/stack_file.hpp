#pragma once

#include "actors/io/descriptor.hpp"

#include <snakepit/error.hpp>

#include <string>

namespace snakepit::io {

/// The file into which one worker writes the stacks of its threads: a memfd that only the two know.
/// Everything is appended to it, so the host may make it empty at any time. Any thread.
class stack_file {
public:
  stack_file() = default;

  /// `theirs` gets the descriptor that the worker inherits.
  static result<stack_file> make(descriptor& theirs);

  explicit operator bool() const noexcept {
    return static_cast<bool>(fd_);
  }

  /// Forgets what was written.
  void clear() noexcept;

  size_t size() const noexcept;

  /// What was written since, the last `core::max_stack_text` bytes of it.
  std::string text() const;

private:
  descriptor fd_;
};

} // namespace snakepit::io
