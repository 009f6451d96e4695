#include "actors/io/killer.hpp"

#include "actors/io/descriptor.hpp"
#include "actors/io/proc_files.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace snakepit::io {

namespace {

using clock = std::chrono::steady_clock;

/// Descriptors that may be open for this at a time.
constexpr size_t most_at_once = 256;

descriptor open_pidfd(int64_t pid) {
  return descriptor{static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0))};
}

bool has_ended(int pidfd) {
  auto x = pollfd{pidfd, POLLIN, 0};
  return ::poll(&x, 1, 0) > 0;
}

/// A pidfd of the process that is meant, or nothing. If the number went to another before it was
/// opened the start time tells; if it does so after, the pidfd does not follow.
descriptor find(const core::debt& x) {
  auto pidfd = open_pidfd(x.pid);
  if (!pidfd)
    return {};
  auto leader = x.leader != 0 ? open_pidfd(x.leader) : descriptor{};
  auto stat = read_proc_stat(x.pid);
  if (!stat || stat->start_time != x.start_time)
    return {};
  if (x.leader == 0)
    return pidfd;
  auto is_member = stat->group == x.leader || stat->session == x.leader;
  // The leader still lives now, so its number has been its own when the member was looked at.
  return is_member && leader && !has_ended(leader.get()) ? std::move(pidfd) : descriptor{};
}

class round {
public:
  round(const core::debt* first, size_t count, const kill_patience& patience)
    : ends_(count), patience_{patience} {
    for (size_t i = 0; i < count; ++i)
      pidfds_.push_back(find(first[i]));
  }

  std::vector<kill_end> run() {
    step(SIGTERM, kill_end::terminated, patience_.after_term);
    step(SIGKILL, kill_end::killed, patience_.after_kill);
    for (size_t i = 0; i < ends_.size(); ++i)
      if (pidfds_[i])
        note(i, kill_end::survived);
    return std::move(ends_);
  }

private:
  void step(int number, kill_end::what how, std::chrono::milliseconds patience) {
    for (size_t i = 0; i < ends_.size(); ++i)
      if (pidfds_[i])
        send(i, number);
    auto until = clock::now() + patience;
    while (wait(until, how)) {
    }
  }

  void send(size_t i, int number) {
    auto fd = pidfds_[i].get();
    if (has_ended(fd)
        || (::syscall(SYS_pidfd_send_signal, fd, number, nullptr, 0) != 0 && errno == ESRCH))
      return pidfds_[i].reset(); // it was quicker
    if (number == SIGTERM)       // a stopped one would not hear of it
      ::syscall(SYS_pidfd_send_signal, fd, SIGCONT, nullptr, 0);
  }

  /// Waits for one or more to end; false if there is nobody left to wait for, or no time.
  bool wait(clock::time_point until, kill_end::what how) {
    auto polled = std::vector<pollfd>{};
    auto whose = std::vector<size_t>{};
    for (size_t i = 0; i < ends_.size(); ++i)
      if (pidfds_[i]) {
        polled.push_back({pidfds_[i].get(), POLLIN, 0});
        whose.push_back(i);
      }
    auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
    if (polled.empty() || left <= 0)
      return false;
    if (::poll(polled.data(), polled.size(), static_cast<int>(left)) <= 0)
      return errno == EINTR;
    for (size_t i = 0; i < polled.size(); ++i)
      if (polled[i].revents != 0) {
        note(whose[i], how);
        pidfds_[whose[i]].reset();
      }
    return true;
  }

  void note(size_t i, kill_end::what how) {
    ends_[i] = {how, std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - begun_)};
  }

  std::vector<descriptor> pidfds_;
  std::vector<kill_end> ends_;
  kill_patience patience_;
  clock::time_point begun_ = clock::now();
};

} // namespace

std::vector<kill_end> end_processes(const std::vector<core::debt>& which,
                                    const kill_patience& patience) {
  auto out = std::vector<kill_end>{};
  for (size_t i = 0; i < which.size(); i += most_at_once) {
    auto count = std::min(most_at_once, which.size() - i);
    auto ends = round{which.data() + i, count, patience}.run();
    out.insert(out.end(), ends.begin(), ends.end());
  }
  return out;
}

} // namespace snakepit::io
