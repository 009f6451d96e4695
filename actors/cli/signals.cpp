#include "actors/cli/signals.hpp"

#include "actors/cli/console.hpp"

#include <csignal>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace snakepit::cli {

namespace {

sigset_t watched() {
  sigset_t out;
  sigemptyset(&out);
  for (int number : {SIGINT, SIGTERM, SIGHUP})
    sigaddset(&out, number);
  return out;
}

void raise_event(int fd) {
  uint64_t one = 1;
  [[maybe_unused]] auto n = write(fd, &one, sizeof one);
}

} // namespace

signal_watch::signal_watch()
  : came_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}, end_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
  auto set = watched();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

signal_watch::~signal_watch() {
  stop();
  for (int fd : {signals_, came_, end_})
    close(fd);
}

void signal_watch::start(std::function<void()> on_first) {
  on_first_ = std::move(on_first);
  thread_ = std::thread{[this] { watch(); }};
}

void signal_watch::stop() {
  raise_event(end_);
  if (thread_.joinable())
    thread_.join();
}

void signal_watch::watch() {
  // The clean stop may hang; the second signal must still be heard.
  std::thread stopper;
  for (;;) {
    pollfd waited[] = {{signals_, POLLIN, 0}, {end_, POLLIN, 0}};
    poll(waited, 2, -1);
    signalfd_siginfo signal{};
    if (read(signals_, &signal, sizeof signal) == sizeof signal) {
      if (received_ != 0) {
        console::standard().clear();
        _exit(128 + static_cast<int>(signal.ssi_signo));
      }
      received_ = static_cast<int>(signal.ssi_signo);
      raise_event(came_);
      try {
        stopper = std::thread{[this] { on_first_(); }};
      } catch (const std::system_error&) {
        on_first_();
      }
    } else if (waited[1].revents) {
      break;
    }
  }
  if (stopper.joinable())
    stopper.join();
}

} // namespace snakepit::cli
