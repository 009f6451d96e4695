#include "actors/core/config_changes.hpp"
#include "actors/lifecycle_manager.hpp"
#include "actors/runtime_implementation.hpp"

#include <algorithm>

namespace snakepit {

namespace {

/// Where the answers of several pools come together.
class reload_gathering {
public:
  reload_gathering(size_t pools, std::vector<std::string> needs_restart,
                   std::function<void(result<reload_summary>)> done)
    : open_{pools}, done_{std::move(done)} {
    summary_.pools.resize(pools);
    summary_.needs_restart = std::move(needs_restart);
  }

  void answer(size_t place, reload_report x) {
    {
      auto guard = std::lock_guard{mutex_};
      summary_.pools[place] = std::move(x);
      if (--open_ > 0)
        return;
    }
    done_(std::move(summary_));
  }

private:
  std::mutex mutex_;
  size_t open_;
  reload_summary summary_;
  std::function<void(result<reload_summary>)> done_;
};

} // namespace

void runtime::implementation::reload(const std::string& pool, std::optional<config> wanted,
                                     std::function<void(result<reload_summary>)> done) {
  auto ignored = std::vector<std::string>{};
  auto jobs = plan_reload(pool, wanted, ignored);
  if (!jobs)
    return done(tl::unexpected{std::move(jobs.error())});
  auto all = std::make_shared<reload_gathering>(jobs->size(), std::move(ignored), std::move(done));
  for (size_t i = 0; i < jobs->size(); ++i) {
    auto& [place, make] = (*jobs)[i];
    auto answer = [all, i, name = place->name](result<reload_report> x) {
      if (!x)
        x = reload_report{name, 0, 0, duration{0}, std::move(x.error())};
      all->answer(i, std::move(*x));
    };
    if (!make) {
      answer(tl::unexpected{std::move(make.error())});
      continue;
    }
    auto order = make_local(reload_order{std::move(*make), std::move(answer)});
    if (auto actor = place->entry->lifecycle())
      caf::anon_send(caf::actor_cast<lifecycle_actor>(actor), std::move(order));
  }
}

result<std::vector<runtime::implementation::reload_plan>>
runtime::implementation::plan_reload(const std::string& pool, const std::optional<config>& wanted,
                                     std::vector<std::string>& ignored) {
  auto guard = std::lock_guard{reload_mutex_};
  if (stopping)
    return fail(reason::draining, "the runtime stops");
  auto only = pool.empty() ? result<const pool_place*>{nullptr} : find(pool);
  if (!only)
    return tl::unexpected{std::move(only.error())};
  auto then = std::optional<config>{};
  if (wanted) {
    if (auto ok = validate(*wanted); !ok)
      return tl::unexpected{std::move(ok.error())};
    auto changes = core::compare(cfg, *wanted);
    then = std::move(changes.taken);
    ignored = std::move(changes.ignored);
  }
  auto out = std::vector<reload_plan>{};
  for (auto& place : pools) {
    if (*only && *only != &place)
      continue;
    auto make = result<spec_maker>{};
    if (then) {
      auto& mine = *std::ranges::find(then->pools, place.name, &pool_config::name);
      make = context_of(mine, context, *directory).map([&](const settings_context& here) {
        return spec_maker{specs_of(mine, *then, here)};
      });
    }
    out.push_back({&place, std::move(make)});
  }
  return out;
}

// -- the public side ----------------------------------------------------------------

namespace {

result<reload_summary>
wait_for(const std::function<void(std::function<void(result<reload_summary>)>)>& begin) {
  auto promise = std::make_shared<std::promise<result<reload_summary>>>();
  auto future = promise->get_future();
  begin([promise](auto x) { promise->set_value(std::move(x)); });
  return future.get();
}

} // namespace

void runtime::reload(const std::string& pool, std::function<void(result<reload_summary>)> done) {
  impl_->reload(pool, std::nullopt, std::move(done));
}

void runtime::reload_with(const config& wanted, std::function<void(result<reload_summary>)> done) {
  impl_->reload({}, wanted, std::move(done));
}

result<reload_summary> runtime::reload(const std::string& pool) {
  return wait_for([&](auto done) { reload(pool, std::move(done)); });
}

result<reload_summary> runtime::reload_with(const config& wanted) {
  return wait_for([&](auto done) { reload_with(wanted, std::move(done)); });
}

} // namespace snakepit
