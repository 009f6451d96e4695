#include "actors/cli/command.hpp"
#include "actors/cli/console.hpp"
#include "actors/cli/embedded.hpp"
#include "actors/cli/map_setup.hpp"
#include "actors/cli/report.hpp"
#include "actors/cli/units.hpp"

#include <CLI/CLI.hpp>

#include <cstring>

namespace snakepit::cli {

namespace {

constexpr const char* map_footer =
  R"(Each line of the input is one JSON value: an object holds the arguments, anything else goes to the
tool's only required parameter. Blank lines are skipped. A line that fails becomes
{"error": {...}, "line": N} in its place, and the exit code is 1.

  snakepit map ./text.py analyse -n 4 < paragraphs.jsonl > results.jsonl
  snakepit map ./text.py analyse --input a.jsonl --output b.jsonl --resume)";

// What ended it before the input's end, if anything did.
std::optional<int> report_trouble(const map_command& x, const map_end& end) {
  bool json = x.common.json;
  if (end.output_error == EPIPE)
    return exit_closed_stdout;
  if (end.output_error != 0)
    return report_plain("cannot write to " + (x.writes_stdout() ? "stdout" : x.output) + ": "
                          + std::strerror(end.output_error) + "; " + grouped(end.lines)
                          + (end.lines == 1 ? " line was written" : " lines were written"),
                        json && !x.writes_stdout(), exit_failed);
  if (end.broken)
    return report(*end.broken, json, words_of(x.common));
  if (end.input_error != 0)
    return report_plain(std::string{"cannot read the input: "} + std::strerror(end.input_error),
                        json, exit_failed);
  if (end.too_short)
    return report_plain(x.output + " has more lines than the input: they do not belong together",
                        json, exit_failed);
  if (end.stopped && end.failure)
    return report(*end.failure, json, words_of(x.common));
  return std::nullopt;
}

void report_end(const map_command& x, const map_end& end) {
  auto& out = console::standard();
  auto& done = end.totals;
  if (x.common.json)
    out.line("{\"items\": " + std::to_string(done.items) + ", \"errors\": "
             + std::to_string(done.errors) + ", \"retries\": " + std::to_string(done.retries)
             + ", \"seconds\": " + std::to_string(done.elapsed.count()) + "}");
  else if (out.is_terminal() && !x.common.quiet)
    out.line(summary(done));
  if (!x.common.json && done.errors > 0 && end.failure && !end.stopped)
    out.line("snakepit: " + grouped(done.errors) + " of " + grouped(done.items)
             + (done.items == 1 ? " item" : " items") + " failed; the first in line "
             + end.failure->details.at("line") + ": " + to_string(*end.failure)
             + explanation(*end.failure, words_of(x.common)));
}

map_job::submit_function submitter(runtime& pool, const map_plan& plan) {
  return [&pool, tool = plan.tool, options = plan.call](auto args, auto done) {
    pool.submit_many(tool, std::move(args), options, std::move(done));
  };
}

map_job::show_function bar(const map_command& x) {
  auto& out = console::standard();
  if (x.common.quiet || x.common.json || !out.is_terminal())
    return {};
  return [&out](const progress& now) { out.bar(draw(now, out.width())); };
}

// The output is touched only here: when workers are there and the tool is known.
result<void> open_output(const map_command& x, map_files& files, map_plan& plan) {
  if (x.writes_stdout())
    return {};
  if (!x.resume)
    return files.file.begin();
  auto lines = files.file.resume();
  if (!lines)
    return tl::unexpected{std::move(lines.error())};
  plan.skip = *lines;
  return {};
}

// Errors by exception would be shorter here; they are values everywhere else.
result<map_end> map_all(const map_command& x, config cfg, map_files& files, signal_watch& signals) {
  auto plan = plan_of(x, cfg.pools[0], files);
  fit_queue(cfg.pools[0], plan);
  plan.give_up = signals.descriptor();
  std::mutex guard;
  std::shared_ptr<map_job> job;
  bool interrupted = false;
  auto started = embedded::start(std::move(cfg), signals, start_notice(x.common), [&] {
    std::lock_guard lock{guard};
    interrupted = true;
    if (job)
      job->stop();
  });
  if (!started)
    return tl::unexpected{std::move(started.error())};
  auto& pool = (*started)->pool();
  auto shape = find_tool(pool, x.tool, x.choice.adapter);
  if (!shape)
    return tl::unexpected{std::move(shape.error())};
  plan.shape = *shape;
  if (auto opened = open_output(x, files, plan); !opened)
    return tl::unexpected{std::move(opened.error())};
  {
    std::lock_guard lock{guard};
    job = map_job::make(plan, submitter(pool, plan), bar(x));
    if (interrupted)
      job->stop();
  }
  auto end = job->run();
  console::standard().clear();
  return end;
}

int run(const map_command& x) {
  if (auto checked = check_options(x); !checked)
    return report_usage(checked.error().message, x.common.json);
  auto cfg = embedded_config(x.common, x.choice);
  if (!cfg)
    return report(cfg.error(), x.common.json);
  auto files = open_files(x);
  if (!files)
    return report_usage(files.error().message, x.common.json);
  signal_watch signals;
  auto end = map_all(x, std::move(*cfg), *files, signals);
  bool closed = files->file.close();
  if (signals.received() != 0) {
    if (end && !x.common.quiet)
      console::standard().line("snakepit: interrupted; " + grouped(end->lines)
                               + (end->lines == 1 ? " line" : " lines") + " written");
    return exit_signal + signals.received();
  }
  if (!end)
    return report(end.error(), x.common.json, words_of(x.common));
  if (!closed && end->output_error == 0)
    end->output_error = errno;
  report_end(x, *end);
  if (auto code = report_trouble(x, *end))
    return *code;
  return end->totals.errors > 0 ? exit_failed : exit_ok;
}

} // namespace

