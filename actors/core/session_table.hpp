#pragma once

#include "actors/core/call.hpp"

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace snakepit::core {

/// Which worker a session's calls go to. Does not hear of workers that are gone: a worker is named
/// by its generation, too, so whoever finds one that does not serve any more knows that the session
/// had it and has lost it. What nobody has used for long is forgotten, and of too many sessions the
/// one that was used least recently.
///
/// O(1) for everything. One thread at a time; the caller passes the time in.
class session_table {
public:
  using duration = std::chrono::nanoseconds;

  struct binding {
    worker_id worker;
    /// Some call relies on it: it must not be moved while its worker serves.
    bool firm = false;
    /// The only call that has been given to the worker for the session's sake; 0: there were more,
    /// or others wait for it.
    uint64_t only_call = 0;
  };

  static constexpr size_t most_sessions = 10'000;
  static constexpr auto longest_idle = std::chrono::hours{1};

  explicit session_table(size_t most = most_sessions, duration idle = longest_idle)
    : most_{most}, idle_{idle} {}
  session_table(const session_table&) = delete;
  session_table& operator=(const session_table&) = delete;

  /// The session's worker; null if it has none. Valid until the next call of another member. Counts
  /// as a use.
  binding* find(const std::string& session, time_point now);

  /// Gives a session a worker, another one if it has one.
  binding& bind(const std::string& session, worker_id worker, time_point now);

  void forget(const std::string& session);

  size_t size() const noexcept {
    return index_.size();
  }

private:
  struct entry {
    std::string session;
    binding is;
    time_point used;
  };
  using line = std::list<entry>;

  void use(line::iterator x, time_point now);
  void forget_idle(time_point now);
  void forget_last();

  size_t most_;
  duration idle_;
  line line_; // the one that was used last comes first
  std::unordered_map<std::string_view, line::iterator> index_; // by names in `line_`
};

} // namespace snakepit::core
