#include "actors/core/recycle_rules.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace snakepit::core {

namespace {

constexpr auto names =
  std::to_array<std::string_view>({"manual", "ttl", "max_calls", "memory", "idle", "reload"});

/// From 0 to 1, without 1.
double draw(uint64_t seed, uint32_t slot, uint32_t generation) {
  auto mixed = seed ^ ((uint64_t{slot} << 32 | generation) + 1) * 0x9e3779b97f4a7c15u;
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
  mixed ^= mixed >> 31;
  return static_cast<double>(mixed >> 11) / 9007199254740992.0;
}

uint64_t part_of(uint64_t x, double share) {
  return x == 0 ? recycle_limits::none
                : std::max<uint64_t>(1, static_cast<uint64_t>(static_cast<double>(x) * share));
}

duration part_of(duration x, double share) {
  return x == infinite ? x : duration{static_cast<int64_t>(static_cast<double>(x.count()) * share)};
}

std::optional<recycle_reason> reason_for(const worker_life& x, const recycle_limits& limits,
                                         time_point now) {
  if (x.calls >= limits.max_calls)
    return recycle_reason::max_calls;
  if (x.calls > 0 && x.memory > limits.memory_soft)
    return recycle_reason::memory;
  if (later(x.ready_since, limits.ttl) <= now)
    return recycle_reason::ttl;
  if (x.idle_since != never && later(x.idle_since, limits.idle) <= now)
    return recycle_reason::idle;
  return std::nullopt;
}

/// When time alone may make it due.
time_point due(const worker_life& x, const recycle_limits& limits, time_point now) {
  auto idle_from = x.idle_since == never ? now : x.idle_since;
  return std::min(later(x.ready_since, limits.ttl), later(idle_from, limits.idle));
}

} // namespace

std::string_view to_string(recycle_reason x) {
  return names.at(static_cast<size_t>(x));
}

recycle_limits limits_of(const recycle_config& x, uint32_t slot, uint32_t generation,
                         uint64_t seed) {
  auto share = 1 - x.jitter * draw(seed, slot, generation);
  auto out = recycle_limits{};
  out.ttl = part_of(x.ttl, share);
  out.max_calls = part_of(uint64_t{x.max_calls}, share);
  out.memory_soft = part_of(x.memory_soft, share);
  out.memory_hard = part_of(x.memory_hard, 1);
  out.idle = part_of(x.idle, share);
  return out;
}

recycle_rules::recycle_rules(recycle_config config, uint64_t seed, duration pause)
  : config_{config}, seed_{seed}, pause_{pause} {}

bool recycle_rules::any() const noexcept {
  return config_.ttl != infinite || config_.idle != infinite || config_.max_calls != 0
         || measures();
}

recycle_rules::verdict recycle_rules::judge(const std::vector<worker_life>& workers,
                                            time_point now) {
  auto out = verdict{};
  auto before = std::exchange(ordered_, {});
  for (auto& x : workers) {
    auto who = worker{x.slot, x.generation};
    auto limits = this->limits(x);
    if (x.memory > limits.memory_hard) {
      out.end.push_back(who);
      continue;
    }
    if (x.leaving)
      continue;
    if (auto known = before.find(who); known != before.end()) {
      ordered_.insert(*known);
      if (known->second > now) {
        out.next = std::min(out.next, known->second);
        continue;
      }
    }
    if (auto why = reason_for(x, limits, now)) {
      out.replace.push_back({who, *why});
      ordered_.insert_or_assign(who, never);
    } else {
      out.next = std::min(out.next, due(x, limits, now));
    }
  }
  return out;
}

void recycle_rules::refused(const worker& who, time_point now) {
  if (auto i = ordered_.find(who); i != ordered_.end())
    i->second = later(now, pause_);
}

} // namespace snakepit::core
