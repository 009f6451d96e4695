#pragma once

#include "actors/core/call.hpp"

#include <snakepit/call_options.hpp>
#include <snakepit/error.hpp>

#include <optional>

namespace snakepit::core {

inline constexpr size_t most_tenant_bytes = 256;
inline constexpr size_t most_session_bytes = 256;

/// Why a call with these options is not admitted, if so.
std::optional<error> check_options(const call_options& x);

/// How a call ends that its caller has cancelled, or whose caller is gone.
error cancelled(const call& x, bool caller_gone);

} // namespace snakepit::core
