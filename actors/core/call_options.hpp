#pragma once

#include <snakepit/call_options.hpp>
#include <snakepit/error.hpp>

#include <optional>

namespace snakepit::core {

inline constexpr size_t most_tenant_bytes = 256;

/// Why a call with these options is not admitted, if so.
std::optional<error> check_options(const call_options& x);

} // namespace snakepit::core
