#include "actors/io/event_loop.hpp"
#include "actors/io/exec_child.hpp"
#include "actors/io/exec_process.hpp"
#include "actors/io/executable.hpp"
#include "actors/io/kernel_features.hpp"
#include "actors/io/launch_descriptors.hpp"
#include "actors/io/proc_files.hpp"
#include "actors/io/system_error.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <future>
#include <set>
#include <tuple>

#include <sys/syscall.h>

namespace snakepit::io {

namespace {

constexpr std::chrono::seconds last_wait{5};

/// Texts as exec wants them.
std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& x : texts)
    out.push_back(x.data());
  out.push_back(nullptr);
  return out;
}

/// The kernel would take the part before a null byte, silently.
result<void> check_texts(const launch_spec& spec) {
  auto has_null = [](const std::string& x) { return x.find('\0') != std::string::npos; };
  if (has_null(spec.executable) || has_null(spec.working_directory)
      || std::ranges::any_of(spec.arguments, has_null)
      || std::ranges::any_of(spec.environment, has_null))
    return fail(reason::worker_start_failed,
                "executable, folder, arguments and environment must not hold null bytes");
  return {};
}

tl::unexpected<error> explain(const launch_spec& spec, const std::string& executable,
                              const child_failure& failure) {
  std::string step = failure.step;
  if (step == "execve")
    return exec_failure(executable, failure.number);
  if (step == "chdir")
    step = "cannot enter the working directory " + spec.working_directory;
  return start_failure(step, failure.number);
}

/// The child is not reaped, so the number is its own, unless somebody else in this program has been
/// quick: the pidfd then says so, and what was read may be a stranger's.
uint64_t start_time_of(const child& x) {
  auto stat = read_proc_stat(x.pid);
  if (!stat || ::syscall(SYS_pidfd_send_signal, x.pidfd.get(), 0, nullptr, 0) != 0)
    return 0;
  return stat->start_time;
}

class exec_launcher final : public process_launcher {
public:
  exec_launcher(std::unique_ptr<event_loop> loop, child_stack stack, descriptor null)
    : stack_{std::move(stack)}, null_{std::move(null)}, boot_id_{read_boot_id()},
      scratch_(side_socket::max_packet), loop_{std::move(loop)} {}

  ~exec_launcher() override;

  void launch(launch_spec spec, process_events events, callback done) override;

private:
  result<std::unique_ptr<process>> start(const launch_spec& spec, process_events events);
  result<child> spawn(const launch_spec& spec, const launch_descriptors& fds);
  void end_all();

  std::atomic<bool> stopping_{false};
  child_stack stack_;
  descriptor null_;
  const std::string boot_id_;
  std::vector<char> scratch_;
  std::promise<void> all_gone_;
  bool waits_ = false; // the loop thread's own, as the next
  std::set<std::shared_ptr<watched_process>> processes_;
  // Last: its thread uses the others.
  std::unique_ptr<event_loop> loop_;
};

exec_launcher::~exec_launcher() {
  stopping_ = true;
  loop_->post([this] { end_all(); });
  all_gone_.get_future().wait_for(last_wait);
  loop_.reset();
}

void exec_launcher::end_all() {
  for (const auto& x : processes_)
    x->group().kill();
  waits_ = true;
  if (processes_.empty())
    all_gone_.set_value();
}

void exec_launcher::launch(launch_spec spec, process_events events, callback done) {
  // Shared, since a task must be copyable.
  auto work = std::make_shared<std::tuple<launch_spec, process_events, callback>>(
    std::move(spec), std::move(events), std::move(done));
  loop_->post([this, work] {
    auto& [spec, events, done] = *work;
    auto started = start(spec, std::move(events));
    if (!started)
      started.error().message = spec.label + ": " + started.error().message;
    done(std::move(started));
  });
}

result<std::unique_ptr<process>> exec_launcher::start(const launch_spec& spec,
                                                      process_events events) {
  if (stopping_)
    return fail(reason::worker_start_failed, "not started, since the runtime stops");
  if (auto ok = check_texts(spec); !ok)
    return tl::unexpected{ok.error()};
  auto fds = launch_descriptors::make(null_.get(), spec.token);
  if (!fds)
    return tl::unexpected{fds.error()};
  descriptor page;
  auto memory = lane_memory::make(spec.lanes, page);
  if (!memory)
    return tl::unexpected{memory.error()};
  if (auto ok = fds->set_lane_page(std::move(page)); !ok)
    return tl::unexpected{ok.error()};
  auto started = spawn(spec, *fds);
  if (!started)
    return tl::unexpected{started.error()};

  process_identity identity{started->pid, start_time_of(*started), boot_id_};
  auto ends = fds->release_host_ends();
  auto group =
    std::make_unique<process_group>(started->pid, std::move(started->pidfd),
                                    std::move(ends.lifetime_write), std::move(ends.lifetime_read));
  auto watched = std::make_shared<watched_process>(
    std::move(identity), spec.socket_path, std::move(events), std::move(group), std::move(ends));
  auto ok = watched->watch(*loop_, scratch_, [this, raw = watched.get()] {
    processes_.erase(raw->shared_from_this());
    if (waits_ && processes_.empty())
      all_gone_.set_value();
  });
  if (!ok) {
    watched->abandon();
    return tl::unexpected{ok.error()};
  }
  processes_.insert(watched);
  return std::make_unique<exec_process>(std::move(watched), std::move(*memory));
}

result<child> exec_launcher::spawn(const launch_spec& spec, const launch_descriptors& fds) {
  auto executable = find_executable(spec.executable, spec.environment);
  if (!executable)
    return tl::unexpected{executable.error()};
  std::vector<std::string> arguments{*executable};
  arguments.insert(arguments.end(), spec.arguments.begin(), spec.arguments.end());
  auto environment = spec.environment;
  auto argv = pointers(arguments);
  auto envp = pointers(environment);
  child_plan plan;
  plan.executable = executable->c_str();
  plan.arguments = argv.data();
  plan.environment = envp.data();
  if (!spec.working_directory.empty())
    plan.directory = spec.working_directory.c_str();
  fds.fill(plan);
  auto started = spawn_child(plan, stack_);
  if (!started)
    return explain(spec, *executable, started.error());
  return std::move(*started);
}

} // namespace

result<std::unique_ptr<process_launcher>> make_exec_launcher() {
  if (auto ok = check_kernel_features(); !ok)
    return tl::unexpected{ok.error()};
  auto null = launch_descriptors::open_null();
  auto stack = child_stack::make();
  auto loop = event_loop::make("snakepit-procs");
  for (auto* failed : {null ? nullptr : &null.error(), stack ? nullptr : &stack.error(),
                       loop ? nullptr : &loop.error()})
    if (failed != nullptr)
      return fail(reason::internal, "the process launcher could not start: " + failed->message,
                  failed->details);
  return std::make_unique<exec_launcher>(std::move(*loop), std::move(*stack), std::move(*null));
}

} // namespace snakepit::io
