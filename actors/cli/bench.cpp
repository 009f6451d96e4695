#include "actors/cli/arguments.hpp"
#include "actors/cli/command.hpp"
#include "actors/cli/embedded.hpp"
#include "actors/cli/load.hpp"
#include "actors/cli/report.hpp"
#include "actors/cli/setup.hpp"
#include "actors/cli/step_calls.hpp"
#include "actors/cli/steps.hpp"
#include "actors/cli/units.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <optional>

namespace snakepit::cli {

namespace {

constexpr const char* bench_footer =
  R"(Calls the tool one at a time, then with --outstanding calls under way, each for --seconds. The
arguments are those of `snakepit call`. Without ADAPTER it is a tool that returns what it gets.

With --steps it then calls one at a time once more and tells where the time goes: for each step of a
call its median and its share in the sum of these. That is read off events, whose telling costs some
microseconds itself: the median of these calls stands beside, and is above the one without.

  snakepit bench
  snakepit bench --steps
  snakepit bench ./text.py analyse text='some words' -n 4 --json)";

constexpr const char* echo_adapter = "snakepit_bridge.echo";
constexpr duration warm_up = std::chrono::milliseconds{200};

struct bench_command {
  common_options common;
  pool_choice choice;
  std::string tool;
  std::vector<std::string> words;
  double seconds = 3;
  size_t outstanding = 512;
  bool steps = false;
};

struct measured {
  latencies one;
  std::optional<step_times> steps;
  throughput many;
};

void complete(bench_command& x) {
  for (auto& word : x.words)
    if (word.starts_with(literal_mark))
      word.erase(0, 1);
  if (!x.choice.adapter.empty())
    return;
  x.choice.adapter = echo_adapter;
  x.tool = "echo";
  x.words = {R"({"x": 1})"};
}

result<load> load_of(runtime& pool, const bench_command& x, const std::string& json) {
  auto shape = find_tool(pool, x.tool, x.choice.adapter);
  if (!shape)
    return tl::unexpected{std::move(shape.error())};
  auto args = to_arguments(json, *shape);
  if (!args)
    return tl::unexpected{std::move(args.error())};
  call_options options;
  options.timeout = infinite; // the span of the measurement bounds them
  options.queue_timeout = infinite;
  return load{x.tool, std::move(*args), std::move(options)};
}

result<measured> measure(runtime& pool, const bench_command& x, const std::string& json) {
  // All of them: one that still starts would take the processors from the others.
  if (auto started = pool.await_started(); !started)
    return tl::unexpected{std::move(started.error())};
  auto what = load_of(pool, x, json);
  if (!what)
    return tl::unexpected{std::move(what.error())};
  auto span = std::chrono::duration_cast<duration>(std::chrono::duration<double>{x.seconds});
  if (auto warm = call_one_at_a_time(pool, *what, std::min(span, warm_up)); !warm)
    return tl::unexpected{std::move(warm.error())};
  auto one = call_one_at_a_time(pool, *what, span);
  if (!one)
    return tl::unexpected{std::move(one.error())};
  auto steps = std::optional<step_times>{};
  if (x.steps) {
    auto told = call_in_steps(pool, *what, span);
    if (!told)
      return tl::unexpected{std::move(told.error())};
    steps = std::move(*told);
  }
  auto many = call_many(pool, *what, x.outstanding, span);
  if (!many)
    return tl::unexpected{std::move(many.error())};
  return measured{std::move(*one), std::move(steps), *many};
}

double microseconds(const latencies& x, double part) {
  return std::chrono::duration<double, std::micro>(percentile(x, part)).count();
}

template <class... Args>
std::string format(const char* how, Args... args) {
  char out[400];
  std::snprintf(out, sizeof(out), how, args...);
  return out;
}

std::string as_json(const bench_command& x, size_t workers, const measured& m) {
  return "{\"adapter\": " + json_string(x.choice.adapter) + ", \"tool\": " + json_string(x.tool)
         + ", \"workers\": " + std::to_string(workers)
         + format(", \"one_at_a_time\": {\"calls\": %zu, \"p50_us\": %.1f, \"p90_us\": %.1f, "
                  "\"p99_us\": %.1f}",
                  m.one.size(), microseconds(m.one, 0.5), microseconds(m.one, 0.9),
                  microseconds(m.one, 0.99))
         + format(", \"throughput\": {\"outstanding\": %zu, \"calls\": %llu, \"seconds\": %.3f, "
                  "\"calls_per_second\": %.1f}",
                  x.outstanding, static_cast<unsigned long long>(m.many.calls),
                  std::chrono::duration<double>(m.many.span).count(), m.many.per_second())
         + (m.steps ? ", \"steps\": " + steps_json(*m.steps) : "") + "}";
}

std::string as_text(const bench_command& x, size_t workers, const measured& m) {
  return "`" + x.tool + "` of " + x.choice.adapter + ", " + std::to_string(workers)
         + (workers == 1 ? " worker" : " workers")
         + format("\none at a time:  p50 %.1f us, p90 %.1f us, p99 %.1f us",
                  microseconds(m.one, 0.5), microseconds(m.one, 0.9), microseconds(m.one, 0.99))
         + " (" + grouped(m.one.size()) + " calls)\n" + grouped(x.outstanding)
         + " outstanding: " + grouped(static_cast<uint64_t>(m.many.per_second())) + " calls/s"
         + (m.steps ? "\n" + steps_text(*m.steps) : "");
}

int run(bench_command x) {
  if (!x.choice.adapter.empty() && x.tool.empty())
    return report_usage("which tool of " + x.choice.adapter + "?", x.common.json);
  complete(x);
  auto json = read_arguments(x.words);
  if (!json)
    return report_usage(json.error().message, x.common.json);
  auto cfg = embedded_config(x.common, x.choice);
  if (!cfg)
    return report(cfg.error(), x.common.json);
  auto& pool = cfg->pools[0];
  pool.queue.max_calls = std::max(pool.queue.max_calls, x.outstanding);
  signal_watch signals;
  size_t workers = 0;
  auto end = [&]() -> result<measured> {
    auto started = embedded::start(std::move(*cfg), signals, start_notice(x.common), [] {});
    if (!started)
      return tl::unexpected{std::move(started.error())};
    auto& pool = (*started)->pool();
    workers = pool.stats().at(0).workers_target;
    return measure(pool, x, *json);
  }();
  if (signals.received() != 0)
    return exit_signal + signals.received();
  if (!end)
    return report(end.error(), x.common.json, words_of(x.common));
  return print(x.common.json ? as_json(x, workers, *end) : as_text(x, workers, *end));
}

} // namespace

