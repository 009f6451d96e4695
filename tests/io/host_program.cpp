// A host to be killed: starts workers of the run `argv[2]`, as many as `argv[1]` says, each with a
// child of its own in its group, each deaf to signals and with the GIL held; says "ready"; waits.
// With `argv[3]`, a module path, it forks them from a template; the module `scripted` is there.
#include "actors/io/process.hpp"
#include "actors/io/template_launcher.hpp"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include <unistd.h>

namespace {

const char* const worker = R"(
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

} // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4)
    return 2;
  auto count = std::atoi(argv[1]);
  auto made = snakepit::io::make_exec_launcher();
  if (!made)
    return 1;
  std::shared_ptr<snakepit::io::process_launcher> launcher = std::move(*made);
  std::vector<std::string> environment{"PATH=/usr/bin:/bin",
                                       std::string{"SNAKEPIT_RUN_ID="} + argv[2]};
  if (argc == 4) {
    environment.push_back(std::string{"PYTHONPATH="} + argv[3]);
    snakepit::io::template_spec spec;
    spec.launch.executable = "/usr/bin/python3";
    spec.launch.arguments = {"-B", "-m", "snakepit_bridge.template", "preload=scripted"};
    spec.launch.environment = environment;
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
  for (;;)
    ::pause();
}
