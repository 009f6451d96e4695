#pragma once

#include <snakepit/runtime.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// Workers crash under load: which calls are made, and what must have become of them.
namespace snakepit::test {

/// How a call ends its worker.
enum class crash_way : uint8_t { none, kill, segfault, exit, abort, hang };
inline constexpr size_t crash_ways = 5;

/// The word that tests/workers/crashes.py knows it by.
const char* word_of(crash_way x);

struct crash_call {
  uint64_t id = 0;
  crash_way way = crash_way::none;
};

/// `crashes` crashes of all kinds, each among `calls_per_crash` calls, in an order by `seed`.
std::vector<crash_call> plan_crashes(size_t crashes, size_t calls_per_crash, uint64_t seed);

/// What is counted.
struct crash_report {
  std::map<std::string, uint64_t> crashes; ///< by word, those that ended as they must
  uint64_t succeeded = 0;
  /// Ran to their end, but their result was lost with their worker.
  uint64_t lost_results = 0;
  /// Were to hang but reached their deadline before a worker was there for them.
  uint64_t expired_unrun = 0;
  /// What must not be, each in a line; the first hundred.
  std::vector<std::string> faults;

  void fault(std::string text) {
    if (faults.size() < 100)
      faults.push_back(std::move(text));
  }
};

/// Judges how one call ended.
void judge(const crash_call& call, const outcome& end, crash_report& to);

/// Reads the file where calls noted their runs: each must have run once. To be called last.
void judge_runs(const std::string& file, const std::vector<crash_call>& calls, crash_report& to);

} // namespace snakepit::test
