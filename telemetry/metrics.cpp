#include "telemetry/metrics.hpp"

#include "telemetry/snapshot_metrics.hpp"

#include <snakepit/version.hpp>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>

namespace snakepit::telemetry {

namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;
using labels = std::map<std::string, std::string>;

/// Tools of a pool with labels of their own.
constexpr size_t most_tools = 100;
constexpr auto other = "other";

const auto batch_bounds = Histogram::BucketBoundaries{1, 2, 4, 8, 16, 32, 64, 128, 256, 512};

Histogram::BucketBoundaries times() {
  return {time_bounds.begin(), time_bounds.end()};
}

void observe(Histogram& to, const time_tally& x) {
  if (x.count > 0)
    to.ObserveMultiple({x.buckets.begin(), x.buckets.end()}, x.seconds);
}

/// A word out of few: why we ended it, "oom", the signal's name, "template_died", or "exit".
std::string cause_of(const death_certificate& x) {
  if (!x.ended_by_us.empty())
    return x.ended_by_us;
  if (x.oom == "yes")
    return "oom";
  if (!x.signal_name.empty())
    return x.signal_name;
  if (x.cause == "template_died")
    return x.cause;
  return x.exit_code ? "exit" : "unknown";
}

} // namespace

struct metrics::implementation {
  prometheus::Registry registry;
  Family<Counter>& calls = prometheus::BuildCounter()
                             .Name("snakepit_calls_total")
                             .Help("Calls answered, by tool and outcome (ok or the reason)")
                             .Register(registry);
  Family<Histogram>& durations = prometheus::BuildHistogram()
                                   .Name("snakepit_call_duration_seconds")
                                   .Help("Time from the admission of a call to its answer")
                                   .Register(registry);
  Family<Histogram>& executions = prometheus::BuildHistogram()
                                    .Name("snakepit_call_execution_seconds")
                                    .Help("Time a call ran in Python")
                                    .Register(registry);
  Family<Counter>& cpu = prometheus::BuildCounter()
                           .Name("snakepit_call_cpu_seconds_total")
                           .Help("Processor time of calls, as far as it was measured")
                           .Register(registry);
  Family<Histogram>& waits = prometheus::BuildHistogram()
                               .Name("snakepit_queue_wait_seconds")
                               .Help("Time a call waited for a worker")
                               .Register(registry);
  Family<Histogram>& batches = prometheus::BuildHistogram()
                                 .Name("snakepit_batch_size")
                                 .Help("Calls in one batch to a worker")
                                 .Register(registry);
  Family<Histogram>& starts = prometheus::BuildHistogram()
                                .Name("snakepit_worker_start_seconds")
                                .Help("Time each phase of a worker's start took")
                                .Register(registry);
  Family<Counter>& launches = prometheus::BuildCounter()
                                .Name("snakepit_worker_starts_total")
                                .Help("Workers whose process was started, by a template or by exec")
                                .Register(registry);
  Family<Counter>& exits = prometheus::BuildCounter()
                             .Name("snakepit_worker_exits_total")
                             .Help("Workers that are gone, by cause")
                             .Register(registry);
  Family<Counter>& recycles =
    prometheus::BuildCounter()
      .Name("snakepit_recycles_total")
      .Help("Workers that were replaced though nothing was wrong with them, by reason")
      .Register(registry);
  Family<Counter>& reloads = prometheus::BuildCounter()
                               .Name("snakepit_config_reloads_total")
                               .Help("Reloads of a pool: done, or rolled back")
                               .Register(registry);
  Family<Histogram>& lags = prometheus::BuildHistogram()
                              .Name("snakepit_heartbeat_lag_seconds")
                              .Help("Time until a worker answered a heartbeat")
                              .Register(registry);
  Family<Counter>& misses = prometheus::BuildCounter()
                              .Name("snakepit_heartbeat_missed_total")
                              .Help("Times a worker gave no sign of life for heartbeat.timeout")
                              .Register(registry);

  Family<Counter>& affinities = prometheus::BuildCounter()
                                  .Name("snakepit_affinity_total")
                                  .Help("Calls of sessions, by whether their worker had them")
                                  .Register(registry);

  Counter& orphans = prometheus::BuildCounter()
                       .Name("snakepit_orphans_killed_total")
                       .Help("Processes left by dead runs that were ended")
                       .Register(registry)
                       .Add({});
  prometheus::Gauge& ledger_degraded = prometheus::BuildGauge()
                                         .Name("snakepit_ledger_degraded")
                                         .Help("1 while the ledger of processes cannot be written")
                                         .Register(registry)
                                         .Add({});

  implementation() {
    prometheus::BuildGauge()
      .Name("snakepit_build_info")
      .Help("Always 1; the label is the version")
      .Register(registry)
      .Add({{"version", version}})
      .Set(1);
  }
};

namespace {

/// The handles of one pool. Those of tools and causes are made when first needed.
class counted_pool : public pool_metrics {
public:
  counted_pool(std::shared_ptr<metrics::implementation> all, std::string name)
    : all_{std::move(all)}, name_{std::move(name)}, waits_{&all_->waits.Add({{"pool", name_}},
                                                                            times())},
      batches_{&all_->batches.Add({{"pool", name_}}, batch_bounds)},
      lags_{&all_->lags.Add({{"pool", name_}}, times())}, misses_{
                                                            &all_->misses.Add({{"pool", name_}})} {
    for (auto phase : {"spawn", "listen", "greet", "probe"})
      starts_.push_back(&all_->starts.Add({{"pool", name_}, {"phase", phase}}, times()));
    for (auto mode : {"exec", "template"})
      launches_.push_back(&all_->launches.Add({{"pool", name_}, {"mode", mode}}));
    for (auto cause : {"shutdown", "start", "deadline", "cancel", "protocol", "heartbeat", "health",
                       "recycle", "memory", "exit", "oom", "template_died", "unknown"})
      exit(cause);
    for (auto reason : {"manual", "ttl", "max_calls", "memory", "idle", "reload"})
      recycle(reason);
    for (auto outcome : {"done", "rolled_back"})
      reload(outcome);
    for (auto result : {"hit", "moved", "new", "refused", "waited"})
      affinities_.push_back(&all_->affinities.Add({{"pool", name_}, {"result", result}}));
  }

