#include "actors/cli/arguments.hpp"
#include "actors/cli/command.hpp"
#include "actors/cli/console.hpp"
#include "actors/cli/daemon_call.hpp"
#include "actors/cli/embedded.hpp"
#include "actors/cli/report.hpp"
#include "actors/cli/setup.hpp"
#include "actors/cli/units.hpp"

#include <CLI/CLI.hpp>

#include <future>
#include <mutex>

namespace snakepit::cli {

namespace {

constexpr const char* call_footer =
  R"(ADAPTER is ./file.py[:Class], package.module[:Class]. ARGUMENTS are key=value words (JSON if it
parses as JSON, else text), or one of: a JSON object, @FILE, - for stdin. A JSON value that is no
object goes to the tool's only required parameter. Bytes are {"$": ["base64", TEXT]}.

  snakepit call ./hello.py greet name=World
  snakepit call numpy_stats:Stats summary '{"numbers": [1, 2, 3]}' --timeout 5s
  snakepit call ./text.py analyse @paragraph.json --json
  snakepit call --daemon greet name=World)";

struct call_command {
  common_options common;
  bool on_daemon = false;
  std::string address;
  pool_choice choice;
  std::string tool;
  std::vector<std::string> words;
  std::string timeout;
  std::string session;
  std::string affinity;
  bool receipt = false;
};

result<call_options> options_of(const call_command& x) {
  call_options out;
  out.session = x.session;
  if (!x.affinity.empty()) {
    out.affinity = find_affinity(x.affinity);
    if (!out.affinity)
      return fail(reason::invalid_argument,
                  "--affinity " + x.affinity
                    + " is none: say hint, strict_queue or strict_fail_fast");
  }
  if (!x.timeout.empty()) {
    out.timeout = parse_duration(x.timeout);
    if (!out.timeout)
      return fail(reason::invalid_argument,
                  "--timeout " + x.timeout + " is no time: say 500ms, 5s, 2m or infinite");
  }
  return out;
}

// The call under way, for the signal's thread to cancel.
class cancellable {
public:
  void hold(call_handle x) {
    std::lock_guard lock{mutex_};
    handle_ = std::move(x);
    if (cancelled_)
      handle_.cancel();
  }
  void cancel() {
    std::lock_guard lock{mutex_};
    cancelled_ = true;
    handle_.cancel();
  }

private:
  std::mutex mutex_;
  call_handle handle_;
  bool cancelled_ = false;
};

outcome call_and_wait(runtime& pool, const call_command& x, const std::string& json,
                      const call_options& options, cancellable& handle) {
  auto shape = find_tool(pool, x.tool, x.choice.adapter);
  if (!shape)
    return tl::unexpected{std::move(shape.error())};
  auto args = to_arguments(json, *shape);
  if (!args)
    return tl::unexpected{std::move(args.error())};
  // Shared: the one that sets it may still be at it when we have what we wait for.
  auto end = std::make_shared<std::promise<outcome>>();
  handle.hold(pool.execute_async(x.tool, std::move(*args), options,
                                 [end](outcome it) { end->set_value(std::move(it)); }));
  return end->get_future().get();
}

// A daemon has its adapters: what stands in their place is the tool, and so on.
call_command without_adapter(call_command x) {
  if (!x.tool.empty())
    x.words.insert(x.words.begin(), x.tool);
  x.tool = std::exchange(x.choice.adapter, {});
  return x;
}

int call_daemon(const call_command& x, const std::string& json, call_options options) {
  options.pool = x.choice.pool;
  return call_on_daemon({x.common, x.address}, x.tool, json, options, x.receipt);
}

int run(const call_command& given) {
  auto on_daemon = given.on_daemon || !given.address.empty();
  auto x = on_daemon ? without_adapter(given) : given;
  if (on_daemon && (!x.choice.profile.empty() || x.choice.lanes))
    return report_usage("--profile and --lanes are the daemon's to say", x.common.json);
  if (x.tool.empty())
    return report_usage("TOOL is required (see `snakepit call --help`)", x.common.json);
  auto words = x.words;
  for (auto& word : words)
    if (word.starts_with(literal_mark))
      word.erase(0, 1);
  auto json = read_arguments(words);
  if (!json)
    return report_usage(json.error().message, x.common.json);
  auto options = options_of(x);
  if (!options)
    return report_usage(options.error().message, x.common.json);
  if (on_daemon)
    return call_daemon(x, *json, std::move(*options));
  auto cfg = embedded_config(x.common, x.choice);
  if (!cfg)
    return report(cfg.error(), x.common.json);
  // One call does not wait for a start to go well at the fifth try, unless that was asked for.
  auto& tries = cfg->pools[0].restart.start_failures;
  if (tries == restart_config{}.start_failures)
    tries = 1;
  // The error says the same, so once is enough unless the configuration wants the log.
  if (auto& log = cfg->log; log.level == log_config{}.level && log.categories.count("pool") == 0)
    log.categories.emplace("pool.start", "off");
  signal_watch signals;
  cancellable handle;
  auto receipt = call_receipt{};
  auto end = [&]() -> result<std::string> {
    auto started = embedded::start(std::move(*cfg), signals, start_notice(x.common),
                                   [&handle] { handle.cancel(); });
    if (!started)
      return tl::unexpected{std::move(started.error())};
    return call_and_wait((*started)->pool(), x, *json, *options, handle).and_then([&](auto&& got) {
      receipt = got.receipt();
      return got.to_json();
    });
  }();
  if (signals.received() != 0)
    return exit_signal + signals.received();
  auto code = end ? print(*end) : report(end.error(), x.common.json, words_of(x.common));
  if (!end && end.error().receipt)
    receipt = *end.error().receipt;
  if (x.receipt && (end || end.error().receipt))
    tell_receipt(receipt, x.common.json);
  return code;
}

} // namespace

void add_call(CLI::App& app, action& chosen) {
  auto* command = app.add_subcommand("call", "Run one call and print its result as JSON");
  auto x = std::make_shared<call_command>();
  x->choice.workers = 1;
  command->add_option("ADAPTER", x->choice.adapter, "Where the tool lives")
    ->required()
    ->type_name("");
  command->add_option("TOOL", x->tool, "Its name")->type_name("");
  command->add_option("ARGUMENTS", x->words, "What it gets")->type_name("");
  command->add_flag("--daemon", x->on_daemon, "Call a running daemon; without ADAPTER then");
  command->add_option("--address", x->address, "The daemon [$SNAKEPIT_ADDRESS, by configuration]")
    ->type_name("unix:PATH");
  command->add_option("--timeout", x->timeout, "Budget of the call: 500ms, 5s, 2m, infinite")
    ->type_name("TIME");
  command->add_option("--session", x->session, "Session the call belongs to")->type_name("ID");
  command->add_option("--affinity", x->affinity, "hint, strict_queue or strict_fail_fast")
    ->type_name("MODE");
  command->add_flag("--receipt", x->receipt, "Tell on stderr what it took");
  command->add_option("--pool", x->choice.pool, "Pool of the configuration whose settings to use")
    ->type_name("NAME");
  command->add_option("-n,--workers", x->choice.workers, "Workers to start [1]")
    ->type_name("N")
    ->check(CLI::Range(1, 100000).description(""));
  add_profile_options(*command, x->choice);
  add_common_options(*command, x->common);
  command->footer(call_footer);
  command->callback([&chosen, x] { chosen = [x] { return run(*x); }; });
}

} // namespace snakepit::cli
