#include "actors/batch_engine.hpp"

#include "actors/io/thread_reserve.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace snakepit {

namespace {

using namespace std::chrono_literals;

constexpr uint64_t chunk_bytes = uint64_t{1} << 20;
/// Workers that are being started may hold for a moment what there is of threads.
constexpr auto thread_patience = 10s;

batch_limits limits_of(const batch_options& x) {
  auto out = x.limits;
  if (x.concurrency > 0)
    out.floor = out.ceiling = x.concurrency;
  out.ceiling = std::max<size_t>(out.ceiling, 1);
  out.floor = std::clamp<size_t>(out.floor, 1, out.ceiling);
  return out;
}

} // namespace

// -- the handle -------------------------------------------------------------------

batch_handle::batch_handle() : state_{std::make_shared<state>()} {}

void batch_handle::state::raise(int to) {
  auto guard = std::lock_guard{mutex};
  if (level < to)
    level = to;
  for (auto& [who, wake] : wakers)
    wake();
}

void batch_handle::stop() {
  state_->raise(state::stopped);
}

void batch_handle::abandon() {
  state_->raise(state::abandoned);
}

bool batch_handle::stopped() const noexcept {
  return state_->level >= state::stopped;
}

bool batch_handle::abandoned() const noexcept {
  return state_->level >= state::abandoned;
}

// -- the batch --------------------------------------------------------------------

batch_engine::batch_engine(batch_submit submit, batch_source source, const batch_options& options,
                           batch_sink sink)
  : options_{options}, submit_{std::move(submit)}, source_{std::move(source)},
    sink_{std::move(sink)}, handle_{options_.handle.state_},
    flow_{limits_of(options), clock::now()}, count_{options.max_errors, options.retries},
    order_{options.ordered ? limits_of(options).ceiling : 1}, started_{clock::now()}, told_{
                                                                                        started_} {
  // nop
}

batch_report batch_engine::run(batch_submit submit, batch_source source,
                               const batch_options& options, batch_sink sink) {
  auto x = std::shared_ptr<batch_engine>{
    new batch_engine{std::move(submit), std::move(source), options, std::move(sink)}};
  auto& shared = *x->handle_;
  {
    auto guard = std::lock_guard{shared.mutex};
    shared.wakers.emplace(x.get(), [at = x.get()] { at->wake(); });
  }
  struct ending {
    batch_engine& of;
    ~ending() {
      if (of.reader_.joinable())
        of.reader_.join();
      auto guard = std::lock_guard{of.handle_->mutex};
      of.handle_->wakers.erase(&of);
    }
  } at_end{*x};
  try {
    return x->work();
  } catch (...) { // the sink's, or another of the caller's functions
    x->raise(batch_handle::state::abandoned);
    throw;
  }
}

void batch_engine::wake() {
  { auto wait_until_it_waits = std::lock_guard{mutex_}; }
  room_.notify_all();
  mail_.notify_all();
}

void batch_engine::raise(int to) {
  for (auto now = own_level_.load(); now < to && !own_level_.compare_exchange_weak(now, to);) {
  }
  wake();
}

batch_report batch_engine::work() {
  if (!start_reader()) {
    failure_ = io::no_thread().value();
    return report();
  }
  while (!finished()) {
    collect();
    settle(collected_);
    if (level() == batch_handle::state::runs)
      call_again();
    else
      give_up_retries();
    tell_progress(false);
  }
  reader_.join();
  tell_progress(true);
  return report();
}

bool batch_engine::start_reader() {
  for (auto until = clock::now() + thread_patience;;) {
    try {
      reader_ = std::thread{[this] { read(); }};
      return true;
    } catch (const std::system_error&) {
      if (clock::now() >= until)
        return false;
      std::this_thread::sleep_for(10ms);
    }
  }
}

bool batch_engine::finished() {
  auto guard = std::lock_guard{mutex_};
  return level() == batch_handle::state::abandoned || all_settled();
}

bool batch_engine::all_settled() const {
  return read_all_ && count_.items() == handed_over_;
}

batch_report batch_engine::report() {
  auto guard = std::lock_guard{mutex_};
  auto out = count_.report();
  out.not_started = not_started_;
  out.abandoned = handed_over_ - count_.items();
  out.complete = at_end_ && out.abandoned == 0 && not_started_ == 0;
  out.elapsed = clock::now() - started_;
  out.failure = std::move(failure_);
  return out;
}

// -- what is called ---------------------------------------------------------------

