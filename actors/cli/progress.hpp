#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace snakepit::cli {

/// How far a long job is.
struct progress {
  uint64_t items = 0;
  uint64_t errors = 0;
  uint64_t retries = 0;
  std::chrono::duration<double> elapsed{0};
  /// Items a second, lately.
  double rate = 0;
  /// From 0 to 1, if it is known how much there is to do.
  std::optional<double> share;
};

/// One line of at most `width` columns: "[######----]  61% 1,234 items  512/s  3 errors  0:12
/// left".
std::string draw(const progress& x, size_t width);

/// The whole job in a line, for its end: "1,234 items in 2.4 s (512/s), 3 failed, 2 retries".
std::string summary(const progress& x);

} // namespace snakepit::cli
