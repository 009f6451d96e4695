#include "actors/supervisor.hpp"

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/system_messages.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace snakepit {

namespace {

bool is_normal(const caf::error& reason) {
  return !reason || reason == caf::exit_reason::user_shutdown;
}

/// Specs that cannot be told apart or started would fail in ways that are harder to see.
caf::error check(const child_spec& x, bool name_taken) {
  if (x.name.empty())
    return caf::make_error(supervision_error::invalid_spec, "a child has no name");
  if (!x.start)
    return caf::make_error(supervision_error::invalid_spec, x.name + ": no factory");
  if (name_taken)
    return caf::make_error(supervision_error::invalid_spec, x.name + ": the name is taken");
  return caf::none;
}

} // namespace

caf::behavior supervisor(caf::stateful_actor<supervisor_state>* self, supervisor_spec spec) {
  auto& st = self->state;
  self->set_down_handler([&st](const caf::down_msg& x) { st.on_down(x); });
  self->set_exit_handler([&st](const caf::exit_msg& x) { st.on_exit(x); });
  st.start(std::move(spec));
  return {
    [&st](atom::start_child, const child_spec_ptr& x) { return st.on_start_child(x); },
    [&st](atom::stop_child, const std::string& x) { return st.on_stop_child(x); },
    [&st](atom::which_children) { return st.on_which_children(); },
    [&st](atom::count_children) { return st.on_count_children(); },
    [&st](atom::grace_over, caf::actor_id x) { st.on_grace_over(x); },
  };
}

// -- message handlers ---------------------------------------------------------

caf::result<caf::actor> supervisor_state::on_start_child(const child_spec_ptr& x) {
  if (quitting)
    return caf::make_error(supervision_error::stopping);
  if (!x)
    return caf::make_error(supervision_error::invalid_spec);
  if (auto err = check(*x, find(x->name) != nullptr))
    return err;
  auto promise = self->make_response_promise();
  children.push_back(child{.spec = *x, .starter = promise});
  advance();
  return promise;
}

caf::result<void> supervisor_state::on_stop_child(const std::string& name) {
  auto x = find(name);
  if (x == nullptr)
    return caf::make_error(supervision_error::unknown_child, name);
  auto promise = self->make_response_promise();
  x->next = plan::remove;
  x->stoppers.push_back(promise);
  advance();
  return promise;
}

child_statuses supervisor_state::on_which_children() const {
  auto result = child_statuses{};
  result.reserve(children.size());
  for (auto& x : children) {
    auto state = child_state::ended;
    if (x.actor)
      state = x.next == plan::stay ? child_state::running : child_state::stopping;
    else if (x.next == plan::start)
      state = child_state::waiting;
    result.push_back({x.spec.name, state, x.starts > 0 ? x.starts - 1 : 0, x.actor.get()});
  }
  return result;
}

child_counts supervisor_state::on_count_children() const {
  auto alive = std::ranges::count_if(children, [](auto& x) { return bool{x.actor}; });
  return {children.size(), static_cast<size_t>(alive), restarts};
}

void supervisor_state::on_grace_over(caf::actor_id id) {
  for (auto& x : children) {
    if (!x.actor || x.actor.get().id() != id)
      continue;
    report(x.spec.name, "did not end within its grace, is killed");
    self->send_exit(x.actor.get(), caf::exit_reason::kill);
  }
}

void supervisor_state::on_down(const caf::down_msg& msg) {
  auto x = std::ranges::find_if(children, [&](auto& c) { return c.actor.is(msg.source); });
  if (x == children.end())
    return;
  x->actor.release();
  if (x->next == plan::stay) {
    auto normal = is_normal(msg.reason);
    if (!normal)
      report(x->spec.name, text(msg.reason));
    if (core::must_restart(x->spec.restart, normal))
      restart(static_cast<size_t>(x - children.begin()), msg.reason);
    else if (x->spec.restart == core::restart_type::temporary)
      x->next = plan::remove;
  }
  advance();
}

void supervisor_state::on_exit(const caf::exit_msg& msg) {
  auto ours = std::ranges::any_of(children, [&](auto& x) { return x.actor.is(msg.source); });
  if (ours)
    return; // a child that linked to us; its down message tells the same
  quit_with(msg.reason);
  advance();
}

// -- helpers ------------------------------------------------------------------

void supervisor_state::start(supervisor_spec x) {
  auto first = std::exchange(x.children, {});
  spec = std::move(x);
  window.emplace(spec.intensity, spec.period);
  for (auto& c : first) {
    if (auto err = check(c, find(c.name) != nullptr)) {
      report(c.name, text(err));
      return self->quit(std::move(err));
    }
    children.push_back(child{.spec = std::move(c)});
  }
  for (auto& c : children) {
    if (auto err = try_start(c)) {
      quit_with(std::move(err));
      break;
    }
  }
  advance();
}

void supervisor_state::advance() {
  do
    stop_marked();
  while (start_marked());
  if (quitting && children.empty())
    self->quit(*quitting);
}

void supervisor_state::stop_marked() {
  for (auto x = children.rbegin(); x != children.rend(); ++x) {
    if (x->next == plan::stay || !x->actor)
      continue;
    ask_to_end(*x);
    if (spec.stop == core::stop_order::reverse)
      break;
  }
  auto is_over = [](const child& x) {
    return !x.actor && (x.next == plan::drop || x.next == plan::remove);
  };
  for (auto& x : children)
    if (is_over(x))
      answer(x);
  std::erase_if(children, is_over);
}

bool supervisor_state::start_marked() {
  auto in_the_way = [](auto& x) {
    return x.actor && (x.next == plan::start || x.next == plan::drop);
  };
  if (std::ranges::any_of(children, in_the_way))
    return false;
  auto x = std::ranges::find(children, plan::start, &child::next);
  if (x == children.end())
    return false;
  auto starter = std::exchange(x->starter, std::nullopt);
  auto again = x->starts > 0;
  auto err = try_start(*x);
  if (!err) {
    restarts += again ? 1 : 0;
    if (starter)
      starter->deliver(x->actor.get());
  } else if (starter) {
    children.erase(x);
    starter->deliver(std::move(err));
  } else {
    restart(static_cast<size_t>(x - children.begin()), err);
  }
  return true;
}

caf::error supervisor_state::try_start(child& x) {
  auto sibling = [this](const std::string& name) {
    auto y = find(name);
    return y != nullptr && y->next == plan::stay ? y->actor.get() : caf::actor{};
  };
  auto failed = [&](const char* why) {
    auto err = caf::make_error(supervision_error::start_failed, x.spec.name + ": " + why);
    report(x.spec.name, text(err));
    return err;
  };
  try {
    x.actor = owned_actor{x.spec.start({self->system(), caf::actor{self}, sibling})};
  } catch (const std::exception& e) {
    return failed(e.what());
  } catch (...) {
    return failed("the factory threw");
  }
  if (!x.actor)
    return failed("the factory returned no actor");
  self->monitor(x.actor.get());
  x.next = plan::stay;
  x.asked = false;
  ++x.starts;
  return caf::none;
}

void supervisor_state::ask_to_end(child& x) {
  if (std::exchange(x.asked, true))
    return;
  if (x.spec.grace == core::shutdown_grace::brutal())
    return self->send_exit(x.actor.get(), caf::exit_reason::kill);
  self->send_exit(x.actor.get(), caf::exit_reason::user_shutdown);
  if (x.spec.grace != core::shutdown_grace::infinite())
    self->delayed_send(self, x.spec.grace.time, atom::grace_over_v, x.actor.get().id());
}

void supervisor_state::answer(child& x) {
  if (x.starter)
    x.starter->deliver(caf::make_error(supervision_error::stopping));
  for (auto& y : x.stoppers)
    y.deliver(caf::unit);
}

void supervisor_state::restart(size_t position, const caf::error& reason) {
  auto& failed = children[position].spec.name;
  if (!window->admit(self->clock().now())) {
    report(failed, "was restarted too often");
    return quit_with(caf::make_error(supervision_error::too_many_restarts,
                                     spec.name + ": " + failed + ": " + text(reason)));
  }
  auto range = core::restarted_with(spec.strategy, position, children.size());
  for (auto i = range.first; i != range.last; ++i) {
    auto& x = children[i];
    if (x.next == plan::remove)
      continue;
    // A temporary child that was asked for and is yet to come has nothing to be dropped.
    auto temporary = x.spec.restart == core::restart_type::temporary && !x.starter;
    x.next = temporary ? plan::drop : plan::start;
  }
}

void supervisor_state::quit_with(caf::error reason) {
  if (quitting)
    return;
  quitting = std::move(reason);
  for (auto& x : children)
    x.next = plan::remove;
}

supervisor_state::child* supervisor_state::find(const std::string& name) {
  auto x = std::ranges::find_if(children, [&](auto& c) { return c.spec.name == name; });
  return x == children.end() ? nullptr : &*x;
}

void supervisor_state::report(const std::string& child, const std::string& what) {
  if (spec.on_fault)
    spec.on_fault(child, what);
}

std::string supervisor_state::text(const caf::error& reason) const {
  if (!reason) // has no category to ask for
    return "normal";
  if (reason.category() != caf::detail::error_factory<supervision_error>::category)
    return self->system().render(reason);
  auto code = to_string(static_cast<supervision_error>(reason.code()));
  return reason.context().match_elements<std::string>()
           ? code + ": " + reason.context().get_as<std::string>(0)
           : code;
}

} // namespace snakepit
