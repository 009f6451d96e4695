#include "bench/bench.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <sys/resource.h>
#include <unistd.h>

namespace snakepit::bench {

void give_up(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::fflush(stderr);
  // From any thread, with a runtime alive: the workers end with this process.
  _exit(1);
}

runtime start_pool(const std::string& adapter, size_t workers, size_t queue, size_t lanes,
                   const std::string& profile) {
  config cfg;
  pool_config pool;
  pool.poison.enabled = false; // the same call crashes workers again and again
  pool.adapter = adapter;
  pool.workers = workers;
  pool.profile = !profile.empty() ? profile : lanes > 1 ? "thread" : "process";
  pool.lanes = lanes;
  pool.queue.max_calls = queue;
  pool.queue.timeout = infinite;
  pool.restart.backoff = {duration{0}};
  cfg.timeouts.call = infinite;
  cfg.log.level = "off";
  cfg.pools = {pool};
  auto out = runtime::start(std::move(cfg));
  if (!out)
    give_up(to_string(out.error()));
  if (auto ready = out->await_started(); !ready)
    give_up(to_string(ready.error()));
  return std::move(*out);
}

double percentile(std::vector<double>& values, double part) {
  if (values.empty())
    return 0;
  std::ranges::sort(values);
  auto index = static_cast<size_t>(part * static_cast<double>(values.size()));
  return values[std::min(index, values.size() - 1)];
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  auto seconds = [](const timeval& x) {
    return static_cast<double>(x.tv_sec) + static_cast<double>(x.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double microseconds(clock::duration x) {
  return std::chrono::duration<double, std::micro>(x).count();
}

figures& figures::add(const std::string& name, double value) {
  char number[40];
  std::snprintf(number, sizeof(number), "%.6g", value);
  text_ += (text_.empty() ? "\"" : ", \"") + name + "\": " + number;
  return *this;
}

void figures::print() const {
  std::printf("{%s}\n", text_.c_str());
  std::fflush(stdout);
}

arguments echo_arguments(bool raw, uint64_t number) {
  if (!raw)
    return json_text{"{\"x\": " + std::to_string(number) + "}"};
  std::string data(sizeof(number), '\0');
  std::memcpy(data.data(), &number, sizeof(number));
  return raw_bytes{std::move(data)};
}

const char* echo_tool(bool raw) {
  return raw ? "echo_bytes" : "echo";
}

void check_echo(bool raw, uint64_t number, const outcome& end) {
  if (!end)
    give_up("call " + std::to_string(number) + " failed: " + to_string(end.error()));
  bool right = raw ? end->text() == std::get<raw_bytes>(echo_arguments(true, number)).data
                   : end->text() == std::to_string(number);
  if (!right)
    give_up("call " + std::to_string(number) + " got another reply: " + end->text());
}

} // namespace snakepit::bench
