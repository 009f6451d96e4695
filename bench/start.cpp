#include "bench/bench.hpp"

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include <sys/resource.h>

namespace snakepit::bench {

namespace {

/// Rounds of calls until each worker has answered one. The pool gives calls to free workers first,
/// so that one round is enough unless a worker is slow.
constexpr size_t most_rounds = 100;

/// What the events of a start told. Shared with the thread that they come on.
struct start_watch {
  std::mutex mutex;
  std::condition_variable changed;
  std::set<int> workers;               ///< those that got ready
  size_t forked = 0;                   ///< processes made by a template
  clock::time_point template_ready_at; ///< the epoch if there is none

  void on_event(const event& x) {
    auto guard = std::lock_guard{mutex};
    if (x.kind == event_kind::worker_ready)
      workers.insert(std::stoi(std::string{x.text("pid")}));
    else if (x.kind == event_kind::worker_spawned)
      forked += x.text("mode") == "template";
    else if (template_ready_at == clock::time_point{})
      // When it was told, by this clock: this thread may be late.
      template_ready_at = clock::now() - (std::chrono::system_clock::now() - x.time);
    changed.notify_all();
  }

  /// Events come on a thread of their own, maybe after what they tell of was seen.
  void await_workers(size_t count) {
    auto guard = std::unique_lock{mutex};
    if (!changed.wait_for(guard, std::chrono::seconds{30}, [&] { return workers.size() >= count; }))
      give_up("no event told that all workers are ready");
  }
};

/// A host of 64 workers has more descriptors than the usual soft limit of 1024 leaves room for.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

config start_config_of(const words& args, std::shared_ptr<start_watch> watch) {
  config cfg;
  pool_config pool;
  pool.adapter = args[0];
  pool.workers = std::stoul(args[1]);
  pool.spawn = args[2];
  if (pool.spawn == "template")
    pool.preload = {"adapter"};
  pool.start.batch_size = *pool.workers; // all at once
  pool.start.timeout = std::chrono::minutes{2};
  cfg.log.level = "off";
  cfg.pools = {pool};
  cfg.events.filter.names = {"template.ready", "worker.ready", "worker.spawned"};
  cfg.events.sink = [watch = std::move(watch)](const event& x) { watch->on_event(x); };
  return cfg;
}

/// The processes that answered a call each, all in one message.
std::set<int> answering(runtime& pool, size_t calls) {
  struct collected {
    std::mutex mutex;
    std::condition_variable changed;
    size_t ended = 0;
    std::set<int> seen;
  };
  auto found = std::make_shared<collected>();
  pool.submit_many("process_id", std::vector<arguments>(calls, json_text{"{}"}), {},
                   [found](size_t, outcome end) {
                     if (!end)
                       give_up("a call failed: " + to_string(end.error()));
                     auto guard = std::lock_guard{found->mutex};
                     found->seen.insert(std::stoi(end->text()));
                     ++found->ended;
                     found->changed.notify_all();
                   });
  auto guard = std::unique_lock{found->mutex};
  found->changed.wait(guard, [&] { return found->ended == calls; });
  return found->seen;
}

runtime start_answered(const words& args, std::shared_ptr<start_watch> watch) {
  raise_descriptor_limit();
  auto count = std::stoul(args[1]);
  auto out = runtime::start(start_config_of(args, std::move(watch)));
  if (!out)
    give_up(to_string(out.error()));
  if (auto ready = out->await_started(); !ready)
    give_up(to_string(ready.error()));
  std::set<int> seen;
  for (size_t round = 0; seen.size() < count; ++round) {
    if (round == most_rounds)
      give_up("only " + std::to_string(seen.size()) + " workers answered");
    seen.merge(answering(*out, count));
  }
  return std::move(*out);
}

/// Gives up if workers were started otherwise than they should.
void check_mode(start_watch& watch, const words& args) {
  auto count = std::stoul(args[1]);
  watch.await_workers(count);
  auto guard = std::lock_guard{watch.mutex};
  if (watch.workers.size() != count || watch.forked != (args[2] == "template" ? count : 0))
    give_up(std::to_string(watch.workers.size()) + " workers, " + std::to_string(watch.forked)
            + " of a template, want " + args[1] + " by " + args[2]);
}

/// The process's share of the memory that it maps, in MiB: what it shares counts in parts.
double pss_mib(int process) {
  std::ifstream in{"/proc/" + std::to_string(process) + "/smaps_rollup"};
  for (std::string word; in >> word;)
    if (double kib = 0; word == "Pss:" && in >> kib)
      return kib / 1024;
  give_up("cannot read the memory of process " + std::to_string(process));
}

/// Parent of a process.
int parent_of(int process) {
  std::ifstream in{"/proc/" + std::to_string(process) + "/stat"};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  auto after_name = text.rfind(')'); // ") S 123 ..."
  if (after_name == std::string::npos)
    give_up("worker " + std::to_string(process) + " has ended");
  return std::atoi(text.c_str() + after_name + 4);
}

} // namespace

void start(const words& args) {
  auto watch = std::make_shared<start_watch>();
  auto begin = clock::now();
  auto pool = start_answered(args, watch);
  auto end = clock::now();
  check_mode(*watch, args);
  figures out;
  out.add("ready_ms", microseconds(end - begin) / 1000);
  if (args[2] == "template")
    out.add("from_template_ms", microseconds(end - watch->template_ready_at) / 1000);
  out.print();
}

void memory(const words& args) {
  auto watch = std::make_shared<start_watch>();
  auto pool = start_answered(args, watch);
  check_mode(*watch, args);
  std::this_thread::sleep_for(std::chrono::seconds{1}); // what starting has left to do
  auto forked = args[2] == "template";
  double all = 0;
  for (auto worker : watch->workers)
    all += pss_mib(worker);
  auto count = static_cast<double>(watch->workers.size());
  auto parent = forked ? pss_mib(parent_of(*watch->workers.begin())) : 0;
  figures out;
  out.add("worker_mib", all / count).add("template_mib", parent);
  out.add("all_per_worker_mib", (all + parent) / count).print();
}

} // namespace snakepit::bench
