#include "actors/io/template_launcher.hpp"

#include "actors/io/template_process.hpp"
#include "actors/io/wire_codec.hpp"

#include <algorithm>
#include <future>
#include <mutex>
#include <set>
#include <tuple>

namespace snakepit::io {

namespace {

constexpr std::chrono::seconds last_wait{2};
/// It only has to reap.
constexpr std::chrono::seconds finish_wait{1};
/// A template forks in milliseconds; one that has not in this time never will.
constexpr std::chrono::seconds fork_timeout{10};

using clock = event_loop::clock;
using phase = template_process::phase;

/// The loop thread's part of the launcher.
class template_pool : public std::enable_shared_from_this<template_pool> {
public:
  template_pool(event_loop& loop, descriptor null, std::shared_ptr<process_launcher> exec,
                template_spec spec)
    : door_{loop.door()}, loop_{loop}, null_{std::move(null)}, exec_{std::move(exec)},
      spec_{std::move(spec)}, table_{loop} {}

  void start(process_order order);
  void end_all();
  /// Asks all templates to end; `await_down` waits for it.
  void finish_templates();
  void await_down(std::chrono::seconds limit) {
    all_down_.get_future().wait_for(limit);
  }
  void drop_templates();

  /// Nobody else posts anything from now on. Any thread.
  void close_door() {
    door_->close();
  }

  process_table& table() noexcept {
    return table_;
  }

private:
  using template_ptr = std::shared_ptr<template_process>;

  void begin_template();
  template_process::callbacks callbacks_of();
  void launch_template(const template_ptr& x, descriptor theirs);
  template <class... Ts>
  auto posted(const template_ptr& x, void (template_process::*what)(Ts...));
  void give_up_later(const template_ptr& x, std::chrono::milliseconds after, std::string why,
                     std::function<bool(const template_process&)> still);
  void on_lost(const std::string& why);
  void fork(process_order order);
  void exec(process_order order);
  void serve_waiting();
  void on_down();

