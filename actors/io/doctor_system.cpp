#include "actors/io/doctor_system.hpp"

#include "actors/io/kernel_features.hpp"
#include "actors/io/proc_files.hpp"
#include "actors/io/random_bytes.hpp"
#include "actors/io/run_directory.hpp"
#include "actors/io/state_directory.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace snakepit::io {

namespace {

using verdict = check::verdict;

// Measured with grpcio 1.51: a worker's gRPC server has about ten threads, which count as processes
// do; the host holds pipes, sockets and a pidfd for each.
constexpr uint64_t tasks_per_worker = 12;
constexpr uint64_t descriptors_per_worker = 16;
constexpr uint64_t memory_per_worker = uint64_t{32} << 20;

/// The number in a file of one number; nothing if there is none ("max").
std::optional<uint64_t> number_in(const std::string& path) {
  auto text = read_small_file(path);
  if (!text || text->empty() || !std::isdigit(static_cast<unsigned char>((*text)[0])))
    return std::nullopt;
  return std::strtoull(text->c_str(), nullptr, 10);
}

/// Our own folder of cgroup v2, or nothing.
std::optional<std::string> own_cgroup() {
  auto text = read_small_file("/proc/self/cgroup");
  if (!text)
    return std::nullopt;
  auto at = text->find("0::");
  if (at == std::string::npos)
    return std::nullopt;
  return "/sys/fs/cgroup" + text->substr(at + 3, text->find('\n', at) - at - 3);
}

/// What a limit of our cgroup or of one above it leaves, the least of them.
std::optional<uint64_t> left_in_cgroup(const std::string& limit, const std::string& used) {
  std::optional<uint64_t> out;
  auto folder = own_cgroup();
  for (auto path = std::filesystem::path{folder.value_or("")};
       folder && path.string().size() > std::string_view{"/sys/fs"}.size();
       path = path.parent_path()) {
    auto most = number_in(path / limit);
    auto now = number_in(path / used);
    if (most && now)
      out = std::min(out.value_or(UINT64_MAX), *most - std::min(*most, *now));
  }
  return out;
}

uint64_t tasks_of_user() {
  uint64_t out = 0;
  for (auto pid : list_processes()) {
    auto path = "/proc/" + std::to_string(pid);
    struct stat about {};
    if (::stat(path.c_str(), &about) == 0 && about.st_uid == ::geteuid())
      if (auto stat = read_proc_stat(pid))
        out += stat->threads;
  }
  return out;
}

std::optional<uint64_t> soft_limit(int which) {
  rlimit x{};
  if (::getrlimit(static_cast<__rlimit_resource_t>(which), &x) != 0 || x.rlim_cur == RLIM_INFINITY)
    return std::nullopt;
  return x.rlim_cur;
}

std::string megabytes(uint64_t x) {
  return std::to_string(x >> 20) + " MiB";
}

check compared(std::string name, std::optional<uint64_t> there, uint64_t needed, std::string found,
               std::string advice) {
  if (!there || *there >= needed)
    return {std::move(name), verdict::ok, std::move(found), {}};
  return {std::move(name), verdict::warn, std::move(found), std::move(advice)};
}

} // namespace

check examine_kernel() {
  utsname about{};
  ::uname(&about);
  auto name = std::string{"Linux "} + about.release;
  if (auto good = check_kernel_features(); !good)
    return {"kernel", verdict::fail, name + ": " + good.error().message,
            "use Linux 5.4 or later, or a container that does not forbid it"};
  return {"kernel", verdict::ok, name + " with pidfd, sealed memfd and /proc", {}};
}

check examine_run_directory(const config& cfg) {
  auto made = run_directory::make(cfg.instance.run_dir, make_run_id());
  if (!made)
    return {"run directory", verdict::fail, made.error().message,
            "set instance.run_dir to a short path of a folder of your own"};
  return {"run directory", verdict::ok, run_directory::base(cfg.instance.run_dir), {}};
}

check examine_state_directory(const config& cfg) {
  auto place = ledger_place_of(cfg.instance);
  if (auto made = make_state_directory(place.folder); !made) {
    auto refused = made.error().reason == reason::invalid_config;
    return {"state directory", refused ? verdict::fail : verdict::warn, made.error().message,
            refused ? "set instance.state_dir to a folder of your own"
                    : "without it what a killed host leaves is found by its environment only"};
  }
  if (::access(place.folder.c_str(), W_OK | X_OK) != 0)
    return {"state directory", verdict::warn, place.folder + " cannot be written to",
            "without it what a killed host leaves is found by its environment only"};
  return {"state directory", verdict::ok, place.folder, {}};
}

check examine_processes(size_t workers) {
  auto room = left_in_cgroup("pids.max", "pids.current");
  auto limit = soft_limit(RLIMIT_NPROC);
  // The kernel does not hold root to it.
  if (limit && ::geteuid() != 0) {
    auto used = tasks_of_user();
    room = std::min(room.value_or(UINT64_MAX), *limit - std::min<uint64_t>(*limit, used));
  }
  auto needed = workers * tasks_per_worker;
  return compared("processes", room, needed,
                  "room for " + (room ? std::to_string(*room) : "any number") + ", "
                    + std::to_string(workers) + " workers need about " + std::to_string(needed),
                  "raise `ulimit -u` or the service's TasksMax, or use fewer workers");
}

check examine_descriptors(size_t workers) {
  auto limit = soft_limit(RLIMIT_NOFILE);
  auto needed = 64 + workers * descriptors_per_worker;
  return compared("open files", limit, needed,
                  "up to " + (limit ? std::to_string(*limit) : "any number") + ", "
                    + std::to_string(workers) + " workers need about " + std::to_string(needed),
                  "raise `ulimit -n` or the service's LimitNOFILE, or use fewer workers");
}

check examine_memory(size_t workers) {
  std::optional<uint64_t> room;
  if (auto text = read_small_file("/proc/meminfo"))
    if (auto at = text->find("MemAvailable:"); at != std::string::npos)
      room = std::strtoull(text->c_str() + at + 13, nullptr, 10) << 10;
  if (auto left = left_in_cgroup("memory.max", "memory.current"))
    room = std::min(room.value_or(UINT64_MAX), *left);
  auto needed = workers * memory_per_worker;
  return compared("memory", room, needed,
                  (room ? megabytes(*room) : "an unknown amount") + " available, "
                    + std::to_string(workers) + " idle workers need about " + megabytes(needed),
                  "use fewer workers, or give more memory");
}

} // namespace snakepit::io
