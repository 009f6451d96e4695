#include "tests/support/template_fixture.hpp"

#include <csignal>

using namespace snakepit;
using namespace snakepit::test;

namespace {

const char* const stays = "import time; time.sleep(1000)";

} // namespace

TEST_CASE_FIXTURE(
  template_fixture,
  "a template that dies takes its workers, their exits say so, exec steps in [W3]") {
  spec.retry = 1h;
  start();
  recorder log;
  auto process = must_launch(*launcher, worker(R"(
import subprocess, time
print(subprocess.Popen(['sleep', '1000']).pid, flush=True)
time.sleep(1000)
)"),
                             log);
  auto parent = how(log).second;
  REQUIRE(log.await_output(2));
  auto grandchild = std::stoll(log.output()[1]);
  ::kill(static_cast<pid_t>(parent), SIGKILL);
  REQUIRE(log.await_exit());
  CHECK_FALSE(log.exit()->known);
  CHECK(log.exit()->template_died);
  CHECK(eventually(patience, [&] { return !is_alive(grandchild); }));
  CHECK_FALSE(is_alive(process->identity().pid));
  recorder next;
  auto other = must_launch(*launcher, worker(stays), next);
  CHECK(how(next).first == "executed");
  CHECK(fallbacks() == std::vector<std::string>{"it died by signal 9"});
}

TEST_CASE_FIXTURE(template_fixture, "a new template is used as soon as it is proved [W3]") {
  spec.retry = 0ms;
  start();
  recorder log;
  auto process = must_launch(*launcher, worker(stays), log);
  auto first = how(log).second;
  ::kill(static_cast<pid_t>(first), SIGKILL);
  REQUIRE(log.await_exit());
  CHECK(eventually(patience, [&] {
    recorder next;
    auto other = must_launch(*launcher, worker(""), next);
    auto [word, parent] = how(next);
    return next.await_exit() && word == "forked" && parent != first;
  }));
}

TEST_CASE_FIXTURE(template_fixture,
                  "a template that cannot be means exec, said once with why [W3]") {
  std::string why;
  SUBCASE("a module is missing") {
    spec.launch.arguments.emplace_back("preload=no_such_module");
    why = "No module named 'no_such_module'";
  }
  SUBCASE("a module has a thread") {
    folder.write("busy.py",
                 "import threading\n"
                 "threading.Thread(target=threading.Event().wait, daemon=True).start()\n");
    spec.launch.arguments.emplace_back("preload=busy");
    why = "has started 1 thread(s)";
  }
  SUBCASE("a module ends the process") {
    folder.write("gone.py", "import os; os._exit(3)\n");
    spec.launch.arguments.emplace_back("preload=gone");
    why = "it exited with code 3";
  }
  SUBCASE("a module takes too long") {
    folder.write("slow.py", "import time; time.sleep(1000)\n");
    spec.launch.arguments.emplace_back("preload=slow");
    spec.launch.ready_timeout = 200ms;
    why = "it was not ready in time";
  }
  SUBCASE("there is no such interpreter") {
    spec.launch.executable = "/nonexistent/python";
    why = "/nonexistent/python";
  }
  spec.retry = 0ms;
  start();
  auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) {
    recorder log;
    auto process = must_launch(*launcher, worker(stays), log);
    CHECK(how(log).first == "executed");
  }
  CHECK(std::chrono::steady_clock::now() - begun < io::launch_spec{}.ready_timeout);
  REQUIRE(eventually(patience, [&] { return fallbacks().size() == 1; }));
  INFO(fallbacks()[0]);
  CHECK(fallbacks()[0].find(why) != std::string::npos);
}

TEST_CASE_FIXTURE(template_fixture,
                  "a thread that comes later sends the next workers to exec [W3]") {
  folder.write("late.py",
               "import signal, threading\n"
               "def start(*_):\n"
               "    threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
               "    print('started', flush=True)\n"
               "signal.signal(signal.SIGUSR1, start)\n");
  spec.launch.arguments.emplace_back("preload=late");
  spec.retry = 1h;
  start();
  recorder first;
  auto process = must_launch(*launcher, worker(stays), first);
  auto parent = how(first).second;
  ::kill(static_cast<pid_t>(parent), SIGUSR1);
  REQUIRE(eventually(patience, [&] { return !output().empty(); }));
  recorder second;
  auto other = must_launch(*launcher, worker(stays), second);
  CHECK(how(second).first == "executed");
  CHECK(fallbacks().size() == 1);
  // Its worker goes on, and it stays for it.
  CHECK(is_alive(process->identity().pid));
  CHECK(is_alive(parent));
  process->kill_group();
  REQUIRE(first.await_exit());
  CHECK(first.exit()->signal == SIGKILL);
  CHECK(eventually(patience, [&] { return !is_alive(parent); }));
}

TEST_CASE_FIXTURE(template_fixture, "launches that wait when the launcher ends are answered [W3]") {
  folder.write("slow.py", "import time; time.sleep(1000)\n");
  spec.launch.arguments.emplace_back("preload=slow");
  start();
  recorder log;
  std::promise<result<std::unique_ptr<io::process>>> answer;
  launcher->launch(worker(stays), log.events(), [&](auto x) { answer.set_value(std::move(x)); });
  launcher.reset();
  auto end = answer.get_future().get();
  REQUIRE_FALSE(end);
  CHECK(end.error().reason == reason::worker_start_failed);
  exec.reset();
  CHECK(processes_of_run(run).empty());
}