  void set_tools(const std::vector<std::string>& names) override {
    auto guard = std::lock_guard{mutex_};
    for (auto& x : names)
      if (tools_.size() < most_tools)
        make_tool(x);
  }

  void sent(size_t calls, const time_tally& waits) override {
    batches_->Observe(static_cast<double>(calls));
    observe(*waits_, waits);
  }

  void ended(const batch_tally& batch) override {
    for (auto& x : batch.tools()) {
      auto& to = tool(x.tool);
      if (x.succeeded > 0)
        to.succeeded->Increment(x.succeeded);
      for (auto& [why, n] : x.failed)
        failed(to, why).Increment(n);
      observe(*to.whole, x.whole);
      observe(*to.run, x.run);
      if (x.cpu > duration{0})
        to.cpu->Increment(std::chrono::duration<double>(x.cpu).count());
    }
  }

  void not_sent(std::string_view name, reason why) override {
    failed(tool(name), why).Increment();
  }

  void launched(bool forked) override {
    launches_[forked ? 1 : 0]->Increment();
  }

  void started(start_phase phase, duration took) override {
    starts_[static_cast<size_t>(phase)]->Observe(std::chrono::duration<double>(took).count());
  }

  void heartbeat(duration round_trip) override {
    lags_->Observe(std::chrono::duration<double>(round_trip).count());
  }

  void heartbeat_missed() override {
    misses_->Increment();
  }

  void recycled(std::string_view reason) override {
    recycle(std::string{reason}).Increment();
  }

  void reloaded(std::string_view outcome) override {
    reload(std::string{outcome}).Increment();
  }

  void exited(const death_certificate& x) override {
    exit(cause_of(x)).Increment();
  }

  void affinity(affinity_result x) override {
    affinities_[static_cast<size_t>(x)]->Increment();
  }

  void became_ready() override {
    was_ready_.store(true, std::memory_order_relaxed);
  }

  bool was_ready() const override {
    return was_ready_.load(std::memory_order_relaxed);
  }

private:
  struct tool_handles {
    std::string label;
    Counter* succeeded;
    Histogram* whole;
    Histogram* run;
    Counter* cpu;
  };

  labels of(const std::string& tool) const {
    return {{"pool", name_}, {"tool", tool}};
  }

  tool_handles& make_tool(const std::string& x) {
    auto i = tools_.find(x);
    if (i == tools_.end())
      i = tools_
            .emplace(x, tool_handles{x, &outcome(x, "ok"), &all_->durations.Add(of(x), times()),
                                     &all_->executions.Add(of(x), times()), &all_->cpu.Add(of(x))})
            .first;
    return i->second;
  }

  tool_handles& tool(std::string_view x) {
    auto guard = std::lock_guard{mutex_};
    auto i = tools_.find(x);
    return i != tools_.end() ? i->second : make_tool(other);
  }

  /// The family finds one that is there already.
  Counter& outcome(const std::string& tool, std::string_view word) {
    return all_->calls.Add({{"pool", name_}, {"tool", tool}, {"outcome", std::string{word}}});
  }

  Counter& failed(const tool_handles& x, reason why) {
    return outcome(x.label, to_string(why));
  }

  Counter& exit(const std::string& cause) {
    return all_->exits.Add({{"pool", name_}, {"cause", cause}});
  }

  Counter& recycle(const std::string& reason) {
    return all_->recycles.Add({{"pool", name_}, {"reason", reason}});
  }

  Counter& reload(const std::string& outcome) {
    return all_->reloads.Add({{"pool", name_}, {"outcome", outcome}});
  }

  std::shared_ptr<metrics::implementation> all_;
  std::string name_;
  Histogram* waits_;
  Histogram* batches_;
  Histogram* lags_;
  Counter* misses_;
  std::vector<Histogram*> starts_;   // by phase
  std::vector<Counter*> launches_;   // by exec, by a template
  std::vector<Counter*> affinities_; // by result
  std::atomic<bool> was_ready_{false};
  std::mutex mutex_;
  std::map<std::string, tool_handles, std::less<>> tools_; // only grows
};

} // namespace

metrics::metrics() : impl_{std::make_shared<implementation>()} {}
metrics::~metrics() = default;

std::shared_ptr<pool_metrics> metrics::add_pool(const std::string& name) {
  return std::make_shared<counted_pool>(impl_, name);
}

void metrics::orphans_killed(size_t count) {
  impl_->orphans.Increment(static_cast<double>(count));
}

void metrics::set_ledger_degraded(bool x) {
  impl_->ledger_degraded.Set(x ? 1 : 0);
}

std::string metrics::text(const std::vector<pool_stats>& pools, const log& log) const {
  auto families = impl_->registry.Collect();
  for (auto& x : snapshot_metrics(pools, log))
    families.push_back(std::move(x));
  return prometheus::TextSerializer{}.Serialize(families);
}

} // namespace snakepit::telemetry
