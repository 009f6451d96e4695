#include "actors/core/heartbeat.hpp"

#include <utility>

namespace snakepit::core {

heartbeat::heartbeat(const heartbeat_config& terms, uint64_t seed, time_point now)
  : terms_{terms}, random_{seed}, proved_at_{now}, sign_at_{now} {
  if (!on())
    return;
  send_at_ = later(now, jittered());
  note_due(now);
}

heartbeat::advice heartbeat::look(time_point now, const sight& seen, bool stopped) {
  auto result = advice{};
  if (now < due_)
    return result;
  auto late = now - due_ > terms_.timeout / 2;
  if (std::exchange(movement_, seen.movement) != seen.movement) {
    result.recovered = sign_of_life(now);
    calm_ = 0;
  }
  if (outstanding_ == 0 && now >= send_at_) {
    outstanding_ = result.send = ++nonce_;
    sent_at_ = now;
    send_at_ = later(now, pause(seen.busy));
    judge_after(now);
  } else if (late) {
    judge_at_ = later(now, terms_.timeout);
  } else if (judges(now)) {
    result.what = judge(now, seen.busy, stopped);
  }
  note_due(now);
  return result;
}

heartbeat::answer heartbeat::on_answer(time_point now, uint64_t nonce) {
  if (outstanding_ == 0 || nonce != outstanding_)
    return {};
  outstanding_ = 0;
  proved_at_ = sent_at_;
  auto recovered = sign_of_life(now);
  note_due(now);
  return {true, recovered};
}

bool heartbeat::sign_of_life(time_point now) {
  auto was = std::exchange(standing_, standing::well);
  misses_ = 0;
  sign_at_ = now;
  judge_after(now);
  return was != standing::well;
}

heartbeat::verdict heartbeat::judge(time_point now, bool busy, bool stopped) {
  if (standing_ == standing::hung) {
    judge_after(now);
    return verdict::nothing;
  }
  auto result = verdict::nothing;
  if (busy && !stopped) {
    // Its stop, if there was one, is over; what was missed then is not the call's.
    misses_ = 0;
    if (std::exchange(standing_, standing::held) != standing::held)
      result = verdict::gil_held;
    else if (now >= later(silent_since(), terms_.gil_limit))
      result = verdict::hung;
  } else {
    standing_ = standing::missing;
    result = ++misses_ < terms_.misses ? verdict::missed : verdict::hung;
  }
  if (result == verdict::hung)
    standing_ = standing::hung;
  judge_after(now);
  return result;
}

void heartbeat::judge_after(time_point from) {
  judge_at_ = later(from, terms_.timeout);
  if (standing_ == standing::held)
    judge_at_ = std::min(judge_at_, std::max(from, later(silent_since(), terms_.gil_limit)));
}

void heartbeat::note_due(time_point now) {
  // Also while one is out: then most answers move nobody's timer.
  due_ = outstanding_ == 0 || send_at_ > now ? send_at_ : judge_at_;
  if (outstanding_ != 0)
    due_ = std::min(due_, judge_at_);
}

duration heartbeat::pause(bool busy) {
  auto once = jittered();
  calm_ = busy ? 1 : calm_ + 1; // heartbeats since anything moved
  auto most = std::max(once, terms_.timeout);
  return calm_ <= 1 ? once : std::min(calm_ == 2 ? 2 * once : 4 * once, most);
}

duration heartbeat::jittered() {
  // splitmix64: enough to spread workers, and the same in every run of a simulation.
  auto x = random_ += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  auto share = static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-52 - 1; // from -1 to 1
  auto interval = static_cast<double>(terms_.interval.count());
  return duration{static_cast<duration::rep>(interval * (1 + terms_.jitter * share))};
}

} // namespace snakepit::core
