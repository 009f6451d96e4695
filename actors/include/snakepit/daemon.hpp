#pragma once

#include <snakepit/runtime.hpp>

#include <functional>
#include <memory>
#include <string>

namespace snakepit {

/// Where the daemon of a configuration is found: "unix:" and the path of its control socket, which
/// is instance.name, and instance.id if there is one, in instance.run_dir.
std::string daemon_address(const config& cfg);

/// How a `pool_daemon` lives.
struct daemon_options {
  /// A control socket for this run alone, so that many live side by side; nobody finds it who is
  /// not told. Else the one of `daemon_address`, which one daemon has at a time.
  bool private_socket = false;
  /// What workers leave behind becomes a child of this process, is reaped when it ends and ended
  /// when the daemon stops. For a program that is nothing but a daemon.
  bool adopts_orphans = false;
  /// Reads the configuration again, for a reload. None: it stays what it was. May be called by
  /// several threads at once.
  std::function<result<config>()> reread{};
};

/// A runtime that other processes of the same user reach over its control socket: the command
/// line's `status`, `call --daemon` and so on, see docs/daemon.md. Movable; any thread.
class pool_daemon {
public:
  class implementation;

  /// Fails as `runtime::start` does, and with invalid_config if the control socket cannot be used;
  /// if a daemon is there already, its pid is the detail "pid". It takes requests at once; see
  /// `runtime::await_ready`.
  static result<pool_daemon> start(config cfg, const daemon_options& options = {});

  explicit pool_daemon(std::unique_ptr<implementation> x) noexcept;
  pool_daemon(pool_daemon&&) noexcept;
  pool_daemon& operator=(pool_daemon&&) noexcept;
  /// Stops it with the configured drain time.
  ~pool_daemon();

  runtime& pools() noexcept;

  /// As `runtime::reload`, with the configuration that `reread` gives; what that fails with, if it
  /// does.
  void reload(const std::string& pool, std::function<void(result<reload_summary>)> done);

  /// "unix:/path", what $SNAKEPIT_ADDRESS tells a program.
  const std::string& address() const noexcept;

  /// As `runtime::stop`; requests are answered until it is through, then the socket is gone.
  result<void> stop();
  result<void> stop(duration drain);

private:
  std::unique_ptr<implementation> impl_;
};

} // namespace snakepit
