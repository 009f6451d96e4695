#pragma once

#include "tests/simulation/simulated_reloads.hpp"
#include "tests/support/scripted_ledger.hpp"

#include <csignal>
#include <map>
#include <random>
#include <set>

namespace snakepit {

using namespace std::chrono_literals;

/// The real pool, workers and supervisors in a world whose steps come in an order drawn from a
/// seed: which actor runs next, which process takes its next step (claim, finish, send, die: each
/// its own), when callers submit and cancel, when time passes. Whatever the order, each call has
/// exactly one reply, it is its own, no call runs twice, nothing is left behind, nobody is ended as
/// hung who is only busy, and the events that were told of it all obey their laws. In every other
/// world there is a ledger, on a disk that is slow, fails or hangs as the seed says.
///
/// With broken parts, parts of the runtime fail, too: the pool is killed, or the spawner throws,
/// and the supervisor restarts it with what depends on it. Calls may then be lost with it, but each
/// still has its one reply. Some processes do not die of SIGKILL in any time (as if the kernel held
/// them).
///
/// SNAKEPIT_SEED=n runs that one seed of both cases; SNAKEPIT_SEEDS=n that many.
struct simulation : pool_fixture {
  std::mt19937_64 random;
  size_t steps = 0;
  size_t submitted = 0;
  int faults = 0;
  int part_faults = 0; ///< of actors; so few that no supervisor gives up
  bool parts_failed = false;
  std::set<const scripted_worker*> held;     // by the kernel: not even SIGKILL ends them
  std::set<std::string> harmless;            // that may run again after a loss
  std::set<std::string> stubborn;            // tools that end by a kill only
  std::set<std::string> bounded;             // that have a deadline
  std::map<std::string, std::string> strict; // sessions of calls that must not change workers

  const bool parts; // may break, and SIGKILL may not end a process

  simulation(uint64_t seed, bool breakable) : random{seed}, parts{breakable} {
    cfg.workers = 1 + pick(3);
    lanes = chance(50) ? 1 : static_cast<uint32_t>(2 + pick(3));
    cfg.queue.max_calls = 5 + pick(40);
    cfg.restart.backoff = {0ms, 10ms};
    cfg.retry.attempts = 1 + pick(3);
    cfg.retry.backoff = {0ms, 20ms};
    cfg.restart.start_failures = 3 + pick(3);
    cfg.restart.retry_failed = 100ms;
    cfg.start.batch_size = 1 + pick(3);
    cfg.start.timeout = 2s;
    cfg.queue.ageing = chance(50) ? 2s : duration{std::chrono::milliseconds{pick(50)}};
    cfg.queue.predict = chance(50);
    cfg.queue.prefetch_time = chance(50) ? 1ms : 10ms;
    world.has_barrier = chance(70);
    world.slow_stacks = chance(70);
    barrier = [this] { return race(); };
    cfg.affinity = to_string(static_cast<affinity>(pick(3)));
    cancel_grace = 100ms;
    drain = std::chrono::milliseconds{1 + pick(300)};
    stop_grace = 100ms;
    cfg.heartbeat = {.interval = 10ms, .timeout = 60ms, .misses = 1 + pick(2)};
    cfg.heartbeat.dependent = chance(80);
    cfg.heartbeat.gil_limit = chance(70) ? infinite : duration{70ms};
    cfg.health_interval = chance(30) ? infinite : duration{20ms};
    cfg.recycle.ttl = chance(70) ? infinite : duration{std::chrono::milliseconds{50 + pick(300)}};
    cfg.recycle.idle = chance(70) ? infinite : duration{std::chrono::milliseconds{20 + pick(100)}};
    cfg.recycle.max_calls = chance(70) ? 0 : 1 + pick(20);
    cfg.recycle.max_unavailable = chance(60) ? 0 : 1 + pick(2);
    cfg.recycle.memory_hard = chance(80) ? 0 : 1000;
    if (chance(30)) {
      auto trials = size_t{1} + pick(2);
      cfg.breaker = {.enabled = true, .failures = 2, .reset = 30ms, .half_open = trials};
    }
    if (chance(25))
      cfg.autoscale = {
        .min = 1, .max = *cfg.workers + 1 + pick(2), .target_wait = 10ms, .idle = 50ms};
    cfg.crash_barrier = {.enabled = chance(80), .taint = 50ms, .clear_after = 1 + pick(5)};
    cfg.health = {.window = 50ms, .crashes = 1 + pick(3)};
    world.tools["many"] = 18;
    auto most = static_cast<uint32_t>(1 + pick(8));
    world.batches["many"] = {most,
                             chance(20) ? 0ms : duration{std::chrono::milliseconds{pick(30)}}};
    listen();
    if (chance(50)) {
      registry.entry = std::make_shared<registry_entry>();
      registry.ledger = disk;
    }
    on_loop = lanes > 1 && chance(40);
    start();
  }
  ~simulation() {
    if (registry.entry)
      registry.entry->set_actor(nullptr);
  }

