#include "actors/core/rollout.hpp"

#include <algorithm>

namespace snakepit::core {

namespace {

/// Beside what tells of changes: whoever starts may fail without a word.
constexpr auto look_again = std::chrono::milliseconds{200};

} // namespace

void rollout::begin(uint32_t from, uint32_t to, time_point now) {
  phase_ = phase::trying;
  from_ = from;
  to_ = to;
  begun_ = not_before_ = now;
  ordered_.clear();
  trial_.reset();
  starting_one_ = give_up_ = false;
  replaced_ = failures_ = 0;
  trouble_.reset();
}

rollout::verdict rollout::judge(const std::vector<worker_life>& up,
                                const std::vector<uint32_t>& starting, size_t vacant,
                                time_point now) {
  auto out = verdict{};
  if (phase_ == phase::idle)
    return out;
  auto is_new = [this](auto& x) { return x.revision == to_ && !x.leaving; };
  if (give_up_ && phase_ != phase::undoing) {
    phase_ = phase::undoing;
    out.adopt = from_;
  } else if (phase_ == phase::trying && std::ranges::any_of(up, is_new)) {
    phase_ = phase::rolling;
    replaced_ = 1;
    not_before_ = now;
    out.adopt = to_;
  }
  if (phase_ == phase::trying)
    try_first(up, vacant, now, out);
  else
    replace_rest(up, starting, now, out);
  if (phase_ != phase::idle)
    out.next = std::max(later(now, look_again), not_before_);
  return out;
}

void rollout::try_first(const std::vector<worker_life>& up, size_t vacant, time_point now,
                        verdict& out) {
  if (!ordered_.empty() || starting_one_ || now < not_before_)
    return;
  // Before one that serves: with `max_unavailable` that might have to wait for the empty slot.
  if (vacant > 0) {
    out.start = starting_one_ = true;
    return;
  }
  auto first = std::ranges::find_if(up, [](auto& x) { return !x.leaving; });
  if (first == up.end())
    return;
  out.trial = true;
  out.replace.push_back({first->slot, first->generation});
  ordered_.insert(out.replace.back());
  trial_ = out.replace.back();
}

void rollout::replace_rest(const std::vector<worker_life>& up,
                           const std::vector<uint32_t>& starting, time_point now, verdict& out) {
  auto wanted = phase_ == phase::rolling ? to_ : from_;
  auto rest = static_cast<size_t>(
    std::ranges::count_if(starting, [&](auto revision) { return revision != wanted; }));
  for (auto& x : up) {
    if (x.leaving || x.revision == wanted)
      continue;
    ++rest;
    auto who = worker{x.slot, x.generation};
    if (ordered_.size() >= surge_ || now < not_before_ || ordered_.contains(who))
      continue;
    ordered_.insert(who);
    out.replace.push_back(who);
  }
  // What is adopted just now the list does not know of: an old one may have begun to start since.
  if (rest == 0 && ordered_.empty() && !starting_one_ && !out.adopt)
    finish(now, out);
}

void rollout::finish(time_point now, verdict& out) {
  auto& end = out.end.emplace();
  auto undone = phase_ != phase::rolling;
  end.revision = undone ? from_ : to_;
  end.replaced = replaced_;
  end.took = now - begun_;
  if (undone)
    end.rolled_back = std::move(trouble_);
  phase_ = phase::idle;
}

void rollout::over(const worker& who, bool done, time_point now) {
  if (ordered_.erase(who) == 0)
    return;
  auto was_trial = trial_ == who;
  if (was_trial)
    trial_.reset(); // the list says what came of it
  if (!done)
    not_before_ = later(now, pause_);
  else if (!was_trial)
    ++replaced_;
}

void rollout::start_over(time_point now) {
  starting_one_ = false;
  if (phase_ == phase::trying) // as far as is known nothing has come of it
    not_before_ = later(now, pause_);
}

void rollout::on_trouble(uint32_t revision, const error& why, bool for_good) {
  if (revision != to_ || (phase_ != phase::trying && phase_ != phase::rolling))
    return;
  ++failures_;
  give_up_ = give_up_ || for_good || phase_ == phase::trying || failures_ >= most_failures_;
  if (!trouble_)
    trouble_ = why;
}

} // namespace snakepit::core
