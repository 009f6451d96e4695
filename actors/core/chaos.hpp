#pragma once

#include <snakepit/config.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace snakepit::core {

/// A fault that is made on purpose: by a worker, or by the host when it starts one.
struct chaos_fault {
  std::string word; ///< which one, see `chaos_words`
  double rate = 0;  ///< the share of calls that it befalls, or of starts
  uint64_t nth = 0; ///< not 0: instead the nth call of each worker, or the nth worker of each slot

  bool is_hosts() const {
    return word == "no_start";
  }
};

/// The faults that there are.
const std::vector<std::string>& chaos_words();

/// Reads what the configuration says. Errors are `invalid_config`: they name the fault, and the
/// detail "path" is its key below `chaos`.
result<std::vector<chaos_fault>> chaos_faults(const chaos_config& x);

/// Whether one of the faults has it that this worker is not started. The same each time.
bool start_fails(const std::vector<chaos_fault>& faults, uint64_t seed, uint32_t slot,
                 uint32_t generation);

} // namespace snakepit::core
