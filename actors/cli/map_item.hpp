#pragma once

#include <snakepit/runtime.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace snakepit::cli {

/// Where an item of the input stands.
struct map_place {
  uint64_t index = 0; ///< among the items of this run, from 0
  uint64_t line = 0;  ///< in the input, from 1
  uint64_t end = 0;   ///< bytes of input up to the end of its line
  uint64_t bytes = 0; ///< of its arguments
};

/// An item on its way to the pool: arguments, or why there are none.
struct map_item {
  map_place place;
  result<arguments> what;
};

/// An item with its end.
struct map_result {
  map_place place;
  std::string text;                 ///< JSON, if it succeeded
  std::unique_ptr<error> why;       ///< if it failed
  std::unique_ptr<arguments> again; ///< if it may be tried again
  unsigned attempt = 0;
};

} // namespace snakepit::cli