  const std::shared_ptr<loop_door> door_;
  event_loop& loop_;
  const descriptor null_;
  const std::shared_ptr<process_launcher> exec_;
  const template_spec spec_;
  process_table table_;
  bool stopping_ = false;
  bool finishing_ = false;
  std::promise<void> all_down_;
  bool tried_ = false; // a template was proved or lost
  template_ptr current_;
  std::vector<template_ptr> templates_; // those that were lost may have workers
  clock::time_point begun_at_{};        // of the newest one
  clock::time_point retry_at_{};
  std::set<std::string> told_;
  std::vector<process_order> waiting_;
};

/// Calls it on the loop's thread, if that and the template are still there by then.
template <class... Ts>
auto template_pool::posted(const template_ptr& x, void (template_process::*what)(Ts...)) {
  return
    [door = door_, pool = weak_from_this(), weak = std::weak_ptr{x}, what](std::decay_t<Ts>... xs) {
      // Shared, since a task must be copyable.
      auto all = std::make_shared<std::tuple<std::decay_t<Ts>...>>(std::move(xs)...);
      door->post([pool, weak, what, all] {
        auto alive = pool.lock();
        auto target = weak.lock();
        if (alive && target)
          std::apply([&](auto&... ys) { ((*target).*what)(std::move(ys)...); }, *all);
      });
    };
}

void template_pool::start(process_order order) {
  if (stopping_)
    return order.done(
      fail(reason::worker_start_failed, order.spec.label + ": not started, the runtime stops"));
  if (!current_ && clock::now() >= retry_at_)
    begin_template();
  if (current_ && current_->is() == phase::ready)
    fork(std::move(order));
  else if (current_ && !tried_)
    waiting_.push_back(std::move(order));
  else
    exec(std::move(order));
}

void template_pool::begin_template() {
  begun_at_ = clock::now();
  std::erase_if(templates_, [](auto& x) { return x->is() == phase::down; });
  auto ends = template_socket::make_pair();
  if (!ends)
    return on_lost(ends.error().message);
  current_ = std::make_shared<template_process>(loop_, table_, null_.get(), std::move(ends->first),
                                                callbacks_of());
  templates_.push_back(current_);
  auto x = current_;
  if (auto ok = x->watch(); !ok)
    return on_lost(ok.error().message);
  launch_template(x, std::move(ends->second));
  give_up_later(x, spec_.ready_timeout, "it was not ready in time",
                [](auto& x) { return x.is() == phase::starts; });
}

template_process::callbacks template_pool::callbacks_of() {
  return {[this] {
            tried_ = true;
            if (spec_.on_ready)
              spec_.on_ready(clock::now() - begun_at_);
            serve_waiting();
          },
          [this](auto& why) { on_lost(why); },
          [this](auto order) { stopping_ ? start(std::move(order)) : exec(std::move(order)); },
          [this] { on_down(); }};
}

void template_pool::launch_template(const template_ptr& x, descriptor theirs) {
  auto spec = spec_.launch;
  spec.channel = std::make_shared<descriptor>(std::move(theirs));
  process_events events;
  events.on_listening = posted(x, &template_process::on_listening);
  events.on_refused = [tell = posted(x, &template_process::on_refused)](const std::string& text) {
    tell(decode_error(text).message);
  };
  events.on_output = spec_.on_output;
  events.on_exit = posted(x, &template_process::on_exit);
  exec_->launch(std::move(spec), std::move(events), posted(x, &template_process::on_started));
}

void template_pool::give_up_later(const template_ptr& x, std::chrono::milliseconds after,
                                  std::string why,
                                  std::function<bool(const template_process&)> still) {
  loop_.call_at(clock::now() + after,
                [weak = std::weak_ptr{x}, why = std::move(why), still = std::move(still)] {
                  if (auto target = weak.lock(); target && still(*target))
                    target->give_up(why);
                });
}

void template_pool::on_lost(const std::string& why) {
  tried_ = true;
  current_ = nullptr;
  retry_at_ = clock::now() + spec_.retry;
  if (!stopping_ && spec_.on_lost)
    spec_.on_lost(why);
  if (!stopping_ && spec_.on_fallback && told_.insert(why).second)
    spec_.on_fallback(why);
  serve_waiting();
}

void template_pool::serve_waiting() {
  for (auto& x : std::exchange(waiting_, {}))
    start(std::move(x));
}

void template_pool::fork(process_order order) {
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

void template_pool::exec(process_order order) {
  exec_->launch(std::move(order.spec), std::move(order.events), std::move(order.done));
}

void template_pool::end_all() {
  stopping_ = true;
  serve_waiting();
  for (auto& x : templates_)
    x->decline_all();
  table_.end_all();
}

void template_pool::finish_templates() {
  finishing_ = true;
  for (auto& x : templates_)
    x->finish();
  on_down();
}

void template_pool::on_down() {
  if (!finishing_
      || std::ranges::any_of(templates_, [](auto& x) { return x->is() != phase::down; }))
    return;
  finishing_ = false;
  all_down_.set_value();
}

void template_pool::drop_templates() {
  current_ = nullptr;
  templates_.clear();
}

class template_launcher final : public process_launcher {
public:
  template_launcher(std::unique_ptr<event_loop> loop, descriptor null,
                    std::shared_ptr<process_launcher> exec, template_spec spec)
    : pool_{std::make_shared<template_pool>(*loop, std::move(null), std::move(exec),
                                            std::move(spec))},
      loop_{std::move(loop)} {}

  ~template_launcher() override {
    stop();
    pool_->close_door();
    loop_.reset();
  }

  std::vector<int64_t> stop() override {
    if (std::exchange(stopped_, true))
      return {};
    loop_->post([this] { pool_->end_all(); });
    auto left = pool_->table().await_end(last_wait);
    loop_->post([this] { pool_->finish_templates(); });
    pool_->await_down(finish_wait);
    loop_->post([pool = pool_] { pool->drop_templates(); });
    return left;
  }

  /// The templates themselves are the other launcher's.
  void kill_all() noexcept override {
    pool_->table().kill_all();
  }

  void launch(launch_spec spec, process_events events, callback done) override {
    // Shared, since a task must be copyable.
    auto order =
      std::make_shared<process_order>(std::move(spec), std::move(events), std::move(done));
    loop_->post([pool = pool_, order] { pool->start(std::move(*order)); });
  }

private:
  bool stopped_ = false;
  std::shared_ptr<template_pool> pool_;
  // Last: its thread uses the other.
  std::unique_ptr<event_loop> loop_;
};

} // namespace

result<std::unique_ptr<process_launcher>>
make_template_launcher(std::shared_ptr<process_launcher> exec, template_spec spec) {
  auto null = launch_descriptors::open_null();
  if (!null)
    return tl::unexpected{null.error()};
  auto loop = event_loop::make("snakepit-forks");
  if (!loop)
    return tl::unexpected{loop.error()};
  return std::make_unique<template_launcher>(std::move(*loop), std::move(*null), std::move(exec),
                                             std::move(spec));
}

} // namespace snakepit::io
