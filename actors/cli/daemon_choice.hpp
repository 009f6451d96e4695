#pragma once

#include "actors/cli/command.hpp"
#include "actors/io/control_client.hpp"

#include <memory>
#include <string>

namespace CLI {
class App;
}

namespace snakepit::cli {

/// Which daemon a command talks to.
struct daemon_choice {
  common_options common;
  std::string address; ///< empty: $SNAKEPIT_ADDRESS, else as the configuration says
};

/// Adds `--address`.
void add_address_option(CLI::App& command, daemon_choice& x);

/// Adds `--address`, `-c,--config` and `--json`.
void add_daemon_options(CLI::App& command, daemon_choice& x);

/// Connects to it. `unavailable` with the detail "daemon" if there is none.
result<std::unique_ptr<io::control_client>> connect(const daemon_choice& x);

/// As `report`, and exit code 5 where the failure is that there is no daemon.
int report_daemon(const error& x, bool json);

} // namespace snakepit::cli
