#pragma once

#include <string>
#include <string_view>

namespace snakepit::cli {

/// The service manager that has started us, as sd_notify(3) describes it: $NOTIFY_SOCKET names a
/// socket for datagrams. Without one nothing is told to anybody.
class service_manager {
public:
  /// Takes the variable out of the environment, lest those whom we start speak for us. To be made
  /// before any thread is started.
  service_manager();
  explicit service_manager(std::string socket) : socket_{std::move(socket)} {}

  /// Sends lines such as "READY=1". Returns 0, or the errno of what went wrong.
  int tell(std::string_view lines) const noexcept;

private:
  std::string socket_;
};

} // namespace snakepit::cli
