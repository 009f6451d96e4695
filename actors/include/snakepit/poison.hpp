#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace snakepit {

/// A call that is refused since it has killed workers, see `pool_config::poison`. Its arguments are
/// not kept.
struct poisoned_call {
  std::string pool;
  std::string tool;
  std::string cause;                  ///< how the last worker died: "SIGSEGV"
  size_t deaths = 0;                  ///< of workers
  std::chrono::milliseconds since{0}; ///< since the last of them
  std::chrono::milliseconds left{0};  ///< until it is forgotten
};

} // namespace snakepit
