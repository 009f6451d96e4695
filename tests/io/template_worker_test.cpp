#include "tests/support/template_fixture.hpp"

#include <csignal>
#include <set>

using namespace snakepit;
using namespace snakepit::test;

namespace {

using texts = std::vector<std::string>;

const char* const with_child = R"(
import subprocess, time
print(subprocess.Popen(['sleep', '1000']).pid, flush=True)
time.sleep(1000)
)";

int64_t child_of(const recorder& log) {
  REQUIRE(log.await_output(2));
  return std::stoll(log.output()[1]);
}

} // namespace

TEST_CASE_FIXTURE(template_fixture, "a forked worker says listening and answers to SIGTERM [W3]") {
  start();
  recorder log;
  auto spec = worker("");
  spec.environment = environment();
  spec.socket_path = (folder.path() / "1.sock").string();
  spec.environment.push_back("SNAKEPIT_SOCKET=" + spec.socket_path);
  auto process = must_launch(*launcher, spec, log);
  REQUIRE(eventually(patience, [&] { return log.listening() == 1; }));
  CHECK(std::filesystem::is_socket(spec.socket_path));
  CHECK(process->page(0).claimed() == 0);
  CHECK(process->identity().start_time
        == io::read_proc_stat(process->identity().pid).value().start_time);
  CHECK(process->signal(SIGTERM));
  REQUIRE(log.await_exit());
  CHECK(log.exit()->known);
  CHECK(log.exit()->code == 0);
  CHECK(log.errors() == texts{});
  CHECK(fallbacks() == texts{});
  process.reset();
  CHECK_FALSE(std::filesystem::exists(spec.socket_path));
}

