#pragma once

#include "actors/core/call.hpp"

#include <snakepit/caf.hpp>

#include <caf/actor_control_block.hpp>
#include <caf/message_id.hpp>

namespace snakepit {

struct pool_settings;

/// Makes a call of a request that came as a CAF message. Its reply goes to the requester from
/// wherever the call ends: a promise would belong to the POOL and go with it, without a word.
core::call_ptr call_of(request& x, const caf::strong_actor_ptr& requester, caf::message_id id,
                       const pool_settings& settings, core::time_point now);

/// Unique in this process.
uint64_t next_call_id();

} // namespace snakepit
