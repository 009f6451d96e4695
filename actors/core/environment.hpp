#pragma once

#include <map>
#include <string>
#include <vector>

namespace snakepit::core {

/// What a worker's environment is made of. A later layer wins over an earlier one.
struct environment_layers {
  /// 0. What Snakepit suggests for names that nobody else gives.
  std::map<std::string, std::string> suggested{};
  /// 1. The host's, "NAME=value" each. Of a name that stands twice the first counts, as in getenv.
  std::vector<std::string> host{};
  /// 2. `python.env` of the configuration.
  std::map<std::string, std::string> configured{};
  /// 3. What Snakepit says (SNAKEPIT_RUN_ID, SNAKEPIT_SOCKET, ...).
  std::map<std::string, std::string> ours{};
  /// Put before the PYTHONPATH that layers 1 and 2 give: the folder of the bridge package first,
  /// then `python.path`. Empty ones are left out, since an empty entry means the current folder.
  std::vector<std::string> module_path{};
};

/// The complete environment as "NAME=value", sorted by name.
std::vector<std::string> merge_environment(const environment_layers& x);

} // namespace snakepit::core
