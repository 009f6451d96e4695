#pragma once

#include "actors/core/recycle_rules.hpp"
#include "actors/messages.hpp"

#include <snakepit/runtime.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace snakepit {

struct worker_spec;
using worker_spec_ptr = std::shared_ptr<const worker_spec>;

// -- from the LIFECYCLE MANAGER to its POOL ------------------------------------

/// Which workers are there? Answered at once with `life_list`; and from now on the asker is told
/// `atom::look` when there is a new one, or one has ended as many calls as it may.
struct life_query {
  caf::actor asker;
};

/// Wants a new worker in place of this one. `done` is called when there is one, or why not.
struct replace_order {
  core::recycle_rules::worker who;
  core::recycle_reason why;
  std::function<void(result<void>)> done;
  /// What the new one is made from; null: what all are.
  worker_spec_ptr spec{};
};

/// Wants a worker made from this in some slot that has none. Answered like the other.
struct trial_order {
  worker_spec_ptr spec;
  std::function<void(result<void>)> done;
};

/// From now on workers are made from this. `over`: no more revision comes, and all but workers
/// that leave are of this one.
struct adopt_order {
  worker_spec_ptr spec;
  bool over = false;
};

/// End this worker now, with what it runs.
struct end_order {
  core::recycle_rules::worker who;
  /// A word for `ended_by_us`, and what is to be said of it besides.
  std::string because;
  std::string detail;
};

/// What workers hold.
struct memory_seen {
  std::vector<std::pair<core::recycle_rules::worker, uint64_t>> workers;
};

// -- towards the LIFECYCLE MANAGER ----------------------------------------------

/// The workers that are ready, or were and leave. From the POOL.
struct life_list {
  std::vector<core::worker_life> workers;
  /// Revisions of those that start.
  std::vector<uint32_t> starting;
  /// Slots that have no worker and start none.
  size_t vacant = 0;
};

/// A worker did not start, or has crashed. From the POOL.
struct worker_trouble {
  uint32_t revision = 0;
  error why;
  /// It cannot but happen again.
  bool for_good = false;
};

/// An order of a reload is over, whatever came of it. `who`: nothing, for a trial.
struct rollout_step {
  std::optional<core::recycle_rules::worker> who;
  bool done = false;
};

/// What new workers are to be made from, as the revision of this number.
using spec_maker = std::function<worker_spec_ptr(uint32_t revision)>;

/// Replace all workers by ones made from this; null: from what they are, begun anew. From the
/// runtime. Destroyed unanswered it answers `unavailable`.
struct reload_order {
  spec_maker make;
  std::function<void(result<reload_report>)> done;

  reload_order(spec_maker from, std::function<void(result<reload_report>)> f)
    : make{std::move(from)}, done{std::move(f)} {}
  reload_order(reload_order&& other) noexcept
    : make{std::move(other.make)}, done{std::exchange(other.done, nullptr)} {}
  reload_order& operator=(reload_order&& other) noexcept {
    std::swap(make, other.make);
    std::swap(done, other.done);
    return *this;
  }
  ~reload_order() {
    answer(fail(reason::unavailable, "the pool stops, or is being restarted"));
  }

  void answer(result<reload_report> x) {
    if (auto f = std::exchange(done, nullptr))
      f(std::move(x));
  }
};

/// What the processes hold that were to be measured, in their order; 0: it is not known.
struct memory_taken {
  std::vector<uint64_t> bytes;
};

/// An order to replace a worker came to nothing.
struct replace_refused {
  core::recycle_rules::worker who;
};

} // namespace snakepit

CAF_BEGIN_TYPE_ID_BLOCK(snakepit_lifecycle, SNAKEPIT_FIRST_TYPE_ID + 200)

CAF_ADD_TYPE_ID(snakepit_lifecycle, (snakepit::local<snakepit::life_query>))
CAF_ADD_TYPE_ID(snakepit_lifecycle, (snakepit::local<snakepit::replace_order>))
CAF_ADD_TYPE_ID(snakepit_lifecycle, (snakepit::local<snakepit::end_order>))
CAF_ADD_TYPE_ID(snakepit_lifecycle, (snakepit::local<snakepit::memory_seen>))
CAF_ADD_TYPE_ID(snakepit_lifecycle, (snakepit::local<snakepit::life_list>))
CAF_ADD_TYPE_ID(snakepit_lifecycle, (snakepit::local<snakepit::memory_taken>))
CAF_ADD_TYPE_ID(snakepit_lifecycle, (snakepit::local<snakepit::replace_refused>))
CAF_ADD_TYPE_ID(snakepit_lifecycle, (snakepit::local<snakepit::trial_order>))
CAF_ADD_TYPE_ID(snakepit_lifecycle, (snakepit::local<snakepit::adopt_order>))
CAF_ADD_TYPE_ID(snakepit_lifecycle, (snakepit::local<snakepit::worker_trouble>))
CAF_ADD_TYPE_ID(snakepit_lifecycle, (snakepit::local<snakepit::rollout_step>))
CAF_ADD_TYPE_ID(snakepit_lifecycle, (snakepit::local<snakepit::reload_order>))

CAF_END_TYPE_ID_BLOCK(snakepit_lifecycle)
