#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace snakepit::core {

/// The process that a run lives in.
struct host_identity {
  int64_t pid = 0;
  uint64_t start_time = 0;
  /// Where these numbers mean something: its namespaces of pids and of time.
  std::string place{};

  friend bool operator==(const host_identity&, const host_identity&) = default;
};

/// What stands in the environment of all processes of a run. Descendants have it too, unless they
/// are given another environment.
struct process_marks {
  std::string run{};      ///< SNAKEPIT_RUN_ID
  std::string instance{}; ///< SNAKEPIT_INSTANCE
  host_identity host{};   ///< SNAKEPIT_HOST
};

/// How an instance is called in marks and file names: NAME, or NAME+ID. Neither can hold a "+".
std::string instance_label(std::string_view name, std::string_view id);

/// The variables.
std::map<std::string, std::string> to_variables(const process_marks& x);

/// Whether the variable is one of ours.
bool is_mark(std::string_view name);

/// Reads the marks in an environment as /proc/PID/environ shows it; nothing unless it has a run.
/// What is missing or makes no sense is empty. Of a name that stands twice the first counts.
std::optional<process_marks> read_marks(std::string_view environment);

} // namespace snakepit::core
