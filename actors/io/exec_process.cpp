#include "actors/io/exec_process.hpp"

#include "actors/io/proc_files.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <thread>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace snakepit::io {

namespace {

constexpr exit_status unknown_end{.known = false};
constexpr exit_status lost_with_template{.known = false, .template_died = true};

/// Whether the kernel shows us how a zombie ended; else it shows a 0. It asks the same before it
/// says that there is no program any more.
bool is_ours_to_see(int64_t zombie) {
  std::array<char, 1> nothing{};
  return ::readlink(("/proc/" + std::to_string(zombie) + "/exe").c_str(), nothing.data(), 1) < 0
         && errno == ENOENT;
}

/// How a worker has ended of which its template, the parent, has said nothing and which it has
/// not reaped.
exit_status end_of_zombie(const process_identity& who, int64_t parent) {
  auto visible = is_ours_to_see(who.pid);
  auto stat = read_proc_stat(who.pid);
  auto is_there = stat && stat->start_time == who.start_time;
  // Nobody else reaps it, or becomes its parent, before the template has ended.
  auto is_lost = !is_there || stat->parent != parent;
  if (is_lost && parent != 0 && who.start_time != 0)
    return lost_with_template;
  if (!is_there || !visible || !stat->wait_status)
    return unknown_end;
  static const auto ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  auto time = [](uint64_t x) {
    return std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::duration<double>{static_cast<double>(x) / ticks_per_second});
  };
  auto how = *stat->wait_status;
  auto out = exit_status{};
  if (WIFSIGNALED(how))
    out.signal = WTERMSIG(how);
  else
    out.code = WEXITSTATUS(how);
  out.user_time = time(stat->user_ticks);
  out.system_time = time(stat->system_ticks);
  return out;
}

} // namespace

watched_process::watched_process(process_identity identity, std::string socket_path,
                                 process_events events, std::unique_ptr<process_group> group,
                                 process_ends ends, stack_file stacks)
  : identity_{std::move(identity)},
    socket_path_{std::move(socket_path)}, events_{std::move(events)}, group_{std::move(group)},
    stacks_{std::move(stacks)}, streams_{stream{{std::move(ends.output), "stdout", nullptr}, false},
                                         stream{{std::move(ends.errors), "stderr", &tail_}, true}},
    side_{std::move(ends.side),
          {[this] { tell(events_.on_listening); },
           [this](std::string text) { tell(events_.on_refused, std::move(text)); },
           [this](uint64_t number) { taker_->on_here(number); }}} {}

template <class... Ts>
void watched_process::tell(const std::function<void(Ts...)>& event, Ts... xs) {
  std::lock_guard guard{callbacks_};
  if (!silent_ && event)
    event(std::move(xs)...);
}

void watched_process::silence() noexcept {
  silent_ = true;
  // A callback that runs now holds the lock. On the loop's own thread that one would be further up
  // in this very stack, and no other can be running.
  if (loop_thread_ != std::this_thread::get_id())
    std::lock_guard{callbacks_};
}

void watched_process::remove_socket() noexcept {
  struct stat about {};
  if (!socket_path_.empty() && ::lstat(socket_path_.c_str(), &about) == 0
      && S_ISSOCK(about.st_mode))
    ::unlink(socket_path_.c_str());
}

result<void> watched_process::watch(event_loop& loop, std::span<char> scratch, bool forked,
                                    event_loop::task ended) {
  loop_ = &loop;
  forked_ = forked;
  if (auto stat = forked ? read_proc_stat(identity_.pid) : std::nullopt)
    parent_ = stat->parent;
  loop_thread_ = loop.thread();
  door_ = loop.door();
  taker_ = std::make_shared<stack_taker>(loop, identity_.pid, *group_, stacks_,
                                         [this](uint64_t number) { return side_.look(number); });
  memory_ = oom_counters{identity_.pid};
  scratch_ = scratch;
  ended_ = std::move(ended);
  for (auto& x : streams_)
    if (auto ok = watch_stream(x); !ok)
      return ok;
  auto side = loop.watch(side_.fd(), [this](uint32_t events) { on_side(events); });
  if (!side)
    return tl::unexpected{side.error()};
  side_id_ = *side;
  auto pidfd = loop.watch(group_->pidfd(), [this](uint32_t) { on_pidfd(); });
  if (!pidfd)
    return tl::unexpected{pidfd.error()};
  pidfd_id_ = *pidfd;
  return {};
}

