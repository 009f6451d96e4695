#include "tests/system/crash_load.hpp"

#include <algorithm>
#include <fstream>
#include <random>

namespace snakepit::test {

namespace {

constexpr const char* words[] = {"", "kill", "segfault", "exit", "abort", "hang"};
/// What their death certificates must say.
constexpr const char* causes[] = {"", "SIGKILL", "SIGSEGV", "exit 7", "SIGABRT", ""};

std::string name_of(const crash_call& x) {
  return "call " + std::to_string(x.id) + " ("
         + (x.way == crash_way::none ? "good" : word_of(x.way)) + ")";
}

/// Empty if all is as it must be.
std::string wrong_with(const crash_call& call, const error& end) {
  if (call.way == crash_way::hang)
    return end.reason == reason::deadline_exceeded ? "" : "want deadline_exceeded";
  if (end.reason != reason::worker_crashed)
    return "want worker_crashed";
  if (!end.certificate)
    return "there is no certificate";
  auto& certificate = *end.certificate;
  if (certificate.cause != causes[static_cast<size_t>(call.way)])
    return "the certificate says " + certificate.cause;
  if (certificate.running_tool != "work")
    return "the certificate names the tool `" + certificate.running_tool + "`";
  return certificate.pid > 0 && certificate.ended_by_us.empty() ? "" : "the certificate is wrong";
}

} // namespace

const char* word_of(crash_way x) {
  return words[static_cast<size_t>(x)];
}

std::vector<crash_call> plan_crashes(size_t crashes, size_t calls_per_crash, uint64_t seed) {
  std::mt19937_64 random{seed};
  std::vector<crash_call> out;
  for (size_t i = 0; i < crashes; ++i) {
    auto at = std::uniform_int_distribution<size_t>{0, calls_per_crash}(random);
    for (size_t k = 0; k <= calls_per_crash; ++k)
      out.push_back(
        {out.size(), k == at ? static_cast<crash_way>(1 + i % crash_ways) : crash_way::none});
  }
  return out;
}

void judge(const crash_call& call, const outcome& end, crash_report& to) {
  if (end && call.way != crash_way::none)
    return to.fault(name_of(call) + " succeeded");
  if (end && end->text() != std::to_string(call.id))
    return to.fault(name_of(call) + " got another call's result: " + end->text());
  if (end) {
    ++to.succeeded;
    return;
  }
  auto& why = end.error();
  if (call.way == crash_way::none) {
    if (why.message.find("before the result arrived") != std::string::npos) {
      ++to.lost_results;
      return;
    }
    return to.fault(name_of(call) + " failed: " + to_string(why));
  }
  if (auto wrong = wrong_with(call, why); !wrong.empty())
    return to.fault(name_of(call) + ": " + wrong + ", got " + to_string(why));
  ++to.crashes[word_of(call.way)];
}

void judge_runs(const std::string& file, const std::vector<crash_call>& calls, crash_report& to) {
  std::vector<uint32_t> runs(calls.size());
  std::ifstream in{file};
  for (uint64_t id = 0; in >> id;) {
    if (id < runs.size())
      ++runs[id];
    else
      to.fault("an unknown call ran: " + std::to_string(id));
  }
  for (auto& call : calls)
    if (call.way == crash_way::hang && runs[call.id] == 0) {
      ++to.expired_unrun;
      --to.crashes[word_of(call.way)];
    } else if (runs[call.id] != 1)
      to.fault(name_of(call) + " ran " + std::to_string(runs[call.id]) + " times");
}

} // namespace snakepit::test
