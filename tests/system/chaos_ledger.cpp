#include "tests/system/chaos_ledger.hpp"

#include <set>
#include <sstream>

namespace snakepit::test {

namespace {

constexpr size_t most_faults = 50;

/// What may become of a call. Deadlines are short and workers end all the time.
const std::set<reason> fair{
  reason::deadline_exceeded, reason::deadline_unmeetable, reason::queue_timeout, reason::cancelled,
  reason::worker_crashed,    reason::worker_killed,       reason::worker_hung};

/// What workers die of here: of faults on purpose, of signals that are sent to them, and of us. A
/// worker whose stream the host has ended, for it broke the protocol, may exit before it is killed.
const std::map<reason, std::set<std::string>> fair_causes{
  {reason::worker_crashed, {"SIGKILL", "SIGSEGV", "exit 99", "exit 0"}},
  {reason::worker_killed,
   {"ended by us: deadline", "ended by us: cancel", "ended by us: protocol"}},
  {reason::worker_hung, {"ended by us: heartbeat", "ended by us: health"}},
};

std::string counts(const std::map<std::string, uint64_t>& xs) {
  std::ostringstream out;
  auto comma = "";
  for (auto& [name, n] : xs) {
    out << comma << '"' << name << "\": " << n;
    comma = ", ";
  }
  return "{" + out.str() + "}";
}

} // namespace

bool chaos_ledger::note(const chaos_call& call, const outcome& end) {
  auto first = call.answers->fetch_add(1) == 0;
  std::lock_guard guard{mutex_};
  if (!first) {
    ++doubled_;
    return false;
  }
  ++answered_;
  ++outcomes_[end ? "ok" : std::string{to_string(end.error().reason)}];
  if (end && end->text() != call.nonce)
    ++crossed_;
  else if (!end)
    judge(call, end.error());
  return true;
}

void chaos_ledger::judge(const chaos_call& call, const error& why) {
  auto wrong = std::string{};
  if (fair.count(why.reason) == 0)
    wrong = "nothing here ends a call so";
  else if (why.reason == reason::cancelled && !call.cancelled)
    wrong = "nobody has cancelled it";
  if (auto causes = fair_causes.find(why.reason); causes != fair_causes.end()) {
    if (!why.certificate)
      wrong = "there is no certificate";
    else if (++causes_[why.certificate->cause]; causes->second.count(why.certificate->cause) == 0)
      wrong = "nothing here is the cause `" + why.certificate->cause + "`";
    else if (why.details.at("tool") != call.tool)
      wrong = "it names another tool";
  }
  if (wrong.empty())
    return;
  ++wrong_;
  if (faults_.size() < most_faults)
    faults_.push_back(call.tool + " " + call.nonce + ": " + wrong + ": "
                      + snakepit::to_string(why));
}

void chaos_ledger::fault(std::string text) {
  std::lock_guard guard{mutex_};
  faults_.push_back(std::move(text));
}

std::string chaos_ledger::text(uint64_t made) const {
  std::lock_guard guard{mutex_};
  std::ostringstream out;
  out << "  \"calls\": " << made << ",\n  \"lost\": " << made - answered_
      << ",\n  \"doubled\": " << doubled_ << ",\n  \"crossed\": " << crossed_
      << ",\n  \"wrong\": " << wrong_ << ",\n  \"outcomes\": " << counts(outcomes_)
      << ",\n  \"causes\": " << counts(causes_);
  return out.str();
}

bool chaos_ledger::is_clean(uint64_t made) const {
  std::lock_guard guard{mutex_};
  return answered_ == made && doubled_ == 0 && crossed_ == 0 && wrong_ == 0 && faults_.empty();
}

std::vector<std::string> chaos_ledger::faults() const {
  std::lock_guard guard{mutex_};
  return faults_;
}

} // namespace snakepit::test
