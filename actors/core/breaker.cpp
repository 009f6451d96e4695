#include "actors/core/breaker.hpp"

#include <algorithm>

namespace snakepit::core {

namespace {

using way = call_end::way;
using effect = circuit::effect;

/// Beyond those that have a place: so many trials that do not end are waited for.
constexpr size_t most_overdue = 64;

effect on_pool(way x) {
  if (x == way::lost)
    return effect::bad;
  return x == way::answered || x == way::raised ? effect::good : effect::none;
}

effect on_tool(way x) {
  if (x == way::answered)
    return effect::good;
  return x == way::other ? effect::none : effect::bad;
}

} // namespace

// -- one circuit ------------------------------------------------------------------

bool circuit::is_trial(uint64_t id) const {
  return std::ranges::find(trials_, id, &trial::id) != trials_.end();
}

size_t circuit::places_taken(time_point now) const {
  auto fresh = std::ranges::count_if(trials_, [&](auto& x) { return is_fresh(x, now); });
  return passed_ + static_cast<size_t>(fresh);
}

std::optional<time_point> circuit::refuses(uint64_t id, time_point now) const {
  if (state_ == state::closed)
    return std::nullopt;
  if (state_ == state::open)
    return now >= until() ? std::nullopt : std::optional{until()};
  if (is_trial(id) || places_taken(now) < rules_->half_open)
    return std::nullopt;
  auto oldest = std::ranges::find_if(trials_, [&](auto& x) { return is_fresh(x, now); });
  return later(oldest->since, rules_->reset);
}

bool circuit::admit(uint64_t id, time_point now) {
  if (state_ == state::closed)
    return false;
  if (state_ == state::open) {
    state_ = state::half_open;
    trials_.clear();
    passed_ = 0;
  }
  if (is_trial(id))
    return true;
  if (trials_.size() >= rules_->half_open + most_overdue)
    trials_.erase(trials_.begin());
  trials_.push_back({id, now});
  return true;
}

void circuit::note(effect x, uint32_t count, uint64_t id, time_point now) {
  if (state_ == state::closed) {
    if (x == effect::good)
      row_ = 0;
    else if (x == effect::bad)
      row_ += count;
    if (row_ >= rules_->failures) {
      opened_ = now;
      open(now);
    }
    return;
  }
  auto is_it = [&](auto& one) { return one.id == id; };
  if (state_ == state::open || std::erase_if(trials_, is_it) == 0)
    return;
  if (x == effect::bad) {
    ++row_;
    open(now);
  } else if (x == effect::good && ++passed_ >= rules_->half_open) {
    state_ = state::closed;
    row_ = 0;
    trials_.clear();
  }
}

void circuit::open(time_point now) {
  state_ = state::open;
  refused_since_ = now;
  trials_.clear();
}

// -- all of a pool ------------------------------------------------------------------

std::optional<breaker::refusal> breaker::refuses(const call& x, time_point now) const {
  auto out = std::optional<refusal>{};
  auto ask = [&](uint32_t tool, const circuit& of) {
    auto until = of.refuses(x.id, now);
    if (until && (!out || *until - now > out->left))
      out = refusal{tool, of.now_at(now), of.failures(), *until - now};
  };
  ask(whole_pool, pool_);
  if (auto* tool = find(x.tool))
    ask(x.tool, *tool);
  return out;
}

template <class F>
bool breaker::change(uint32_t tool, circuit& x, time_point now, F f) {
  auto before = x.as_left();
  auto out = f(x);
  auto after = x.as_left();
  if (before == after)
    return out;
  not_closed_ += before == circuit::state::closed;
  not_closed_ -= after == circuit::state::closed;
  news_.push_back({tool, after, x.failures(), now - x.opened()});
  return out;
}

void breaker::admit(call& x, time_point now) {
  auto begin = [&](circuit& of) { return of.admit(x.id, now); };
  x.trial = change(whole_pool, pool_, now, begin);
  if (x.tool < tools_.size() && change(x.tool, tools_[x.tool], now, begin))
    x.trial = true;
}

void breaker::note_pool(const call_end& x, uint32_t count, time_point now) {
  change(whole_pool, pool_, now, [&](circuit& of) {
    of.note(on_pool(x.how), count, x.trial, now);
    return true;
  });
}

void breaker::note_tool(const call_end& x, uint32_t count, time_point now) {
  if (x.tool == call::unresolved)
    return;
  auto what = on_tool(x.how);
  if (x.tool >= tools_.size()) {
    if (what != effect::bad)
      return;
    tools_.resize(x.tool + 1, circuit{rules_});
  }
  change(x.tool, tools_[x.tool], now, [&](circuit& of) {
    of.note(what, count, x.trial, now);
    return true;
  });
}

void breaker::note(const std::vector<call_end>& ends, time_point now) {
  for (auto& x : ends) {
    note_pool(x, x.count, now);
    note_tool(x, x.count, now);
  }
}

void breaker::note_loss(const std::vector<call_end>& ends, time_point now) {
  // A further one counts for nothing, but tells the end of a trial.
  auto seen = std::vector<uint32_t>{};
  for (auto& x : ends) {
    auto counts = x.how == way::lost;
    note_pool(x, counts && seen.empty() ? 1 : 0, now);
    counts = counts && std::ranges::find(seen, x.tool) == seen.end();
    note_tool(x, counts ? 1 : 0, now);
    if (counts)
      seen.push_back(x.tool);
  }
}

std::vector<breaker::entry> breaker::list(time_point now) const {
  auto out = std::vector<entry>{};
  auto add = [&](uint32_t tool, const circuit& x) {
    auto state = x.now_at(now);
    auto left = state == circuit::state::open ? x.until() - now : duration{0};
    out.push_back({tool, state, x.failures(), left});
  };
  add(whole_pool, pool_);
  for (uint32_t i = 0; i < tools_.size(); ++i)
    if (tools_[i].ever_opened())
      add(i, tools_[i]);
  return out;
}

// -- what counts as what --------------------------------------------------------------

call_end::way way_of(const outcome& x) {
  if (x)
    return way::answered;
  return x.error().reason == reason::python_exception ? way::raised : way::other;
}

call_end::way way_of_loss(const error& x) {
  if (x.reason == reason::worker_crashed || x.reason == reason::worker_hung)
    return way::lost;
  auto because = x.details.find("because");
  auto own_fault = x.reason == reason::worker_killed && because != x.details.end()
                   && (because->second == "memory" || because->second == "protocol");
  return own_fault ? way::lost : way::other;
}

} // namespace snakepit::core
