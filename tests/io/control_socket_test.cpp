#include "actors/io/control_socket.hpp"

#include "tests/support/temporary_folder.hpp"

#include <atomic>
#include <fstream>
#include <optional>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace snakepit;
using namespace snakepit::test;
namespace fs = std::filesystem;

namespace {

struct socket_fixture : temporary_folder {
  const std::string file = (path() / "d.sock").string();

  error refusal() const {
    auto made = io::control_socket::claim(file);
    REQUIRE_FALSE(made);
    CHECK(made.error().reason == reason::invalid_config);
    CHECK(made.error().message.find(file) != std::string::npos);
    return made.error();
  }

  /// What a daemon leaves behind that is killed.
  void leave_behind() const {
    auto child = ::fork();
    if (child == 0)
      ::_exit(io::control_socket::claim(file) ? 0 : 1); // a fork removes nothing
    auto status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    REQUIRE(fs::exists(file));
    REQUIRE(fs::exists(file + ".lock"));
  }
};

} // namespace

TEST_SUITE_BEGIN("control_socket");

TEST_CASE_FIXTURE(socket_fixture,
                  "the control socket is its owner's alone, and gone at the end [S1]") {
  io::is_fork(); // this is the process that owns it
  {
    auto made = io::control_socket::claim(file);
    REQUIRE_MESSAGE(made, made.error().message);
    struct stat about {};
    REQUIRE(::lstat(file.c_str(), &about) == 0);
    CHECK(S_ISSOCK(about.st_mode));
    CHECK((about.st_mode & 0777) == 0600);
    CHECK(io::connect_to_control(file));
  }
  CHECK(fs::is_empty(path()));
}

TEST_CASE_FIXTURE(socket_fixture, "a daemon that lives is named by its pid [R2]") {
  auto holder = io::control_socket::claim(file);
  REQUIRE(holder);
  auto why = refusal();
  CHECK(why.details.at("pid") == std::to_string(::getpid()));
  CHECK(why.message.find("pid " + std::to_string(::getpid())) != std::string::npos);
  CHECK(io::connect_to_control(file)); // it was not disturbed
}

TEST_CASE_FIXTURE(socket_fixture, "what a killed daemon has left behind is replaced [R5]") {
  io::is_fork();
  leave_behind();
  auto nobody = io::connect_to_control(file);
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().details.at("daemon") == "none");
  auto made = io::control_socket::claim(file);
  REQUIRE_MESSAGE(made, made.error().message);
  CHECK(io::connect_to_control(file));
}

TEST_CASE_FIXTURE(socket_fixture, "of many that start at once one gets the socket [R2]") {
  io::is_fork();
  leave_behind();
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> won{0};
    std::atomic<int> tried{0};
    auto threads = std::vector<std::thread>{};
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] {
        auto made = io::control_socket::claim(file);
        won += made.has_value();
        ++tried;
        while (tried < 8) // nobody ends before all have tried
          std::this_thread::yield();
      });
    for (auto& x : threads)
      x.join();
    CHECK(won == 1);
    CHECK(fs::is_empty(path()));
  }
}

TEST_CASE_FIXTURE(socket_fixture, "a path that is too long suggests another run directory [E3]") {
  auto longer = file + std::string(sizeof(sockaddr_un::sun_path), 'x');
  for (auto made : {&io::control_socket::claim, &io::control_socket::make}) {
    auto refused = made(longer);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().reason == reason::invalid_config);
    CHECK(refused.error().message.find("instance.run_dir") != std::string::npos);
  }
  CHECK(fs::is_empty(path()));
}

TEST_CASE_FIXTURE(socket_fixture, "what is no socket of a daemon is left alone [S1]") {
  std::ofstream{file} << "precious";
  CHECK(refusal().message.find("no socket") != std::string::npos);
  CHECK(fs::file_size(file) == 8);
  fs::remove(file);
  auto other = io::control_socket::make(file); // without a lock
  REQUIRE(other);
  CHECK(refusal().message.find("something else listens") != std::string::npos);
  CHECK(io::connect_to_control(file));
  CHECK_FALSE(fs::exists(file + ".lock"));
}

TEST_CASE_FIXTURE(socket_fixture, "where the folder is missing the error says so [E3]") {
  auto made = io::control_socket::claim((path() / "none" / "d.sock").string());
  REQUIRE_FALSE(made);
  CHECK(made.error().message.find("ENOENT") != std::string::npos);
}

TEST_SUITE_END();
