#pragma once

#include "actors/cli/daemon_choice.hpp"

#include <snakepit/call_options.hpp>

#include <string>

namespace snakepit::cli {

/// Runs one call on a daemon and prints its result; returns the exit code. `json` is an object, or
/// what goes to the tool's only required parameter. A signal cancels it.
/// `with_receipt`: also tells what it took.
int call_on_daemon(const daemon_choice& where, const std::string& tool, const std::string& json,
                   const call_options& options, bool with_receipt = false);

} // namespace snakepit::cli
