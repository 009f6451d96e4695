#pragma once

#include "actors/io/control_socket.hpp"
#include "actors/io/control_types.hpp"

#include <functional>
#include <memory>

namespace snakepit::io {

/// What a control server answers with. Each function may be called by several threads at once and
/// must not block, unless it says that it may.
struct control_source {
  /// Starts a call; `done` is called once. What it returns gives the call up; any thread.
  std::function<std::function<void()>(control_call, std::function<void(outcome)> done)> call;
  /// May block for a few seconds; by one thread at a time. The pid is filled in by the server.
  std::function<control_status()> status;
  /// The latest first.
  std::function<std::vector<recorded_death>()> deaths;
  std::function<void(const std::string& pool, uint32_t slot,
                     std::function<void(result<stack_report>)> done)>
    stacks;
  std::function<void(const std::string& pool, uint32_t slot,
                     std::function<void(result<void>)> done)>
    recycle;
  /// May block for a moment; by one thread at a time.
  std::function<void(const std::string& pool, std::function<void(result<reload_summary>)> done)>
    reload;
  std::function<result<void>(const std::string& level, const std::string& category)> log_level;
  std::function<result<std::vector<tool_description>>(const std::string& pool)> tools;
  /// May block for a few seconds; by one thread at a time. `clear`: and has them forgotten.
  std::function<std::vector<poisoned_call>(bool clear)> poisoned;
  /// Somebody else than our user or root has connected, and is not served.
  std::function<void(uint32_t uid)> refused;
};

/// Serves `snakepit.v1` on a control socket, to our own user and to root alone. The end of a
/// connection cancels its calls; nothing that a client does or does not do holds the server up.
class control_server {
public:
  virtual ~control_server() = default; ///< Cuts all connections. Their calls are given up.

  virtual const std::string& path() const noexcept = 0;

  /// Serves until the object ends. A request above `most_bytes` is refused. What is still asked
  /// of the source after the server has ended is answered into the void. Fails with `internal`.
  static result<std::unique_ptr<control_server>> start(control_socket listener,
                                                       control_source source, size_t most_bytes);
};

} // namespace snakepit::io
