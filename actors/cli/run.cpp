#include "actors/cli/command.hpp"
#include "actors/cli/console.hpp"
#include "actors/cli/program.hpp"
#include "actors/cli/report.hpp"
#include "actors/cli/setup.hpp"
#include "actors/cli/signal_relay.hpp"

#include <snakepit/daemon.hpp>

#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstring>

namespace snakepit::cli {

namespace {

// As shells say it.
constexpr int exit_not_executable = 126;
constexpr int exit_not_found = 127;

struct run_command {
  common_options common;
  std::vector<std::string> words;
};

// Where signals go: to the program, or before there is one to the daemon, which it ends.
class script {
public:
  explicit script(pool_daemon& x) : daemon_{x} {}
  ~script() {
    if (stopper_.joinable())
      stopper_.join();
  }

  void on_signal(received_signal x) {
    std::lock_guard lock{mutex_};
    if (program_ && !x.from_terminal) // else it has had it itself
      program_->signal(x.number);
    if (!program_ && !over_ && early_ == 0) {
      early_ = x.number;
      stopper_ = std::thread{[this] { daemon_.stop(duration{0}); }};
    }
  }

  // The signal that came before the program was started; 0: none.
  int early() {
    std::lock_guard lock{mutex_};
    return early_;
  }

  // To its end. Nothing if a signal came before.
  std::optional<int> run(const std::vector<std::string>& words, const sigset_t& blocked,
                         bool json) {
    {
      std::lock_guard lock{mutex_};
      if (early_ != 0)
        return std::nullopt;
      auto started = program::start(words, {"SNAKEPIT_ADDRESS=" + daemon_.address()}, blocked);
      if (auto* problem = std::get_if<int>(&started)) {
        auto code = *problem == ENOENT ? exit_not_found : exit_not_executable;
        return report_plain(words[0] + ": " + std::strerror(*problem), json, code);
      }
      program_ = std::move(std::get<0>(started));
    }
    auto code = program_->wait();
    std::lock_guard lock{mutex_};
    over_ = true;
    program_ = nullptr;
    return code;
  }

private:
  pool_daemon& daemon_;
  std::mutex mutex_;
  std::unique_ptr<program> program_;
  bool over_ = false;
  int early_ = 0;
  std::thread stopper_;
};

int run(const run_command& x) {
  auto words = x.words;
  for (auto& word : words)
    if (word.starts_with(literal_mark))
      word.erase(0, 1);
  auto cfg = read_config(x.common);
  if (!cfg)
    return report(cfg.error(), x.common.json);
  signal_relay signals;
  auto started =
    pool_daemon::start(std::move(*cfg), {.private_socket = true, .adopts_orphans = false});
  if (!started)
    return report(started.error(), x.common.json);
  auto it = script{*started};
  signals.start([&](received_signal s) { it.on_signal(s); });
  console::standard().bar(start_notice(x.common));
  auto ready = started->pools().await_ready();
  console::standard().clear();
  auto code = ready ? it.run(words, signals.mask_before(), x.common.json) : std::optional<int>{};
  auto end = started->stop(duration{0}); // who called has ended
  signals.stop();
  if (auto early = it.early())
    return exit_signal + early;
  if (!ready)
    return report(ready.error(), x.common.json);
  if (!end)
    report(end.error(), false); // the program's own output may be on stdout
  return *code;
}

} // namespace

void add_run(CLI::App& app, action& chosen) {
  auto* command = app.add_subcommand("run", "Run a program with a daemon of its own");
  auto x = std::make_shared<run_command>();
  command->add_option("PROGRAM", x->words, "Program and its arguments, after --")
    ->required()
    ->type_name("");
  add_common_options(*command, x->common);
  command->footer(
    "  snakepit run -c snakepit.yaml -- ./report.sh today\n\n"
    "The program finds the daemon by $SNAKEPIT_ADDRESS, so `snakepit call --daemon TOOL` in it\n"
    "needs nothing else. It is started when the workers are ready; signals go to it; its exit\n"
    "code is passed on, 128 and the number for a signal. Nothing is left when it has ended.");
  command->callback([&chosen, x] { chosen = [x] { return run(*x); }; });
}

} // namespace snakepit::cli
