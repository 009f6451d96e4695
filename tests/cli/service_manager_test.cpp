#include "actors/cli/service_manager.hpp"
#include "tests/support/temporary_folder.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdlib>

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace snakepit;

namespace {

/// The manager's end.
struct manager_fixture : test::temporary_folder {
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  ~manager_fixture() {
    close(fd);
  }

  void bind_to(const std::string& name, bool abstract) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, name.size());
    if (abstract)
      address.sun_path[0] = 0;
    auto size = offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1);
    REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(size)) == 0);
  }

  std::string heard() const {
    char text[256];
    auto n = recv(fd, text, sizeof text, 0);
    return n < 0 ? "nothing" : std::string(text, static_cast<size_t>(n));
  }
};

} // namespace

TEST_SUITE_BEGIN("service_manager");

TEST_CASE_FIXTURE(manager_fixture, "what is told comes as one datagram [E5]") {
  auto name = (path() / "notify").string();
  bind_to(name, false);
  CHECK(cli::service_manager{name}.tell("READY=1\nSTATUS=fine") == 0);
  CHECK(heard() == "READY=1\nSTATUS=fine");
  CHECK(heard() == "nothing");
}

TEST_CASE_FIXTURE(manager_fixture, "also to an abstract socket [E5]") {
  auto name = "@" + path().filename().string();
  bind_to(name, true);
  CHECK(cli::service_manager{name}.tell("STOPPING=1") == 0);
  CHECK(heard() == "STOPPING=1");
}

TEST_CASE("without a manager nothing happens; a bad one is an error [E5]") {
  CHECK(cli::service_manager{""}.tell("READY=1") == 0);
  CHECK(cli::service_manager{"relative"}.tell("READY=1") == EINVAL);
  CHECK(cli::service_manager{"/" + std::string(200, 'x')}.tell("READY=1") == EINVAL);
  CHECK(cli::service_manager{"/nonexistent/socket"}.tell("READY=1") == ENOENT);
}

TEST_CASE("those whom we start do not find the manager [E5]") {
  setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
  auto uut = cli::service_manager{};
  CHECK(getenv("NOTIFY_SOCKET") == nullptr);
  CHECK(uut.tell("READY=1") == ENOENT);
}

TEST_SUITE_END();
