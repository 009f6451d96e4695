#include "actors/io/launch_descriptors.hpp"

#include "actors/io/system_error.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace snakepit::io {

namespace {

/// Moves a descriptor to `least` or above: by default out of the range that the child overwrites.
bool lift(descriptor& fd, int least = first_source) {
  if (fd.get() >= least)
    return true;
  descriptor lifted{::fcntl(fd.get(), F_DUPFD_CLOEXEC, least)};
  if (!lifted)
    return false;
  fd = std::move(lifted);
  return true;
}

bool make_pipe(descriptor& read_end, descriptor& write_end) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0)
    return false;
  read_end = descriptor{fds[0]};
  write_end = descriptor{fds[1]};
  return true;
}

/// Not blocking on our side only: the two ends are different files.
bool make_output_pipe(descriptor& ours, descriptor& theirs) {
  return make_pipe(ours, theirs) && ::fcntl(ours.get(), F_SETFL, O_NONBLOCK) == 0 && lift(theirs);
}

bool make_socket_pair(host_only& ours, descriptor& theirs) {
  ours = host_only::make([&] {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
      return descriptor{};
    theirs = descriptor{fds[1]};
    return descriptor{fds[0]};
  });
  return ours && lift(theirs);
}

bool make_lifetime_pipe(lifetime_ends& ends) {
  ends.write = host_only::make([&] {
    descriptor write_end;
    if (!make_pipe(ends.read, write_end) || !lift(ends.read)
        || !lift(write_end, ends.read.get() + 1))
      return descriptor{};
    return write_end;
  });
  return static_cast<bool>(ends.write);
}

bool make_token_pipe(const std::string& token, descriptor& theirs) {
  descriptor write_end;
  if (!make_pipe(theirs, write_end))
    return false;
  // An empty pipe takes this much whole, so this neither waits nor writes a part.
  return ::write(write_end.get(), token.data(), token.size()) == static_cast<ssize_t>(token.size())
         && lift(theirs);
}

/// Whether enough numbers are left above the newest descriptor, which got the lowest that was free.
/// gRPC opens some more for each worker, and ends the whole process if it cannot.
bool leaves_room(const descriptor& newest) {
  constexpr rlim_t kept_free = 32;
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY
         || static_cast<rlim_t>(newest.get()) + kept_free < limit.rlim_cur;
}

} // namespace

result<descriptor> launch_descriptors::open_null() {
  descriptor out{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  if (!out || !lift(out))
    return start_failure("opening /dev/null", errno);
  return out;
}

result<launch_descriptors> launch_descriptors::make(int null, const std::string& token) {
  if (token.size() > PIPE_BUF)
    return fail(reason::worker_start_failed, "the token is too long");
  launch_descriptors out;
  out.null_ = null;
  if (!make_output_pipe(out.host_.output, out.output_))
    return start_failure("the pipe for stdout", errno);
  if (!make_output_pipe(out.host_.errors, out.errors_))
    return start_failure("the pipe for stderr", errno);
  if (!make_socket_pair(out.host_.side, out.side_))
    return start_failure("the side socket", errno);
  if (!make_lifetime_pipe(out.host_.lifetime))
    return start_failure("the lifetime pipe", errno);
  if (!make_token_pipe(token, out.token_))
    return start_failure("the token pipe", errno);
  if (!leaves_room(out.token_))
    return start_failure("too few descriptors are left", EMFILE);
  return out;
}

result<void> launch_descriptors::set_lane_page(descriptor fd) {
  lane_page_ = std::move(fd);
  if (!lift(lane_page_))
    return start_failure("the lane page", errno);
  return {};
}

result<void> launch_descriptors::set_stacks(descriptor fd) {
  stacks_ = std::move(fd);
  if (!lift(stacks_))
    return start_failure("the file for stacks", errno);
  return {};
}

result<void> launch_descriptors::set_channel(descriptor fd) {
  token_ = std::move(fd);
  if (!lift(token_))
    return start_failure("the channel", errno);
  return {};
}

result<void> launch_descriptors::set_socket_folder(const descriptor& fd) {
  folder_ = descriptor{::fcntl(fd.get(), F_DUPFD_CLOEXEC, first_source)};
  if (!folder_)
    return start_failure("the folder for its socket", errno);
  return {};
}

std::array<int, worker_descriptors> launch_descriptors::worker_ends() const noexcept {
  return {null_,        output_.get(),    errors_.get(),
          side_.get(),  lane_page_.get(), host_.lifetime.read.get(),
          token_.get(), stacks_.get(),    folder_ ? folder_.get() : null_};
}

void launch_descriptors::fill(child_plan& plan) const noexcept {
  std::ranges::copy(worker_ends(), plan.sources);
}

process_ends launch_descriptors::release_host_ends() noexcept {
  return std::move(host_);
}

} // namespace snakepit::io
