#include "actors/io/template_socket.hpp"

#include "actors/io/exec_child.hpp"
#include "actors/io/system_error.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace snakepit::io {

namespace {

constexpr size_t max_packet = 4096;
constexpr size_t max_descriptors = 1 + worker_descriptors;

bool write_all(int fd, const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    auto n = ::write(fd, text.data() + at, text.size() - at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    at += static_cast<size_t>(n);
  }
  return true;
}

/// In a file, since an environment may be larger than a packet.
descriptor write_request(const launch_spec& spec) {
  std::string text;
  auto add = [&](const std::string& x) { text.append(x).push_back('\0'); };
  auto& limits = spec.limits;
  std::string numbers;
  for (auto x : {limits.memory, limits.files, limits.cpu_seconds, limits.core,
                 static_cast<uint64_t>(limits.nice)})
    numbers += std::to_string(x) + " ";
  add(spec.working_directory);
  add(numbers);
  add(std::to_string(spec.arguments.size()));
  for (const auto& x : spec.arguments)
    add(x);
  for (const auto& x : spec.environment)
    add(x);
  descriptor out{::memfd_create("snakepit-request", MFD_CLOEXEC)};
  if (out && !write_all(out.get(), text))
    out.reset();
  return out;
}

} // namespace

result<std::pair<host_only, descriptor>> template_socket::make_pair() {
  descriptor theirs;
  auto ours = host_only::make([&] {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
      return descriptor{};
    theirs = descriptor{fds[1]};
    return descriptor{fds[0]};
  });
  if (!ours)
    return start_failure("the template socket", errno);
  return std::pair{std::move(ours), std::move(theirs)};
}

bool template_socket::spawn(uint64_t number, const launch_spec& spec, std::span<const int> fds) {
  auto request = write_request(spec);
  if (!request)
    return false;
  std::vector<int> all{request.get()};
  all.insert(all.end(), fds.begin(), fds.end());
  return send("spawn " + std::to_string(number), all);
}

void template_socket::reap(uint64_t number) {
  unsent_.push_back(number);
  while (!unsent_.empty() && send("reap " + std::to_string(unsent_.back()), {}))
    unsent_.pop_back();
}

bool template_socket::send(const std::string& packet, std::span<const int> fds) {
  iovec text{const_cast<char*>(packet.data()), packet.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(max_descriptors * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    auto* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(head), fds.data(), fds.size_bytes());
  }
  ssize_t n = 0;
  do
    n = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n >= 0;
}

bool template_socket::read() {
  for (;;) {
    std::array<char, max_packet> buffer;
    iovec text{buffer.data(), buffer.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &text;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    auto n = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return n < 0 && errno == EAGAIN;
    descriptor fd;
    if (auto* head = CMSG_FIRSTHDR(&message); head != nullptr && head->cmsg_type == SCM_RIGHTS) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(head), sizeof number);
      fd = descriptor{number};
    }
    on_packet({buffer.data(), static_cast<size_t>(n)}, std::move(fd));
  }
}

void template_socket::on_packet(const std::string& packet, descriptor fd) {
  std::istringstream in{packet};
  std::string word;
  uint64_t number = 0;
  if (!(in >> word >> number))
    return;
  if (word == "spawned") {
    int64_t pid = 0;
    if (in >> pid && fd)
      events_.on_spawned(number, pid, std::move(fd));
  } else if (word == "failed") {
    int why = 0;
    if (in >> why)
      events_.on_failed(number, why);
  } else if (word == "unfit") {
    std::string why;
    std::getline(in >> std::ws, why, '\0');
    events_.on_unfit(number, std::move(why));
  } else if (word == "exited") {
    exit_status status;
    int64_t user = 0;
    int64_t system = 0;
    if (!(in >> status.code >> status.signal >> user >> system >> status.max_rss_bytes))
      return;
    status.user_time = std::chrono::microseconds{user};
    status.system_time = std::chrono::microseconds{system};
    status.max_rss_bytes *= 1024;
    events_.on_exited(number, status);
  }
}

} // namespace snakepit::io