void add_bench(CLI::App& app, action& chosen) {
  auto* command = app.add_subcommand("bench", "Measure a tool: latency and calls per second");
  auto x = std::make_shared<bench_command>();
  auto& c = *command;
  c.add_option("ADAPTER", x->choice.adapter, "Where the tool lives")->type_name("");
  c.add_option("TOOL", x->tool, "Its name")->type_name("");
  c.add_option("ARGUMENTS", x->words, "What it gets")->type_name("");
  c.add_option("--seconds", x->seconds, "Length of each measurement [3]")
    ->type_name("S")
    ->check(CLI::Range(0.01, 86400.0).description(""));
  c.add_option("--outstanding", x->outstanding, "Calls under way in the second one [512]")
    ->type_name("N")
    ->check(CLI::Range(1, 1000000).description(""));
  c.add_flag("--steps", x->steps, "Tell where the time of one call goes");
  c.add_option("--pool", x->choice.pool, "Pool of the configuration whose settings to use")
    ->type_name("NAME");
  c.add_option("-n,--workers", x->choice.workers, "Workers [the pool's, or one per processor]")
    ->type_name("N")
    ->check(CLI::Range(1, 100000).description(""));
  add_profile_options(c, x->choice);
  add_common_options(c, x->common);
  c.footer(bench_footer);
  c.callback([&chosen, x] { chosen = [x] { return run(*x); }; });
}

} // namespace snakepit::cli
