#include "actors/cli/address.hpp"

namespace snakepit::cli {

result<std::string> socket_path(const std::string& address) {
  constexpr std::string_view scheme = "unix:";
  auto path = address.starts_with(scheme) ? address.substr(scheme.size()) : std::string{};
  if (path.starts_with("//"))
    path.erase(0, 2);
  if (path.empty())
    return fail(reason::invalid_argument,
                "the address " + address + " is not unix:/path, the control socket of a daemon");
  return path;
}

} // namespace snakepit::cli
