#pragma once

#include "actors/io/process.hpp"

#include <snakepit/config.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace snakepit::io {

/// The template of one pool.
struct template_spec {
  /// What starts it, complete but for `channel`.
  launch_spec launch;
  /// Pause after a template was lost, before another one is tried.
  std::chrono::milliseconds retry = std::chrono::seconds{5};
  /// Workers are started by exec from now on, and why; once per reason. Any thread.
  std::function<void(const std::string& why)> on_fallback{};
  /// Workers are forked from now on; `took` since the template was begun. Any thread.
  std::function<void(duration took)> on_ready{};
  /// A template was lost, or could not be had, and why; each time. Any thread.
  std::function<void(const std::string& why)> on_lost{};
  /// A line that the template printed. Any thread.
  std::function<void(bool is_stderr, std::string_view line)> on_output{};
};

/// Forks workers from a warm template: started with the first launch, which waits for it. While
/// there is none (it cannot import, has threads, has died) `exec` starts them; a lost template is
/// tried again with a launch that comes after the pause, and used as soon as it is proved. A
/// template that dies takes its workers along: their exit status says so.
///
/// Processes that `exec` has started live until `exec` ends. Has a thread of its own.
result<std::unique_ptr<process_launcher>>
make_template_launcher(std::shared_ptr<process_launcher> exec, template_spec spec);

} // namespace snakepit::io
