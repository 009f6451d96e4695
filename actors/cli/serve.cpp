#include "actors/cli/command.hpp"
#include "actors/cli/console.hpp"
#include "actors/cli/reload_text.hpp"
#include "actors/cli/report.hpp"
#include "actors/cli/service_manager.hpp"
#include "actors/cli/setup.hpp"
#include "actors/cli/signal_relay.hpp"

#include <snakepit/daemon.hpp>

#include <CLI/CLI.hpp>

#include <cstring>
#include <future>
#include <mutex>
#include <unistd.h>

namespace snakepit::cli {

namespace {

constexpr auto default_admin = "127.0.0.1:9568";

struct serve_command {
  common_options common;
  bool no_admin = false;
};

// What signals make of a daemon: the first one drains it, the second one ends it now, the third
// does not wait for anything.
class ending {
public:
  ending(pool_daemon& x, const service_manager& manager) : daemon_{x}, manager_{manager} {}
  ~ending() {
    for (auto& x : threads_)
      x.join();
  }

  void on_signal(received_signal x) {
    if (x.number == SIGHUP)
      return reload();
    {
      auto guard = std::lock_guard{mutex_};
      if (++count_ == 1)
        manager_.tell("STOPPING=1\nSTATUS=ending calls in flight");
    }
    if (count_ == 1)
      drain();
    else if (count_ == 2)
      hurry(x.number);
    else
      _exit(exit_signal + x.number);
  }

  // Until it has stopped; the exit code.
  int wait(bool json) {
    auto end = done_.get_future().get();
    if (!end)
      return report(end.error(), json);
    return hurried_ == 0 ? exit_ok : exit_signal + hurried_;
  }

private:
  void reload() {
    auto now = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
    {
      auto guard = std::lock_guard{mutex_};
      ++reloads_;
      if (count_ == 0)
        manager_.tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count())
                      + "\nSTATUS=reloading");
    }
    daemon_.reload({}, [this](result<reload_summary> x) {
      {
        auto guard = std::lock_guard{mutex_};
        if (--reloads_ == 0 && count_ == 0) // else it still reloads, or stops
          manager_.tell("READY=1\nSTATUS=ready at " + daemon_.address());
      }
      console::standard().line("snakepit: SIGHUP: " + (x ? reload_text(*x) : to_string(x.error())));
    });
  }

  void drain() {
    threads_.emplace_back([this] { done_.set_value(daemon_.stop()); });
  }

  void hurry(int number) {
    hurried_ = number;
    threads_.emplace_back([this] { daemon_.stop(duration{0}); });
  }

  pool_daemon& daemon_;
  const service_manager& manager_;
  std::mutex mutex_; // so that what was told last is so
  int count_ = 0;    // of signals that end it; written by one thread only
  int reloads_ = 0;  // under way
  std::atomic<int> hurried_{0};
  std::promise<result<void>> done_;
  std::vector<std::thread> threads_; // the relay's, until it has stopped
};

// Pools that cannot start do not stop the others. The first failure, if no pool is ready.
result<void> await_pools(runtime& pools) {
  auto first = std::optional<error>{};
  auto ready = false;
  for (auto& pool : pools.stats()) {
    auto ok = pools.await_ready(pool.name);
    ready = ready || ok;
    if (ok)
      continue;
    if (ok.error().reason != reason::draining)
      console::standard().line("snakepit: " + to_string(ok.error()));
    first = first.value_or(std::move(ok.error()));
  }
  if (ready || !first)
    return {};
  return tl::unexpected{std::move(*first)};
}

int announce(pool_daemon& x, const serve_command& command, const service_manager& manager) {
  auto& pools = x.pools();
  auto& admin = pools.admin_address();
  if (auto bad = manager.tell("READY=1\nSTATUS=ready at " + x.address()))
    console::standard().line("snakepit: the service manager cannot be told: "
                             + std::string{std::strerror(bad)});
  if (command.common.json)
    return print("{\"address\": " + json_string(x.address()) + ", \"admin_address\": "
                 + json_string(admin) + ", \"pid\": " + std::to_string(getpid())
                 + ", \"run_id\": " + json_string(pools.run_id()) + '}');
  if (!command.common.quiet)
    console::standard().line("snakepit: ready at " + x.address()
                             + (admin.empty() ? "" : ", admin http://" + admin));
  return exit_ok;
}

result<config> configuration_of(const serve_command& x) {
  auto cfg = read_config(x.common);
  if (cfg && x.no_admin)
    cfg->admin.listen.clear();
  else if (cfg && cfg->admin.listen.empty())
    cfg->admin.listen = default_admin;
  return cfg;
}

int run(const serve_command& x) {
  auto cfg = configuration_of(x);
  if (!cfg)
    return report(cfg.error(), x.common.json);
  service_manager manager;
  signal_relay signals;
  auto started = pool_daemon::start(
    std::move(*cfg), {.private_socket = false, .adopts_orphans = true, .reread = [x] {
                        return configuration_of(x);
                      }});
  if (!started)
    return report(started.error(), x.common.json);
  auto end = ending{*started, manager};
  signals.start([&](received_signal s) { end.on_signal(s); });
  manager.tell("STATUS=starting workers");
  auto ready = await_pools(started->pools());
  if (!ready && ready.error().reason != reason::draining) {
    signals.stop();
    manager.tell("STOPPING=1");
    started->stop(duration{0});
    return report(ready.error(), x.common.json);
  }
  if (ready)
    announce(*started, x, manager); // that nobody reads it is no reason to end
  auto code = end.wait(x.common.json);
  signals.stop();
  return code;
}

} // namespace

void add_serve(CLI::App& app, action& chosen) {
  auto* command = app.add_subcommand("serve", "Run the configured pools as a daemon");
  auto x = std::make_shared<serve_command>();
  command->add_flag("--no-admin", x->no_admin,
                    "No admin server [admin.listen, else 127.0.0.1:9568]");
  add_common_options(*command, x->common);
  command->footer(
    "  snakepit serve -c snakepit.yaml\n  snakepit status\n  snakepit call --daemon greet\n\n"
    "SIGTERM or SIGINT: calls in flight may end (timeouts.drain), then exit code 0; again: now.\n"
    "SIGHUP: as `snakepit reload`.");
  command->callback([&chosen, x] { chosen = [x] { return run(*x); }; });
}

} // namespace snakepit::cli
