#include "actors/io/process_table.hpp"

#include "actors/io/proc_files.hpp"
#include "actors/io/system_error.hpp"

#include <algorithm>

#include <sys/syscall.h>
#include <unistd.h>

namespace snakepit::io {

namespace {

/// Not reaped, the number is its own, unless somebody else in this program has been quick: the
/// pidfd then says so, and what was read may be a stranger's.
uint64_t start_time_of(const started_process& x) {
  auto stat = read_proc_stat(x.pid);
  if (!stat || ::syscall(SYS_pidfd_send_signal, x.pidfd.get(), 0, nullptr, 0) != 0)
    return 0;
  return stat->start_time;
}

} // namespace

result<prepared_launch> prepared_launch::make(const launch_spec& spec, int null) {
  if (auto ok = check_texts(spec); !ok)
    return tl::unexpected{ok.error()};
  auto fds = launch_descriptors::make(null, spec.token);
  if (!fds)
    return tl::unexpected{fds.error()};
  if (spec.channel)
    if (auto ok = fds->set_channel(std::move(*spec.channel)); !ok)
      return tl::unexpected{ok.error()};
  if (spec.socket_folder)
    if (auto ok = fds->set_socket_folder(*spec.socket_folder); !ok)
      return tl::unexpected{ok.error()};
  descriptor page;
  auto memory = lane_memory::make(spec.lanes, page);
  if (!memory)
    return tl::unexpected{memory.error()};
  if (auto ok = fds->set_lane_page(std::move(page)); !ok)
    return tl::unexpected{ok.error()};
  descriptor written;
  auto stacks = stack_file::make(written);
  if (!stacks)
    return tl::unexpected{stacks.error()};
  if (auto ok = fds->set_stacks(std::move(written)); !ok)
    return tl::unexpected{ok.error()};
  return prepared_launch{std::move(*fds), std::move(*memory), std::move(*stacks)};
}

process_table::process_table(event_loop& loop)
  : loop_{loop}, boot_id_{read_boot_id()}, scratch_(side_socket::max_packet) {}

result<process_table::added> process_table::add(started_process started, const launch_spec& spec,
                                                prepared_launch prepared, process_events events) {
  if (ends_)
    return fail(reason::worker_start_failed, "not started, since the runtime stops");
  process_identity identity{started.pid, start_time_of(started), boot_id_};
  auto ends = prepared.fds.release_host_ends();
  auto group = std::make_unique<process_group>(started.pid, std::move(started.pidfd),
                                               std::move(ends.lifetime));
  auto watched = std::make_shared<watched_process>(std::move(identity), spec.socket_path,
                                                   std::move(events), std::move(group),
                                                   std::move(ends), std::move(prepared.stacks));
  auto ok =
    watched->watch(loop_, scratch_, started.forked, [this, raw = watched.get()] { remove(*raw); });
  if (!ok) {
    watched->abandon();
    return tl::unexpected{ok.error()};
  }
  {
    std::lock_guard guard{mutex_};
    processes_.insert(watched);
  }
  return added{std::make_unique<exec_process>(watched, std::move(prepared.memory)), watched};
}

void process_table::remove(watched_process& x) {
  auto kept = x.shared_from_this(); // so that nothing is destroyed under the lock
  {
    std::lock_guard guard{mutex_};
    processes_.erase(kept);
  }
  if (ends_ && processes_.empty())
    all_gone_.set_value();
}

void process_table::end_all() {
  for (const auto& x : processes_)
    x->kill();
  ends_ = true;
  if (processes_.empty())
    all_gone_.set_value();
}

std::vector<int64_t> process_table::await_end(std::chrono::seconds limit) {
  all_gone_.get_future().wait_for(limit);
  std::vector<int64_t> left;
  std::lock_guard guard{mutex_};
  for (const auto& x : processes_)
    left.push_back(x->identity().pid);
  return left;
}

void process_table::kill_all() noexcept {
  std::lock_guard guard{mutex_};
  for (const auto& x : processes_)
    x->kill();
}

result<void> check_texts(const launch_spec& spec) {
  auto has_null = [](const std::string& x) { return x.find('\0') != std::string::npos; };
  if (has_null(spec.executable) || has_null(spec.working_directory)
      || std::ranges::any_of(spec.arguments, has_null)
      || std::ranges::any_of(spec.environment, has_null))
    return fail(reason::worker_start_failed,
                "executable, folder, arguments and environment must not hold null bytes");
  return {};
}

} // namespace snakepit::io
