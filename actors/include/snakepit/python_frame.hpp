#pragma once

#include <cstdint>
#include <string>

namespace snakepit {

/// One line of a Python traceback.
struct python_frame {
  std::string file;
  uint32_t line = 0;
  std::string function;
  std::string text; ///< the source line, if it could be read
};

} // namespace snakepit
