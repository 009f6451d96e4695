#include "actors/io/template_process.hpp"

#include "actors/io/proc_files.hpp"
#include "actors/io/system_error.hpp"

#include <csignal>
#include <cstdlib>

namespace snakepit::io {

namespace {

/// Whose pidfd it is; the template's word alone would not do. 0 or less: nobody's any more.
int64_t pid_of(int pidfd) {
  constexpr std::string_view key = "\nPid:";
  auto text = read_small_file("/proc/self/fdinfo/" + std::to_string(pidfd));
  auto at = text ? text->find(key) : std::string::npos;
  return at == std::string::npos ? 0 : std::atoll(text->c_str() + at + key.size());
}

std::string describe(const exit_status& x) {
  if (!x.known)
    return "it has ended";
  return x.signal != 0 ? "it died by signal " + std::to_string(x.signal)
                       : "it exited with code " + std::to_string(x.code);
}

} // namespace

template_process::template_process(event_loop& loop, process_table& table, int null,
                                   host_only socket, callbacks calls)
  : loop_{loop}, table_{table}, null_{null},
    socket_{std::move(socket),
            {[this](auto number, auto pid, auto fd) { on_spawned(number, pid, std::move(fd)); },
             [this](auto number, auto why) { on_failed(number, why); },
             [this](auto number, auto why) { on_unfit(number, why); },
             [this](auto number, auto status) { on_exited(number, status); }}},
    calls_{std::move(calls)} {}

template_process::~template_process() {
  unwatch();
}

result<void> template_process::watch() {
  auto id = loop_.watch(socket_.fd(), [this](uint32_t) { on_readable(); });
  if (!id)
    return tl::unexpected{id.error()};
  watch_ = *id;
  return {};
}

void template_process::unwatch() {
  loop_.unwatch(socket_.fd(), std::exchange(watch_, 0));
}

void template_process::on_readable() {
  // Its exit says why.
  if (!socket_.read())
    unwatch();
}

// -- the template itself ------------------------------------------------------------

void template_process::on_started(result<std::unique_ptr<process>> x) {
  if (!x)
    return lose(phase::down, x.error().message);
  process_ = std::move(*x);
  if (!why_.empty())
    process_->kill_group();
}

void template_process::on_listening() {
  if (phase_ != phase::starts || !why_.empty())
    return;
  phase_ = phase::ready;
  calls_.on_ready();
}

void template_process::on_refused(const std::string& why) {
  if (why_.empty())
    why_ = why;
}

void template_process::give_up(const std::string& why) {
  if (why_.empty())
    why_ = why;
  if (process_)
    process_->kill_group(); // its exit does the rest
}

void template_process::on_exit(const exit_status& status) {
  socket_.read(); // what it said before
  lose(phase::down, why_.empty() ? describe(status) : why_);
}

void template_process::lose(phase next, const std::string& why) {
  auto was = std::exchange(phase_, next);
  if (next == phase::down) {
    unwatch();
    // Each may end by this and is then forgotten by the table.
    for (auto& [number, worker] : std::exchange(workers_, {}))
      worker->orphan();
  }
  decline_all();
  if (was == phase::starts || was == phase::ready)
    calls_.on_lost(why);
  if (next == phase::down)
    calls_.on_down();
}

void template_process::finish() {
  if (phase_ == phase::starts)
    give_up("the runtime stops");
  else if (process_)
    process_->signal(SIGTERM);
}

void template_process::retire() {
  if (phase_ == phase::ready) {
    phase_ = phase::retired;
    end_if_done();
  } else if (phase_ == phase::starts) {
    give_up("it is not needed any more");
  }
}

void template_process::decline_all() {
  for (auto& [number, x] : std::exchange(pending_, {}))
    calls_.on_declined(std::move(x.order));
}

// -- its workers ----------------------------------------------------------------------

void template_process::fork(process_order order) {
  if (watch_ == 0) {
    give_up("it has closed its socket");
    return calls_.on_declined(std::move(order));
  }
  auto prepared = prepared_launch::make(order.spec, null_);
  if (!prepared)
    return order.done(tl::unexpected{prepared.error()});
  auto number = ++last_number_;
  if (!socket_.spawn(number, order.spec, prepared->fds.worker_ends()))
    return calls_.on_declined(std::move(order));
  pending_.emplace(number, request{std::move(order), std::move(*prepared)});
}

void template_process::on_spawned(uint64_t number, int64_t pid, descriptor pidfd) {
  auto found = pending_.extract(number);
  if (!found)
    return;
  auto& [order, prepared] = found.mapped();
  if (pid_of(pidfd.get()) != pid)
    return order.done(fail(reason::worker_start_failed, "the template passed a wrong pidfd"));
  auto added = table_.add({static_cast<pid_t>(pid), std::move(pidfd), true}, order.spec,
                          std::move(prepared), std::move(order.events));
  if (!added)
    return order.done(tl::unexpected{added.error()});
  workers_.emplace(number, std::move(added->watched));
  order.done(std::move(added->owner));
}

void template_process::on_failed(uint64_t number, int errno_number) {
  if (auto found = pending_.extract(number))
    found.mapped().order.done(start_failure("fork in the template", errno_number));
  end_if_done();
}

void template_process::on_unfit(uint64_t number, const std::string& why) {
  if (auto found = pending_.extract(number))
    calls_.on_declined(std::move(found.mapped().order));
  if (phase_ == phase::ready)
    lose(phase::retired, why);
}

void template_process::on_exited(uint64_t number, const exit_status& status) {
  if (auto found = workers_.extract(number))
    found.mapped()->settle(status);
  socket_.reap(number);
  end_if_done();
}

void template_process::end_if_done() {
  if (phase_ == phase::retired && workers_.empty() && pending_.empty() && process_)
    process_->kill_group();
}

} // namespace snakepit::io
