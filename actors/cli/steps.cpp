#include "actors/cli/steps.hpp"

#include "actors/cli/units.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace snakepit::cli {

namespace {

using std::chrono::nanoseconds;

/// The two clocks may differ by as much over a call: the time between reading one and the other.
constexpr auto clocks_differ = std::chrono::microseconds{50};
/// And by this part of the call, 1/1000: the system corrects its clock slowly, by half of that.
constexpr int slew = 1000;

nanoseconds between(event_time from, event_time to) {
  return std::chrono::duration_cast<nanoseconds>(to - from);
}

double median_us_of(const latencies& x) {
  return x.empty() ? 0 : std::chrono::duration<double, std::micro>(percentile(x, 0.5)).count();
}

std::array<nanoseconds, step_count> steps_of(const seen_call& seen, const told_call& told) {
  return {between(seen.begin, told.entered), between(told.entered, told.dispatched),
          between(told.dispatched, told.sent), between(told.sent, told.finished),
          between(told.finished, seen.end)};
}

/// Whether the system's clock went as the other one while the call was under way.
bool clock_held(const seen_call& x) {
  return std::chrono::abs(between(x.begin, x.end) - x.took) <= clocks_differ + x.took / slew;
}

template <class... Args>
std::string format(const char* how, Args... args) {
  char out[200];
  std::snprintf(out, sizeof(out), how, args...);
  return out;
}

} // namespace

void step_reader::advance(after from, after to, event_time told_call::*when, event_time at) {
  after_ = after_ == from ? to : after::nothing;
  now_.*when = at;
}

void step_reader::take(const event& x) {
  switch (x.kind) {
  case event_kind::queue_entered:
    after_ = after::nothing;
    if (x.text("from") == "caller")
      advance(after::nothing, after::entered, &told_call::entered, x.time);
    break;
  case event_kind::call_dispatched:
    advance(after::entered, after::dispatched, &told_call::dispatched, x.time);
    break;
  case event_kind::batch_sent:
    advance(after::dispatched, after::sent, &told_call::sent, x.time);
    break;
  case event_kind::call_finished:
    ++ended_;
    now_.finished = x.time;
    now_.ran = std::chrono::microseconds{x.number("run_us")};
    if (std::exchange(after_, after::nothing) == after::sent)
      calls_.push_back(now_);
    break;
  default:
    break;
  }
}

double step_times::median_us(step x) const {
  return median_us_of(steps[static_cast<size_t>(x)]);
}

double step_times::share(step x) const {
  double sum = 0;
  for (auto& all : steps)
    sum += median_us_of(all);
  return sum > 0 ? median_us(x) / sum : 0;
}

step_times put_together(const std::vector<seen_call>& seen, const std::vector<told_call>& told) {
  auto out = step_times{};
  auto next = told.begin();
  for (auto& x : seen) {
    // Of calls that are not in `seen`, or while the clock stood elsewhere.
    while (next != told.end() && next->entered < x.begin)
      ++next;
    if (next == told.end() || next->finished > x.end)
      continue;
    auto steps = steps_of(x, *next);
    auto ran = next++->ran;
    if (!clock_held(x) || std::ranges::min(steps) < nanoseconds{0})
      continue;
    ++out.calls;
    for (size_t i = 0; i < step_count; ++i)
      out.steps[i].push_back(steps[i]);
    out.whole.push_back(between(x.begin, x.end));
    out.tool.push_back(ran);
  }
  out.left_out = seen.size() - out.calls;
  for (auto& all : out.steps)
    std::ranges::sort(all);
  std::ranges::sort(out.whole);
  std::ranges::sort(out.tool);
  return out;
}

std::string steps_text(const step_times& x) {
  auto out = "step by step:  p50 " + format("%.1f us", median_us_of(x.whole)) + ", with events ("
             + grouped(x.calls) + " calls"
             + (x.left_out == 0 ? "" : ", " + grouped(x.left_out) + " left out") + ")";
  for (size_t i = 0; i < step_count; ++i) {
    auto& title = step_table[i].title;
    out += format("\n  %-25.*s %10.1f us %5.1f %%", static_cast<int>(title.size()), title.data(),
                  x.median_us(step(i)), 100 * x.share(step(i)));
    if (step(i) == step::wire_and_python)
      out += format("\n    %-23s %10.1f us", "of which the tool", median_us_of(x.tool));
  }
  return out;
}

std::string steps_json(const step_times& x) {
  auto out = "{\"calls\": " + std::to_string(x.calls) + ", \"left_out\": "
             + std::to_string(x.left_out) + format(", \"p50_us\": %.1f", median_us_of(x.whole));
  for (size_t i = 0; i < step_count; ++i)
    out +=
      ", \"" + std::string{step_table[i].key}
      + format("\": {\"p50_us\": %.1f, \"share\": %.4f}", x.median_us(step(i)), x.share(step(i)));
  return out + format(", \"tool\": {\"p50_us\": %.1f}}", median_us_of(x.tool));
}

} // namespace snakepit::cli