void batch_engine::read() {
  auto failure = std::optional<error>{};
  try {
    read_all();
  } catch (const std::exception& e) {
    failure =
      error{reason::internal, std::string{"the source of the batch has thrown: "} + e.what()};
  } catch (...) {
    failure = error{reason::internal, "the source of the batch has thrown"};
  }
  auto guard = std::lock_guard{mutex_};
  if (failure)
    failure_ = std::move(failure);
  read_all_ = true;
  mail_.notify_all();
}

void batch_engine::read_all() {
  auto items = std::vector<batch_item>{};
  auto bytes = uint64_t{0};
  auto chunk = size_t{1};
  while (level() == batch_handle::state::runs) {
    if (items.empty())
      items.reserve(chunk);
    auto got = ask(items);
    if (got == batch_pull::item) {
      bytes += items.back().bytes;
      if (items.size() < chunk && bytes < chunk_bytes)
        continue;
    }
    chunk = hand_over(items);
    bytes = 0;
    if (got == batch_pull::end) {
      auto guard = std::lock_guard{mutex_};
      at_end_ = true;
      return;
    }
  }
  auto guard = std::lock_guard{mutex_};
  not_started_ += items.size();
}

batch_pull batch_engine::ask(std::vector<batch_item>& items) {
  auto wait = items.empty();
  auto& next = items.emplace_back();
  auto got = batch_pull::end;
  try {
    got = source_(next, wait);
  } catch (...) {
    auto guard = std::lock_guard{mutex_};
    not_started_ += items.size() - 1;
    throw;
  }
  if (got != batch_pull::item)
    items.pop_back();
  else if (next.bytes == 0 && next.args)
    next.bytes = core::bytes_of(*next.args);
  return got;
}

size_t batch_engine::hand_over(std::vector<batch_item>& items) {
  auto begin = size_t{0};
  auto lock = std::unique_lock{mutex_};
  while (begin < items.size()) {
    // If it was said how many are to be under way, no place stays empty.
    auto wanted = [&] {
      return options_.concurrency > 0 ? 1 : std::min(items.size() - begin, flow_.chunk());
    };
    auto stopped = [&] { return level() != batch_handle::state::runs; };
    room_.wait(lock, [&] { return stopped() || flow_.room() >= wanted(); });
    if (stopped())
      break;
    auto n = std::min(items.size() - begin, flow_.room());
    auto now = std::vector<batch_item>{};
    if (n == items.size())
      now.swap(items); // as nearly always
    else
      now.assign(std::make_move_iterator(items.begin() + static_cast<ptrdiff_t>(begin)),
                 std::make_move_iterator(items.begin() + static_cast<ptrdiff_t>(begin + n)));
    auto bytes = uint64_t{0};
    for (auto& x : now)
      bytes += x.bytes;
    flow_.called(n, bytes);
    auto first = std::exchange(handed_over_, handed_over_ + n);
    begin += items.empty() ? 0 : n;
    lock.unlock();
    call(std::move(now), first);
    lock.lock();
  }
  not_started_ += items.size() - begin;
  items.clear();
  return flow_.chunk();
}

void batch_engine::call(std::vector<batch_item> items, uint64_t index) {
  struct place {
    uint64_t index;
    uint64_t bytes;
  };
  struct lot {
    std::vector<place> places;
    std::vector<arguments> kept; // for another try
  };
  auto sent = std::make_shared<lot>();
  auto args = std::vector<arguments>{};
  args.reserve(items.size());
  sent->places.reserve(items.size());
  for (auto& x : items) {
    if (!x.args) {
      post({index++, x.bytes}, tl::unexpected{std::move(x.args.error())});
      continue;
    }
    sent->places.push_back({index++, x.bytes});
    if (options_.retries > 0)
      sent->kept.push_back(*x.args);
    args.push_back(std::move(*x.args));
  }
  if (args.empty())
    return;
  submit(std::move(args), [self = shared_from_this(), sent](size_t i, outcome end) {
    auto x = ended{sent->places[i].index, sent->places[i].bytes};
    if (!end && end.error().retryable && !sent->kept.empty())
      x.again = std::make_unique<arguments>(std::move(sent->kept[i]));
    self->post(std::move(x), std::move(end));
  });
}

void batch_engine::submit(std::vector<arguments> args, std::function<void(size_t, outcome)> done) {
  try {
    submit_(std::move(args), std::move(done));
  } catch (const std::exception& e) {
    submit_threw(std::string{": "} + e.what());
  } catch (...) {
    submit_threw("");
  }
}

void batch_engine::submit_threw(const std::string& text) {
  {
    // Nobody knows which of the calls will end.
    auto guard = std::lock_guard{mutex_};
    failure_ = error{reason::internal, "what makes the calls of the batch has thrown" + text};
  }
  raise(batch_handle::state::abandoned);
}

} // namespace snakepit
