#include "actors/core/config_changes.hpp"
#include "actors/lifecycle_manager.hpp"
#include "actors/runtime_implementation.hpp"

#include <algorithm>
#include <atomic>

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
  auto jobs = std::vector<std::pair<pool_place*, worker_spec_ptr>>{};
  auto failed = std::vector<std::pair<std::string, error>>{};
  auto configs = std::vector<config>{};
  {
    auto guard = std::lock_guard{reload_mutex_};
    if (stopping)
      return done(fail(reason::draining, "the runtime stops"));
    if (wanted) {
      if (auto ok = validate(*wanted); !ok)
        return done(tl::unexpected{std::move(ok.error())});
      ignored = core::compare(cfg, *wanted).ignored;
    }
    auto only = pool.empty() ? result<const pool_place*>{nullptr} : find(pool);
    if (!only)
      return done(tl::unexpected{std::move(only.error())});
    for (auto& place : pools) {
      if (*only && *only != &place)
        continue;
      auto next = wanted ? core::compare(place.effective, *wanted).taken : place.effective;
      auto& mine = *std::ranges::find(next.pools, place.name, &pool_config::name);
      auto here = context_of(mine, context, *directory);
      if (!here) {
        failed.emplace_back(place.name, std::move(here.error()));
        jobs.emplace_back(&place, nullptr);
      } else {
        jobs.emplace_back(&place, next_spec(mine, next, *here, place.entry->next_revision()));
      }
      configs.push_back(std::move(next));
    }
  }
  auto all = std::make_shared<reload_gathering>(jobs.size(), std::move(ignored), std::move(done));
  for (size_t i = 0; i < jobs.size(); ++i) {
    auto& place = *jobs[i].first;
    auto answer = [this, all, i, &place, next = std::move(configs[i])](result<reload_report> x) {
      if (!x)
        return all->answer(i, reload_report{place.name, 0, 0, duration{0}, std::move(x.error())});
      if (!x->failure) {
        auto guard = std::lock_guard{reload_mutex_};
        place.effective = next;
      }
      all->answer(i, std::move(*x));
    };
    if (!jobs[i].second) {
      auto why = std::ranges::find(failed, place.name, &std::pair<std::string, error>::first);
      answer(tl::unexpected{std::move(why->second)});
      continue;
    }
    auto order = make_local(reload_order{std::move(jobs[i].second), std::move(answer)});
    if (auto actor = place.entry->lifecycle())
      caf::anon_send(caf::actor_cast<lifecycle_actor>(actor), std::move(order));
  }
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
