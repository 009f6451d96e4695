#include "actors/io/peer_socket.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace snakepit::io {

namespace {

tl::unexpected<error> failed(const char* what, const std::string& path, int code) {
  return fail(reason::worker_start_failed,
              std::string{what} + " the worker's socket " + path + ": "
                + std::generic_category().message(code),
              {{"path", path}});
}

result<void> check_peer(int fd, int64_t pid, uint32_t user) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return fail(reason::protocol_error,
                "cannot ask who listens: " + std::generic_category().message(errno));
  if (peer.pid != pid)
    return fail(reason::protocol_error, "process " + std::to_string(peer.pid)
                                          + " listens on the socket of worker "
                                          + std::to_string(pid));
  if (peer.uid != user)
    return fail(reason::protocol_error, "user " + std::to_string(peer.uid)
                                          + " listens on the socket of worker "
                                          + std::to_string(pid));
  return {};
}

} // namespace

result<int> connect_to_peer(const std::string& path, int64_t pid, std::optional<uint32_t> user) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return failed("cannot name", path, ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  // Non-blocking, since connecting to a full backlog would wait.
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return failed("cannot make", path, errno);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    int code = errno;
    close(fd);
    return failed("cannot connect to", path, code);
  }
  if (auto ok = check_peer(fd, pid, user.value_or(geteuid())); !ok) {
    close(fd);
    return tl::unexpected{std::move(ok.error())};
  }
  unlink(path.c_str());
  return fd;
}

} // namespace snakepit::io
