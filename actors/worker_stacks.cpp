#include "actors/worker.hpp"

/// Stacks: taken before the worker is ended, for the answer of a call at its deadline, and for who
/// asks. The process answers on a thread of its own, which becomes a message; no answer costs more
/// than a bounded time.

namespace snakepit {

using namespace std::chrono_literals;

namespace {

/// How long an end of ours waits for the stacks: long only where the process gets no processor.
constexpr auto last_look = 1s;
/// What is beyond it for the way there and back; what there is comes at the end of the look.
constexpr auto last_way = 100ms;
/// The same of who asks.
constexpr auto asked_look = 500ms;
/// How long the answer of a call at its deadline waits for them.
constexpr auto late_look = 50ms;
/// Of that, what is for the way there and back.
constexpr auto late_way = 8ms;
/// Calls whose deadlines pass one after the other do not each hold their lane up.
constexpr auto look_pause = 200ms;

} // namespace

void worker_state::take_stacks(stacks_taken::what why, std::chrono::milliseconds limit) {
  process->take_stacks(limit, [to = worker_actor{self}, why](core::stack_sample x) {
    caf::anon_send(to, make_local(stacks_taken{why, std::move(x)}));
  });
}

void worker_state::on_stacks(stacks_taken& x) {
  asking &= x.why != stacks_taken::for_answer;
  // If it has ended by itself its exit comes next, and says more.
  if (phase >= worker_phase::dying || x.sample.why_not == core::stack_sample::obstacle::gone)
    return;
  if (x.why == stacks_taken::for_end) {
    stacks = core::report_of(x.sample);
    if (!doomed.empty())
      kill_now(std::move(doomed));
    return;
  }
  stacks = core::report_of(x.sample);
  answer_overdue([](auto&) { return true; }, std::make_shared<const stack_report>(*stacks));
  for (auto& lane : lanes)
    press(lane);
  leave_if_done();
  arm_all();
}

void worker_state::on_query(stacks_query& x) {
  if (!process || phase >= worker_phase::dying)
    return x.answer(fail(reason::unavailable,
                         "the worker is " + std::string{process ? "ending" : "not yet there"}));
  auto query = std::make_shared<stacks_query>(std::move(x));
  process->take_stacks(
    asked_look, [query](core::stack_sample sample) { query->answer(core::report_of(sample)); });
}

void worker_state::kill(std::string because) {
  if (phase >= worker_phase::dying)
    return;
  kill_at = core::never;
  if (!doomed.empty())
    return;
  if (!process)
    return kill_now(std::move(because));
  doomed = std::move(because);
  doom_at = core::later(now(), last_look + last_way);
  take_stacks(stacks_taken::for_end, last_look);
  if (phase == worker_phase::ready)
    for (uint32_t i = 0; i < lanes.size(); ++i)
      hold_lane(i);
  arm(doom_at);
}

void worker_state::end_unseen() {
  stacks = stacks_so_far(last_look + last_way);
  kill_now(std::move(doomed));
}

stack_report worker_state::stacks_so_far(std::chrono::milliseconds waited) const {
  auto sample = core::stack_sample{};
  sample.text = process->stacks_so_far();
  sample.waited = waited;
  return core::report_of(sample);
}

bool worker_state::hold_overdue(uint32_t index, uint64_t seq, core::call_ptr& call) {
  auto at = core::later(call->deadline, late_look);
  if (!process || !doomed.empty() || phase >= worker_phase::dying || now() >= at)
    return false;
  if (!asking) {
    if (now() < ask_again_at)
      return false;
    asking = true;
    ask_again_at = core::later(now(), look_pause);
    auto left = std::chrono::floor<std::chrono::milliseconds>(at - now()) - late_way;
    take_stacks(stacks_taken::for_answer, std::max<std::chrono::milliseconds>(left, 1ms));
  }
  overdue.push_back({std::move(call), index, seq, at});
  arm(at);
  return true;
}

bool worker_state::is_held(const lane& x, uint64_t seq) const {
  return std::any_of(overdue.begin(), overdue.end(),
                     [&](auto& one) { return &lanes[one.lane] == &x && one.seq <= seq; });
}

void worker_state::expire_overdue() {
  if (overdue.empty())
    return;
  auto time = now();
  auto is_due = [time](const overdue_call& x) { return x.at <= time; };
  if (std::none_of(overdue.begin(), overdue.end(), is_due))
    return;
  stacks = stacks_so_far(late_look);
  answer_overdue(is_due, std::make_shared<const stack_report>(*stacks));
}

void worker_state::answer_overdue(const std::function<bool(const overdue_call&)>& which,
                                  const std::shared_ptr<const stack_report>& seen) {
  auto ready = std::vector<overdue_call>{};
  for (auto& x : overdue)
    if (which(x))
      ready.push_back(std::move(x));
  std::erase_if(overdue, [](auto& x) { return !x.call; });
  for (size_t i = 0; i < ready.size();) {
    auto lane = ready[i].lane;
    auto done = done_on(lane);
    auto ends = std::vector<ending>{};
    for (; i < ready.size() && ready[i].lane == lane; ++i) {
      auto& call = ready[i].call;
      auto why = deadline_error(*call);
      why.stacks = seen;
      why.details.emplace("certificate_id", certificate_id());
      note_late(done, *call);
      ends.emplace_back(std::move(call), std::move(why));
    }
    answer(std::move(ends), std::move(done));
  }
}

std::string worker_state::certificate_id() const {
  return cfg.hello.run_id + '/' + cfg.hello.pool + '/' + std::to_string(cfg.hello.slot) + '.'
         + std::to_string(cfg.hello.generation);
}

} // namespace snakepit
