#include "actors/core/lane_board.hpp"

#include <algorithm>

namespace snakepit::core {

void lane_board::add(uint32_t slot, uint32_t generation, uint32_t lanes) {
  for (uint32_t i = 0; i < lanes; ++i) {
    auto id = lane_id{slot, generation, i};
    auto [pos, added] = lanes_.try_emplace(id);
    if (!added)
      continue;
    pos->second.tainted = tainted_.contains(slot);
    roomy_.insert(key_of(id, pos->second));
  }
}

size_t lane_board::remove(uint32_t slot, uint32_t generation) {
  auto lost = size_t{0};
  auto i = lanes_.lower_bound(lane_id{slot, generation, 0});
  while (i != lanes_.end() && i->first.slot == slot && i->first.generation == generation) {
    roomy_.erase(key_of(i->first, i->second));
    lost += i->second.calls;
    busy_ -= i->second.calls > 0;
    crowded_ -= i->second.units > 1;
    i = lanes_.erase(i);
  }
  in_flight_ -= lost;
  return lost;
}

std::optional<lane_id> lane_board::pick() const {
  if (roomy_.empty())
    return std::nullopt;
  return std::get<lane_id>(*roomy_.begin());
}

std::optional<lane_id> lane_board::pick(uint32_t slot, uint32_t generation) const {
  auto best = lanes_.end();
  auto i = lanes_.lower_bound(lane_id{slot, generation, 0});
  for (; i != lanes_.end() && i->first.slot == slot && i->first.generation == generation; ++i)
    if (has_room(i->second)
        && (best == lanes_.end()
            || key_of(i->first, i->second) < key_of(best->first, best->second)))
      best = i;
  return best == lanes_.end() ? std::nullopt : std::optional{best->first};
}

lane_board::allowance lane_board::room(const lane_id& x, size_t waiting) const {
  auto& lane = lanes_.at(x);
  if (prefetch_time_ <= duration{0})
    return {1, duration{0}};
  auto sharing = std::max<size_t>(roomy_.size(), 1);
  return {(waiting + sharing - 1) / sharing, prefetch_time_ - std::min(prefetch_time_, lane.worth)};
}

void lane_board::sent(const lane_id& x, size_t calls, duration worth, bool together) {
  auto& lane = lanes_.at(x);
  roomy_.erase(key_of(x, lane));
  lane.batches.push_back({calls, worth, together});
  lane.worth += worth;
  busy_ += lane.calls == 0;
  auto units = together ? 1 : calls;
  crowded_ += lane.units <= 1 && lane.units + units > 1;
  lane.units += units;
  lane.calls += calls;
  in_flight_ += calls;
  lane.turn = ++turn_;
  if (has_room(lane))
    roomy_.insert(key_of(x, lane));
}

void lane_board::ended(const lane_id& x, size_t calls) {
  auto i = lanes_.find(x);
  if (i == lanes_.end())
    return;
  auto& lane = i->second;
  roomy_.erase(key_of(x, lane));
  calls = std::min(calls, lane.calls);
  crowded_ -= lane.units > 1;
  lane.calls -= calls;
  in_flight_ -= calls;
  busy_ -= calls > 0 && lane.calls == 0;
  while (calls > 0) {
    auto& oldest = lane.batches.front();
    auto n = std::min(calls, oldest.calls);
    oldest.calls -= n;
    calls -= n;
    lane.units -= oldest.together ? oldest.calls == 0 : n;
    if (oldest.calls == 0) {
      lane.worth -= oldest.worth;
      lane.batches.pop_front();
    }
  }
  crowded_ += lane.units > 1;
  if (has_room(lane))
    roomy_.insert(key_of(x, lane));
}

void lane_board::hold(const lane_id& x, bool held) {
  auto i = lanes_.find(x);
  if (i == lanes_.end() || i->second.held == held)
    return;
  auto& lane = i->second;
  roomy_.erase(key_of(x, lane));
  lane.held = held;
  if (has_room(lane))
    roomy_.insert(key_of(x, lane));
}

void lane_board::taint(uint32_t slot, bool tainted) {
  if (tainted ? !tainted_.insert(slot).second : tainted_.erase(slot) == 0)
    return;
  auto i = lanes_.lower_bound(lane_id{slot, 0, 0});
  for (; i != lanes_.end() && i->first.slot == slot; ++i) {
    auto had_room = roomy_.erase(key_of(i->first, i->second)) > 0;
    i->second.tainted = tainted;
    if (had_room)
      roomy_.insert(key_of(i->first, i->second));
  }
}

bool lane_board::has_idle() const {
  auto is_idle = [&](auto i) {
    return i != roomy_.end() && lanes_.at(std::get<lane_id>(*i)).calls == 0;
  };
  return is_idle(roomy_.begin())
         || (!tainted_.empty() && is_idle(roomy_.lower_bound(key{taint_load, 0, {}})));
}

} // namespace snakepit::core