void watched_process::abandon() noexcept {
  constexpr int one_second = 1000;
  silent_ = true;
  group_->kill();
  for (auto& x : streams_)
    end_stream(x);
  end_side();
  loop_->unwatch(group_->pidfd(), pidfd_id_);
  pollfd end{group_->pidfd(), POLLIN, 0};
  ::poll(&end, 1, one_second);
  group_->reap();
}

bool watched_process::kill() noexcept {
  // First, since the loop may judge the end as soon as it came.
  auto before = killed_by_us_.exchange(true);
  auto was_there = group_->kill();
  if (!was_there)
    killed_by_us_ = before;
  return was_there;
}

result<void> watched_process::watch_stream(stream& x) {
  auto id = loop_->watch(x.reader.fd(), [this, &x](uint32_t) { on_stream(x); });
  if (!id)
    return tl::unexpected{id.error()};
  x.id = *id;
  return {};
}

output_reader::sink watched_process::sink_of(stream& x) {
  return [this, is_stderr = x.is_stderr](std::string_view line) {
    tell(events_.on_output, is_stderr, line);
  };
}

void watched_process::on_stream(stream& x) {
  if (!x.reader.read_some(scratch_, sink_of(x))) {
    end_stream(x);
    return;
  }
  auto due = x.reader.lines().due();
  if (!due || x.told_later)
    return;
  // If the flood stops at once nothing else would say what it cost.
  x.told_later = true;
  loop_->call_at(*due, [weak = weak_from_this(), &x] {
    if (auto self = weak.lock()) {
      x.told_later = false;
      x.reader.lines().tell_dropped(event_loop::clock::now(), self->sink_of(x));
    }
  });
}

void watched_process::on_side(uint32_t events) {
  if (!side_.read_some(scratch_, (events & (EPOLLHUP | EPOLLRDHUP)) != 0))
    end_side();
}

void watched_process::on_pidfd() {
  if (forked_)
    on_forked_end();
  else if (auto status = group_->reap())
    settle(*status);
}

void watched_process::on_forked_end() {
  loop_->unwatch(group_->pidfd(), std::exchange(pidfd_id_, 0));
  group_->kill();
  if (orphaned_)
    settle(lost_with_template);
  else
    loop_->call_at(event_loop::clock::now() + report_wait, [weak = weak_from_this()] {
      if (auto self = weak.lock(); self && !self->settled_)
        self->settle(end_of_zombie(self->identity_, self->parent_));
    });
}

void watched_process::orphan() {
  orphaned_ = true;
  group_->orphan();
  if (pidfd_id_ == 0)
    settle(lost_with_template);
}

void watched_process::take_stacks(std::chrono::milliseconds limit, stack_taker::callback done) {
  ++unheard_;
  door_->post([weak = weak_from_this(), limit, done = std::move(done)] {
    auto self = weak.lock();
    if (!self)
      return;
    self->taker_->take(limit, [weak, done](core::stack_sample x) {
      if (auto again = weak.lock())
        again->tell(done, std::move(x));
    });
    --self->unheard_;
  });
}

void watched_process::settle(const exit_status& status) {
  if (std::exchange(settled_, true))
    return;
  auto self = shared_from_this();
  loop_->unwatch(group_->pidfd(), std::exchange(pidfd_id_, 0));
  if (forked_)
    group_->give_up();
  group_->release();
  // What it wrote before it died: a refusal explains the exit, so it must be told first.
  if (side_.fd() >= 0)
    side_.read_some(scratch_, true);
  end_side();
  for (auto& x : streams_) {
    x.reader.read_rest(scratch_, sink_of(x));
    end_stream(x);
  }
  if (silent_)
    remove_socket(); // its owner looked too early: the worker may have bound it since
  taker_->on_end();
  auto whole = status;
  whole.killed_by_host = killed_by_us_;
  whole.memory = memory_.read(status.known && status.signal == SIGKILL && !killed_by_us_);
  tell(events_.on_exit, whole);
  ended_();
}

void watched_process::end_stream(stream& x) {
  x.reader.lines().finish(event_loop::clock::now(), sink_of(x));
  loop_->unwatch(x.reader.fd(), std::exchange(x.id, 0));
  x.reader.close();
}

void watched_process::end_side() {
  loop_->unwatch(side_.fd(), std::exchange(side_id_, 0));
  side_.close();
}

exec_process::~exec_process() {
  watched_->group().kill();
  watched_->silence();
  watched_->remove_socket();
}

bool exec_process::is_stopped() const {
  auto& who = identity();
  auto stat = read_proc_stat(who.pid);
  // It may have been reaped, and its number be another's.
  return stat && stat->start_time == who.start_time && (stat->state == 'T' || stat->state == 't');
}

} // namespace snakepit::io
