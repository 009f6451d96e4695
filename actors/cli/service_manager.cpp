#include "actors/cli/service_manager.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace snakepit::cli {

service_manager::service_manager() {
  if (auto* name = std::getenv("NOTIFY_SOCKET"))
    socket_ = name;
  unsetenv("NOTIFY_SOCKET");
}

int service_manager::tell(std::string_view lines) const noexcept {
  if (socket_.empty())
    return 0;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if ((socket_[0] != '/' && socket_[0] != '@') || socket_.size() >= sizeof address.sun_path)
    return EINVAL;
  socket_.copy(address.sun_path, socket_.size());
  if (socket_[0] == '@') // an abstract one: its name begins with a null byte and has no end
    address.sun_path[0] = 0;
  auto size = offsetof(sockaddr_un, sun_path) + socket_.size();
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return errno;
  auto sent = sendto(fd, lines.data(), lines.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                     reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size));
  auto problem = sent < 0 ? errno : 0;
  close(fd);
  return problem;
}

} // namespace snakepit::cli
