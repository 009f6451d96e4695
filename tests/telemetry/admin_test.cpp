#include "telemetry/admin_server.hpp"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <csignal>
#include <sys/socket.h>
#include <unistd.h>

using namespace snakepit;
using namespace snakepit::telemetry;

namespace {

struct admin_fixture {
  std::vector<pool_stats> pools{2};
  bool started = false;

  admin_fixture() {
    pools[0].name = "a";
    pools[0].state = "ready";
    pools[1].name = "b";
    pools[1].state = "starting";
  }

  admin_source source() {
    return {[this] { return pools; }, [this] { return started; },
            [] { return std::string(100'000, 'x'); }};
  }

  std::unique_ptr<admin_server> start() {
    auto x = admin_server::start("127.0.0.1", 0, source());
    REQUIRE_MESSAGE(x, x.error().message);
    return std::move(*x);
  }
};

/// Everything the server says to these bytes.
std::string ask(const admin_server& server, const std::string& text) {
  auto& where = server.address();
  auto fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto to = sockaddr_in{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::stoi(where.substr(where.find(':') + 1))));
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  REQUIRE(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0);
  REQUIRE(send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  auto answer = std::string{};
  char part[4096];
  for (ssize_t n; (n = recv(fd, part, sizeof(part), 0)) > 0;)
    answer.append(part, static_cast<size_t>(n));
  close(fd);
  return answer;
}

std::string get(const admin_server& server, const std::string& path) {
  return ask(server, "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
}

} // namespace

TEST_CASE_FIXTURE(admin_fixture, "ready means that every pool is; the answer says which [T2]") {
  auto uut = start();
  auto answer = get(*uut, "/readyz");
  CHECK(answer.starts_with("HTTP/1.1 503 "));
  CHECK(answer.find(R"("name": "b", "state": "starting")") != std::string::npos);
  pools[1].state = "ready";
  CHECK(get(*uut, "/readyz").starts_with("HTTP/1.1 200 "));
  CHECK(get(*uut, "/startupz").starts_with("HTTP/1.1 503 "));
  started = true;
  CHECK(get(*uut, "/startupz").starts_with("HTTP/1.1 200 "));
  CHECK(get(*uut, "/livez").starts_with("HTTP/1.1 200 "));
}

TEST_CASE_FIXTURE(admin_fixture,
                  "a pool that is degraded for its crashes is ready, and shown [F5, T2]") {
  auto uut = start();
  pools[1].state = "degraded";
  pools[1].degraded_by = "crashes";
  auto answer = get(*uut, "/readyz");
  CHECK(answer.starts_with("HTTP/1.1 200 "));
  CHECK(
    answer.find(R"("name": "b", "state": "degraded", "degraded_by": "crashes", "workers_ready")")
    != std::string::npos);
  pools[1].degraded_by = "workers";
  CHECK(get(*uut, "/readyz").starts_with("HTTP/1.1 503 "));
}

TEST_CASE_FIXTURE(admin_fixture, "a long page arrives whole; HEAD has its length only [T2]") {
  auto uut = start();
  CHECK(get(*uut, "/metrics").ends_with("\r\n\r\n" + std::string(100'000, 'x')));
  auto head = ask(*uut, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(head.find("Content-Length: 100000\r\n") != std::string::npos);
  CHECK(head.ends_with("\r\n\r\n"));
}

TEST_CASE_FIXTURE(admin_fixture,
                  "other paths, methods and noise get an error and nothing else [T2]") {
  auto uut = start();
  CHECK(get(*uut, "/").starts_with("HTTP/1.1 404 "));
  CHECK(get(*uut, "/../../etc/passwd").find("root:") == std::string::npos);
  CHECK(ask(*uut, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
          .starts_with("HTTP/1.1 405 "));
  CHECK(ask(*uut, "noise\r\n\r\n").find("200 OK") == std::string::npos);
  CHECK(get(*uut, "/" + std::string(100'000, 'a')).find("200 OK") == std::string::npos);
  CHECK(get(*uut, "/livez").starts_with("HTTP/1.1 200 "));
}

TEST_CASE_FIXTURE(admin_fixture, "an address that is taken is an error that names it [T2]") {
  auto first = start();
  auto port = first->address().substr(first->address().find(':') + 1);
  auto second = admin_server::start("127.0.0.1", static_cast<uint16_t>(std::stoi(port)), source());
  REQUIRE(!second);
  CHECK(second.error().reason == reason::invalid_config);
  CHECK(second.error().message.find(first->address()) != std::string::npos);
}

TEST_CASE_FIXTURE(admin_fixture, "the host keeps its own way with SIGPIPE [R1]") {
  auto before = std::signal(SIGPIPE, SIG_DFL);
  {
    auto uut = start();
    CHECK(get(*uut, "/livez").starts_with("HTTP/1.1 200 "));
  }
  auto kept = std::signal(SIGPIPE, before) == SIG_DFL;
  CHECK(kept);
}
