#include "actors/io/template_line.hpp"

#include "actors/io/wire_codec.hpp"

#include <algorithm>

namespace snakepit::io {

namespace {

/// A template forks in milliseconds; one that has not in this time never will.
constexpr std::chrono::seconds fork_timeout{10};

using clock = event_loop::clock;
using phase = template_process::phase;

} // namespace

/// Calls it on the loop's thread, if that and the template are still there by then.
template <class... Ts>
auto template_line::posted(const template_ptr& x, void (template_process::*what)(Ts...)) {
  return [door = all_.door, line = weak_from_this(), weak = std::weak_ptr{x},
          what](std::decay_t<Ts>... xs) {
    // Shared, since a task must be copyable.
    auto all = std::make_shared<std::tuple<std::decay_t<Ts>...>>(std::move(xs)...);
    door->post([line, weak, what, all] {
      auto alive = line.lock();
      auto target = weak.lock();
      if (alive && target)
        std::apply([&](auto&... ys) { ((*target).*what)(std::move(ys)...); }, *all);
    });
  };
}

void template_line::start(process_order order) {
  if (stopping_)
    return order.done(
      fail(reason::worker_start_failed, order.spec.label + ": not started, the runtime stops"));
  if (retired_)
    return exec(std::move(order));
  if (!current_ && clock::now() >= retry_at_)
    begin_template();
  if (current_ && current_->is() == phase::ready)
    fork(std::move(order));
  else if (current_ && !tried_)
    waiting_.push_back(std::move(order));
  else
    exec(std::move(order));
}

void template_line::begin_template() {
  begun_at_ = clock::now();
  std::erase_if(templates_, [](auto& x) { return x->is() == phase::down; });
  auto ends = template_socket::make_pair();
  if (!ends)
    return on_lost(ends.error().message);
  current_ = std::make_shared<template_process>(all_.loop, all_.table, all_.null,
                                                std::move(ends->first), callbacks_of());
  templates_.push_back(current_);
  auto x = current_;
  if (auto ok = x->watch(); !ok)
    return on_lost(ok.error().message);
  launch_template(x, std::move(ends->second));
  give_up_later(x, launch_.ready_timeout, "it was not ready in time",
                [](auto& x) { return x.is() == phase::starts; });
}

template_process::callbacks template_line::callbacks_of() {
  return {[this] {
            tried_ = true;
            if (all_.spec.on_ready)
              all_.spec.on_ready(clock::now() - begun_at_);
            serve_waiting();
          },
          [this](auto& why) { on_lost(why); },
          [this](auto order) { stopping_ ? start(std::move(order)) : exec(std::move(order)); },
          [this] { all_.on_down(); }};
}

void template_line::launch_template(const template_ptr& x, descriptor theirs) {
  auto spec = launch_;
  spec.channel = std::make_shared<descriptor>(std::move(theirs));
  process_events events;
  events.on_listening = posted(x, &template_process::on_listening);
  events.on_refused = [tell = posted(x, &template_process::on_refused)](const std::string& text) {
    tell(decode_error(text).message);
  };
  events.on_output = all_.spec.on_output;
  events.on_exit = posted(x, &template_process::on_exit);
  all_.exec->launch(std::move(spec), std::move(events), posted(x, &template_process::on_started));
}

void template_line::give_up_later(const template_ptr& x, std::chrono::milliseconds after,
                                  std::string why,
                                  std::function<bool(const template_process&)> still) {
  all_.loop.call_at(clock::now() + after,
                    [weak = std::weak_ptr{x}, why = std::move(why), still = std::move(still)] {
                      if (auto target = weak.lock(); target && still(*target))
                        target->give_up(why);
                    });
}

void template_line::on_lost(const std::string& why) {
  tried_ = true;
  current_ = nullptr;
  retry_at_ = clock::now() + all_.spec.retry;
  auto matters = !stopping_ && !retired_;
  if (matters && all_.spec.on_lost)
    all_.spec.on_lost(why);
  if (matters && all_.spec.on_fallback && told_.insert(why).second)
    all_.spec.on_fallback(why);
  serve_waiting();
}

void template_line::serve_waiting() {
  for (auto& x : std::exchange(waiting_, {}))
    start(std::move(x));
}

void template_line::fork(process_order order) {
  auto x = current_;
  order.done = [done = std::move(order.done), label = order.spec.label](auto started) {
    if (!started)
      started.error().message = label + ": " + started.error().message;
    done(std::move(started));
  };
  x->fork(std::move(order));
  give_up_later(x, fork_timeout, "it did not answer",
                [number = x->last_number()](auto& x) { return x.waits_for(number); });
}

void template_line::exec(process_order order) {
  all_.exec->launch(std::move(order.spec), std::move(order.events), std::move(order.done));
}

void template_line::stop() {
  stopping_ = true;
  serve_waiting();
  for (auto& x : templates_)
    x->decline_all();
}

void template_line::finish() {
  for (auto& x : templates_)
    x->finish();
}

void template_line::retire() {
  if (std::exchange(retired_, true))
    return;
  if (auto x = std::exchange(current_, nullptr))
    x->retire();
  serve_waiting();
}

bool template_line::is_over() {
  std::erase_if(templates_, [](auto& x) { return x->is() == phase::down; });
  return retired_ && templates_.empty();
}

bool template_line::is_down() const {
  return std::ranges::all_of(templates_, [](auto& x) { return x->is() == phase::down; });
}

void template_line::drop_templates() {
  current_ = nullptr;
  templates_.clear();
}

} // namespace snakepit::io
