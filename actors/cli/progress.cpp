#include "actors/cli/progress.hpp"

#include "actors/cli/units.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace snakepit::cli {

namespace {

std::string rate_text(double x) {
  if (x >= 10)
    return grouped(static_cast<uint64_t>(std::llround(x))) + "/s";
  char out[32];
  std::snprintf(out, sizeof out, "%.1f/s", x);
  return out;
}

std::string counted(uint64_t n, const char* one, const char* many) {
  return grouped(n) + ' ' + (n == 1 ? one : many);
}

std::string bar_of(double share, size_t width) {
  auto full = static_cast<size_t>(share * static_cast<double>(width));
  char percent[8];
  std::snprintf(percent, sizeof percent, "%3d%%", static_cast<int>(share * 100));
  return '[' + std::string(full, '#') + std::string(width - full, '-') + "] " + percent + ' ';
}

std::string time_text(const progress& x) {
  auto seconds = x.elapsed.count();
  if (!x.share || *x.share <= 0)
    return clock_text(std::chrono::seconds{static_cast<int64_t>(seconds)});
  auto left = seconds * (1 - *x.share) / *x.share;
  return clock_text(std::chrono::seconds{static_cast<int64_t>(std::ceil(std::min(left, 1e9)))})
         + " left";
}

} // namespace

std::string draw(const progress& x, size_t width) {
  auto text = counted(x.items, "item", "items") + "  " + rate_text(x.rate);
  if (x.errors > 0)
    text += "  " + counted(x.errors, "error", "errors");
  if (x.retries > 0)
    text += "  " + counted(x.retries, "retry", "retries");
  text += "  " + time_text(x);
  constexpr size_t frame = 9; // of bar_of, without the bar
  if (x.share && width > text.size() + frame + 10)
    text = bar_of(std::clamp(*x.share, 0.0, 1.0), std::min<size_t>(30, width - text.size() - frame))
           + text;
  return text.substr(0, width > 0 ? width - 1 : 0);
}

std::string summary(const progress& x) {
  auto seconds = x.elapsed.count();
  char time[32];
  std::snprintf(time, sizeof time, "%.1f s", seconds);
  auto out = counted(x.items, "item", "items") + " in " + time;
  if (seconds > 0)
    out += " (" + rate_text(static_cast<double>(x.items) / seconds) + ')';
  if (x.errors > 0)
    out += ", " + grouped(x.errors) + " failed";
  if (x.retries > 0)
    out += ", " + counted(x.retries, "retry", "retries");
  return out;
}

} // namespace snakepit::cli
