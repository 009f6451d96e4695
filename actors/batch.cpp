#include <snakepit/batch.hpp>

#include "actors/batch_engine.hpp"
#include "actors/runtime_implementation.hpp"

#include <algorithm>

namespace snakepit {

namespace {

batch_options fitted(runtime& on, batch_options x) {
  if (!x.call.queue_timeout)
    x.call.queue_timeout = infinite; // how long an item waits is for us to decide
  auto& known = runtime_access::of(on);
  auto place = known.find(x.call.pool);
  if (!place)
    return x; // each call will say so
  auto& limits = x.limits;
  for (auto& one : known.cfg.pools)
    if (one.name == (*place)->name) { // others use the queue, too
      limits.ceiling =
        std::clamp<size_t>(one.queue.max_calls / 2, 1, std::max<size_t>(limits.ceiling, 1));
      x.concurrency = std::min(x.concurrency, one.queue.max_calls);
      limits.bytes = std::min(limits.bytes, std::max<uint64_t>(one.queue.max_bytes / 2, 1));
    }
  for (auto& one : on.stats())
    if (one.name == (*place)->name)
      limits.floor = std::max(limits.floor, 2 * std::max(one.lanes, one.workers_target));
  if (x.call.timeout)
    limits.wait = std::min<std::chrono::nanoseconds>(limits.wait, *x.call.timeout / 10);
  return x;
}

} // namespace

batch_report run_batch(batch_submit submit, batch_source source, const batch_options& options,
                       batch_sink sink) {
  return batch_engine::run(std::move(submit), std::move(source), options, std::move(sink));
}

batch_report run_batch(runtime& on, std::string_view tool, batch_source source,
                       const batch_options& options, batch_sink sink) {
  auto own = fitted(on, options);
  auto submit = [&on, name = std::string{tool}, call = own.call](auto args, auto done) {
    on.submit_many(name, std::move(args), call, std::move(done));
  };
  return run_batch(std::move(submit), std::move(source), own, std::move(sink));
}

batch_report run_batch(runtime& on, std::string_view tool, std::vector<arguments> items,
                       const batch_options& options, batch_sink sink) {
  auto next = size_t{0};
  auto source = [&](batch_item& to, bool) {
    if (next == items.size())
      return batch_pull::end;
    to.args = std::move(items[next++]);
    return batch_pull::item;
  };
  auto report = run_batch(on, tool, batch_source{source}, options, std::move(sink));
  report.not_started += items.size() - next;
  report.complete = report.complete && next == items.size();
  return report;
}

batch_report run_batch(runtime& on, std::string_view tool,
                       std::function<std::optional<arguments>()> next, const batch_options& options,
                       batch_sink sink) {
  auto source = [&](batch_item& to, bool) {
    auto one = next();
    if (!one)
      return batch_pull::end;
    to.args = std::move(*one);
    return batch_pull::item;
  };
  return run_batch(on, tool, batch_source{source}, options, std::move(sink));
}

} // namespace snakepit
