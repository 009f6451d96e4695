#pragma once

#include <snakepit/reasons.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <string>

namespace snakepit::core {

/// What happened to the calls of a pool since it started.
class pool_counters {
public:
  uint64_t admitted = 0;
  uint64_t succeeded = 0;
  uint64_t failed = 0;
  uint64_t late = 0;
  uint64_t retried = 0;
  uint64_t starts = 0;
  uint64_t start_failures = 0;
  uint64_t exits = 0;

  void reject(reason why) {
    ++rejected_[static_cast<size_t>(why)];
  }
  void fail(reason why, uint64_t n = 1) {
    failed += n;
    errors_[static_cast<size_t>(why)] += n;
  }

  std::map<std::string, uint64_t> rejected() const {
    return by_name(rejected_);
  }
  std::map<std::string, uint64_t> errors() const {
    return by_name(errors_);
  }
  std::map<std::string, uint64_t> errors_by_category() const {
    auto result = std::map<std::string, uint64_t>{};
    for (size_t i = 0; i < errors_.size(); ++i)
      if (errors_[i] > 0)
        result[std::string{reason_table[i].category_name}] += errors_[i];
    return result;
  }
  /// Answered with an error of the category `timeout`.
  uint64_t timeouts() const {
    auto result = uint64_t{0};
    for (size_t i = 0; i < errors_.size(); ++i)
      if (reason_table[i].category == category::timeout)
        result += errors_[i];
    return result;
  }

private:
  using by_reason = std::array<uint64_t, reason_table.size()>;

  static std::map<std::string, uint64_t> by_name(const by_reason& x) {
    auto result = std::map<std::string, uint64_t>{};
    for (size_t i = 0; i < x.size(); ++i)
      if (x[i] > 0)
        result.emplace(to_string(static_cast<reason>(i)), x[i]);
    return result;
  }

  by_reason rejected_{};
  by_reason errors_{};
};

} // namespace snakepit::core
