#include "actors/io/control_server.hpp"

#include "actors/io/control_service.hpp"
#include "actors/io/descriptor.hpp"
#include "actors/io/system_error.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace snakepit::io {

namespace {

/// A command needs one.
constexpr size_t most_connections = 256;
/// Where no descriptor is left to accept with.
constexpr int retry_ms = 100;

class grpc_control_server final : public control_server {
public:
  grpc_control_server(control_socket listener, control_source source)
    : listener_{std::move(listener)}, source_{std::move(source)}, service_{source_} {}

  ~grpc_control_server() override {
    uint64_t one = 1;
    if (thread_.joinable() && ::write(end_.get(), &one, sizeof one) == sizeof one)
      thread_.join();
    // gRPC ends nothing while its write into a socket waits for a peer that does not read (1.51).
    for (auto& x : connections_)
      ::shutdown(x.get(), SHUT_RDWR);
    if (server_)
      server_->Shutdown(std::chrono::system_clock::now());
  }

  const std::string& path() const noexcept override {
    return listener_.path();
  }

  result<void> serve(size_t most_bytes) {
    end_ = descriptor{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!end_)
      return fail(reason::internal, "no eventfd: " + describe_errno(errno));
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(static_cast<int>(std::min<size_t>(most_bytes, INT_MAX)));
    builder.SetMaxSendMessageSize(-1);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    if (!server_)
      return fail(reason::internal, "gRPC made no server for the control socket");
    thread_ = std::thread{[this] { accept_all(); }};
    return {};
  }

private:
  void accept_all() {
    auto fds = std::vector<pollfd>{};
    auto timeout = -1;
    for (;;) {
      auto room = timeout < 0 && connections_.size() < most_connections;
      fds.assign({{end_.get(), POLLIN, 0}, {room ? listener_.descriptor() : -1, POLLIN, 0}});
      for (auto& x : connections_)
        fds.push_back({x.get(), POLLRDHUP, 0});
      if (::poll(fds.data(), fds.size(), timeout) < 0 && errno != EINTR)
        timeout = retry_ms; // no memory
      else
        timeout = -1;
      if (fds[0].revents != 0)
        return;
      for (size_t i = 0; i < connections_.size(); ++i)
        if (fds[i + 2].revents != 0)
          connections_[i].reset();
      std::erase_if(connections_, [](auto& x) { return !x; });
      if ((fds[1].revents & POLLIN) != 0 && !accept_one())
        timeout = retry_ms;
    }
  }

  /// Whether it makes sense to go on at once.
  bool accept_one() {
    descriptor fd{
      ::accept4(listener_.descriptor(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!fd)
      return errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS;
    if (!is_welcome(fd.get()))
      return true;
    descriptor kept{::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)};
    if (!kept)
      return false;
    connections_.push_back(std::move(kept));
    grpc::AddInsecureChannelFromFd(server_.get(), fd.release());
    return true;
  }

  bool is_welcome(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
      return false;
    if (peer.uid == ::geteuid() || peer.uid == 0)
      return true;
    source_.refused(peer.uid);
    return false;
  }

  control_socket listener_;
  control_source source_;
  control_service service_;
  descriptor end_;
  /// Another descriptor of each, to end it by. The thread's, while that runs.
  std::vector<descriptor> connections_;
  std::unique_ptr<grpc::Server> server_;
  std::thread thread_;
};

} // namespace

result<std::unique_ptr<control_server>>
control_server::start(control_socket listener, control_source source, size_t most_bytes) {
  auto out = std::make_unique<grpc_control_server>(std::move(listener), std::move(source));
  if (auto ok = out->serve(most_bytes); !ok)
    return tl::unexpected{std::move(ok.error())};
  return out;
}

} // namespace snakepit::io
