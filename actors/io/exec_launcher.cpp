#include "actors/io/event_loop.hpp"
#include "actors/io/exec_child.hpp"
#include "actors/io/executable.hpp"
#include "actors/io/kernel_features.hpp"
#include "actors/io/process_table.hpp"
#include "actors/io/system_error.hpp"

#include <atomic>
#include <tuple>

namespace snakepit::io {

namespace {

constexpr std::chrono::seconds last_wait{2};

/// Texts as exec wants them.
std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& x : texts)
    out.push_back(x.data());
  out.push_back(nullptr);
  return out;
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

class exec_launcher final : public process_launcher {
public:
  exec_launcher(std::unique_ptr<event_loop> loop, child_stack stack, descriptor null)
    : stack_{std::move(stack)}, null_{std::move(null)}, table_{*loop}, loop_{std::move(loop)} {}

  ~exec_launcher() override;

  void launch(launch_spec spec, process_events events, callback done) override;

  std::vector<int64_t> stop() override;

  void kill_all() noexcept override {
    table_.kill_all();
  }

private:
  result<std::unique_ptr<process>> start(const launch_spec& spec, process_events events);
  result<child> spawn(const launch_spec& spec, const launch_descriptors& fds);

  std::atomic<bool> stopping_{false};
  child_stack stack_;
  descriptor null_;
  process_table table_;
  // Last: its thread uses the others.
  std::unique_ptr<event_loop> loop_;
};

exec_launcher::~exec_launcher() {
  stop();
  loop_.reset();
}

std::vector<int64_t> exec_launcher::stop() {
  if (stopping_.exchange(true))
    return {};
  loop_->post([this] { table_.end_all(); });
  return table_.await_end(last_wait);
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
  auto prepared = prepared_launch::make(spec, null_.get());
  if (!prepared)
    return tl::unexpected{prepared.error()};
  auto started = spawn(spec, prepared->fds);
  if (!started)
    return tl::unexpected{started.error()};
  auto added = table_.add({started->pid, std::move(started->pidfd)}, spec, std::move(*prepared),
                          std::move(events));
  if (!added)
    return tl::unexpected{added.error()};
  return std::move(added->owner);
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
  plan.limits = spec.limits;
  plan.user = spec.user ? &*spec.user : nullptr;
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
