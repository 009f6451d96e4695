#include "actors/core/output_lines.hpp"

#include <algorithm>

namespace snakepit::core {

void output_lines::feed(std::string_view bytes, time_point now, const sink& out) {
  while (!bytes.empty()) {
    auto end = bytes.find('\n');
    if (end == std::string_view::npos) {
      keep(bytes);
      return;
    }
    end_line(bytes.substr(0, end), now, out);
    bytes.remove_prefix(end + 1);
  }
}

void output_lines::finish(time_point now, const sink& out) {
  if (!partial_.empty())
    end_line({}, now, out);
  if (dropped_ != 0)
    say_dropped(out);
}

std::optional<output_lines::time_point> output_lines::due() const {
  if (dropped_ == 0)
    return std::nullopt;
  return window_end_;
}

void output_lines::tell_dropped(time_point now, const sink& out) {
  if (dropped_ != 0 && now >= window_end_)
    say_dropped(out);
}

void output_lines::keep(std::string_view bytes) {
  auto room = std::min(max_line - partial_.size(), bytes.size());
  partial_.append(bytes.substr(0, room));
  cut_ += bytes.size() - room;
}

void output_lines::end_line(std::string_view rest, time_point now, const sink& out) {
  if (partial_.empty() && rest.size() <= max_line) {
    tell(rest, now, out);
    return;
  }
  keep(rest);
  if (cut_ != 0)
    partial_ += " [snakepit: cut, " + std::to_string(cut_) + " bytes more]";
  tell(partial_, now, out);
  partial_.clear();
  cut_ = 0;
}

void output_lines::tell(std::string_view line, time_point now, const sink& out) {
  if (now >= window_end_) {
    if (dropped_ != 0)
      say_dropped(out);
    window_end_ = now + window;
    told_ = 0;
  }
  if (told_ == max_lines) {
    ++dropped_;
    return;
  }
  ++told_;
  out(line);
}

void output_lines::say_dropped(const sink& out) {
  auto line = "[snakepit: " + std::to_string(dropped_) + " lines of " + stream_
              + " dropped, more than " + std::to_string(max_lines) + " in a second]";
  dropped_ = 0;
  out(line);
}

} // namespace snakepit::core
