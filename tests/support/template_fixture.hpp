#pragma once

#include "actors/io/bridge_path.hpp"
#include "actors/io/template_launcher.hpp"
#include "tests/support/launching.hpp"

namespace snakepit::test {

/// A template whose workers run the Python text in $SCRIPT, or serve if there is none.
class template_fixture {
  // First, since the launchers' threads use it.
  std::string path_;
  mutable std::mutex mutex_;
  std::vector<std::string> fallbacks_;
  std::vector<std::string> output_;

public:
  template_fixture() {
    auto bridge = io::find_bridge();
    REQUIRE_MESSAGE(bridge, bridge.error().message);
    path_ = *bridge + ":" + folder.path().string();
    folder.write("scripted.py", R"(
import os
from snakepit_bridge import worker
serve = worker.main
def main(forked=False):
    script = os.environ.get('SCRIPT')
    if script is None:
        serve(forked)
    exec(script, {})
    sys.stdout.flush()
    os._exit(0)
import sys
worker.main = main
if os.environ.pop('NO_FOLLOW', None):
    from snakepit_bridge import _process
    _process.follow_parent(0)
)");
    spec.launch = io::launch_spec{};
    spec.launch.label = "test/template";
    spec.launch.executable = "/usr/bin/python3";
    spec.launch.arguments = {"-B", "-m", "snakepit_bridge.template", "run=" + run,
                             "preload=scripted"};
    spec.launch.environment = environment();
    spec.on_fallback = [this](const std::string& why) {
      std::lock_guard guard{mutex_};
      fallbacks_.push_back(why);
    };
    spec.on_output = [this](bool, std::string_view line) {
      std::lock_guard guard{mutex_};
      output_.emplace_back(line);
    };
  }

  /// Makes the launcher; `exec` is its fall-back.
  void start() {
    auto made = io::make_template_launcher(exec, spec);
    REQUIRE_MESSAGE(made, made.error().message);
    launcher = std::move(*made);
  }

  /// By exec it would say "executed".
  io::launch_spec worker(const std::string& script) const {
    auto out = python("import os; print('executed', os.getppid(), flush=True)\n" + script);
    out.label = "test/0.1";
    out.environment = environment();
    out.environment.push_back("SCRIPT=import os; print('forked', os.getppid(), flush=True)\n"
                              + script);
    return out;
  }

  /// Waits for its first line: how it was started; the parent's pid.
  std::pair<std::string, int64_t> how(const recorder& log) const {
    REQUIRE(log.await_output(1));
    auto line = log.output().at(0);
    auto space = line.find(' ');
    return {line.substr(0, space), std::stoll(line.substr(space + 1))};
  }

  const std::string& module_path() const {
    return path_;
  }
  std::vector<std::string> environment() const {
    return {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "PYTHONPATH=" + path_,
            "SNAKEPIT_RUN_ID=" + run};
  }
  std::vector<std::string> fallbacks() const {
    std::lock_guard guard{mutex_};
    return fallbacks_;
  }
  std::vector<std::string> output() const {
    std::lock_guard guard{mutex_};
    return output_;
  }

  temporary_folder folder;
  const std::string run = io::make_run_id();
  io::template_spec spec;
  std::shared_ptr<io::process_launcher> exec = make_launcher();
  std::unique_ptr<io::process_launcher> launcher;
};

} // namespace snakepit::test
