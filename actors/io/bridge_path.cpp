#include "actors/io/bridge_path.hpp"

#include <cstdlib>
#include <filesystem>

namespace snakepit::io {

result<std::string> find_bridge() {
  if (auto* told = std::getenv("SNAKEPIT_BRIDGE_PATH"); told != nullptr && *told != '\0')
    return find_bridge_in({told});
  return find_bridge_in({SNAKEPIT_BUILD_BRIDGE, SNAKEPIT_INSTALLED_BRIDGE});
}

result<std::string> find_bridge_in(const std::vector<std::string>& folders) {
  namespace fs = std::filesystem;
  std::string tried;
  for (const auto& folder : folders) {
    std::error_code bad;
    auto path = fs::absolute(folder, bad);
    if (!bad && fs::is_regular_file(path / "snakepit_bridge" / "__init__.py", bad))
      return path.string();
    tried += (tried.empty() ? "" : ", ") + folder;
  }
  return fail(reason::internal,
              "the Python package snakepit_bridge was not found in " + tried
                + "; set SNAKEPIT_BRIDGE_PATH to the folder that holds it",
              {{"tried", tried}});
}

} // namespace snakepit::io
