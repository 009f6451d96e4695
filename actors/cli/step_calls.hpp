#pragma once

#include "actors/cli/load.hpp"
#include "actors/cli/steps.hpp"

namespace snakepit::cli {

/// Makes calls one at a time for `span`, at least one and at most a million, with a subscription to
/// their events. The first that fails ends it.
result<step_times> call_in_steps(runtime& pool, const load& what, duration span);

} // namespace snakepit::cli
