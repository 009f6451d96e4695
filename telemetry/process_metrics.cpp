#include "telemetry/snapshot_metrics.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace snakepit::telemetry {

namespace {

using prometheus::MetricType;

void add(std::vector<prometheus::MetricFamily>& to, const char* name, const char* help,
         MetricType type, double value) {
  auto metric = prometheus::ClientMetric{};
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  to.push_back({name, help, type, {std::move(metric)}});
}

double count_descriptors() {
  auto* folder = opendir("/proc/self/fd");
  if (!folder)
    return 0;
  auto n = -3; // ".", ".." and the folder itself
  while (readdir(folder))
    ++n;
  closedir(folder);
  return n;
}

/// The fields of /proc/self/stat after the name, which may hold anything; empty if unreadable.
std::vector<double> read_stat() {
  auto file = std::ifstream{"/proc/self/stat"};
  auto text = std::string{};
  std::getline(file, text);
  auto end = text.rfind(')');
  if (end == std::string::npos || text.size() < end + 4)
    return {};
  auto stream = std::istringstream{text.substr(end + 4)}; // after ") S "
  auto fields = std::vector<double>{};
  for (auto x = 0.0; stream >> x;)
    fields.push_back(x);
  return fields;
}

/// Seconds since 1970 when the machine was booted.
double boot_time() {
  auto file = std::ifstream{"/proc/stat"};
  for (auto word = std::string{}; file >> word;)
    if (auto seconds = 0.0; word == "btime" && file >> seconds)
      return seconds;
  return 0;
}

} // namespace

void append_process_metrics(std::vector<prometheus::MetricFamily>& to) {
  // proc(5) numbers the fields from 1; those here begin with the fourth.
  auto stat = read_stat();
  if (stat.size() < 21)
    return;
  auto field = [&](size_t number) { return stat[number - 4]; };
  auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  add(to, "process_cpu_seconds_total", "User and system CPU time of the host process",
      MetricType::Counter, (field(14) + field(15)) / ticks);
  add(to, "process_threads", "Threads of the host process", MetricType::Gauge, field(20));
  add(to, "process_start_time_seconds", "When the host process started, since 1970",
      MetricType::Gauge, boot_time() + field(22) / ticks);
  add(to, "process_virtual_memory_bytes", "Virtual memory of the host process", MetricType::Gauge,
      field(23));
  add(to, "process_resident_memory_bytes", "Resident memory of the host process", MetricType::Gauge,
      field(24) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  add(to, "process_open_fds", "Open descriptors of the host process", MetricType::Gauge,
      count_descriptors());
  auto limit = rlimit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  add(to, "process_max_fds", "Descriptors that the host process may open", MetricType::Gauge,
      static_cast<double>(limit.rlim_cur));
}

} // namespace snakepit::telemetry
