#include "actors/io/side_socket.hpp"

#include <cerrno>
#include <charconv>

#include <sys/ioctl.h>
#include <sys/socket.h>

namespace snakepit::io {

namespace {

constexpr int packets_at_once = 64;

bool has_more(int socket) {
  int bytes = 0;
  return ::ioctl(socket, FIONREAD, &bytes) == 0 && bytes > 0;
}

} // namespace

bool side_socket::read_some(std::span<char> scratch, bool ended) {
  for (int i = 0; i < packets_at_once; ++i) {
    // No room for control data: the kernel closes descriptors that were sent along.
    auto n = ::recv(socket_.get(), scratch.data(), scratch.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno == EAGAIN;
    // Nothing was read: the end, or an empty packet.
    if (n == 0 && ended && !has_more(socket_.get()))
      return false;
    if (static_cast<size_t>(n) <= max_packet)
      on_packet({scratch.data(), static_cast<size_t>(n)});
  }
  return true;
}

bool side_socket::look(uint64_t number) noexcept {
  auto packet = "look " + std::to_string(number);
  return socket_
         && ::send(socket_.get(), packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
}

void side_socket::on_packet(std::string_view packet) {
  constexpr std::string_view refused = "refused ";
  constexpr std::string_view here = "here ";
  if (packet.starts_with(here)) {
    uint64_t number = 0;
    std::from_chars(packet.data() + here.size(), packet.data() + packet.size(), number);
    return events_.on_here(number);
  }
  if (said_)
    return;
  if (packet == "listening") {
    said_ = true;
    events_.on_listening();
  } else if (packet == "refused" || packet.starts_with(refused)) {
    said_ = true;
    events_.on_refused(std::string{packet.substr(std::min(refused.size(), packet.size()))});
  }
}

} // namespace snakepit::io
