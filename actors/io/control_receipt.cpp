#include "actors/io/control_codec.hpp"
#include "snakepit.pb.h"

#include <snakepit/config.hpp>

#include <algorithm>

namespace snakepit::io {

namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

uint64_t count_us(duration x) {
  return static_cast<uint64_t>(std::max<int64_t>(duration_cast<microseconds>(x).count(), 0));
}

duration time_of(uint64_t us) {
  constexpr auto most = static_cast<uint64_t>(duration_cast<microseconds>(infinite).count());
  return microseconds{static_cast<int64_t>(std::min(us, most))};
}

} // namespace

void encode(v1::Receipt& to, const call_receipt& x) {
  to.set_queue_us(count_us(x.queue));
  to.set_batch_us(count_us(x.batch));
  to.set_run_us(count_us(x.run));
  to.set_cpu_us(count_us(x.cpu));
  to.set_cpu_calls(x.cpu_calls);
  if (x.has_memory)
    to.set_memory_growth(x.memory_growth);
  to.set_bytes_in(x.bytes_in);
  to.set_bytes_out(x.bytes_out);
  to.set_attempt(x.attempt);
  to.set_slot(x.slot);
  to.set_generation(x.generation);
}

call_receipt decode(const v1::Receipt& x) {
  auto out = call_receipt{};
  out.queue = time_of(x.queue_us());
  out.batch = time_of(x.batch_us());
  out.run = time_of(x.run_us());
  out.cpu = time_of(x.cpu_us());
  out.cpu_calls = x.cpu_calls();
  out.has_memory = x.has_memory_growth();
  out.memory_growth = x.memory_growth();
  out.bytes_in = x.bytes_in();
  out.bytes_out = x.bytes_out();
  out.attempt = x.attempt();
  out.slot = x.slot();
  out.generation = x.generation();
  return out;
}

} // namespace snakepit::io
