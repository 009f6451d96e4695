#include "actors/io/shared_lanes.hpp"

#include <cassert>

namespace snakepit::io {

stream_events shared_lanes::events_of(const std::shared_ptr<shared_lanes>& x,
                                      std::shared_ptr<event_gate> gate) {
  stream_events events;
  events.on_message = [gate, x](std::string_view message) -> result<void> {
    auto decoded = x->decoder_.decode_shared(message);
    if (!decoded) {
      x->link_->end(decoded.error().message);
      return tl::unexpected{std::move(decoded.error())};
    }
    for (auto& one : *decoded)
      gate->pass([&](auto& to) { to.on_results(std::move(one)); });
    return {};
  };
  events.on_end = [gate, count = x->sent_.size()](const std::string& why) {
    for (uint32_t lane = 0; lane < count; ++lane)
      gate->pass([&](auto& to) { to.on_lane_closed(lane, why); });
  };
  return events;
}

void shared_lanes::send(const core::batch& x) {
  std::lock_guard guard{mutex_};
  assert(x.lane < sent_.size() && "only lanes that there are are sent to");
  auto message = encoder_.encode(x);
  if (!message) {
    link_->end(message.error().message);
    return;
  }
  sent_[x.lane].note(x.first_seq, x.items.size(), x.kind);
  stream_->join(wrap_batch(*message));
}

} // namespace snakepit::io
