#include "actors/core/environment.hpp"

namespace snakepit::core {

std::vector<std::string> merge_environment(const environment_layers& x) {
  std::map<std::string, std::string> all;
  for (const auto& entry : x.host) {
    // From 1: what begins with '=' has no name.
    auto end = entry.find('=', 1);
    if (end != std::string::npos)
      all.emplace(entry.substr(0, end), entry.substr(end + 1));
  }
  for (const auto& [name, value] : x.configured)
    all[name] = value;
  for (const auto& [name, value] : x.suggested)
    all.emplace(name, value);
  std::string path;
  for (const auto& folder : x.module_path)
    if (!folder.empty())
      path += (path.empty() ? "" : ":") + folder;
  if (!path.empty()) {
    auto& given = all["PYTHONPATH"];
    given = given.empty() ? path : path + ":" + given;
  }
  for (const auto& [name, value] : x.ours)
    all[name] = value;
  std::vector<std::string> out;
  out.reserve(all.size());
  for (const auto& [name, value] : all)
    out.push_back(name + "=" + value);
  return out;
}

} // namespace snakepit::core
