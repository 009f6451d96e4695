#include "tests/support/channel_fixture.hpp"

#include <cstring>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

using namespace snakepit;
using namespace snakepit::test;

namespace {

result<core::hello_reply> greet(fake_worker_script script) {
  temporary_folder folder;
  fake_worker_server server{folder.path() / "socket", std::move(script)};
  channel_recorder seen;
  auto channel = io::make_grpc_channel(seen.events());
  channel->greet(server.path(), getpid(), hello_of(2));
  auto out = seen.greeted();
  REQUIRE(out);
  return *out;
}

/// A socket that is listened on, without gRPC behind it.
class bare_listener {
public:
  explicit bare_listener(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(fd_, 4) == 0);
  }
  ~bare_listener() {
    close(fd_);
  }

  void accept_and_close() {
    close(accept(fd_, nullptr, nullptr));
  }
  void accept_and_say(std::string_view text) {
    int peer = accept(fd_, nullptr, nullptr);
    CHECK(::send(peer, text.data(), text.size(), MSG_NOSIGNAL) == ssize_t(text.size()));
    close(peer);
  }

private:
  int fd_;
};

} // namespace

TEST_CASE("a worker that is who it should be is greeted, and its socket's path is gone [W2][S1]") {
  temporary_folder folder;
  fake_worker_server server{folder.path() / "socket", {}};
  channel_recorder seen;
  auto channel = io::make_grpc_channel(seen.events());
  REQUIRE(std::filesystem::exists(server.path()));
  channel->greet(server.path(), getpid(), hello_of(2));
  CHECK(!std::filesystem::exists(server.path()));
  auto out = seen.greeted();
  REQUIRE(out);
  REQUIRE(*out);
  CHECK((*out)->pid == getpid());
  CHECK((*out)->lanes == 2);
  REQUIRE((*out)->tools.size() == 1);
  CHECK((*out)->tools[0].description.name == "echo");
  REQUIRE(server.hellos().size() == 1);
  CHECK(server.hellos()[0].token() == hello_of(2).token);
  CHECK(server.hellos()[0].pool() == "demo");
}

TEST_CASE("another process behind the socket is not spoken to [S1]") {
  temporary_folder folder;
  fake_worker_server server{folder.path() / "socket", {}};
  channel_recorder seen;
  auto channel = io::make_grpc_channel(seen.events());
  channel->greet(server.path(), getppid(), hello_of(1));
  auto out = seen.greeted();
  REQUIRE(out);
  REQUIRE(!*out);
  CHECK(out->error().reason == reason::protocol_error);
  CHECK(out->error().message.find(std::to_string(getpid())) != std::string::npos);
  CHECK(server.hellos().empty());
}

TEST_CASE("nobody behind the socket is an error at once [W4]") {
  temporary_folder folder;
  channel_recorder seen;
  auto channel = io::make_grpc_channel(seen.events());
  std::string path = folder.path() / "socket";
  SUBCASE("no such path") {}
  SUBCASE("nobody listens any more") {
    bare_listener dead{path};
  }
  SUBCASE("a path too long for a socket") {
    path = folder.path() / std::string(200, 'x');
  }
  channel->greet(path, getpid(), hello_of(1));
  auto out = seen.greeted();
  REQUIRE(out);
  REQUIRE(!*out);
  CHECK(out->error().reason == reason::worker_start_failed);
  CHECK(out->error().message.find(path) != std::string::npos);
}

TEST_CASE("a worker that ends during Hello is an error, not a wait [W4]") {
  temporary_folder folder;
  bare_listener worker{folder.path() / "socket"};
  channel_recorder seen;
  auto channel = io::make_grpc_channel(seen.events());
  channel->greet(folder.path() / "socket", getpid(), hello_of(1));
  SUBCASE("silently") {
    worker.accept_and_close();
  }
  SUBCASE("speaking something else") {
    worker.accept_and_say("HTTP/1.1 400 Bad Request\r\n\r\n");
  }
  auto out = seen.greeted();
  REQUIRE(out);
  REQUIRE(!*out);
  CHECK(out->error().reason == reason::worker_start_failed);
}

TEST_CASE("what a worker answers to Hello is checked [W2]") {
  auto version = greet({.hello = [](auto&, auto& reply) {
    reply.set_version("0.0.0");
    return grpc::Status::OK;
  }});
  REQUIRE(!version);
  CHECK(version.error().reason == reason::protocol_error);
  auto refused = greet({.hello = [](auto&, auto& reply) {
    reply.mutable_error()->set_reason("worker_start_failed");
    reply.mutable_error()->set_message("no module named demo");
    return grpc::Status::OK;
  }});
  REQUIRE(!refused);
  CHECK(refused.error().message == "no module named demo");
  auto status = greet({.hello = [](auto&, auto&) {
    return grpc::Status{grpc::StatusCode::UNAUTHENTICATED, "bad token"};
  }});
  REQUIRE(!status);
  CHECK(status.error().reason == reason::worker_start_failed);
  CHECK(status.error().message.find("UNAUTHENTICATED: bad token") != std::string::npos);
}

TEST_CASE("a worker that never answers Hello does not hold the channel's end [W4]") {
  temporary_folder folder;
  bare_listener silent{folder.path() / "socket"};
  bool called = false;
  auto channel = io::make_grpc_channel({.on_greeted = [&](auto) { called = true; },
                                        .on_results = {},
                                        .on_lane_closed = {},
                                        .on_heartbeat = {}});
  channel->greet(folder.path() / "socket", getpid(), hello_of(1));
  channel.reset();
  CHECK(!called);
}
