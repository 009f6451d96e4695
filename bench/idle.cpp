#include "bench/bench.hpp"

#include <filesystem>
#include <fstream>
#include <thread>

#include <unistd.h>

namespace snakepit::bench {

namespace {

/// Parent of a process; -1 if it has ended.
int parent_of(const std::filesystem::path& process) {
  std::ifstream in{process / "stat"};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  auto after_name = text.rfind(')'); // ") S 123 ..."
  return after_name == std::string::npos ? -1 : std::atoi(text.c_str() + after_name + 4);
}

/// Time on a processor of all its threads so far.
double cpu_seconds_of(const std::filesystem::path& process) {
  double out = 0;
  for (auto& thread : std::filesystem::directory_iterator{process / "task"}) {
    std::ifstream in{thread.path() / "schedstat"};
    double nanoseconds = 0;
    in >> nanoseconds;
    out += nanoseconds / 1e9;
  }
  return out;
}

std::vector<std::filesystem::path> children_of(int parent) {
  std::vector<std::filesystem::path> out;
  for (auto& x : std::filesystem::directory_iterator{"/proc"}) {
    auto name = x.path().filename().string();
    if (name.find_first_not_of("0123456789") == std::string::npos && parent_of(x.path()) == parent)
      out.push_back(x.path());
  }
  return out;
}

/// The workers: children of this process, or of its only one, the template.
std::vector<std::filesystem::path> workers_of_this() {
  auto out = children_of(getpid());
  if (out.size() != 1)
    return out;
  auto forked = children_of(std::stoi(out[0].filename().string()));
  return forked.empty() ? out : forked;
}

double cpu_seconds_of(const std::vector<std::filesystem::path>& processes) {
  double out = 0;
  for (auto& x : processes)
    out += cpu_seconds_of(x);
  return out;
}

} // namespace

void idle(const words& args) {
  auto count = std::stoul(args[1]);
  auto span = std::chrono::duration<double>(std::stod(args[2]));
  auto pool = start_pool(args[0], count, 1000);
  std::this_thread::sleep_for(std::chrono::seconds{1}); // what starting has left to do
  auto workers = workers_of_this();
  if (workers.size() != count)
    give_up("want " + std::to_string(count) + " workers, found " + std::to_string(workers.size()));
  auto host = cpu_seconds();
  auto all = cpu_seconds_of(workers);
  std::this_thread::sleep_for(span);
  figures out;
  out.add("host_percent", (cpu_seconds() - host) * 100 / span.count());
  out.add("worker_percent",
          (cpu_seconds_of(workers) - all) * 100 / span.count() / static_cast<double>(count));
  out.print();
}

} // namespace snakepit::bench
