#pragma once

#include "actors/io/worker_limits.hpp"

#include <snakepit/config.hpp>
#include <snakepit/error.hpp>

#include <optional>
#include <string>
#include <vector>

namespace snakepit::io {

/// Limits as this host can give them: none is above its own hard limit.
struct fitted_limits {
  worker_limits limits;
  /// Keys of those that were reduced for that, each with what it is now: "limits.files is 512".
  std::vector<std::string> reduced;
};
fitted_limits fit_limits(const limits_config& wanted);

/// The user of this name; nothing if the host is that user already. Errors are `invalid_config`:
/// there is none, or the host is not root and so cannot become it.
result<std::optional<worker_user>> find_user(const std::string& name);

} // namespace snakepit::io
