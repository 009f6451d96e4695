#pragma once

#include "actors/child_spec.hpp"
#include "actors/core/restart_window.hpp"
#include "actors/owned_actor.hpp"
#include "actors/supervision_messages.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>
#include <caf/stateful_actor.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace snakepit {

/// The state of a SUPERVISOR. Every change goes the same way: children are marked with what shall
/// become of them, then `advance` takes the steps that are possible now; the rest follows when a
/// child is down.
struct supervisor_state {
  static inline const char* name = "supervisor";

  explicit supervisor_state(caf::event_based_actor* self) : self{self} {}

  // -- message handlers -------------------------------------------------------

  caf::result<caf::actor> on_start_child(const child_spec_ptr& spec);

  caf::result<void> on_stop_child(const std::string& name);

  child_statuses on_which_children() const;

  child_counts on_count_children() const;

  void on_grace_over(caf::actor_id child);

  void on_down(const caf::down_msg& msg);

  void on_exit(const caf::exit_msg& msg);

  // -- helpers ----------------------------------------------------------------

  /// What shall become of a child.
  enum class plan : uint8_t {
    stay,
    start,  ///< stopped if it lives, then started
    drop,   ///< stopped and forgotten with a restart of its group, which waits for it
    remove, ///< stopped and forgotten
  };

  struct child {
    child_spec spec;
    plan next = plan::start;
    owned_actor actor{};
    bool asked = false; ///< to end
    uint64_t starts = 0;
    /// Set while a start was requested and is to come.
    std::optional<caf::response_promise> starter{};
    std::vector<caf::response_promise> stoppers{};
  };

  /// Starts the first children. Ends the supervisor if one does not start.
  void start(supervisor_spec x);

  void advance();

  /// Stops what is marked, and forgets what is marked and down.
  void stop_marked();

  /// Starts the next child that is marked, once nobody is left that must be down before.
  /// @returns whether there may be another.
  bool start_marked();

  caf::error try_start(child& x);

  void ask_to_end(child& x);

  /// Answers those who wait for a child that is no more.
  static void answer(child& x);

  /// A child ended or did not start: restarts it with its group, or gives up.
  void restart(size_t position, const caf::error& reason);

  /// Marks all children, so that the supervisor ends when they have.
  void quit_with(caf::error reason);

  child* find(const std::string& name);

  void report(const std::string& child, const std::string& what);

  std::string text(const caf::error& reason) const;

  // -- data -------------------------------------------------------------------

  caf::event_based_actor* self;
  supervisor_spec spec; ///< `spec.children` is empty: they are in `children`
  std::optional<core::restart_window> window;
  std::vector<child> children; ///< in the order of start
  std::optional<caf::error> quitting;
  uint64_t restarts = 0;
};

/// Keeps its children alive as their specs say; knows nothing of what they do.
///
/// It takes, by request:
/// * `(start_child, child_spec_ptr) -> caf::actor`: adds a child after the others and starts it.
///   Errors: invalid_spec, start_failed (the child is not added), stopping.
/// * `(stop_child, std::string name) -> void`: stops a child and forgets it; answered when it is
///   down. Errors: unknown_child.
/// * `(which_children) -> child_statuses`, `(count_children) -> child_counts`.
/// * `exit_msg` with any reason but kill, from anybody but a child: stops the children in reverse
///   order, then ends with that reason. Repeats are ignored, starts refused.
///
/// Children are stopped by `exit_msg{user_shutdown}`, and by `exit_msg{kill}` after their grace.
/// Ends with reasons normal and user_shutdown are normal, all others abnormal. As in OTP, a group
/// restart starts transient children again that had ended normally, and forgets temporary ones.
///
/// Ends by itself with too_many_restarts or, at its first start, start_failed or invalid_spec,
/// after it stopped its children. If it is killed, so are they.
caf::behavior supervisor(caf::stateful_actor<supervisor_state>* self, supervisor_spec spec);

} // namespace snakepit
