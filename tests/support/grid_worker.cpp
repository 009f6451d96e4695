// A worker without Python that has one fault at one point of its life: $GRID_PHASE (spawn,
// handshake, idle, busy, draining, or none) and $GRID_FAULT (see `break_down`). Else it does
// everything right.
#include "actors/core/lane_page.hpp"
#include "tests/support/fake_worker_server.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

using namespace snakepit::test;

namespace {

std::string variable(const char* name) {
  auto* text = std::getenv(name);
  return text ? text : "";
}

/// The connection that gRPC has accepted: the only connected Unix stream socket.
int connection() {
  for (int fd = 3; fd < 64; ++fd) {
    int type = 0;
    socklen_t size = sizeof type;
    sockaddr_un peer{};
    socklen_t length = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM
        && ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0)
      return fd;
  }
  return -1;
}

void break_down() {
  auto fault = variable("GRID_FAULT");
  if (fault == "exit 0")
    ::_exit(0);
  if (fault == "exit 3")
    ::_exit(3);
  if (fault == "SIGKILL")
    ::raise(SIGKILL);
  if (fault == "SIGSEGV") {
    ::signal(SIGSEGV, SIG_DFL); // a sanitizer would make an exit of it
    ::raise(SIGSEGV);
  }
  if (fault == "SIGSTOP")
    ::raise(SIGSTOP);
  if (fault == "half-closed")
    ::shutdown(connection(), SHUT_WR);
  if (fault == "garbage") {
    std::string noise(64, '\xff');
    static_cast<void>(::write(connection(), noise.data(), noise.size()));
  }
  if (fault == "slow")
    std::this_thread::sleep_for(std::chrono::seconds{1000});
}

/// What says that a call runs: the lane page, of which this worker has one.
snakepit::core::lane_page lane() {
  constexpr int lane_page_descriptor = 4;
  auto* memory = ::mmap(nullptr, snakepit::core::lane_page::section_size, PROT_READ | PROT_WRITE,
                        MAP_SHARED, lane_page_descriptor, 0);
  return snakepit::core::lane_page{static_cast<uint64_t*>(memory)};
}

void at(const std::string& phase) {
  if (variable("GRID_PHASE") == phase)
    break_down();
}

} // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGRTMIN + 1, SIG_IGN); // what interrupts a call
  at("spawn");
  fake_worker_script script;
  script.hello = [](auto&, auto&) {
    at("handshake");
    return grpc::Status::OK;
  };
  auto page = lane();
  script.work = [page](auto&, auto& to) mutable {
    for (wire::Batch batch; to.Read(&batch);) {
      auto number = batch.tool_all() != 0 ? batch.tool_all() : batch.tool(0);
      auto is_probe = number == wire::TOOL_NUMBER_PROBE;
      page.set_claimed(batch.first_seq());
      if (!is_probe)
        at("busy");
      to.Write(echo(batch));
      if (is_probe)
        std::thread{[page, seq = batch.first_seq()]() mutable {
          // Idle is when nothing happens: after the host has taken the probe's answer.
          while (page.acked() < seq)
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
          std::this_thread::sleep_for(std::chrono::milliseconds{200});
          at("idle");
        }}.detach();
    }
    return grpc::Status::OK;
  };
  script.control = [](auto&, auto& to) {
    for (wire::HostFrame frame; to.Read(&frame);)
      if (frame.has_shutdown()) {
        at("draining");
        ::_exit(0);
      }
    return grpc::Status::OK;
  };
  fake_worker_server server{variable("SNAKEPIT_SOCKET"), script};
  static_cast<void>(::write(3, "listening", 9));
  for (;;)
    ::pause();
}
