#pragma once

#include "actors/messages.hpp"
#include "telemetry/event_hub.hpp"

#include <caf/actor_addr.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <atomic>
#include <memory>

namespace snakepit {

/// The COURIER actor interface: brings events to one subscriber that is an actor.
using courier_actor = caf::typed_actor<
  // It is on the hub: from now on it ends with its subscriber. From whoever made it.
  caf::reacts_to<atom::watch>,
  // An event. From the hub.
  caf::reacts_to<event>,
  // There are no more. From the hub.
  caf::reacts_to<atom::finish>>;

/// How many events are on their way to one actor: CAF's mailboxes have no bound.
struct courier_load {
  explicit courier_load(size_t most) : backlog{most} {}

  const size_t backlog;
  std::atomic<size_t> under_way{0};
  std::atomic<uint64_t> untold{0}; ///< dropped since the last telemetry.dropped
};

struct courier_state {
  static inline const char* name = "event_courier";

  explicit courier_state(courier_actor::pointer self) : self{self} {}

  void on_event(const event& x);

  /// The subscriber has handled an event, or does not care.
  void on_handled();

  /// The subscriber has ended.
  void on_down();

  courier_actor::pointer self;
  caf::actor_addr to; // weak: who is subscribed may still become unreachable
  std::shared_ptr<telemetry::event_hub> hub;
  std::weak_ptr<telemetry::event_hub::receiver> receiver;
  std::shared_ptr<courier_load> load;
};

/// Passes events on as requests, so that it knows how many the subscriber has not handled yet. Ends
/// with the subscriber, which it takes off the hub, or when there are no more events.
courier_actor::behavior_type courier(courier_actor::stateful_pointer<courier_state> self,
                                     const caf::actor_addr& to,
                                     std::shared_ptr<telemetry::event_hub> hub,
                                     std::weak_ptr<telemetry::event_hub::receiver> receiver,
                                     std::shared_ptr<courier_load> load);

/// Makes a courier and puts it on the hub. `draining` if the hub is closed.
result<void> send_courier(const caf::actor& to, const std::shared_ptr<telemetry::event_hub>& hub,
                          telemetry::event_mask mask, size_t backlog);

} // namespace snakepit
