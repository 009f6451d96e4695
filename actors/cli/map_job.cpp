#include "actors/cli/map_job.hpp"

#include "actors/cli/patient_thread.hpp"

#include <algorithm>
#include <sys/eventfd.h>
#include <unistd.h>

namespace snakepit::cli {

namespace {

constexpr std::chrono::milliseconds draw_interval{100};
constexpr std::chrono::milliseconds first_retry_after{100};
constexpr unsigned longest_retry_shift = 6;
// Above this many under way the writer lets results gather for a moment instead of waking for each.
constexpr size_t busy = 64;
constexpr size_t gathered = 256;
constexpr std::chrono::milliseconds gather_time{1};
constexpr uint64_t chunk_bytes = uint64_t{1} << 20;

bool is_blank(const line_reader::line& x) {
  return !x.too_long && x.text.find_first_not_of(" \t\r") == std::string_view::npos;
}

} // namespace

std::shared_ptr<map_job> map_job::make(map_plan plan, submit_function submit, show_function show) {
  return std::shared_ptr<map_job>{new map_job{std::move(plan), std::move(submit), std::move(show)}};
}

map_job::map_job(map_plan plan, submit_function submit, show_function show)
  : plan_{std::move(plan)}, submit_{std::move(submit)}, show_{std::move(show)},
    wake_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}, flow_{plan_.flow, clock::now()},
    out_{plan_.output, plan_.give_up}, outlet_{out_, plan_.policy}, started_{clock::now()},
    drawn_{started_} {
  // nop
}

map_job::~map_job() {
  close(wake_);
}

void map_job::stop() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  uint64_t one = 1;
  [[maybe_unused]] auto n = write(wake_, &one, sizeof one);
  room_.notify_all();
  mail_.notify_all();
}

map_end map_job::run() {
  started_ = drawn_ = clock::now();
  if (auto failed = start_patiently(reader_, [this] { read(); }); failed != 0)
    end_of_input(failed, false);
  while (!finished()) {
    settle(collect());
    call_again();
    draw(false);
  }
  bool ended_by_error = outlet_.stopped() || out_.error_number() != 0;
  stop();
  if (reader_.joinable())
    reader_.join();
  out_.flush();
  out_.cut_torn_line();
  draw(true);
  return {progress_,    out_.lines(),        ended_by_error, outlet_.failure(),
          input_error_, out_.error_number(), too_short_};
}

bool map_job::finished() {
  std::lock_guard lock{mutex_};
  return stopping_ || outlet_.stopped() || out_.error_number() != 0 || all_settled();
}

bool map_job::all_settled() const {
  return read_all_ && outlet_.items() == handed_over_;
}

map_item map_job::item_of(const line_reader::line& line, uint64_t index) const {
  map_place place{index, line.number, line.end, line.text.size()};
  if (line.too_long)
    return {place,
            fail(reason::too_large, "the line is longer than " + std::to_string(plan_.max_line)
                                      + " bytes (limits.inline)")};
  return {place, to_arguments(line.text, plan_.shape)};
}

void map_job::read() {
  line_reader in{plan_.input, wake_, plan_.max_line};
  std::vector<map_item> items;
  uint64_t bytes = 0;
  uint64_t index = 0;
  size_t chunk = 1;
  for (;;) {
    line_reader::line line;
    auto got = in.next(line, items.empty());
    if (got == line_reader::outcome::line) {
      if (is_blank(line))
        continue;
      if (index++ < plan_.skip) {
        skipped_bytes_ = line.end;
        continue;
      }
      items.push_back(item_of(line, index - 1 - plan_.skip));
      bytes += line.text.size();
      if (items.size() < chunk && bytes < chunk_bytes)
        continue;
    }
    chunk = hand_over(items);
    bytes = 0;
    if (got == line_reader::outcome::end || got == line_reader::outcome::failed)
      return end_of_input(in.error_number(), index < plan_.skip);
    if (got == line_reader::outcome::woken)
      return;
  }
}

void map_job::end_of_input(int error_number, bool too_short) {
  std::lock_guard lock{mutex_};
  read_all_ = true;
  input_error_ = error_number;
  too_short_ = too_short && error_number == 0;
  mail_.notify_all();
}

size_t map_job::hand_over(std::vector<map_item>& items) {
  size_t begin = 0;
  std::unique_lock lock{mutex_};
  while (begin < items.size()) {
    auto wanted = [&] { return std::min(items.size() - begin, flow_.chunk()); };
    room_.wait(lock, [&] { return stopping_ || flow_.room() >= wanted(); });
    if (stopping_)
      break;
    auto n = std::min(items.size() - begin, flow_.room());
    std::vector<map_item> now{
      std::make_move_iterator(items.begin() + static_cast<long>(begin)),
      std::make_move_iterator(items.begin() + static_cast<long>(begin + n))};
    uint64_t bytes = 0;
    for (auto& x : now)
      bytes += x.place.bytes;
    flow_.called(n, bytes);
    handed_over_ += n;
    begin += n;
    lock.unlock();
    call(std::move(now));
    lock.lock();
  }
  items.clear();
  return flow_.chunk();
}

