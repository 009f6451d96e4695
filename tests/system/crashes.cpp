// Crashes workers under load and checks what becomes of every call; see scripts/crashes.
//
//   test_crashes ADAPTER CRASHES SEED WORKERS [LOST]
//
// The adapter is tests/workers/crashes.py. Prints one JSON object; exit code 0 if every call ended
// as it must and ran once. LOST: of how many calls the result may be lost with their worker though
// they ran to their end; of none by default.

#include "tests/system/crash_load.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <mutex>
#include <semaphore>

#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace snakepit;
using namespace snakepit::test;
using namespace std::chrono_literals;

constexpr size_t calls_per_crash = 40;
constexpr ptrdiff_t outstanding = 64;
// Long enough that a call begins before, though workers may have to start first.
constexpr auto hang_timeout = 2s;

class notes_file {
public:
  notes_file() {
    auto name = (std::filesystem::temp_directory_path() / "snakepit-crashes-XXXXXX").string();
    auto fd = mkstemp(name.data());
    if (fd < 0)
      throw std::runtime_error{"cannot make a temporary file"};
    close(fd);
    path_ = name;
  }
  ~notes_file() {
    std::filesystem::remove(path_);
  }
  const std::string& path() const {
    return path_;
  }

private:
  std::string path_;
};

config config_for(const std::string& adapter, size_t workers, const std::string& notes) {
  config out;
  out.python.env["SNAKEPIT_CRASHES_FILE"] = notes;
  out.log.level = "off";
  out.timeouts.cancel_grace = 100ms;
  pool_config pool;
  pool.adapter = adapter;
  pool.workers = workers;
  pool.restart.backoff = {duration{0}};
  out.pools = {pool};
  if (auto* folder = std::getenv("SNAKEPIT__INSTANCE__RUN_DIR"))
    out.instance.run_dir = folder;
  if (auto* folder = std::getenv("SNAKEPIT__INSTANCE__STATE_DIR"))
    out.instance.state_dir = folder;
  return out;
}

/// All calls, `outstanding` at once, each judged.
void make_calls(runtime& pool, const std::vector<crash_call>& calls, crash_report& to) {
  std::mutex guard;
  std::counting_semaphore<outstanding> room{outstanding};
  call_options patient;
  patient.timeout = infinite;
  patient.queue_timeout = infinite;
  auto hanging = patient;
  hanging.timeout = hang_timeout;
  for (auto& call : calls) {
    room.acquire();
    auto text = "{\"id\": " + std::to_string(call.id) + ", \"end\": \"" + word_of(call.way) + "\"}";
    pool.execute_async("work", json_text{std::move(text)},
                       call.way == crash_way::hang ? hanging : patient, [&, call](outcome end) {
                         {
                           std::lock_guard lock{guard};
                           judge(call, end, to);
                         }
                         room.release();
                       });
  }
  for (ptrdiff_t i = 0; i < outstanding; ++i)
    room.acquire();
}

void print(const crash_report& x, double seconds, uint64_t exits) {
  std::cout << "{\"succeeded\": " << x.succeeded << ", \"lost_results\": " << x.lost_results
            << ", \"expired_unrun\": " << x.expired_unrun << ", \"worker_exits\": " << exits
            << ", \"seconds\": " << seconds << ", \"crashes\": {";
  auto comma = "";
  for (auto& [word, count] : x.crashes) {
    std::cout << comma << '"' << word << "\": " << count;
    comma = ", ";
  }
  std::cout << "}, \"faults\": " << x.faults.size() << "}" << std::endl;
  for (auto& line : x.faults)
    std::cerr << line << '\n';
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 5 && argc != 6) {
    std::cerr << "usage: test_crashes ADAPTER CRASHES SEED WORKERS [LOST]\n";
    return 2;
  }
  auto tolerated = argc == 6 ? std::stoull(argv[5]) : 0;
  // Workers inherit it: no images of thousands of crashes.
  rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  notes_file notes;
  auto calls = plan_crashes(std::stoul(argv[2]), calls_per_crash, std::stoull(argv[3]));
  auto pool = runtime::start(config_for(argv[1], std::stoul(argv[4]), notes.path()));
  auto ready = pool ? pool->await_ready() : result<void>{tl::unexpected{pool.error()}};
  if (!ready) {
    std::cerr << to_string(ready.error()) << '\n';
    return 3;
  }
  crash_report report;
  auto begin = std::chrono::steady_clock::now();
  make_calls(*pool, calls, report);
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  auto exits = pool->stats().at(0).worker_exits;
  pool->stop();
  judge_runs(notes.path(), calls, report);
  print(report, seconds.count(), exits);
  return report.faults.empty() && report.lost_results <= tolerated ? 0 : 1;
}
