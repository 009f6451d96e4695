// A host to be killed: starts workers of the run `argv[2]`, as many as `argv[1]` says, each with a
// child of its own in its group, each deaf to signals and with the GIL held; says "ready"; waits.
// With `argv[3]`, a module path, it forks them from a template; the module `scripted` is there.
// `argv[4]` may be: `fork`, then it makes children while it starts workers, which keep whatever
// they were given; `exec`, then SIGUSR1 makes another program of it; `no-follow`, then the kernel
// does not tell the template of its end; `quiet`, then workers only wait.
#include "actors/io/process.hpp"
#include "actors/io/template_launcher.hpp"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include <poll.h>
#include <unistd.h>

namespace {

const char* const quiet_worker = "print('up', flush=True); import time; time.sleep(1000)";

const char* const stubborn_worker = R"(
import re, signal, subprocess
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
subprocess.Popen(['/bin/sh', '-c', 'trap "" TERM INT HUP; while :; do sleep 1000; done'])
print('up', flush=True)
re.match(r'(a+)+$', 'a' * 60 + 'b')
)";

void fork_some() {
  for (int i = 0; i < 50; ++i) {
    if (::fork() == 0)
      for (;;)
        ::pause();
    ::poll(nullptr, 0, 2);
  }
}

void become_another(int) {
  ::execl("/bin/sleep", "sleep", "1000", nullptr);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 5)
    return 2;
  std::string path = argv[3];
  std::string mode = argv[4];
  const auto* worker = mode == "quiet" ? quiet_worker : stubborn_worker;
  if (mode == "exec")
    std::signal(SIGUSR1, become_another);
  auto count = std::atoi(argv[1]);
  auto made = snakepit::io::make_exec_launcher();
  if (!made)
    return 1;
  std::shared_ptr<snakepit::io::process_launcher> launcher = std::move(*made);
  std::vector<std::string> environment{"PATH=/usr/bin:/bin",
                                       std::string{"SNAKEPIT_RUN_ID="} + argv[2]};
  if (!path.empty()) {
    environment.push_back("PYTHONPATH=" + path);
    snakepit::io::template_spec spec;
    spec.launch.executable = "/usr/bin/python3";
    spec.launch.arguments = {"-B", "-m", "snakepit_bridge.template", "preload=scripted"};
    spec.launch.environment = environment;
    if (mode == "no-follow")
      spec.launch.environment.push_back("NO_FOLLOW=1");
    // What is executed instead is not what the test is for.
    spec.on_fallback = [](const std::string&) { std::_Exit(3); };
    auto forks = snakepit::io::make_template_launcher(launcher, std::move(spec));
    if (!forks)
      return 1;
    launcher = std::move(*forks);
    environment.push_back(std::string{"SCRIPT="} + worker);
  }
  std::mutex mutex;
  std::vector<std::unique_ptr<snakepit::io::process>> processes;
  std::atomic<int> up{0};
  for (int i = 0; i < count; ++i) {
    snakepit::io::launch_spec spec;
    spec.executable = "/usr/bin/python3";
    spec.arguments = {"-I", "-c", worker};
    spec.environment = environment;
    spec.token = std::string(32, 't');
    snakepit::io::process_events events;
    events.on_output = [&](bool, std::string_view) {
      if (++up == count)
        std::puts("ready"), std::fflush(stdout);
    };
    launcher->launch(spec, events, [&](auto x) {
      std::lock_guard guard{mutex};
      if (x)
        processes.push_back(std::move(*x));
    });
  }
  if (mode == "fork")
    fork_some();
  for (;;)
    ::pause();
}