void map_job::call(std::vector<map_item> items) {
  struct lot {
    std::vector<map_place> places;
    std::vector<arguments> kept; ///< for another try
  };
  auto sent = std::make_shared<lot>();
  std::vector<arguments> args;
  args.reserve(items.size());
  sent->places.reserve(items.size());
  for (auto& x : items) {
    if (!x.what) {
      post({x.place, {}, std::make_unique<error>(std::move(x.what.error())), {}, 0});
      continue;
    }
    sent->places.push_back(x.place);
    if (plan_.retries > 0)
      sent->kept.push_back(*x.what);
    args.push_back(std::move(*x.what));
  }
  if (args.empty())
    return;
  submit_(std::move(args), [self = shared_from_this(), sent](size_t i, outcome x) {
    std::unique_ptr<arguments> again;
    if (!x && x.error().retryable && !sent->kept.empty())
      again = std::make_unique<arguments>(std::move(sent->kept[i]));
    self->on_returned(sent->places[i], 0, std::move(again), std::move(x));
  });
}

void map_job::on_returned(const map_place& place, unsigned attempt,
                          std::unique_ptr<arguments> again, outcome x) {
  map_result out{place, {}, {}, std::move(again), attempt};
  if (x
      && (x->is_raw() || !x->attachments().empty() || x->text().find('\n') != std::string::npos)) {
    if (auto text = x->to_json())
      out.text = std::move(*text);
    else
      out.why = std::make_unique<error>(std::move(text.error()));
  } else if (x) {
    out.text = std::move(*x).text();
  } else {
    out.why = std::make_unique<error>(std::move(x.error()));
  }
  post(std::move(out));
}

void map_job::post(map_result x) {
  std::lock_guard lock{mutex_};
  if (stopping_)
    return; // what ends now was ended by us
  inbox_.push_back(std::move(x));
  if (inbox_.size() == 1 || inbox_.size() == gathered)
    mail_.notify_one();
}

std::vector<map_result> map_job::collect() {
  std::unique_lock lock{mutex_};
  auto until = show_ ? clock::now() + draw_interval : clock::time_point::max();
  if (!retries_.empty())
    until = std::min(until, retries_.top().due);
  auto there = [this] { return stopping_ || !inbox_.empty() || all_settled(); };
  if (until == clock::time_point::max())
    mail_.wait(lock, there);
  else
    mail_.wait_until(lock, until, there);
  if (flow_.under_way() > busy && !stopping_)
    mail_.wait_for(lock, gather_time, [this] { return stopping_ || inbox_.size() >= gathered; });
  std::vector<map_result> out;
  if (!stopping_)
    out.swap(inbox_);
  return out;
}

void map_job::settle(std::vector<map_result> results) {
  if (results.empty())
    return;
  size_t returned = 0;
  uint64_t argument_bytes = 0;
  uint64_t result_bytes = 0;
  auto items_before = outlet_.items();
  auto bytes_before = outlet_.bytes();
  for (auto& x : results) {
    if (put_off(x))
      continue;
    ++returned;
    argument_bytes += x.place.bytes;
    result_bytes += x.text.size();
    outlet_.accept(std::move(x));
  }
  {
    std::lock_guard lock{mutex_};
    flow_.returned(returned, argument_bytes, result_bytes);
    flow_.written(outlet_.items() - items_before, outlet_.bytes() - bytes_before);
    flow_.adapt(clock::now());
    if (!inbox_.empty())
      return room_.notify_one();
  }
  room_.notify_one();
  out_.flush();
}

bool map_job::put_off(map_result& x) {
  if (!x.again || x.attempt >= plan_.retries)
    return false;
  auto pause = first_retry_after * (1 << std::min(x.attempt, longest_retry_shift));
  retries_.push({clock::now() + pause, x.place, x.attempt + 1, std::move(x.again)});
  ++progress_.retries;
  return true;
}

void map_job::call_again() {
  while (!retries_.empty() && retries_.top().due <= clock::now()) {
    auto x = retries_.top();
    retries_.pop();
    std::vector<arguments> args;
    args.push_back(*x.what);
    submit_(std::move(args), [self = shared_from_this(), x](size_t, outcome end) {
      std::unique_ptr<arguments> again;
      if (!end && end.error().retryable)
        again = std::make_unique<arguments>(std::move(*x.what));
      self->on_returned(x.place, x.attempt, std::move(again), std::move(end));
    });
  }
}

void map_job::draw(bool last) {
  auto now = clock::now();
  if (!last && (!show_ || now - drawn_ < draw_interval))
    return;
  auto span = std::chrono::duration<double>(now - drawn_).count();
  auto items = outlet_.items();
  auto rate = span > 0 ? static_cast<double>(items - items_drawn_) / span : 0;
  progress_.rate = progress_.rate == 0 ? rate : progress_.rate * 0.8 + rate * 0.2;
  drawn_ = now;
  items_drawn_ = items;
  progress_.items = items;
  progress_.errors = outlet_.errors();
  progress_.elapsed = now - started_;
  auto skipped = skipped_bytes_.load();
  if (plan_.input_size && *plan_.input_size > skipped && outlet_.end() > skipped)
    progress_.share = static_cast<double>(outlet_.end() - skipped)
                      / static_cast<double>(*plan_.input_size - skipped);
  if (!last)
    show_(progress_);
}

} // namespace snakepit::cli
