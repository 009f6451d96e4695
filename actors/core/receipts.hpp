#pragma once

#include "actors/core/call.hpp"

#include <vector>

namespace snakepit::core {

/// Tells what each final of one message took: the runs came one after the other, the first began at
/// `began_us` (0: not known), and those that were not measured by themselves took `cpu_ns` together
/// (0: not measured), of which each has its share by run time. The worker said so: what cannot be
/// is cut.
void spread_costs(std::vector<final_result>& finals, uint64_t began_us, uint64_t cpu_ns);

/// The receipt of a call whose final has come.
call_receipt receipt_of(const call& x, const worker_id& by, const final_result& final,
                        time_point now);

/// Of one that was sent and whose worker has said nothing.
call_receipt receipt_of(const call& x, const worker_id& by);

/// Of one that was not sent.
call_receipt receipt_of(const call& x, time_point now);

} // namespace snakepit::core
