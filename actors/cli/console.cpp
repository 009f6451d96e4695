#include "actors/cli/console.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/ioctl.h>
#include <unistd.h>

namespace snakepit::cli {

namespace {

constexpr std::string_view erase_line = "\r\x1b[K";

bool draws(int fd) {
  auto* kind = std::getenv("TERM");
  return isatty(fd) && kind && std::strcmp(kind, "dumb") != 0;
}

} // namespace

console& console::standard() {
  static console it{STDERR_FILENO};
  return it;
}

console::console(int fd) : fd_{fd}, terminal_{draws(fd)} {
  // nop
}

size_t console::width() const noexcept {
  winsize size{};
  return ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void console::line(std::string_view text) {
  std::lock_guard lock{mutex_};
  std::string out;
  if (!bar_.empty())
    out = erase_line;
  out += text;
  out += '\n';
  out += bar_;
  put(out);
}

void console::bar(std::string text) {
  std::lock_guard lock{mutex_};
  if (!terminal_ || (text.empty() && bar_.empty()))
    return;
  bar_ = std::move(text);
  put(std::string{erase_line} + bar_);
}

void console::clear() {
  std::lock_guard lock{mutex_};
  if (!bar_.empty())
    put(erase_line);
  bar_.clear();
}

void console::put(std::string_view text) {
  while (!text.empty()) {
    auto n = write(fd_, text.data(), text.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return; // nobody reads stderr: there is no one to tell
    text.remove_prefix(static_cast<size_t>(n));
  }
}

} // namespace snakepit::cli
