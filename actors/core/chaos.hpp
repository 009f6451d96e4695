#pragma once

#include <snakepit/config.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace snakepit::core {

/// A fault that a worker makes on purpose.
struct chaos_fault {
  std::string word; ///< which one, see `chaos_words`
  double rate = 0;  ///< the share of calls that it befalls
  uint64_t nth = 0; ///< not 0: instead the nth call of each worker
};

/// The faults that there are.
const std::vector<std::string>& chaos_words();

/// Reads what the configuration says. Errors are `invalid_config`: they name the fault, and the
/// detail "path" is its key below `chaos`.
result<std::vector<chaos_fault>> chaos_faults(const chaos_config& x);

} // namespace snakepit::core
