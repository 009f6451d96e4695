#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace snakepit::core {

/// Makes lines of what a worker prints on one stream, so that neither a long line nor a flood costs
/// the host more than a bounded amount. Bytes are left as they are, whatever they are.
///
/// A line above `max_line` is cut and says by how much. Of more than `max_lines` in one second the
/// rest is dropped; a line of ours then says how many.
class output_lines {
public:
  using time_point = std::chrono::steady_clock::time_point;
  /// Gets each line without its end; the view is valid during the call.
  using sink = std::function<void(std::string_view)>;

  static constexpr size_t max_line = size_t{16} * 1024;
  static constexpr uint64_t max_lines = 1000;
  static constexpr std::chrono::seconds window{1};

  /// `stream` is the name of the stream in our own lines: "stdout".
  explicit output_lines(std::string stream) : stream_{std::move(stream)} {}

  /// Takes the next bytes, read at `now`.
  void feed(std::string_view bytes, time_point now, const sink& out);

  /// The stream has ended: tells the rest that has no line end, and what was dropped.
  void finish(time_point now, const sink& out);

  /// When `tell_dropped` is to be called although nothing more may come; nothing if not at all.
  std::optional<time_point> due() const;

  /// Says how many lines were dropped if that is due at `now`.
  void tell_dropped(time_point now, const sink& out);

private:
  void keep(std::string_view bytes);
  void end_line(std::string_view rest, time_point now, const sink& out);
  void tell(std::string_view line, time_point now, const sink& out);
  void say_dropped(const sink& out);

  std::string stream_;
  std::string partial_;     // the begin of a line whose end has not come
  uint64_t cut_ = 0;        // bytes of that line that were not kept
  time_point window_end_{}; // lines are counted until then
  uint64_t told_ = 0;       // lines told in this window
  uint64_t dropped_ = 0;    // lines not told in this window
};

} // namespace snakepit::core
