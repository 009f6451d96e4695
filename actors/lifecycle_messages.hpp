#pragma once

#include "actors/core/recycle_rules.hpp"
#include "actors/messages.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace snakepit {

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

CAF_END_TYPE_ID_BLOCK(snakepit_lifecycle)
