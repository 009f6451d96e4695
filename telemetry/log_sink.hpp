#pragma once

#include <snakepit/error.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <spdlog/sinks/sink.h>

namespace snakepit::telemetry {

// Where lines go. A sink throws spdlog_ex when a line could not be written, which the logger
// counts.

/// Appends to the file, which is made with mode 0640 if there is none. Fails with invalid_config.
result<std::shared_ptr<spdlog::sinks::sink>> file_sink(const std::string& file);

/// Writes to stderr, wherever that leads at the time of writing.
std::shared_ptr<spdlog::sinks::sink> stderr_sink();

/// Calls the function with each line, one at a time.
std::shared_ptr<spdlog::sinks::sink> function_sink(std::function<void(std::string_view)> take);

} // namespace snakepit::telemetry
