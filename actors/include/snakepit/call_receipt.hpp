#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace snakepit {

/// What one call took. What is not known is 0: of a call that was never sent to a worker all but
/// `queue`, `bytes_in` and `attempt`; of one whose worker died, or that was answered at its
/// deadline, what only the worker could have said. See docs/receipts.md.
struct call_receipt {
  /// From its admission until it was sent to the worker that answered it, earlier runs included; of
  /// a call that was not sent, until it was answered.
  std::chrono::nanoseconds queue{0};
  /// From there until its run began.
  std::chrono::nanoseconds batch{0};
  /// In Python.
  std::chrono::nanoseconds run{0};
  /// Processor time of the thread that ran it.
  std::chrono::nanoseconds cpu{0};
  /// How many calls `cpu` was measured over: of 1 it is the call's own, of more its share by run
  /// time. 0: it was not measured.
  uint32_t cpu_calls = 0;
  /// Whether `memory_growth` was measured.
  bool has_memory = false;
  /// By how many bytes the resident memory of the worker grew meanwhile; may be negative.
  int64_t memory_growth = 0;
  /// Of arguments and result as they were sent, attachments included.
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  /// Which run it was; 1 for the first.
  uint32_t attempt = 1;
  /// The worker. Generation 0: it was sent to none.
  uint32_t slot = 0;
  uint32_t generation = 0;

  friend bool operator==(const call_receipt&, const call_receipt&) = default;
};

/// In one line: "queue 12 us, batch 80 us, run 50.2 ms, cpu 49.8 ms, memory +20.1 MB, ...".
std::string to_string(const call_receipt& x);

/// As JSON, one object; what is not known is null.
std::string to_json(const call_receipt& x);

} // namespace snakepit
