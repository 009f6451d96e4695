#include "actors/core/receipts.hpp"

#include <algorithm>

namespace snakepit::core {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

namespace {

constexpr uint64_t ns_per_us = 1000;

call_receipt begin_receipt(const call& x, time_point until) {
  auto out = call_receipt{};
  out.queue = std::max(until - x.admitted, time_point::duration{0});
  out.bytes_in = x.bytes();
  out.attempt = x.attempt;
  return out;
}

/// From `sent` to the beginning of the run, which lies before `now`.
nanoseconds batch_wait(time_point sent, uint64_t began_us, time_point now) {
  auto most = std::max(now - sent, time_point::duration{0});
  // Compared first: an absurd number must not overflow.
  if (began_us == 0
      || began_us > static_cast<uint64_t>(std::max<int64_t>(now.time_since_epoch().count(), 0))
                      / ns_per_us)
    return nanoseconds{0};
  auto began = time_point{microseconds{static_cast<int64_t>(began_us)}};
  return std::clamp(began - sent, time_point::duration{0}, most);
}

} // namespace

void spread_costs(std::vector<final_result>& finals, uint64_t began_us, uint64_t cpu_ns) {
  auto sharing = uint32_t{0};
  auto together = uint64_t{0};
  for (auto& x : finals) {
    auto& cost = x.cost;
    cost.began_us = began_us;
    if (began_us != 0)
      began_us += x.run_us;
    if (cost.cpu_calls != 0) {
      cost.cpu_ns = std::min(cost.cpu_ns, x.run_us * ns_per_us);
    } else {
      ++sharing;
      together += x.run_us;
    }
  }
  if (cpu_ns == 0 || together == 0)
    return;
  auto share =
    static_cast<double>(std::min(cpu_ns, together * ns_per_us)) / static_cast<double>(together);
  for (auto& x : finals) {
    if (x.cost.cpu_calls != 0)
      continue;
    x.cost.cpu_ns = static_cast<uint64_t>(share * x.run_us);
    x.cost.cpu_calls = sharing;
  }
}

call_receipt receipt_of(const call& x, const worker_id& by, const final_result& final,
                        time_point now) {
  auto out = receipt_of(x, by);
  auto& cost = final.cost;
  out.run = microseconds{final.run_us};
  out.batch = batch_wait(x.sent, cost.began_us, now);
  out.cpu = nanoseconds{static_cast<int64_t>(cost.cpu_ns)};
  out.cpu_calls = cost.cpu_calls;
  out.has_memory = cost.has_memory;
  out.memory_growth = cost.memory_bytes;
  if (final.end) {
    out.bytes_out = final.end->text().size();
    for (auto& data : final.end->attachments())
      out.bytes_out += data.size();
  }
  return out;
}

call_receipt receipt_of(const call& x, const worker_id& by) {
  auto out = begin_receipt(x, x.sent);
  out.slot = by.slot;
  out.generation = by.generation;
  return out;
}

call_receipt receipt_of(const call& x, time_point now) {
  return begin_receipt(x, now);
}

} // namespace snakepit::core
