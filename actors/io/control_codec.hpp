#pragma once

#include "actors/io/control_types.hpp"

namespace snakepit::v1 {
class CallReply;
class CallRequest;
class Certificate;
class Death;
class Error;
class PoolStatus;
class Receipt;
class Stacks;
class StatusReply;
class PoisonedCall;
class ReloadReply;
class Tool;
} // namespace snakepit::v1

/// The messages of proto/snakepit.proto on one side, plain values on the other. Text that is not
/// UTF-8, which the messages cannot hold, is made so; numbers that are out of range become the
/// nearest that is not. Both ends belong to the same user.
namespace snakepit::io {

void encode(v1::Error& to, const error& x);
error decode(const v1::Error& x);

void encode(v1::Certificate& to, const death_certificate& x);
death_certificate decode(const v1::Certificate& x);

void encode(v1::Stacks& to, const stack_report& x);
stack_report decode(const v1::Stacks& x);

void encode(v1::CallRequest& to, const control_call& x);
/// `invalid_argument` names what cannot be.
result<control_call> decode(const v1::CallRequest& x);

void encode(v1::Receipt& to, const call_receipt& x);
call_receipt decode(const v1::Receipt& x);

/// What the call returned, as JSON for people or as bytes.
void encode(v1::CallReply& to, const outcome& x);

void encode(v1::StatusReply& to, const control_status& x);
control_status decode(const v1::StatusReply& x);

void encode(v1::PoolStatus& to, const pool_stats& x);
pool_stats decode(const v1::PoolStatus& x);

void encode(v1::Death& to, const recorded_death& x);
recorded_death decode(const v1::Death& x);

void encode(v1::PoisonedCall& to, const poisoned_call& x);
poisoned_call decode(const v1::PoisonedCall& x);

void encode(v1::ReloadReply& to, const reload_summary& x);
reload_summary decode(const v1::ReloadReply& x);

void encode(v1::Tool& to, const tool_description& x);
tool_description decode(const v1::Tool& x);

/// The text with U+FFFD in place of each byte that is not UTF-8.
std::string as_utf8(std::string_view x);

} // namespace snakepit::io
