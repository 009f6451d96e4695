#pragma once

#include <snakepit/runtime.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

/// What must hold of calls while their workers fail in every way, and what is counted of it.
namespace snakepit::test {

/// One call as its caller knows it.
struct chaos_call {
  std::string tool;
  std::string nonce; ///< what its result must be
  bool cancelled = false;
  /// Answers so far: more than one is one too many.
  std::shared_ptr<std::atomic<int>> answers = std::make_shared<std::atomic<int>>(0);
};

/// Any thread.
class chaos_ledger {
public:
  /// Notes the end of a call; whether it is the first one.
  bool note(const chaos_call& call, const outcome& end);

  /// Something else that must not be.
  void fault(std::string text);

  /// As the members of a JSON object, one a line. `made`: calls in all.
  std::string text(uint64_t made) const;

  /// Whether every promise was kept.
  bool is_clean(uint64_t made) const;

  std::vector<std::string> faults() const;

private:
  void judge(const chaos_call& call, const error& why);

  mutable std::mutex mutex_;
  uint64_t answered_ = 0;
  uint64_t doubled_ = 0;
  uint64_t crossed_ = 0;
  uint64_t wrong_ = 0;
  std::map<std::string, uint64_t> outcomes_; // "ok", or the reason
  std::map<std::string, uint64_t> causes_;   // of certificates
  std::vector<std::string> faults_;
};

} // namespace snakepit::test
