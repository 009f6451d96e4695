#pragma once

#include <snakepit/config.hpp>

#include <string>
#include <vector>

namespace snakepit {

/// One thing that was looked at.
struct check {
  enum class verdict {
    ok,
    warn, ///< works, but not as well as it could, or not for long
    fail  ///< no worker can start, or not this adapter
  };

  std::string name; ///< "interpreter", "grpcio", "adapter numpy_stats:Stats"
  verdict result = verdict::ok;
  std::string found;  ///< what is there, in one line
  std::string advice; ///< what to do; empty if all is well
};

/// Looks at what workers need: interpreter, grpcio, bridge package, run directory, limits, kernel,
/// and that the adapter can be loaded. Empty adapter: those of the pools. Starts interpreters, one
/// after the other, none longer than `start.timeout`; blocks as long.
std::vector<check> examine(const config& cfg, const std::string& adapter = {});

} // namespace snakepit
