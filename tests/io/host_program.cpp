// A host to be killed: starts workers of the run `argv[2]`, as many as `argv[1]` says, each with a
// child of its own in its group, each deaf to signals and with the GIL held; says "ready"; waits.
#include "actors/io/process.hpp"

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
  if (argc != 3)
    return 2;
  auto count = std::atoi(argv[1]);
  auto launcher = snakepit::io::make_exec_launcher();
  if (!launcher)
    return 1;
  std::mutex mutex;
  std::vector<std::unique_ptr<snakepit::io::process>> processes;
  std::atomic<int> up{0};
  for (int i = 0; i < count; ++i) {
    snakepit::io::launch_spec spec;
    spec.executable = "/usr/bin/python3";
    spec.arguments = {"-I", "-c", worker};
    spec.environment = {"PATH=/usr/bin:/bin", std::string{"SNAKEPIT_RUN_ID="} + argv[2]};
    spec.token = std::string(32, 't');
    snakepit::io::process_events events;
    events.on_output = [&](bool, std::string_view) {
      if (++up == count)
        std::puts("ready"), std::fflush(stdout);
    };
    (*launcher)->launch(spec, events, [&](auto x) {
      std::lock_guard guard{mutex};
      if (x)
        processes.push_back(std::move(*x));
    });
  }
  for (;;)
    ::pause();
}
