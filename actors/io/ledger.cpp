#include "actors/io/ledger.hpp"

#include "actors/core/process_marks.hpp"
#include "actors/io/ledger_file.hpp"
#include "actors/io/proc_files.hpp"
#include "actors/io/settlement.hpp"
#include "actors/io/thread_reserve.hpp"

#include <array>
#include <condition_variable>
#include <csignal>
#include <ctime>
#include <deque>
#include <future>
#include <mutex>
#include <system_error>
#include <thread>

#include <poll.h>
#include <pthread.h>

namespace snakepit::io {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// How long a lock is waited for whose holder, as its file says, has ended: somebody settles the
/// ledger just now, or looks at it.
constexpr auto settling_time = 5s;
constexpr auto last_patience = 1s;

std::string utc_now() {
  auto now = std::time(nullptr);
  auto parts = std::tm{};
  ::gmtime_r(&now, &parts);
  auto text = std::array<char, 32>{};
  auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

bool lives(const ledger_holder& x) {
  auto stat = read_proc_stat(x.pid);
  return stat && stat->start_time == x.start_time;
}

error held_error(const ledger_place& place, const std::optional<ledger_holder>& by) {
  auto text = "instance `" + place.name + "` with id `" + place.id + "` runs already";
  auto details = std::map<std::string, std::string>{{"instance", place.name}, {"id", place.id}};
  if (by) {
    text += ": process " + std::to_string(by->pid) + ", run " + by->run + ", since " + by->since;
    details.insert({{"pid", std::to_string(by->pid)}, {"run", by->run}, {"since", by->since}});
  }
  return {reason::unavailable, std::move(text), std::move(details)};
}

/// What the thread works on; only it touches this.
class book {
public:
  book(ledger_place place, sqlite_ledger::owner who)
    : place_{std::move(place)}, who_{std::move(who)} {}

  /// Whether it has the lock; an error for what makes a start fail, see `sqlite_ledger::open`.
  result<void> open() {
    if (lock_)
      return {};
    if (auto ok = make_state_directory(place_.folder); !ok)
      return ok;
    auto until = clock::now() + settling_time;
    for (;;) {
      auto lock = ledger_lock::take(place_.stem(who_.run));
      if (lock) {
        lock->sign({who_.host.pid, who_.host.start_time, who_.run, utc_now()});
        lock_ = std::move(*lock);
        return {};
      }
      auto& why = lock.error();
      if (why.what == ledger_lock::trouble::disk)
        return fail(reason::internal, why.why);
      if ((why.holder && lives(*why.holder)) || clock::now() >= until)
        return tl::unexpected{held_error(place_, why.holder)};
      ::poll(nullptr, 0, 20);
    }
  }

  cleanup_report settle() {
    auto label = core::instance_label(place_.name, place_.id);
    auto self = core::settler{who_.host.pid, who_.host.place, who_.boot_id, label};
    return io::settle(place_, self, lock_ ? &*lock_ : nullptr);
  }

  result<void> write(const std::vector<core::ledger_row>& rows) {
    if (auto ok = prepare(); !ok)
      return ok;
    auto ok = file_->write(rows);
    if (ok || ok.error().reason != reason::invalid_argument)
      return ok; // what a full disk has stays good
    file_.reset();
    auto to = set_aside(place_.stem(who_.run));
    return fail(reason::internal, ok.error().message + (to.empty() ? "" : "; set aside as " + to));
  }

  void remove() {
    file_.reset();
    if (lock_)
      lock_->remove_ledger();
    lock_.reset();
  }

private:
  result<void> prepare() {
    if (file_ && file_->is_there())
      return {};
    auto was_there = static_cast<bool>(file_);
    file_.reset();
    if (auto ok = was_there ? lock_again() : open(); !ok)
      return ok;
    auto owner = core::open_ledger{who_.run, who_.host, who_.boot_id, {}};
    auto label = core::instance_label(place_.name, place_.id);
    auto made = ledger_file::make(place_.stem(who_.run), owner, label);
    if (!made)
      return tl::unexpected{std::move(made.error())};
    file_ = std::move(*made);
    if (was_there) // the rows that it had are gone
      return fail(reason::internal, place_.stem(who_.run) + ".db was removed; made anew");
    return {};
  }

  /// Somebody has removed the file, and the lock with it perhaps.
  result<void> lock_again() {
    lock_.reset();
    return open();
  }

  ledger_place place_;
  sqlite_ledger::owner who_;
  std::optional<ledger_lock> lock_;
  std::optional<ledger_file> file_;
};

/// Tasks for a thread that may hang in the kernel.
struct task_queue {
  explicit task_queue(book x) : its{std::move(x)} {}

  void run() {
    auto lock = std::unique_lock{mutex};
    for (;;) {
      changed.wait(lock, [this] { return ends || !tasks.empty(); });
      if (tasks.empty())
        break;
      auto task = std::move(tasks.front());
      tasks.pop_front();
      lock.unlock();
      task(its);
      task = nullptr; // what it holds goes before anybody is told
      lock.lock();
    }
    over = true;
    changed.notify_all();
  }

  /// Tells `done`, unless the ledger is gone; what it holds goes before this returns.
  void answer(std::shared_ptr<ledger::callback> done, result<void> end) {
    auto guard = std::lock_guard{answering};
    if (auto f = std::exchange(*done, nullptr))
      f(std::move(end));
    std::erase(unanswered, done);
  }

  /// Nobody wants answers any more.
  void forget() {
    auto guard = std::lock_guard{answering};
    for (auto& x : unanswered)
      *x = nullptr;
  }

  void post(std::function<void(book&)> x) {
    auto guard = std::lock_guard{mutex};
    tasks.push_back(std::move(x));
    changed.notify_all();
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void(book&)>> tasks;
  bool ends = false;
  bool over = false;
  std::mutex answering; // guards the next
  std::vector<std::shared_ptr<ledger::callback>> unanswered;
  book its; // the thread's
};

class threaded_ledger : public sqlite_ledger {
public:
  threaded_ledger(ledger_place place, owner who)
    : queue_{std::make_shared<task_queue>(book{std::move(place), std::move(who)})} {
    thread_ = std::thread{[queue = queue_] { queue->run(); }};
    ::pthread_setname_np(thread_.native_handle(), "snakepit-ledger");
  }

  ~threaded_ledger() override {
    auto lock = std::unique_lock{queue_->mutex};
    queue_->ends = true;
    queue_->changed.notify_all();
    auto over = queue_->changed.wait_for(lock, last_patience, [this] { return queue_->over; });
    lock.unlock();
    if (over) {
      thread_.join();
      return;
    }
    queue_->forget();
    thread_.detach(); // it hangs in the kernel, and keeps what it needs
  }

  result<bool> open(std::chrono::milliseconds patience) override {
    auto end = ask<result<void>>([](book& x) { return x.open(); }, patience);
    if (!end || *end)
      return end.has_value();
    auto& why = end->error();
    if (why.reason == reason::unavailable || why.reason == reason::invalid_config)
      return tl::unexpected{std::move(why)};
    return true;
  }

  std::optional<cleanup_report> settle(std::chrono::milliseconds patience) override {
    return ask<cleanup_report>([](book& x) { return x.settle(); }, patience);
  }

  void write(std::vector<core::ledger_row> rows, callback done) override {
    auto kept = std::make_shared<callback>(std::move(done));
    {
      auto guard = std::lock_guard{queue_->answering};
      queue_->unanswered.push_back(kept);
    }
    queue_->post([rows = std::move(rows), kept, queue = queue_.get()](book& x) {
      queue->answer(kept, x.write(rows));
    });
  }

  void remove() override {
    queue_->post([](book& x) { x.remove(); });
  }

private:
  template <class T, class F>
  std::optional<T> ask(F f, std::chrono::milliseconds patience) {
    auto promise = std::make_shared<std::promise<T>>();
    auto future = promise->get_future();
    queue_->post([promise, f](book& x) { promise->set_value(f(x)); });
    if (future.wait_for(patience) != std::future_status::ready)
      return std::nullopt;
    return future.get();
  }

  std::shared_ptr<task_queue> queue_;
  std::thread thread_;
};

} // namespace

sqlite_ledger::~sqlite_ledger() = default;

result<std::shared_ptr<sqlite_ledger>> sqlite_ledger::make(ledger_place place, owner who) {
  // Signals are for the program's own threads.
  auto all = sigset_t{}, before = sigset_t{};
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  auto out = result<std::shared_ptr<sqlite_ledger>>{};
  try {
    out = std::make_shared<threaded_ledger>(std::move(place), std::move(who));
  } catch (const std::system_error&) {
    out = no_thread();
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return out;
}

} // namespace snakepit::io
