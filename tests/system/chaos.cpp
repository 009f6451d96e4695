// Makes calls while their workers fail in every way, and prints the ledger of promises; see
// scripts/chaos.
//
//   test_chaos ADAPTER SEED WORKERS SECONDS CALLS
//
// The adapter is tests/workers/suffer.py. Ends after so many seconds or so many calls, whatever
// comes first; 0: no bound. Prints one JSON object; exit code 0 if every promise was kept.

#include "tests/system/chaos_load.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace snakepit;
using namespace snakepit::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

constexpr auto kill_pause = 500ms;
constexpr duration patience = 60s;
/// How long what a killed process had may take to go.
constexpr auto last_wait = 5s;

config config_for(const std::string& adapter, uint64_t seed, size_t workers,
                  const std::string& mark, const fs::path& run_dir) {
  config out;
  out.instance.run_dir = run_dir.string();
  out.python.env["SNAKEPIT_CHAOS_MARK"] = mark;
  out.log.level = "off";
  out.timeouts.cancel_grace = 100ms;
  pool_config pool;
  pool.adapter = adapter;
  pool.workers = workers;
  pool.restart.backoff = {duration{0}};
  pool.heartbeat.interval = 200ms;
  pool.heartbeat.timeout = 500ms;
  pool.heartbeat.misses = 2;
  pool.chaos.seed = seed;
  pool.chaos.faults = {{"kill", "0.0003"},    {"segv", "0.0002"},      {"exit", "0.0003"},
                       {"hang", "0.00005"},   {"stop", "0.00005"},     {"slow", "0.0003"},
                       {"garbage", "0.0002"}, {"half_close", "0.0002"}};
  out.pools = {pool};
  return out;
}

/// Processes that are of this run by their environment.
std::vector<std::string> processes_of(const std::string& mark) {
  std::vector<std::string> out;
  for (auto& entry : fs::directory_iterator{"/proc"}) {
    std::ifstream in{entry.path() / "environ", std::ios::binary};
    std::string text{std::istreambuf_iterator<char>{in}, {}};
    if (text.find("SNAKEPIT_CHAOS_MARK=" + mark) != std::string::npos)
      out.push_back("process " + entry.path().filename().string());
  }
  return out;
}

/// Sockets and memory files of this process.
size_t count_ends() {
  size_t out = 0;
  for (auto& entry : fs::directory_iterator{"/proc/self/fd"}) {
    std::error_code gone;
    auto target = fs::read_symlink(entry.path(), gone).string();
    out += target.starts_with("socket:") || target.find("memfd:") != std::string::npos;
  }
  return out;
}

std::vector<std::string> left_behind(const std::string& mark, const fs::path& run_dir,
                                     size_t ends_before) {
  auto out = processes_of(mark);
  for (auto& entry : fs::directory_iterator{run_dir})
    out.push_back(entry.path().string());
  if (auto ends = count_ends(); ends > ends_before)
    out.push_back(std::to_string(ends - ends_before) + " sockets or memory files of the host");
  return out;
}

std::vector<std::string> await_nothing_left(const std::string& mark, const fs::path& run_dir,
                                            size_t ends_before) {
  auto until = clock::now() + last_wait;
  auto left = left_behind(mark, run_dir, ends_before);
  while (!left.empty() && clock::now() < until) {
    std::this_thread::sleep_for(20ms);
    left = left_behind(mark, run_dir, ends_before);
  }
  return left;
}

class own_folder {
public:
  own_folder() {
    auto name = (fs::temp_directory_path() / "snakepit-chaos-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr)
      throw std::runtime_error{"cannot make a temporary folder"};
    path = name;
  }
  ~own_folder() {
    fs::remove_all(path);
  }
  fs::path path;
};

} // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::cerr << "usage: test_chaos ADAPTER SEED WORKERS SECONDS CALLS\n";
    return 2;
  }
  auto seed = std::stoull(argv[2]);
  auto seconds = std::stoull(argv[4]);
  auto calls = std::stoull(argv[5]);
  // Workers inherit it: no images of thousands of crashes.
  rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  own_folder folder;
  auto mark =
    std::to_string(getpid()) + "-" + std::to_string(clock::now().time_since_epoch().count());
  auto ends_before = count_ends();
  chaos_ledger ledger;
  auto begin = clock::now();
  auto made = uint64_t{0};
  auto kills = uint64_t{0};
  pool_stats stats;
  {
    auto pool = runtime::start(config_for(argv[1], seed, std::stoul(argv[3]), mark, folder.path));
    auto ready = pool ? pool->await_ready() : result<void>{tl::unexpected{pool.error()}};
    if (!ready) {
      std::cerr << to_string(ready.error()) << '\n';
      return 3;
    }
    chaos_load load{*pool, ledger, seed};
    begin = clock::now();
    {
      chaos_killer killer{*pool, seed + 1, kill_pause};
      while ((calls == 0 || load.made() < calls)
             && (seconds == 0 || clock::now() < begin + std::chrono::seconds{seconds}))
        load.step();
      load.await_all(patience);
      kills = killer.kills();
    }
    made = load.made();
    stats = pool->stats().at(0);
    if (auto stopped = pool->stop(); !stopped)
      ledger.fault("the stop failed: " + to_string(stopped.error()));
  }
  std::chrono::duration<double> took = clock::now() - begin;
  auto left = await_nothing_left(mark, folder.path, ends_before);
  std::cout << "{\n"
            << ledger.text(made) << ",\n  \"worker_exits\": " << stats.worker_exits
            << ",\n  \"start_failures\": " << stats.worker_start_failures
            << ",\n  \"kills\": " << kills << ",\n  \"leftovers\": " << left.size()
            << ",\n  \"seconds\": " << took.count() << ",\n  \"seed\": " << seed << "\n}"
            << std::endl;
  for (auto& x : ledger.faults())
    std::cerr << x << '\n';
  for (auto& x : left)
    std::cerr << "left behind: " << x << '\n';
  return ledger.is_clean(made) && left.empty() ? 0 : 1;
}