void add_map(CLI::App& app, action& chosen) {
  auto* command = app.add_subcommand("map", "Run a tool on every line of a JSON Lines file");
  auto x = std::make_shared<map_command>();
  static const std::map<std::string, on_error> policies{
    {"emit", on_error::emit}, {"skip", on_error::skip}, {"stop", on_error::stop}};
  auto& c = *command;
  c.add_option("ADAPTER", x->choice.adapter, "Where the tool lives")->required()->type_name("");
  c.add_option("TOOL", x->tool, "Its name")->required()->type_name("");
  c.add_option("-i,--input", x->input, "Read FILE instead of stdin")->type_name("FILE");
  c.add_option("-o,--output", x->output, "Write FILE instead of stdout")->type_name("FILE");
  c.add_option("-n,--workers", x->choice.workers, "Workers [the pool's, or one per processor]")
    ->type_name("N")
    ->check(CLI::Range(1, 100000).description(""));
  c.add_flag("--unordered", x->unordered, "Write results as they come");
  c.add_option("--on-error", x->errors, "emit a record | skip the line | stop [emit]")
    ->type_name("WHAT")
    ->transform(CLI::Transformer(policies).description(""));
  c.add_option("--max-errors", x->max_errors, "Stop at the N-th error")->type_name("N");
  c.add_option("--retries", x->retries, "Try again N times after errors that are retryable")
    ->type_name("N");
  c.add_option("--timeout", x->timeout, "Budget of a line: 500ms, 5s, 2m, infinite")
    ->type_name("TIME");
  c.add_flag("--resume", x->resume, "Continue an interrupted --output FILE");
  c.add_option("--session", x->session, "Session the calls belong to")->type_name("ID");
  c.add_option("--pool", x->choice.pool, "Pool of the configuration whose settings to use")
    ->type_name("NAME");
  add_profile_options(c, x->choice);
  add_common_options(c, x->common);
  c.footer(map_footer);
  c.callback([&chosen, x] { chosen = [x] { return run(*x); }; });
}

} // namespace snakepit::cli
