#pragma once

#include "actors/child_spec.hpp"

#include <caf/error.hpp>
#include <caf/make_message.hpp> // CAF_ERROR_CODE_ENUM needs it in 0.17
#include <caf/type_id.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

/// The first of our type ids: an embedder's own begin at `caf::first_custom_type_id`. The
/// supervisor has the first 100 from here.
#ifndef SNAKEPIT_FIRST_TYPE_ID
#define SNAKEPIT_FIRST_TYPE_ID (caf::first_custom_type_id + 1000)
#endif

namespace snakepit {

/// Why a supervisor refused a request or ended. All of them are abnormal reasons to a parent.
enum class supervision_error : uint8_t {
  too_many_restarts = 1, ///< the intensity was exceeded
  start_failed,          ///< a factory threw or returned null
  invalid_spec,          ///< no name, no factory, or a name that is taken
  unknown_child,
  stopping, ///< the supervisor is about to end
};

std::string to_string(supervision_error x);

enum class child_state : uint8_t {
  waiting,  ///< about to be started
  running,  ///< started and not asked to end
  stopping, ///< asked to end, or about to be
  ended,    ///< ended for good; its spec is kept
};

std::string to_string(child_state x);

struct child_status {
  std::string name;
  child_state state = child_state::waiting;
  /// Times it was started again.
  uint64_t restarts = 0;
  /// Null unless it lives.
  caf::actor handle;
};

struct child_counts {
  size_t specs = 0;
  /// Children that live, those that stop included.
  size_t alive = 0;
  /// Restarts of all children, ever.
  uint64_t restarts = 0;

  friend bool operator==(const child_counts&, const child_counts&) = default;
};

/// Specs hold functions, so they travel as a pointer and never leave the process.
using child_spec_ptr = std::shared_ptr<const child_spec>;
using child_statuses = std::vector<child_status>;

} // namespace snakepit

CAF_ERROR_CODE_ENUM(snakepit::supervision_error, "supervisor")

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(snakepit::child_spec_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(snakepit::child_statuses)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(snakepit::child_counts)

CAF_BEGIN_TYPE_ID_BLOCK(snakepit_supervision, SNAKEPIT_FIRST_TYPE_ID)

CAF_ADD_ATOM(snakepit_supervision, snakepit::atom, start_child, "startchild")
CAF_ADD_ATOM(snakepit_supervision, snakepit::atom, stop_child, "stopchild")
CAF_ADD_ATOM(snakepit_supervision, snakepit::atom, which_children, "children")
CAF_ADD_ATOM(snakepit_supervision, snakepit::atom, count_children, "countchild")
CAF_ADD_ATOM(snakepit_supervision, snakepit::atom, grace_over, "graceover")

CAF_END_TYPE_ID_BLOCK(snakepit_supervision)
