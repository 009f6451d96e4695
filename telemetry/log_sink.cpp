#include "telemetry/log_sink.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <mutex>
#include <poll.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <spdlog/sinks/base_sink.h>

namespace snakepit::telemetry {

namespace {

/// How long a reader may keep us waiting where writing does not block by itself.
constexpr int patience_ms = 100;

std::string message_of(int code) {
  return std::generic_category().message(code);
}

/// Keeps a closed pipe from ending the host, whose handling of signals is not ours to change:
/// SIGPIPE is blocked in this thread while it lives, and taken back if it came.
class no_sigpipe {
public:
  no_sigpipe() noexcept {
    auto pending = sigset_t{};
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~no_sigpipe() {
    auto now = timespec{};
    while (!was_pending_ && ::sigtimedwait(&pipe_, nullptr, &now) < 0 && errno == EINTR) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  no_sigpipe(const no_sigpipe&) = delete;
  no_sigpipe& operator=(const no_sigpipe&) = delete;

private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

class descriptor_sink : public spdlog::sinks::base_sink<std::mutex> {
public:
  descriptor_sink(int fd, bool owned, bool may_be_pipe)
    : fd_{fd}, owned_{owned}, may_be_pipe_{may_be_pipe} {}

  ~descriptor_sink() override {
    if (owned_)
      ::close(fd_);
  }

protected:
  void sink_it_(const spdlog::details::log_msg& x) override {
    auto line = std::string{};
    line.reserve(x.payload.size() + 2);
    // What a failed write left behind must not become part of this line.
    if (torn_)
      line += '\n';
    line.append(x.payload.data(), x.payload.size()) += '\n';
    auto code = may_be_pipe_ ? write_guarded(line) : write_all(line);
    if (code != 0)
      spdlog::throw_spdlog_ex("the log cannot be written", code);
  }

  void flush_() override {}

private:
  int write_guarded(std::string_view line) {
    auto guard = no_sigpipe{};
    return write_all(line);
  }

  /// 0, or the errno of what went wrong.
  int write_all(std::string_view line) {
    auto rest = line;
    while (!rest.empty()) {
      auto count = ::write(fd_, rest.data(), rest.size());
      if (count >= 0) {
        rest.remove_prefix(static_cast<size_t>(count));
        continue;
      }
      auto code = errno;
      if (code == EINTR || (code == EAGAIN && is_writable()))
        continue;
      torn_ = torn_ || rest.size() < line.size();
      return code;
    }
    torn_ = false;
    return 0;
  }

  bool is_writable() const {
    auto poll = pollfd{fd_, POLLOUT, 0};
    return ::poll(&poll, 1, patience_ms) > 0 && (poll.revents & POLLOUT) != 0;
  }

  int fd_;
  bool owned_;
  bool may_be_pipe_;
  bool torn_ = false;
};

class calling_sink : public spdlog::sinks::base_sink<std::mutex> {
public:
  explicit calling_sink(std::function<void(std::string_view)> take) : take_{std::move(take)} {}

protected:
  void sink_it_(const spdlog::details::log_msg& x) override {
    try {
      take_({x.payload.data(), x.payload.size()});
    } catch (...) {
      // spdlog lets nothing pass but exceptions of its own kind.
      spdlog::throw_spdlog_ex("the log's function failed");
    }
  }

  void flush_() override {}

private:
  std::function<void(std::string_view)> take_;
};

} // namespace

result<std::shared_ptr<spdlog::sinks::sink>> file_sink(const std::string& file) {
  // Not blocking: opening a pipe would wait for somebody to read from it.
  auto flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  auto fd = ::open(file.c_str(), flags, 0640);
  if (fd < 0)
    return fail(reason::invalid_config,
                "log.file: `" + file + "` cannot be opened: " + message_of(errno));
  struct stat status {};
  auto may_be_pipe = ::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode);
  return std::make_shared<descriptor_sink>(fd, true, may_be_pipe);
}

std::shared_ptr<spdlog::sinks::sink> stderr_sink() {
  return std::make_shared<descriptor_sink>(STDERR_FILENO, false, true);
}

std::shared_ptr<spdlog::sinks::sink> function_sink(std::function<void(std::string_view)> take) {
  return std::make_shared<calling_sink>(std::move(take));
}

} // namespace snakepit::telemetry
