#pragma once

#include <mutex>
#include <string>
#include <string_view>

namespace snakepit::cli {

/// The terminal behind stderr: lines, and at most one progress bar below them that lines do not
/// tear. Thread safe.
class console {
public:
  /// The process's own stderr.
  static console& standard();

  explicit console(int fd);

  /// Whether a bar can be seen there.
  bool is_terminal() const noexcept {
    return terminal_;
  }

  /// Columns of the terminal.
  size_t width() const noexcept;

  /// Writes a line; its end is added here.
  void line(std::string_view text);

  /// Shows `text` as the bar, in place of the one before. Nothing happens off a terminal.
  void bar(std::string text);

  /// Takes the bar away.
  void clear();

private:
  void put(std::string_view text);

  int fd_;
  bool terminal_;
  std::mutex mutex_;
  std::string bar_;
};

} // namespace snakepit::cli
