#include "actors/io/bridge_path.hpp"
#include "actors/io/exec_child.hpp"
#include "actors/io/host_resources.hpp"
#include "tests/support/launching.hpp"

#include <cstdlib>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace snakepit;
using namespace snakepit::test;
namespace fs = std::filesystem;

TEST_CASE("a process whose name imitates its own record is read right [R1]") {
  auto stat =
    io::parse_proc_stat("42 (a) R 1 (x\n) S 7 42 41 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 "
                        "987654 1000 25 18446744073709551615");
  REQUIRE(stat);
  CHECK(stat->pid == 42);
  CHECK(stat->state == 'S');
  CHECK(stat->parent == 7);
  CHECK(stat->group == 42);
  CHECK(stat->session == 41);
  CHECK(stat->threads == 3);
  CHECK(stat->start_time == 987654);
  CHECK(stat->user_ticks == 5);
  CHECK(stat->system_ticks == 6);
  CHECK_FALSE(stat->wait_status);
  CHECK(stat->resident_bytes == 25 * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)));
  CHECK_FALSE(io::parse_proc_stat(""));
  CHECK_FALSE(io::parse_proc_stat("42 (x) S 7"));
  auto self = io::read_proc_stat(::getpid());
  REQUIRE(self);
  CHECK(self->parent == ::getppid());
}

TEST_CASE("resources are those of the host, its workers, and what these have started [P2]") {
  auto before = io::measure({});
  CHECK(before.processes >= 1);
  CHECK(before.threads >= before.processes);
  CHECK(before.memory_bytes > 1'000'000);
  recorder log;
  auto launcher = make_launcher();
  auto process = must_launch(*launcher, shell("sleep 1000 & sleep 1000 & echo up; wait"), log);
  REQUIRE(log.await_output(1));
  CHECK(eventually(patience, [&] { return io::measure({}).processes == before.processes + 3; }));
  auto with = io::measure({process->identity().pid});
  CHECK(with.processes == before.processes + 3); // counted once, although it is a child of ours too
  CHECK(with.threads == before.threads + 4);     // the launcher's own
  CHECK(with.descriptors >= before.descriptors + 3 * 7);
  // Of the host alone there may be less than before: allocators give back what they can.
  CHECK(with.memory_bytes > io::read_proc_stat(::getpid())->resident_bytes + 1'000'000);
}

TEST_CASE("the bridge package is found where the build puts it, or where the variable says [W4]") {
  temporary_folder folder;
  ::setenv("SNAKEPIT_BRIDGE_PATH", folder.path().c_str(), 1);
  auto missing = io::find_bridge();
  fs::create_directory(folder.path() / "snakepit_bridge");
  folder.write("snakepit_bridge/__init__.py", "");
  auto told = io::find_bridge();
  ::unsetenv("SNAKEPIT_BRIDGE_PATH");

  REQUIRE_FALSE(missing); // and not that of the build tree in its place
  CHECK(missing.error().message.find(folder.path().string()) != std::string::npos);
  CHECK(missing.error().message.find("SNAKEPIT_BRIDGE_PATH") != std::string::npos);
  REQUIRE(told);
  CHECK(*told == folder.path().string());
  auto built = io::find_bridge();
  REQUIRE_MESSAGE(built, built.error().message);
  CHECK(fs::exists(fs::path{*built} / "snakepit_bridge" / "__init__.py"));
  auto second = io::find_bridge_in({"/nonexistent/a", folder.path().string()});
  REQUIRE(second);
  CHECK(*second == folder.path().string());
}

TEST_CASE("an old kernel without close_range closes descriptors too [S3]") {
  auto pid = ::fork();
  if (pid == 0) {
    for (int i = 100; i < 400; ++i)
      ::dup2(2, i);
    io::close_from_by_listing(7);
    int open = 0;
    for (int i = 7; i < 400; ++i)
      open += ::fcntl(i, F_GETFD) >= 0 ? 1 : 0;
    ::_exit(open == 0 && ::fcntl(2, F_GETFD) >= 0 ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  CHECK(status == 0);
}
