#include "actors/core/exit_verdict.hpp"

#include <csignal>

namespace snakepit::core {

namespace {

constexpr auto out_of_memory = "out of memory";

std::string kills(uint64_t before, uint64_t after) {
  auto n = after - before;
  return std::to_string(n) + (n == 1 ? " process" : " processes");
}

void set(death_certificate& x, const char* verdict, std::string evidence) {
  x.oom = verdict;
  x.oom_evidence = std::move(evidence);
}

/// Nine tenths: what the kernel counts as the group's is more than what is resident of one process.
bool is_near(uint64_t bytes, uint64_t limit) {
  return limit > 0 && bytes >= limit / 10 * 9;
}

std::string sender_of(const death_certificate& x) {
  if (!x.ended_by_us.empty())
    return "us";
  if (x.oom == "yes")
    return "the kernel, for want of memory";
  switch (x.signal) {
  case SIGSEGV:
  case SIGBUS:
  case SIGFPE:
  case SIGILL:
  case SIGTRAP:
  case SIGSYS:
    return "the kernel for a fault of its code, most likely";
  case SIGABRT:
    return "its own code, by abort(), most likely";
  case SIGXCPU:
  case SIGXFSZ:
    return "the kernel, for a resource limit, most likely";
  default:
    return x.oom == "likely" ? "the kernel, for want of memory, most likely"
                             : "somebody unknown: itself or another process, not us";
  }
}

} // namespace

void judge_memory(death_certificate& x, const memory_evidence& seen) {
  if (x.signal != SIGKILL || !x.ended_by_us.empty())
    set(x, "no", "");
  else if (seen.group_before && seen.group_after && *seen.group_after > *seen.group_before) {
    set(x, "yes",
        "the kernel killed " + kills(*seen.group_before, *seen.group_after)
          + " of its control group for want of memory, says " + seen.source);
    x.cause = out_of_memory;
  } else if (seen.group_before && seen.group_after)
    set(x, "no", "the kernel killed none of its control group, says " + seen.source);
  else if (seen.machine_before && seen.machine_after && *seen.machine_after > *seen.machine_before)
    set(x, "likely",
        "the kernel killed " + kills(*seen.machine_before, *seen.machine_after)
          + " of this machine for want of memory meanwhile, says /proc/vmstat");
  else if (seen.machine_before && seen.machine_after)
    set(x, "no", "the kernel killed none of this machine, says /proc/vmstat");
  else if (is_near(x.max_rss_bytes, seen.limit_bytes))
    set(x, "likely", "it had come near the limit of its control group");
  else
    set(x, "unknown", "the kernel's counters cannot be read");
  if (x.signal != 0)
    x.sent_by = sender_of(x);
}

} // namespace snakepit::core
