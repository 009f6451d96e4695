#include "actors/io/template_launcher.hpp"

#include "actors/io/template_line.hpp"

#include <algorithm>
#include <future>
#include <map>

namespace snakepit::io {

namespace {

constexpr std::chrono::seconds last_wait{2};
/// It only has to reap.
constexpr std::chrono::seconds finish_wait{1};

/// The loop thread's part of the launcher.
class template_pool {
public:
  using origin = std::shared_ptr<const launch_spec>;

  template_pool(event_loop& loop, descriptor null, std::shared_ptr<process_launcher> exec,
                template_spec spec)
    : null_{std::move(null)}, table_{loop},
      all_{loop,   loop.door(),          null_.get(), std::move(exec), std::move(spec),
           table_, [this] { on_down(); }} {}

  void start(process_order order);
  void retire(const origin& x);
  void end_all();
  /// Asks all templates to end; `await_down` waits for it.
  void finish_templates();
  void await_down(std::chrono::seconds limit) {
    all_down_.get_future().wait_for(limit);
  }
  void drop_templates();

  /// Nobody else posts anything from now on. Any thread.
  void close_door() {
    all_.door->close();
  }

  process_table& table() noexcept {
    return table_;
  }

private:
  void on_down();

  const descriptor null_;
  process_table table_;
  template_line::world all_;
  bool stopping_ = false;
  bool finishing_ = false;
  std::promise<void> all_down_;
  std::map<origin, std::shared_ptr<template_line>> lines_;
};

void template_pool::start(process_order order) {
  auto& line = lines_[order.spec.origin];
  if (!line) {
    auto& launch = order.spec.origin ? *order.spec.origin : all_.spec.launch;
    line = std::make_shared<template_line>(all_, launch);
    if (stopping_)
      line->stop();
  }
  line->start(std::move(order));
}

void template_pool::retire(const origin& x) {
  // One that is over stays, lest a late order begins a template anew; the next one clears it away.
  std::erase_if(lines_, [&](auto& one) { return one.first != x && one.second->is_over(); });
  if (auto i = lines_.find(x); i != lines_.end())
    i->second->retire();
}

void template_pool::end_all() {
  stopping_ = true;
  for (auto& [from, line] : lines_)
    line->stop();
  table_.end_all();
}

void template_pool::finish_templates() {
  finishing_ = true;
  for (auto& [from, line] : lines_)
    line->finish();
  on_down();
}

void template_pool::on_down() {
  if (!finishing_ || !std::ranges::all_of(lines_, [](auto& x) { return x.second->is_down(); }))
    return;
  finishing_ = false;
  all_down_.set_value();
}

void template_pool::drop_templates() {
  for (auto& [from, line] : lines_)
    line->drop_templates();
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

  void retire(const std::shared_ptr<const launch_spec>& origin) override {
    loop_->post([pool = pool_, origin] { pool->retire(origin); });
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
