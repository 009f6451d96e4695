#include "actors/cli/map_setup.hpp"

#include "actors/cli/units.hpp"

#include <algorithm>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace snakepit::cli {

namespace {

constexpr duration throughput_prefetch = std::chrono::milliseconds{4};

} // namespace

result<map_files> open_files(const map_command& x) {
  map_files out;
  if (!x.input.empty() && x.input != "-") {
    auto fd = open_input(x.input);
    if (!fd)
      return tl::unexpected{std::move(fd.error())};
    out.input = *fd;
  }
  if (!x.writes_stdout()) {
    auto file = output_file::open(x.output);
    if (!file)
      return tl::unexpected{std::move(file.error())};
    out.file = std::move(*file);
    out.output = out.file.descriptor();
  }
  if (same_file(out.input, out.output))
    return fail(reason::invalid_argument, "input and output are the same file");
  struct stat facts {};
  if (fstat(out.input, &facts) == 0 && S_ISREG(facts.st_mode))
    out.input_size = static_cast<uint64_t>(facts.st_size)
                     - static_cast<uint64_t>(std::max<off_t>(0, lseek(out.input, 0, SEEK_CUR)));
  return out;
}

result<void> check_options(const map_command& x) {
  if (x.resume && x.writes_stdout())
    return fail(reason::invalid_argument, "--resume needs --output FILE");
  if (x.resume && (x.unordered || x.errors != on_error::emit))
    return fail(reason::invalid_argument,
                "--resume counts the lines of the output: not with --unordered, and only with "
                "--on-error emit");
  if (!x.timeout.empty() && !parse_duration(x.timeout))
    return fail(reason::invalid_argument,
                "--timeout " + x.timeout + " is no time: say 500ms, 5s, 2m or infinite");
  return {};
}

map_plan plan_of(const map_command& x, const pool_config& pool, const map_files& files) {
  map_plan out;
  out.tool = x.tool;
  out.call.session = x.session;
  // How long a line waits is for `map_flow` to decide, not a reason to lose it.
  out.call.queue_timeout = infinite;
  if (!x.timeout.empty())
    out.call.timeout = parse_duration(x.timeout);
  size_t processors = std::max(1u, std::thread::hardware_concurrency());
  auto lanes = std::min(pool.workers.value_or(processors), pool.max_workers) * lanes_of(pool);
  // With a time limit of one's own no line shall wait behind another; else one is kept at hand.
  out.flow.floor = x.timeout.empty() ? 2 * lanes : lanes;
  if (out.call.timeout)
    out.flow.wait = std::min(out.flow.wait, *out.call.timeout / 10);
  out.policy.ordered = !x.unordered;
  out.policy.errors = x.errors;
  out.policy.max_errors = x.max_errors;
  out.policy.window = out.flow.ceiling = std::max<size_t>(out.flow.ceiling, 4 * lanes);
  out.retries = x.retries;
  out.max_line = pool.limits.inline_bytes;
  out.input = files.input;
  out.output = files.output;
  out.input_size = files.input_size;
  return out;
}

void fit_queue(pool_config& pool, const map_plan& plan) {
  // Nobody waits for a single line, unless each has a time limit of its own: what is kept at hand
  // for a worker may be worth more, and messages carry more lines.
  if (!plan.call.timeout)
    pool.queue.prefetch_time = std::max(pool.queue.prefetch_time, throughput_prefetch);
  pool.queue.max_calls = std::max(pool.queue.max_calls, 2 * plan.flow.ceiling);
  pool.queue.max_bytes =
    std::max(pool.queue.max_bytes, 2 * plan.flow.bytes + pool.limits.inline_bytes);
}

} // namespace snakepit::cli
