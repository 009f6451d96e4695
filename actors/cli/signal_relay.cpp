#include "actors/cli/signal_relay.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace snakepit::cli {

signal_relay::signal_relay() : end_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGINT, SIGTERM, SIGHUP})
    sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, &before_);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

signal_relay::~signal_relay() {
  stop();
  close(signals_);
  close(end_);
}

void signal_relay::start(std::function<void(received_signal)> on_signal) {
  on_signal_ = std::move(on_signal);
  thread_ = std::thread{[this] { watch(); }};
}

void signal_relay::stop() {
  uint64_t one = 1;
  [[maybe_unused]] auto n = write(end_, &one, sizeof one);
  if (thread_.joinable())
    thread_.join();
}

void signal_relay::watch() {
  for (;;) {
    pollfd waited[] = {{signals_, POLLIN, 0}, {end_, POLLIN, 0}};
    poll(waited, 2, -1);
    signalfd_siginfo signal{};
    if (read(signals_, &signal, sizeof signal) == sizeof signal)
      on_signal_({static_cast<int>(signal.ssi_signo), signal.ssi_code == SI_KERNEL});
    else if (waited[1].revents)
      return;
  }
}

} // namespace snakepit::cli
