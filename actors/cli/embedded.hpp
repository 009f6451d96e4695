#pragma once

#include "actors/cli/arguments.hpp"
#include "actors/cli/setup.hpp"
#include "actors/cli/signals.hpp"

#include <snakepit/runtime.hpp>

#include <functional>
#include <memory>

namespace snakepit::cli {

/// A runtime of the command's own, with one pool: ready when this exists, stopped by signals.
class embedded {
public:
  /// On a terminal `notice` is shown until it is ready. `on_signal` is called before the runtime is
  /// stopped at the first signal.
  static result<std::unique_ptr<embedded>> start(config cfg, signal_watch& signals,
                                                 const std::string& notice,
                                                 std::function<void()> on_signal);
  /// Stops it; calls in flight are ended.
  ~embedded();

  runtime& pool() noexcept {
    return runtime_;
  }

private:
  embedded(runtime x, signal_watch& signals) : runtime_{std::move(x)}, signals_{signals} {}

  runtime runtime_;
  signal_watch& signals_;
};

/// The tool of this name in the one pool of such a runtime; unknown_tool names those there are.
result<tool_shape> find_tool(runtime& pool, const std::string& name, const std::string& adapter);

} // namespace snakepit::cli
