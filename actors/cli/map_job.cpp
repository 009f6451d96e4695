#include "actors/cli/map_job.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/eventfd.h>
#include <unistd.h>

namespace snakepit::cli {

namespace {

constexpr std::chrono::milliseconds draw_interval{100};

bool is_blank(const line_reader::line& x) {
  return !x.too_long && x.text.find_first_not_of(" \t\r") == std::string_view::npos;
}

/// Its items come in order, if they are to.
map_outlet::policy as_they_come(map_outlet::policy x) {
  x.ordered = false;
  return x;
}

} // namespace

void map_places::put(const map_place& x) {
  if (!line_.empty()) {
    line_[x.index % line_.size()] = x;
    return;
  }
  std::lock_guard lock{mutex_};
  any_.emplace(x.index, x);
}

map_place map_places::take(uint64_t index) {
  if (!line_.empty())
    return line_[index % line_.size()];
  std::lock_guard lock{mutex_};
  return any_.extract(index).mapped();
}

std::shared_ptr<map_job> map_job::make(map_plan plan, submit_function submit, show_function show) {
  return std::shared_ptr<map_job>{new map_job{std::move(plan), std::move(submit), std::move(show)}};
}

map_job::map_job(map_plan plan, submit_function submit, show_function show)
  : plan_{std::move(plan)}, submit_{std::move(submit)}, show_{std::move(show)},
    wake_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)},
    places_{plan_.policy.ordered, plan_.flow.ceiling}, out_{plan_.output, plan_.give_up},
    outlet_{out_, as_they_come(plan_.policy)}, started_{clock::now()}, drawn_{started_} {
  // nop
}

map_job::~map_job() {
  close(wake_);
}

void map_job::stop() {
  handle_.abandon();
  uint64_t one = 1;
  [[maybe_unused]] auto n = write(wake_, &one, sizeof one);
}

map_end map_job::run() {
  started_ = drawn_ = clock::now();
  line_reader in{plan_.input, wake_, plan_.max_line};
  auto report = run_batch(
    submit_, [&](batch_item& to, bool wait) { return read(in, to, wait); }, options(),
    [this](uint64_t index, outcome end) { take(index, std::move(end)); });
  progress_.retries = report.retried;
  bool ended_by_error = outlet_.stopped() || out_.error_number() != 0;
  out_.flush();
  out_.cut_torn_line();
  draw(true);
  return {
    progress_,    out_.lines(),        ended_by_error, outlet_.failure(), std::move(report.failure),
    input_error_, out_.error_number(), too_short_};
}

batch_options map_job::options() {
  batch_options out;
  out.limits = plan_.flow;
  out.ordered = plan_.policy.ordered;
  out.retries = plan_.retries;
  out.settled = [this] { flush(); };
  out.handle = handle_;
  out.progress_interval = draw_interval;
  if (show_)
    out.progress = [this](const batch_progress& now) {
      progress_.retries = now.retried;
      draw(false);
    };
  return out;
}

batch_pull map_job::read(line_reader& in, batch_item& to, bool wait) {
  for (;;) {
    line_reader::line line;
    auto got = in.next(line, wait);
    if (got == line_reader::outcome::line) {
      if (is_blank(line))
        continue;
      if (read_++ < plan_.skip) {
        skipped_bytes_ = line.end;
        continue;
      }
      to = item_of(line);
      return batch_pull::item;
    }
    if (got == line_reader::outcome::end || got == line_reader::outcome::failed) {
      input_error_ = in.error_number();
      too_short_ = read_ < plan_.skip && input_error_ == 0;
      return batch_pull::end;
    }
    if (got == line_reader::outcome::woken)
      return batch_pull::end;
    return batch_pull::later;
  }
}

batch_item map_job::item_of(const line_reader::line& line) {
  map_place place{read_ - 1 - plan_.skip, line.number, line.end, line.text.size()};
  places_.put(place);
  if (line.too_long)
    return {fail(reason::too_large, "the line is longer than " + std::to_string(plan_.max_line)
                                      + " bytes (limits.inline)"),
            place.bytes};
  return {to_arguments(line.text, plan_.shape), place.bytes};
}

void map_job::take(uint64_t index, outcome x) {
  map_result out{places_.take(index), {}, {}, {}, 0};
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
  outlet_.accept(std::move(out));
  stop_if_useless();
}

void map_job::flush() {
  out_.flush();
  stop_if_useless();
}

void map_job::stop_if_useless() {
  if (outlet_.stopped() || out_.error_number() != 0)
    stop();
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
