#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <caf/expected.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <doctest/doctest.h>

#include <type_traits>
#include <utility>
#include <vector>

namespace snakepit {

/// Runs actors one message at a time on this thread and time only by hand.
/// caf/test/dsl.hpp would do too, but brings its own test runner along.
struct actor_fixture {
  /// Puts the deterministic scheduler and its clock in place of the real ones.
  struct config : caf::actor_system_config {
    config() {
      set("scheduler.policy", caf::atom("testing"));
    }
  };

  config cfg;
  caf::actor_system sys{cfg};
  caf::scoped_actor self{sys, true};
  caf::scheduler::test_coordinator& sched =
    dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler());

  ~actor_fixture() {
    end_all();
  }

  /// Ends what `spawn` started: the test scheduler keeps running timeouts until none is left, and
  /// an actor that re-arms a tick always leaves one. A derived fixture whose members its actors use
  /// calls this in its own destructor.
  void end_all() {
    for (auto& x : spawned)
      caf::anon_send_exit(x, caf::exit_reason::kill);
    spawned.clear();
    run();
  }

  /// Spawns an actor and lets it initialize.
  template <class... Ts>
  auto spawn(Ts&&... xs) {
    auto result = sys.spawn(std::forward<Ts>(xs)...);
    own(caf::actor_cast<caf::actor>(result));
    run();
    return result;
  }

  /// Ends an actor with the fixture.
  void own(caf::actor x) {
    spawned.push_back(std::move(x));
  }

  /// Handles messages until every mailbox is empty.
  void run() {
    sched.run();
  }

  /// Moves the clock and handles everything that became due.
  void advance(caf::timespan x) {
    sched.advance_time(x);
    run();
  }

  /// Asks and takes the answer.
  template <class T, class... Ts>
  caf::expected<T> ask(const caf::actor& whom, Ts&&... xs) {
    auto response = self->request(whom, caf::infinite, std::forward<Ts>(xs)...);
    run();
    return answer<T>(response);
  }

  /// Takes the answer to a request, `caf::unit_t` if it has no value. Fails where `receive` would
  /// block forever.
  template <class T, class Response>
  caf::expected<T> answer(Response&& response) {
    REQUIRE_MESSAGE(self->has_next_message(), "no answer came");
    auto result = caf::expected<T>{caf::error{}};
    auto fail = [&](caf::error& x) { result = std::move(x); };
    if constexpr (std::is_same_v<T, caf::unit_t>)
      response.receive([&] { result = caf::unit; }, fail);
    else
      response.receive([&](T& x) { result = std::move(x); }, fail);
    return result;
  }

private:
  std::vector<caf::actor> spawned;
};

} // namespace snakepit
