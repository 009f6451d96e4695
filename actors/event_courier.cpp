#include "actors/event_courier.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <algorithm>

namespace snakepit {

using telemetry::event_hub;
using telemetry::event_ptr;

namespace {

/// The hub's end: counts, and hands to the courier. Tells it when the hub has let go.
class courier_receiver final : public event_hub::receiver {
public:
  explicit courier_receiver(std::shared_ptr<courier_load> load) : load_{std::move(load)} {}
  ~courier_receiver() override {
    caf::anon_send(to_, atom::finish_v);
  }

  void set_courier(courier_actor x) {
    to_ = std::move(x);
  }

  void offer(const event_ptr& x) noexcept override {
    if (load_->under_way.fetch_add(1) < load_->backlog)
      return caf::anon_send(to_, *x);
    load_->under_way.fetch_sub(1);
    if (x->kind != event_kind::telemetry_dropped) // two slow subscribers would never stop
      load_->untold.fetch_add(1);
  }

private:
  courier_actor to_;
  std::shared_ptr<courier_load> load_;
};

} // namespace

courier_actor::behavior_type courier(courier_actor::stateful_pointer<courier_state> self,
                                     const caf::actor_addr& to, std::shared_ptr<event_hub> hub,
                                     std::weak_ptr<event_hub::receiver> receiver,
                                     std::shared_ptr<courier_load> load) {
  auto& st = self->state;
  st.to = to;
  st.hub = std::move(hub);
  st.receiver = std::move(receiver);
  st.load = std::move(load);
  self->set_down_handler([&st](const caf::down_msg&) { st.on_down(); });
  return {
    [self, to](atom::watch) { self->monitor(to); },
    [&st](const event& x) { st.on_event(x); },
    [self](atom::finish) { self->quit(); },
  };
}

void courier_state::on_event(const event& x) {
  auto target = caf::actor_cast<caf::actor>(to);
  if (!target)
    return on_handled();
  // What it answers, an error too, says only that it has seen the event.
  self->request(target, caf::infinite, x)
    .then([this] { on_handled(); }, [this](const caf::error&) { on_handled(); });
}

void courier_state::on_handled() {
  load->under_way.fetch_sub(1);
  if (auto lost = load->untold.exchange(0); lost > 0)
    hub->tell_dropped(lost);
}

void courier_state::on_down() {
  if (auto x = receiver.lock())
    hub->remove(*x);
  self->quit();
}

result<void> send_courier(const caf::actor& to, const std::shared_ptr<event_hub>& hub,
                          telemetry::event_mask mask, size_t backlog) {
  auto load = std::make_shared<courier_load>(std::max<size_t>(backlog, 1));
  auto x = std::make_shared<courier_receiver>(load);
  auto receiver = std::weak_ptr<event_hub::receiver>{x};
  auto actor = to.home_system().spawn(courier, to.address(), hub, std::move(receiver), load);
  x->set_courier(actor);
  if (!hub->add(std::move(x), mask))
    return fail(reason::draining, "the runtime stops and has no more events");
  caf::anon_send(actor, atom::watch_v);
  return {};
}

} // namespace snakepit
