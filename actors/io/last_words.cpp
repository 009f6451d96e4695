#include "actors/io/last_words.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>
#include <string>

#include <poll.h>
#include <unistd.h>

namespace snakepit::io {

namespace {

constexpr int patience_ms = 1000;

/// Nobody has read for that long: the next lines are not waited for.
std::atomic<bool> nobody_reads{false};

/// With SIGPIPE blocked in this thread.
void write_all(std::string_view text) noexcept {
  while (!text.empty()) {
    auto wait = pollfd{STDERR_FILENO, POLLOUT, 0};
    auto ready = ::poll(&wait, 1, nobody_reads ? 0 : patience_ms);
    nobody_reads = ready == 0;
    if (ready <= 0 || (wait.revents & POLLOUT) == 0)
      return;
    // A pipe that takes something takes so much without blocking.
    auto n = ::write(STDERR_FILENO, text.data(), std::min<size_t>(text.size(), PIPE_BUF));
    if (n < 0 && errno != EINTR && errno != EAGAIN)
      return;
    text.remove_prefix(n > 0 ? static_cast<size_t>(n) : 0);
  }
}

} // namespace

void write_to_stderr(std::string_view line) noexcept {
  sigset_t pipe;
  sigset_t before;
  sigset_t pending;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  ::sigpending(&pending);
  ::pthread_sigmask(SIG_BLOCK, &pipe, &before);
  write_all(line);
  write_all("\n");
  // Ours is taken back; one that was there before is somebody else's.
  auto now = timespec{};
  while (::sigismember(&pending, SIGPIPE) != 1 && ::sigtimedwait(&pipe, nullptr, &now) < 0
         && errno == EINTR) {
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

} // namespace snakepit::io
