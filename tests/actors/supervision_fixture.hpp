#pragma once

#include "actors/supervisor.hpp"
#include "tests/support/actor_fixture.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>

#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace snakepit {

/// A supervisor over children that note when they start and end. Its journal reads like
/// "+a +b -b +b": a was started, then b; b ended and was started again. "!b" is a start that
/// failed,
/// "?b" a request to end that b ignores.
struct supervision_fixture : actor_fixture {
  using reason = caf::exit_reason;

  /// What a child does when it is asked to end.
  enum class manner { ends, hangs };

  struct child_options {
    core::restart_type restart = core::restart_type::permanent;
    manner when_asked = manner::ends;
    core::shutdown_grace grace{};
  };

  std::string journal;
  std::map<std::string, caf::actor> latest;
  /// Starts of that child fail while this is above 0.
  std::map<std::string, int> failures;
  std::optional<caf::error> ended;
  std::vector<std::string> faults;

  ~supervision_fixture() {
    end_all();
    for (auto& [name, x] : latest)
      caf::anon_send_exit(x, reason::kill);
    run();
  }

  child_spec child(std::string name, child_options options) {
    auto start = [this, name, options](const start_context& context) {
      if (failures[name] > 0) {
        --failures[name];
        note("!" + name);
        throw std::runtime_error("no luck");
      }
      note("+" + name);
      auto x = context.system.spawn(body, this, name, options.when_asked);
      x->attach_functor([this, name](const caf::error&) { note("-" + name); });
      return latest[name] = x;
    };
    return {name, start, options.restart, options.grace};
  }

  child_spec child(std::string name, core::restart_type restart = core::restart_type::permanent) {
    return child(std::move(name), child_options{.restart = restart});
  }

  supervisor_spec tree(std::vector<child_spec> children,
                       core::restart_strategy strategy = core::restart_strategy::one_for_one,
                       size_t intensity = 3) {
    auto note_fault = [this](const std::string& who, const std::string& what) {
      faults.push_back(who + ": " + what);
    };
    return {.name = "uut",
            .strategy = strategy,
            .intensity = intensity,
            .children = std::move(children),
            .on_fault = note_fault};
  }

  /// Starts a supervisor whose end goes to `ended`.
  caf::actor supervise(supervisor_spec spec) {
    auto x = sys.spawn(supervisor, std::move(spec));
    x->attach_functor([this](const caf::error& why) { ended = why; });
    own(x);
    run();
    return x;
  }

  /// Makes a child end by itself.
  void end(const std::string& name, reason why) {
    caf::anon_send(latest.at(name), static_cast<uint8_t>(why));
    run();
  }

  void ask_to_end(const caf::actor& x, reason why = reason::user_shutdown) {
    caf::anon_send_exit(x, why);
    run();
  }

  /// What was noted since the last look.
  std::string seen() {
    return std::exchange(journal, {});
  }

  child_counts counts(const caf::actor& uut) {
    auto x = ask<child_counts>(uut, atom::count_children_v);
    REQUIRE(x);
    return *x;
  }

  /// The states of all children, as "a:running b:ended".
  std::string states(const caf::actor& uut) {
    auto x = ask<child_statuses>(uut, atom::which_children_v);
    REQUIRE(x);
    auto result = std::string{};
    for (auto& y : *x)
      result += (result.empty() ? "" : " ") + y.name + ":" + to_string(y.state);
    return result;
  }

private:
  static caf::behavior body(caf::event_based_actor* self, supervision_fixture* fixture,
                            const std::string& name, manner when_asked) {
    if (when_asked == manner::hangs)
      self->set_exit_handler([=](const caf::exit_msg&) { fixture->note("?" + name); });
    return {
      [self](uint8_t why) { self->quit(static_cast<reason>(why)); },
      [self](caf::link_atom, const caf::actor& x) { self->link_to(x); },
      [self](caf::unlink_atom, const caf::actor& x) { self->unlink_from(x); },
    };
  }

  void note(const std::string& what) {
    journal += (journal.empty() ? "" : " ") + what;
  }
};

} // namespace snakepit
