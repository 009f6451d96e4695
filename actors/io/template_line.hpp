#pragma once

#include "actors/io/template_launcher.hpp"
#include "actors/io/template_process.hpp"

#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace snakepit::io {

/// Templates that are started alike, one after the other: the one that forks now, and lost ones
/// that still have workers. The loop's thread only.
class template_line : public std::enable_shared_from_this<template_line> {
public:
  /// What lines share. Lives longer than they do.
  struct world {
    event_loop& loop;
    const std::shared_ptr<loop_door> door;
    const int null; ///< /dev/null
    const std::shared_ptr<process_launcher> exec;
    const template_spec spec;
    process_table& table;
    /// A template is gone.
    std::function<void()> on_down;
  };

  /// `launch` is what starts its templates.
  template_line(world& all, launch_spec launch) : all_{all}, launch_{std::move(launch)} {}

  /// Forks it, or has it executed where that cannot be.
  void start(process_order order);

  /// From now on every order is refused.
  void stop();

  /// Asks all templates to end.
  void finish();

  /// From now on every order is executed, and templates end after the last of their workers.
  void retire();

  /// Whether it has no template, and will not have one.
  bool is_over();
  /// Whether it has none now.
  bool is_down() const;

  void drop_templates();

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

  world& all_;
  const launch_spec launch_;
  bool stopping_ = false;
  bool retired_ = false;
  bool tried_ = false; // a template was proved or lost
  template_ptr current_;
  std::vector<template_ptr> templates_;      // those that were lost may have workers
  event_loop::clock::time_point begun_at_{}; // of the newest one
  event_loop::clock::time_point retry_at_{};
  std::set<std::string> told_;
  std::vector<process_order> waiting_;
};

} // namespace snakepit::io
