#include "actors/io/host_environment.hpp"

#include <unistd.h>

namespace snakepit::io {

std::vector<std::string> host_environment() {
  auto result = std::vector<std::string>{};
  for (auto** x = environ; x && *x; ++x)
    result.emplace_back(*x);
  return result;
}

} // namespace snakepit::io
