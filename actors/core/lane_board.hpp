#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

namespace snakepit::core {

/// Names one lane of one worker process.
struct lane_id {
  uint32_t slot = 0;
  uint32_t generation = 0;
  uint32_t lane = 0;

  friend auto operator<=>(const lane_id&, const lane_id&) = default;
};

/// Decides which lane gets the next calls and how many. A lane has room while fewer than two
/// batches are unfinished on it and they are together foreseen to run shorter than `prefetch_time`:
/// so short calls ride together, long ones travel alone, and nothing is bound early. If that is 0
/// a lane has one call at a time.
///
/// The lanes of a slot that is tainted come after all others that have room.
///
/// Knows nothing of calls. O(log lanes) for everything but adding and removing workers.
class lane_board {
public:
  using duration = std::chrono::nanoseconds;

  explicit lane_board(duration prefetch_time) : prefetch_time_{prefetch_time} {}

  /// A worker has become ready.
  void add(uint32_t slot, uint32_t generation, uint32_t lanes);

  /// A worker is gone. Returns how many calls were unfinished on it.
  size_t remove(uint32_t slot, uint32_t generation);

  /// The least loaded lane that has room; of equal ones the one that has been given nothing for the
  /// longest time.
  std::optional<lane_id> pick() const;

  /// The same of the lanes of one worker. O(log lanes + its lanes).
  std::optional<lane_id> pick(uint32_t slot, uint32_t generation) const;

  /// What may be added to a lane that `pick` named: how many calls of those that wait, so that the
  /// lanes with room share them, and how much foreseen time.
  struct allowance {
    size_t calls = 0;
    duration worth{0};
  };
  allowance room(const lane_id& x, size_t waiting) const;

  /// A batch was sent to the lane. `together`: its calls run as one.
  void sent(const lane_id& x, size_t calls, duration worth, bool together = false);

  /// That many calls ended on the lane, oldest first. A lane that is gone is ignored.
  void ended(const lane_id& x, size_t calls);

  /// A lane that is held has no room. A lane that is gone is ignored.
  void hold(const lane_id& x, bool held);

  /// Whether the lanes of a slot are chosen last, those that it has and those that it will have.
  void taint(uint32_t slot, bool tainted);

  /// Whether any lane holds more than one unfinished call; those that run as one are one.
  bool any_crowded() const noexcept {
    return crowded_ > 0;
  }
  bool is_crowded(const lane_id& x) const {
    auto i = lanes_.find(x);
    return i != lanes_.end() && i->second.units > 1;
  }

  /// Whether a lane that may be given something has nothing.
  bool has_idle() const;

  /// Unfinished calls on a lane; none on one that is gone.
  size_t calls(const lane_id& x) const {
    auto i = lanes_.find(x);
    return i == lanes_.end() ? 0 : i->second.calls;
  }

  size_t lanes() const noexcept {
    return lanes_.size();
  }
  size_t busy() const noexcept {
    return busy_;
  }
  size_t in_flight() const noexcept {
    return in_flight_;
  }

private:
  struct batch {
    size_t calls;
    duration worth;
    bool together;
  };
  struct lane {
    std::deque<batch> batches; // unfinished, oldest first
    duration worth{0};         // of all of them
    size_t calls = 0;
    size_t units = 0;  // the same, where those that run as one count once
    uint64_t turn = 0; // when it was given something last
    bool held = false;
    bool tainted = false;
  };
  using key = std::tuple<duration, uint64_t, lane_id>; // load, turn

  bool has_room(const lane& x) const noexcept {
    return !x.held && x.batches.size() < 2 && (x.batches.empty() || x.worth < prefetch_time_);
  }
  static key key_of(const lane_id& id, const lane& x) {
    return {x.tainted ? x.worth + taint_load : x.worth, x.turn, id};
  }

  /// A tainted lane counts as loaded with more than one that has room ever is, so that nothing need
  /// be compared where there is none.
  static constexpr duration taint_load = std::chrono::hours{24 * 365 * 100};

  duration prefetch_time_;
  std::map<lane_id, lane> lanes_;
  std::set<key> roomy_;
  std::set<uint32_t> tainted_; // slots
  uint64_t turn_ = 0;
  size_t busy_ = 0;
  size_t crowded_ = 0;
  size_t in_flight_ = 0;
};

} // namespace snakepit::core