  std::shared_ptr<scripted_ledger> disk = std::make_shared<scripted_ledger>();
  bool disk_hangs = false;
  size_t starts_checked = 0;
  std::optional<size_t> troubled; // the last step in which the ledger was degraded

  /// The disk does what it was told to, or does not.
  void step_disk() {
    if (disk->orders.empty() || disk_hangs || !chance(20))
      return;
    if (faults > 0 && chance(5))
      disk_hangs = true;
    else if (faults > 0 && chance(10))
      disk->fail("the disk is full");
    else
      disk->succeed();
  }

  /// No process is started that the ledger does not know, unless that is degraded.
  void check_starts() {
    if (registry.entry && !registry.entry->trouble().empty())
      troubled = steps;
    for (; registry.entry && starts_checked < world.workers.size(); ++starts_checked) {
      auto is_it = [&](auto& x) {
        auto& key = x.second.key;
        return world.workers[starts_checked]->label
               == "p/" + std::to_string(key.slot) + "." + std::to_string(key.generation);
      };
      auto known = std::any_of(disk->content.begin(), disk->content.end(), is_it);
      // One that was ordered while it was degraded may come soon after it has recovered.
      REQUIRE((known || parts_failed || (troubled && steps < *troubled + 300)));
    }
  }

  size_t pick(size_t n) {
    return std::uniform_int_distribution<size_t>{0, n - 1}(random);
  }
  bool chance(size_t percent) {
    return pick(100) < percent;
  }

  /// Lets one actor of those that have something to do handle one message.
  void run_one() {
    if (sched.jobs.empty())
      return;
    for (auto& x : world.workers)
      for (auto& lane : x->lanes)
        limits[&lane] = lane.page().limit();
    std::rotate(sched.jobs.begin(), sched.jobs.begin() + static_cast<long>(pick(sched.jobs.size())),
                sched.jobs.end());
    sched.run_once();
  }

  void submit_some() {
    auto data = std::vector<std::string>{};
    auto timeout = chance(30) ? duration{std::chrono::milliseconds{1 + pick(300)}} : infinite;
    options.idempotent = chance(30);
    for (size_t n = 1 + pick(6); n > 0; --n) {
      data.push_back(std::to_string(submitted++));
      if (options.idempotent.value_or(false))
        harmless.insert("{\"n\":\"" + data.back() + "\"}");
      if (timeout != infinite)
        bounded.insert("{\"n\":\"" + data.back() + "\"}");
      if (timeout != infinite && chance(5))
        stubborn.insert("{\"n\":\"" + data.back() + "\"}");
    }
    auto wait = chance(30) ? duration{std::chrono::milliseconds{1 + pick(200)}} : infinite;
    options.priority = static_cast<priority>(pick(3));
    options.session = chance(40) ? std::string(1, static_cast<char>('s' + pick(4))) : std::string{};
    options.affinity.reset();
    if (chance(60))
      options.affinity = static_cast<affinity>(pick(3));
    auto mode = options.affinity.value_or(find_affinity(cfg.affinity).value());
    if (!options.session.empty() && mode != affinity::hint)
      for (auto& x : data)
        strict.emplace("{\"n\":\"" + x + "\"}", options.session);
    options.tenant = chance(50) ? std::string{} : std::string(1, static_cast<char>('a' + pick(3)));
    auto* tool = chance(40) ? "many" : chance(95) ? "work" : "nothing";
    submit_all(std::move(data), timeout, wait, tool, false);
  }

  void recycle_one() {
    caf::anon_send(
      caf::actor_cast<pool_actor>(entry->actor()),
      make_local(recycle_order{static_cast<uint32_t>(pick(*cfg.workers)), [](result<void>) {}}));
  }

  /// One process takes or gives back memory, perhaps more than it may have.
  void take_memory() {
    if (auto* x = any_worker(); x && faults > 0 && cfg.recycle.memory_hard != 0 && chance(10)) {
      --faults;
      meter->bytes[x->pid()] = 1001;
    }
  }

