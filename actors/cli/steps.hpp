#pragma once

#include "actors/cli/timing.hpp"

#include <snakepit/event.hpp>

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace snakepit::cli {

using event_time = std::chrono::system_clock::time_point;

/// The steps of a call, in their order; each begins where the one before ends.
enum class step {
  caller_to_pool,
  pool_to_worker,
  worker_to_wire,
  wire_and_python,
  result_to_caller
};
inline constexpr size_t step_count = 5;

struct step_names {
  std::string_view key;   ///< in JSON
  std::string_view title; ///< for people
};
inline constexpr std::array<step_names, step_count> step_table{{
  {"caller_to_pool", "caller -> pool"},
  {"pool_to_worker", "pool -> worker"},
  {"worker_to_wire", "worker -> wire"},
  {"wire_and_python", "wire, Python, wire back"},
  {"result_to_caller", "result -> caller"},
}};

/// When the caller began and ended a call, by the clock of the events, and how long that was by a
/// clock that nobody sets.
struct seen_call {
  event_time begin;
  event_time end;
  std::chrono::nanoseconds took{0};
};

/// What events told of a call.
struct told_call {
  event_time entered;
  event_time dispatched;
  event_time sent;
  event_time finished;
  std::chrono::microseconds ran{0}; ///< in the tool
};

/// Makes `told_call`s from the events of calls that are made one at a time. A call whose events are
/// not all there, or that was given to a worker twice, is passed over.
class step_reader {
public:
  void take(const event& x);

  /// Calls that have ended, those passed over included.
  size_t ended() const noexcept {
    return ended_;
  }
  const std::vector<told_call>& calls() const noexcept {
    return calls_;
  }

private:
  enum class after { nothing, entered, dispatched, sent };

  void advance(after from, after to, event_time told_call::*when, event_time at);

  after after_ = after::nothing;
  told_call now_{};
  size_t ended_ = 0;
  std::vector<told_call> calls_;
};

/// Where the time of calls goes: a sample for each of `calls`, each ascending.
struct step_times {
  size_t calls = 0;
  /// Calls that could not be used: events lost, or the system's clock was set meanwhile.
  size_t left_out = 0;
  latencies whole;
  std::array<latencies, step_count> steps;
  latencies tool; ///< part of wire_and_python

  double median_us(step x) const;
  /// The part of a step in the sum of all steps' medians, 0 to 1.
  double share(step x) const;
};

/// Puts together what the caller saw and what events told, both in the order of the calls.
step_times put_together(const std::vector<seen_call>& seen, const std::vector<told_call>& told);

/// As lines for people, and as a JSON object.
std::string steps_text(const step_times& x);
std::string steps_json(const step_times& x);

} // namespace snakepit::cli
