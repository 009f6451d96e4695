#pragma once

#include "actors/core/recycle_rules.hpp"

#include <snakepit/error.hpp>

#include <optional>
#include <set>
#include <vector>

namespace snakepit::core {

/// Decides how the workers of a pool are replaced by those of a new *revision*: of the same
/// specification, begun anew, with what stands on the disk now.
///
///           begin            one is ready             all are
///    idle --------> trying ----------------> rolling --------> idle: done
///                     |                         |
///                     | it does not start       | one cannot start, or too many failed
///                     v                         v         all are old again
///                   idle: rolled back        undoing ---------------------> idle: rolled back
///
/// While it is tried one worker alone is of the new revision, beside or instead of an old one, and
/// whatever else starts is of the old one. From then on all that start are of the new one, and
/// `surge` at a time are replaced. What is judged is the list of workers, not the answers to
/// orders: these only say that an order is over.
///
/// One thread at a time; the caller passes the time in.
class rollout {
public:
  using worker = recycle_rules::worker;

  /// `failures`: of the new revision, starts and crashes, at which it is given up. `pause`: after
  /// an order that came to nothing.
  rollout(size_t surge, size_t failures, duration pause)
    : surge_{surge}, most_failures_{failures}, pause_{pause} {}

  void begin(uint32_t from, uint32_t to, time_point now);

  bool active() const noexcept {
    return phase_ != phase::idle;
  }

  struct ending {
    uint32_t revision = 0; ///< that the workers have now
    size_t replaced = 0;   ///< workers
    duration took{0};
    std::optional<error> rolled_back;
  };
  struct verdict {
    /// What starts from now on is of this revision. Look again at once then.
    std::optional<uint32_t> adopt;
    /// By workers of what is adopted; `trial`: this one by one of the new revision.
    std::vector<worker> replace;
    bool trial = false;
    /// A slot has none, where it costs nobody anything: start one of the new revision there.
    bool start = false;
    std::optional<ending> end;
    /// Look again then, at the latest.
    time_point next = never;
  };

  /// `up`: the workers that are ready, or were and leave; `starting`: the revisions of those that
  /// start; `vacant`: slots that have none and start none.
  verdict judge(const std::vector<worker_life>& up, const std::vector<uint32_t>& starting,
                size_t vacant, time_point now);

  /// An order is over, whatever became of it.
  void over(const worker& who, bool done, time_point now);
  void start_over(time_point now);

  /// A worker of this revision did not start, or has crashed. `for_good`: it cannot but happen
  /// again.
  void on_trouble(uint32_t revision, const error& why, bool for_good);

private:
  enum class phase : uint8_t { idle, trying, rolling, undoing };

  void try_first(const std::vector<worker_life>& up, size_t vacant, time_point now, verdict& out);
  void replace_rest(const std::vector<worker_life>& up, const std::vector<uint32_t>& starting,
                    time_point now, verdict& out);
  void finish(time_point now, verdict& out);

  size_t surge_;
  size_t most_failures_;
  duration pause_;
  phase phase_ = phase::idle;
  uint32_t from_ = 0;
  uint32_t to_ = 0;
  time_point begun_{};
  std::set<worker> ordered_;
  std::optional<worker> trial_; // of them
  bool starting_one_ = false;
  time_point not_before_{};
  size_t replaced_ = 0;
  size_t failures_ = 0;
  bool give_up_ = false;
  std::optional<error> trouble_; // the first
};

} // namespace snakepit::core