  void cancel_one() {
    if (!ends.empty())
      caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()),
                     make_local(cancel_order{ends[pick(ends.size())]->ticket, chance(30)}));
  }

  /// One process takes one step of those that it can take.
  void step(scripted_worker& x) {
    using phase = scripted_worker::phase;
    if (held.count(&x) > 0)
      return;
    if (x.kill_came && !x.dead() && parts && chance(3)) {
      held.insert(&x);
      return;
    }
    if (x.stacks_wanted() && chance(30)) // else too late, or never
      x.tell_stacks();
    if (x.dead()) {
      // The host hears of the end in any order.
      if (!x.lane_closed_told() && chance(50))
        x.tell_lane_closed();
      else if (!x.exit_told())
        x.tell_exit();
      return;
    }
    if (x.kill_came && chance(50))
      return x.die(SIGKILL);
    if (faults > 0 && x.now != phase::ordered && chance(3)) {
      --faults;
      return chance(50) ? x.die(SIGSEGV) : x.exit(1);
    }
    switch (x.now) {
    case phase::ordered:
      if (faults > 0 && chance(10)) {
        --faults;
        auto why = error{reason::worker_start_failed, "no processes left"};
        why.details.emplace("transient", "true");
        return x.fail_to_spawn(std::move(why));
      }
      return x.spawn();
    case phase::spawned:
      return x.bind();
    case phase::bound:
      if (!x.hello_came)
        return;
      if (faults > 0 && chance(5)) {
        --faults;
        return x.refuse_hello({reason::python_exception, "initialize failed"});
      }
      if (x.origin && faults > 0 && chance(10)) {
        --faults;
        auto why = error{reason::worker_start_failed, "no module", {{"phase", "import"}}};
        why.retryable = false;
        return x.refuse_hello(std::move(why));
      }
      return x.greet();
    case phase::greeted:
      return;
    case phase::serving:
      return serve(x);
    case phase::dead:
      return;
    }
  }

  /// What keeps a worker from its work, besides death.
  enum class ailment {
    none,
    stopped, ///< the whole process, by a signal
    silent,  ///< its control thread; lanes go on
    locked,  ///< a call holds Python's lock
    stuck,   ///< lanes do not go on; the control thread answers
  };
  std::map<const scripted_worker*, ailment> ailments;

  void fall_ill(scripted_worker& x, ailment what) {
    ailments[&x] = what;
    x.stopped = what == ailment::stopped;
  }

  void heal_or_fall_ill(scripted_worker& x) {
    if (ailments[&x] != ailment::none) {
      if (faults == 0 || chance(2))
        fall_ill(x, ailment::none);
    } else if (faults > 0 && chance(3)) {
      --faults;
      auto what = static_cast<ailment>(1 + pick(4));
      if (what != ailment::locked || x.any_running())
        fall_ill(x, what);
    }
  }

  void serve(scripted_worker& x) {
    x.answers = false;
    heal_or_fall_ill(x);
    auto ill = ailments[&x];
    auto answers = ill == ailment::none || ill == ailment::stuck;
    if (answers && !x.heartbeats.empty() && chance(50))
      return x.answer_heartbeat();
    if (ill == ailment::stopped || ill == ailment::locked || ill == ailment::stuck)
      return;
    if (x.shutdown_came && !x.any_running() && chance(30))
      return x.exit(0);
    serve(x.lanes[pick(x.lanes.size())]);
  }

  void serve(scripted_lane& x) {
    auto& group = x.group();
    auto is_stubborn = [&](auto& one) { return stubborn.contains(one.data); };
    auto is_bounded = [&](auto& one) { return bounded.contains(one.data); };
    // A group ends for its deadline when the last of its calls does.
    auto hangs = std::ranges::any_of(group, is_stubborn) && std::ranges::all_of(group, is_bounded);
    if (x.running() && (hangs || (stopped && chance(70))))
      return;
    if (x.running() && x.interrupted() && chance(70))
      return x.finish_with({reason::cancelled, "interrupted"});
    if (x.claiming())
      return chance(50) ? x.claim_end() : void();
    switch (pick(3)) {
    case 0:
      if (x.may_claim())
        x.claim_begin();
      return;
    case 1:
      if (x.running() && chance(x.current().tool < 16 ? 100 : 60))
        x.finish();
      return;
    default:
      if (x.has_unsent())
        x.send();
    }
  }

  /// The host has lowered a limit and not yet read what was claimed: a worker claims a call then,
  /// having read the limit before that or after.
  bool race() {
    for (auto& x : world.workers)
      for (auto& lane : x->lanes)
        if (!x->dead() && held.count(x.get()) == 0)
          race(lane);
    return true;
  }
  void race(scripted_lane& x) {
    auto limit = x.page().limit();
    if (limit == std::exchange(limits[&x], limit) || !x.may_claim())
      return; // a barrier of the same step, for another lane, finds this one's limit seen
    if (chance(50))
      x.page().set_limit(core::lane_page::no_limit);
    x.claim();
    x.page().set_limit(limit);
  }
  std::map<const scripted_lane*, uint64_t> limits; // as they were before this step

  scripted_worker* any_worker() {
    auto alive = std::vector<scripted_worker*>{};
    for (auto& x : world.workers)
      if (!x->dead() || !x->exit_told() || !x->lane_closed_told())
        alive.push_back(x.get());
    return alive.empty() ? nullptr : alive[pick(alive.size())];
  }

  /// A part of the runtime fails, as by a bug of ours.
  void break_a_part() {
    --part_faults;
    parts_failed = true;
    if (chance(50))
      world.launches_that_throw = 1;
    else if (auto actor = entry->actor())
      caf::anon_send_exit(actor, caf::exit_reason::kill);
  }

  void one_step() {
    ++steps;
    step_disk();
    if (part_faults > 0 && chance(1))
      break_a_part();
    auto what = pick(100);
    if (what < 45)
      run_one();
    else if (what < 85) {
      if (auto* x = any_worker())
        step(*x);
    } else if (what < 93)
      submit_some();
    else if (what < 95)
      cancel_one();
    else if (what < 96)
      chance(50) ? recycle_one() : chance(80) ? take_memory() : reloading.begin();
    else
      sched.advance_time(std::chrono::milliseconds{1 + pick(40)});
    check();
  }

  /// What must be true after every step.
  void check() {
    for (auto& x : ends)
      REQUIRE(x->answers <= 1);
    for (auto& [data, n] : world.claims)
      REQUIRE_MESSAGE(n <= (harmless.contains(data) ? cfg.retry.attempts : 1),
                      data << " ran " << n << " times");
    for (auto n : world.groups)
      REQUIRE(n <= world.batches.at("many").first);
    check_hung();
    check_starts();
    check_sessions();
  }

  /// The strict calls of a session run on one worker, until that serves no more; what it has been
  /// given before, it may still run then.
  void check_sessions() {
    auto* actor = caf::actor_cast<caf::abstract_actor*>(entry->actor());
    auto* pool = dynamic_cast<pool_actor::stateful_pointer<pool_state>>(actor);
    auto serves = [&](const std::string& x) {
      auto slot = static_cast<uint32_t>(std::stoul(x.substr(2)));
      auto generation = static_cast<uint32_t>(std::stoul(x.substr(x.find('.') + 1)));
      return pool && !parts_failed && pool->state.serves({slot, generation});
    };
    for (; runs_checked < world.runs.size(); ++runs_checked) {
      auto& [data, label] = world.runs[runs_checked];
      auto i = strict.find(data);
      if (i == strict.end())
        continue;
      auto& before = ran_on[i->second];
      for (auto& x : before)
        REQUIRE_MESSAGE((x == label || !serves(x) || !serves(label)),
                        data << " of session " << i->second << " ran on " << label << ", not on "
                             << x);
      before.insert(label);
    }
  }
  size_t runs_checked = 0;
  std::map<std::string, std::set<std::string>> ran_on; // workers by session, for strict calls

  /// Nobody counts as hung who only runs a call.
  void check_hung() {
    for (auto& e : ledger.since(checked)) {
      if (e.kind != event_kind::heartbeat_failed)
        continue;
      // A pool that follows one of ours that broke counts generations anew.
      auto is_it = [&](auto& one) { return std::to_string(one->pid()) == e.text("pid"); };
      auto found = std::ranges::find_if(world.workers, is_it);
      REQUIRE(found != world.workers.end());
      auto* x = found->get();
      auto runs = [](auto& lane) { return lane.running() && lane.current().tool >= 16; };
      auto busy = std::any_of(x->lanes.begin(), x->lanes.end(), runs);
      INFO(to_string(e));
      if (e.text("because") == "stopped")
        REQUIRE(x->stopped);
      else if (e.text("because") == "silent")
        REQUIRE(!busy);
      else
        REQUIRE(cfg.heartbeat.gil_limit != infinite);
    }
  }
  size_t checked = 0; // events

  bool all_answered() const {
    return std::all_of(ends.begin(), ends.end(), [](auto& x) { return x->answers == 1; });
  }

  /// No more faults or calls: everything must come to an end.
  void settle() {
    faults = part_faults = 0;
    for (size_t i = 0; i < 200'000 && !(all_answered() && reloading.over()); ++i) {
      run_one();
      check_hung(); // before whoever was stopped goes on
      step_disk();
      if (auto* x = any_worker())
        step(*x);
      if (i % 16 == 0)
        sched.advance_time(5ms);
    }
    check();
    REQUIRE_MESSAGE(all_answered(), "a call has no reply");
    REQUIRE_MESSAGE(reloading.over(), "a reload has no reply");
  }

  /// Each reply belongs to its call and is true.
  void check_replies(std::map<std::string, size_t>& tally) {
    for (size_t i = 0; i < ends.size(); ++i) {
      auto data = "{\"n\":\"" + std::to_string(i) + "\"}";
      auto& end = *ends[i]->last;
      auto began = world.claims.count(data) > 0;
      ++tally[end ? "ok" : std::string{to_string(end.error().reason)}];
      if (end) {
        REQUIRE(end->text() == data);
        continue;
      }
      auto why = end.error().reason;
      INFO("call " << i << ": " << to_string(end.error()));
      // A call is lost with an actor only if one fails.
      REQUIRE((parts_failed || why != reason::internal));
      REQUIRE((stopped || parts_failed || why != reason::unavailable));
      auto lost =
        why == reason::worker_crashed || why == reason::worker_killed || why == reason::worker_hung;
      REQUIRE((!lost || world.claims_begun.count(data) > 0)); // what no worker began goes elsewhere
      REQUIRE((!lost || world.noted.count(data) == 0));       // its result was there
      tally["(neighbours)"] += end.error().details.count("culprit");
      auto refused = why == reason::worker_busy || why == reason::session_worker_unavailable;
      REQUIRE((!refused || harmless.contains(data) || !began));
      auto waited = why == reason::queue_timeout || why == reason::pool_saturated;
      REQUIRE((!waited || !began));
      // None of an open circuit begins; but one that is to run again may have.
      auto cut = why == reason::circuit_open;
      REQUIRE((!cut || (cfg.breaker.enabled && (!began || harmless.contains(data)))));
    }
  }

  /// No worker is replaced twice.
  void check_recycled(std::map<std::string, size_t>& tally) {
    auto seen = std::set<std::string>{};
    for (auto& e : ledger.of(event_kind::worker_recycled)) {
      auto who = std::string{e.text("slot")} + "." + std::string{e.text("generation")};
      REQUIRE_MESSAGE(seen.insert(who).second, who << " was replaced twice");
      ++tally["(recycled: " + std::string{e.text("reason")} + ")"];
    }
  }

  bool stopped = false;
  simulated_reloads reloading{*this};

  /// What the runtime does: drain for a while, then stop the tree, whatever is under way.
  void stop_in_the_middle() {
    stopped = reloading.stopped = true;
    auto drained = false;
    caf::anon_send(
      caf::actor_cast<pool_actor>(entry->actor()),
      make_local(drain_order{chance(50) ? duration{50ms} : infinite, [&] { drained = true; }}));
    if (chance(50)) // a second stop, that wants to wait less
      caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()),
                     make_local(drain_order{10ms, [] {}}));
    // A pool that fails takes the order with it; the runtime then waits no longer than it said.
    for (size_t i = 0; i < (parts_failed ? 2'000u : 100'000u) && !drained; ++i) {
      one_step();
      if (i % 16 == 0)
        sched.advance_time(1ms);
    }
    if (!parts_failed)
      REQUIRE(drained);
    stop();
    REQUIRE_MESSAGE(all_answered(), "a call has no reply after the stop");
    REQUIRE_MESSAGE(reloading.over(), "a reload has no reply after the stop");
  }

  /// Stops everything; no process may be left.
  void stop() {
    auto down = false;
    caf::actor_cast<caf::abstract_actor*>(root)->attach_functor(
      [&](const caf::error&) { down = true; });
    caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
    if (chance(30)) // twice is as good as once
      caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
    for (size_t i = 0; i < 100'000 && !down; ++i) {
      run_one();
      step_disk();
      if (auto* x = any_worker())
        step(*x);
      if (i % 16 == 0)
        sched.advance_time(5ms);
    }
    REQUIRE_MESSAGE(down, "the tree does not end");
    root = nullptr;
    for (auto& x : world.workers)
      REQUIRE_MESSAGE(!x->object_alive, x->label << " was left behind");
    while (!sched.jobs.empty())
      run_one();
  }
};

} // namespace snakepit