TEST_CASE_FIXTURE(
  template_fixture,
  "how a forked worker ended and what it used is reported, then it is reaped [W3]") {
  start();
  recorder log;
  SUBCASE("exit code") {
    auto process = must_launch(*launcher, worker("sum(range(10**6)); os._exit(42)"), log);
    REQUIRE(log.await_exit());
    CHECK(how(log).first == "forked");
    CHECK(log.exit()->known);
    CHECK(log.exit()->code == 42);
    CHECK(log.exit()->max_rss_bytes > 1'000'000);
    CHECK(log.exit()->user_time + log.exit()->system_time > 0us);
    CHECK_FALSE(process->signal(0));
    CHECK_FALSE(process->kill_group()); // harmless
    auto pid = process->identity().pid;
    CHECK(eventually(patience, [&] { return !io::read_proc_stat(pid); }));
  }
  SUBCASE("signal") {
    auto process = must_launch(*launcher, worker("os.kill(os.getpid(), 11)"), log);
    REQUIRE(log.await_exit());
    CHECK(log.exit()->signal == SIGSEGV);
  }
  SUBCASE("an exception outside of any tool") {
    auto process = must_launch(*launcher, worker("1/0"), log);
    REQUIRE(log.await_exit());
    CHECK(log.exit()->code == 70);
    CHECK(process->last_stderr(1000).find("ZeroDivisionError") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(template_fixture, "a forked worker finds descriptors 0 to 8 and no other [W3]") {
  start();
  recorder other;
  auto busy = must_launch(*launcher, worker("import time; time.sleep(1000)"), other);
  recorder log;
  auto process = must_launch(*launcher, worker(R"(
import stat
for fd in range(1024):
    try:
        s = os.fstat(fd)
    except OSError:
        continue
    kind = 'fifo' if stat.S_ISFIFO(s.st_mode) else 'socket' if stat.S_ISSOCK(s.st_mode) else os.readlink(f'/proc/self/fd/{fd}').split(' ')[0]
    print(fd, kind)
print(os.read(6, 100).decode(), os.read(6, 100))
)"),
                             log);
  REQUIRE(log.await_exit());
  auto lines = log.output();
  lines.erase(lines.begin());
  CHECK(lines
        == texts{"0 /dev/null", "1 fifo", "2 fifo", "3 socket", "4 /memfd:snakepit-lanes", "5 fifo",
                 "6 fifo", "7 /memfd:snakepit-stacks", "8 /dev/null",
                 std::string(32, 't') + " b''"});
}

TEST_CASE_FIXTURE(template_fixture,
                  "forked workers share one parent and draw their own numbers [W3]") {
  start();
  recorder logs[4];
  std::unique_ptr<io::process> processes[4];
  std::set<std::string> drawn;
  std::set<int64_t> parents;
  for (int i = 0; i < 4; ++i)
    processes[i] = must_launch(
      *launcher, worker("import random, secrets; print(random.random(), secrets.token_hex(8))"),
      logs[i]);
  for (auto& log : logs) {
    REQUIRE(log.await_exit());
    parents.insert(how(log).second);
    drawn.insert(log.output().at(1));
  }
  CHECK(drawn.size() == 4);
  CHECK(parents.size() == 1);
}

TEST_CASE_FIXTURE(template_fixture,
                  "kill_group and letting go end a forked worker and its child [W3]") {
  start();
  recorder log;
  auto process = must_launch(*launcher, worker(with_child), log);
  auto pid = process->identity().pid;
  auto grandchild = child_of(log);
  SUBCASE("kill_group") {
    CHECK(process->kill_group());
    REQUIRE(log.await_exit());
    CHECK(log.exit()->signal == SIGKILL);
  }
  SUBCASE("letting go") {
    process.reset();
  }
  SUBCASE("its own end") {
    process->signal(SIGABRT);
    REQUIRE(log.await_exit());
    CHECK(log.exit()->signal == SIGABRT);
  }
  SUBCASE("the end of the launcher") {
    launcher.reset();
    REQUIRE(log.exit());
    CHECK(log.exit()->signal == SIGKILL);
  }
  CHECK(eventually(patience, [&] { return !is_alive(grandchild); }));
  CHECK(eventually(patience, [&] { return !io::read_proc_stat(pid); }));
}

TEST_CASE_FIXTURE(template_fixture, "a worker killed the moment it was forked is gone [W3]") {
  start();
  for (int i = 0; i < 20; ++i) {
    recorder log;
    auto process = must_launch(*launcher, worker("import time; time.sleep(1000)"), log);
    process->kill_group();
    REQUIRE(log.await_exit());
    CHECK(log.exit()->known);
  }
  launcher.reset();
  exec.reset();
  CHECK(eventually(patience, [&] { return processes_of_run(run).empty(); }));
}

TEST_CASE_FIXTURE(template_fixture,
                  "how a worker ended is known although its template says nothing [W9]") {
  start();
  recorder log;
  auto killed = false;
  SUBCASE("exit code") {}
  SUBCASE("signal") {
    killed = true;
  }
  auto process =
    must_launch(*launcher,
                worker("import time\nprint('up', flush=True)\nsum(range(3 * 10**6))\ntime.sleep("
                       + std::string{killed ? "1000" : "0.5"} + ")\nos._exit(42)"),
                log);
  REQUIRE(log.await_output(2));
  auto parent = how(log).second;
  REQUIRE(::kill(static_cast<pid_t>(parent), SIGSTOP) == 0);
  if (killed)
    CHECK(process->signal(SIGSEGV));
  CHECK(log.await_exit());
  ::kill(static_cast<pid_t>(parent), SIGCONT);
  REQUIRE(log.exit());
  CHECK(log.exit()->known);
  CHECK(log.exit()->code == (killed ? 0 : 42));
  CHECK(log.exit()->signal == (killed ? SIGSEGV : 0));
  CHECK((killed || log.exit()->user_time > 0us));
  // It is not told a second time, and goes on.
  auto pid = process->identity().pid;
  CHECK(eventually(patience, [&] { return !io::read_proc_stat(pid); }));
  recorder next;
  auto again = must_launch(*launcher, worker(""), next);
  REQUIRE(next.await_exit());
  CHECK(how(next).second == parent);
}

TEST_CASE_FIXTURE(template_fixture, "nothing is left open or running after the launcher [W3]") {
  exec.reset();
  auto before = count_own_descriptors();
  exec = make_launcher();
  start();
  {
    recorder log;
    auto process = must_launch(*launcher, worker(""), log);
    REQUIRE(log.await_exit());
  }
  launcher.reset();
  exec.reset();
  CHECK(processes_of_run(run).empty());
  CHECK(count_own_descriptors() == before);
}
