#pragma once

#include "actors/core/call.hpp"

#include <cstdint>
#include <vector>

namespace snakepit::core {

/// How calls of one tool ended, one after the other, for who counts failures in a row.
struct call_end {
  enum class way : uint8_t {
    answered, ///< with a result
    raised,   ///< with an exception of the tool
    late,     ///< its deadline passed while it ran
    lost,     ///< with its worker, which crashed or hung
    other     ///< in a way that says nothing of tool or worker
  };
  uint32_t tool = call::unresolved;
  way how = way::other;
  uint32_t count = 1;
  uint64_t trial = 0; ///< the call's number if it was a trial, see `breaker`; such ends stand alone
};

/// Adds the end of a call to those before it. What says nothing to anybody is left out. `joined`:
/// it ran as one with the call before it, with which it counts if both failed.
inline void note_end(std::vector<call_end>& to, const call& x, call_end::way how,
                     bool joined = false) {
  if (x.trial)
    to.push_back({x.tool, how, 1, x.id});
  else if (how == call_end::way::other)
    return;
  else if (!to.empty() && to.back().trial == 0 && to.back().tool == x.tool && to.back().how == how)
    to.back().count += !joined || how == call_end::way::answered;
  else
    to.push_back({x.tool, how, 1, 0});
}

} // namespace snakepit::core
