#include "tests/support/launching.hpp"

#include <csignal>
#include <random>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace snakepit;
using namespace snakepit::test;

TEST_CASE("200 launches leave no descriptor and no process behind [R5]") {
  auto run = io::make_run_id();
  auto launcher = make_launcher();
  auto descriptors = count_own_descriptors();
  for (int round = 0; round < 20; ++round) {
    recorder logs[10];
    std::unique_ptr<io::process> processes[10];
    for (int i = 0; i < 10; ++i) {
      auto spec = shell(i % 2 == 0 ? "exit 0" : "echo up; exec sleep 1000");
      spec.environment.push_back("SNAKEPIT_RUN_ID=" + run);
      processes[i] = must_launch(*launcher, spec, logs[i]);
    }
    for (int i = 0; i < 10; i += 2)
      CHECK(logs[i].await_exit());
  }
  CHECK(eventually(soon, [&] { return processes_of_run(run).empty(); }));
  CHECK(eventually(soon, [&] { return count_own_descriptors() == descriptors; }));
}

TEST_CASE("nothing is called once a process was let go, whatever was being called [R6]") {
  auto launcher = make_launcher();
  std::mt19937 random{12345};
  for (int i = 0; i < 100; ++i) {
    // On the heap and freed at once: a late call would be seen by a sanitizer, and by the check.
    auto gone = std::make_shared<std::atomic<bool>>(false);
    auto calls = std::make_unique<std::atomic<size_t>>(0);
    io::process_events events;
    events.on_output = [gone, raw = calls.get()](bool, std::string_view) {
      CHECK_FALSE(*gone);
      ++*raw;
      std::this_thread::yield();
      CHECK_FALSE(*gone);
    };
    events.on_exit = [gone](io::exit_status) { CHECK_FALSE(*gone); };
    auto process = launch(*launcher, shell("while :; do echo x; done"), events);
    REQUIRE(process);
    auto enough = random() % 20;
    CHECK(eventually(patience, [&] { return *calls >= enough; }));
    process->reset();
    *gone = true;
    calls.reset();
  }
}

TEST_CASE("a process may be let go in the very callback that brings it [R6]") {
  auto run = io::make_run_id();
  auto launcher = make_launcher();
  recorder log;
  std::promise<void> done;
  auto spec = shell("echo up; exec sleep 1000");
  spec.environment.push_back("SNAKEPIT_RUN_ID=" + run);
  launcher->launch(spec, log.events(), [&](auto x) {
    CHECK(x);
    if (x)
      x->reset();
    done.set_value();
  });
  done.get_future().wait();
  CHECK(eventually(soon, [&] { return processes_of_run(run).empty(); }));
  launcher.reset();
  CHECK(log.output().empty());
  CHECK_FALSE(log.exit());
}

TEST_CASE("nothing is told before the launch has answered [W1]") {
  auto launcher = make_launcher();
  for (int i = 0; i < 20; ++i) {
    std::atomic<bool> answered{false};
    std::promise<void> ended;
    io::process_events events;
    events.on_output = [&](bool, std::string_view) { CHECK(answered); };
    events.on_exit = [&](io::exit_status) {
      CHECK(answered);
      ended.set_value();
    };
    std::unique_ptr<io::process> process;
    launcher->launch(shell("echo early"), events, [&](auto x) {
      std::this_thread::sleep_for(5ms); // the process has long ended
      REQUIRE(x);
      process = std::move(*x);
      answered = true;
    });
    REQUIRE(ended.get_future().wait_for(patience) == std::future_status::ready);
  }
}

TEST_CASE("all that a worker said is told although the host looks only after its death [W8]") {
  recorder log;
  auto launcher = make_launcher();
  std::unique_ptr<io::process> process;
  std::promise<void> looked;
  // More than one read takes, on each way: a pipe made larger, and many packets before the one that
  // counts.
  auto spec = python(R"(
import fcntl, os
F_SETPIPE_SZ = 1031
fcntl.fcntl(1, F_SETPIPE_SZ, 1 << 20)
for i in range(100):
    os.write(3, b'garbage')
os.write(3, b'refused why')
os.write(1, b'x' * 1000 * 999 + b'\nlast')
os._exit(70)
)");
  launcher->launch(spec, log.events(), [&](auto x) {
    REQUIRE(x);
    process = std::move(*x);
    // The loop stands still until the worker is dead.
    auto pid = process->identity().pid;
    CHECK(eventually(patience, [&] {
      auto stat = io::read_proc_stat(pid);
      return stat && stat->state == 'Z';
    }));
    CHECK_FALSE(process->signal(SIGTERM)); // not there to get it, though not reaped yet
    looked.set_value();
  });
  looked.get_future().wait();
  REQUIRE(log.await_exit());
  CHECK(log.exit()->code == 70);
  CHECK(log.refusals() == std::vector<std::string>{"why"});
  REQUIRE(log.output().size() == 2);
  CHECK(log.output()[1] == "last");
}

TEST_CASE("launches that wait when the launcher goes are answered with an error [R7]") {
  auto launcher = make_launcher();
  std::atomic<int> answers{0};
  std::atomic<int> refused{0};
  std::vector<std::unique_ptr<io::process>> processes;
  for (int i = 0; i < 30; ++i) {
    launcher->launch(shell("exec sleep 1000"), {}, [&](auto x) {
      ++answers;
      if (x) {
        processes.push_back(std::move(*x));
        std::this_thread::sleep_for(50ms); // so that some wait
      } else {
        ++refused;
        CHECK(x.error().reason == reason::worker_start_failed);
      }
    });
  }
  launcher.reset();
  CHECK(answers == 30);
  CHECK(refused > 0);
  for (const auto& x : processes)
    CHECK_FALSE(is_alive(x->identity().pid));
}

TEST_CASE("the socket that a worker left is removed with it, another kind of file is not [R5]") {
  temporary_folder folder;
  recorder log;
  auto launcher = make_launcher();
  auto spec = python(R"(
import os, socket, time
s = socket.socket(socket.AF_UNIX)
s.bind(os.environ['SNAKEPIT_SOCKET'])
os.write(3, b'listening')
time.sleep(1000)
)");
  auto path = (folder.path() / "1.sock").string();
  spec.socket_path = path;
  spec.environment.push_back("SNAKEPIT_SOCKET=" + path);
  auto process = must_launch(*launcher, spec, log);
  REQUIRE(eventually(patience, [&] { return log.listening() == 1; }));
  CHECK(std::filesystem::is_socket(path));
  process.reset();
  CHECK_FALSE(std::filesystem::exists(path));

  spec = shell("exit 0");
  spec.socket_path = folder.write("precious", "text");
  process = must_launch(*launcher, spec, log);
  process.reset();
  launcher.reset();
  CHECK(std::filesystem::exists(spec.socket_path));
}

TEST_CASE(
  "a process that is stopped is told from one that sleeps, and from one that is gone [W6]") {
  auto launcher = make_launcher();
  recorder log;
  auto process = must_launch(*launcher, shell("exec sleep 1000"), log);
  auto stopped = [&] { return process->is_stopped(); };
  CHECK(!stopped());
  CHECK(process->signal(SIGSTOP));
  CHECK(eventually(5s, stopped));
  CHECK(process->signal(SIGCONT));
  CHECK(eventually(5s, [&] { return !stopped(); }));
  CHECK(process->signal(SIGSTOP));
  CHECK(eventually(5s, stopped));
  process->kill_group(); // which reaches a stopped one, too
  CHECK(log.await_exit());
  CHECK(!stopped());
}
