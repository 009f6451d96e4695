#include "actors/cli/daemon_choice.hpp"

#include "actors/cli/address.hpp"
#include "actors/cli/report.hpp"
#include "actors/cli/setup.hpp"

#include <snakepit/daemon.hpp>

#include <CLI/CLI.hpp>

#include <cstdlib>

namespace snakepit::cli {

namespace {

result<std::string> address_of(const daemon_choice& x) {
  if (!x.address.empty())
    return x.address;
  if (auto* told = std::getenv("SNAKEPIT_ADDRESS"); told && *told)
    return std::string{told};
  auto cfg = read_config(x.common);
  if (!cfg)
    return tl::unexpected{std::move(cfg.error())};
  return daemon_address(*cfg);
}

} // namespace

void add_address_option(CLI::App& command, daemon_choice& x) {
  command
    .add_option("--address", x.address, "The daemon [$SNAKEPIT_ADDRESS, by the configuration]")
    ->type_name("unix:PATH");
}

void add_daemon_options(CLI::App& command, daemon_choice& x) {
  add_address_option(command, x);
  command
    .add_option("-c,--config", x.common.config_file,
                "Configuration of the daemon [$SNAKEPIT_CONFIG, ./snakepit.yaml, built-in]")
    ->type_name("FILE");
  add_json_option(command, x.common);
}

result<std::unique_ptr<io::control_client>> connect(const daemon_choice& x) {
  return address_of(x).and_then(socket_path).and_then(io::control_client::connect);
}

int report_daemon(const error& x, bool json) {
  auto code = report(x, json);
  if (x.details.count("daemon") > 0)
    return exit_no_daemon;
  return code;
}

} // namespace snakepit::cli
