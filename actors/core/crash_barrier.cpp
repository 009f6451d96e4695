#include "actors/core/crash_barrier.hpp"

#include <algorithm>
#include <csignal>

namespace snakepit::core {

crash crash_of(const death_certificate& x) {
  if (!x.ended_by_us.empty())
    return crash::none;
  if (x.oom == "yes" || x.oom == "likely")
    return crash::oom;
  if (x.signal == SIGSEGV || x.signal == SIGBUS)
    return crash::segfault;
  if (x.signal != 0)
    return x.signal == SIGABRT ? crash::abort : crash::signal;
  return x.exit_code ? crash::exit : crash::none;
}

std::string_view to_string(crash x) {
  switch (x) {
  case crash::none:
    break;
  case crash::segfault:
    return "segfault";
  case crash::abort:
    return "abort";
  case crash::oom:
    return "oom";
  case crash::signal:
    return "signal";
  case crash::exit:
    return "exit";
  }
  return {};
}

bool crash_barrier::taint(uint32_t index, crash why, time_point now) {
  if (!rules_.enabled || why == crash::none)
    return false;
  if (index >= slots_.size())
    slots_.resize(index + 1);
  auto& x = slots_[index];
  count_ += x.why == crash::none;
  x = {why, 0, later(now, rules_.taint)};
  return true;
}

bool crash_barrier::note_good(uint32_t index, size_t calls) {
  if (tainted(index) == crash::none)
    return false;
  auto& x = slots_[index];
  x.good += calls;
  if (x.good < rules_.clear_after)
    return false;
  clear(x);
  return true;
}

std::vector<uint32_t> crash_barrier::take_due(time_point now) {
  auto out = std::vector<uint32_t>{};
  for (uint32_t i = 0; any() && i < slots_.size(); ++i)
    if (slots_[i].why != crash::none && slots_[i].until <= now) {
      clear(slots_[i]);
      out.push_back(i);
    }
  return out;
}

time_point crash_barrier::next_due() const noexcept {
  auto first = never;
  if (any())
    for (auto& x : slots_)
      if (x.why != crash::none)
        first = std::min(first, x.until);
  return first;
}

} // namespace snakepit::core
