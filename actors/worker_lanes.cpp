#include "actors/worker.hpp"

#include "actors/call_notes.hpp"
#include "actors/core/breaker.hpp"
#include "actors/core/journal.hpp"
#include "actors/core/receipts.hpp"

#include <csignal>

namespace snakepit {

using namespace std::chrono_literals;
using core::time_point;

namespace {

/// How often an abandoned call that has not begun is looked at.
constexpr auto abandoned_look = 10ms;
/// Without a barrier: after this time a worker has seen the limit, or we have seen its claim.
constexpr auto visible_after = 2ms;

} // namespace

error worker_state::deadline_error(const core::call& x) {
  return {reason::deadline_exceeded,
          "`" + x.group->tool + "` was not done by its deadline",
          {{"tool", x.group->tool}}};
}

// -- what is sent -----------------------------------------------------------------

void worker_state::send(uint32_t index, std::vector<core::call_ptr> calls, bool together) {
  auto& lane = lanes[index];
  auto done = done_on(index);
  auto refused = std::vector<ending>{};
  auto batch = core::batch{index, lane.calls.next_seq(), core::payload_kind::json, {}, together};
  auto time = now();
  auto flush = [&] {
    if (!batch.items.empty()) {
      lane.last_batch = batch.first_seq;
      lane.sent_at = time;
      channel->send(batch);
      if (events.wanted(event_kind::batch_sent))
        events.sent(batch, its_name());
    }
    batch.items.clear();
    batch.first_seq = lane.calls.next_seq();
  };
  for (auto& call : calls) {
    auto number = tool_number(*call);
    if (number == 0 || call->deadline <= time) {
      auto why = number != 0 ? deadline_error(*call)
                             : error{reason::unknown_tool,
                                     "the worker has no tool `" + call->group->tool + "`"};
      ++done.ended;
      refused.emplace_back(std::move(call), std::move(why));
      continue;
    }
    if (call->kind != batch.kind)
      flush();
    batch.kind = call->kind;
    auto left = std::chrono::duration_cast<std::chrono::microseconds>(call->deadline - time);
    auto budget = call->deadline == core::never ? 0 : std::max<int64_t>(left.count(), 1);
    auto& options = call->group->options;
    auto has_context = !options.session.empty() || !options.correlation_id.empty()
                       || !options.traceparent.empty() || call->attempt > 1;
    batch.items.push_back({number, static_cast<uint64_t>(budget), call->data,
                           call->attachments.empty() ? nullptr : &call->attachments,
                           has_context ? &options : nullptr, call->attempt});
    lane.calls.add(std::move(call), together && lane.calls.next_seq() > batch.first_seq);
  }
  flush();
  if (cfg.hello.on_loop) {
    loop.sent(time);
    arm(loop.next_due());
  }
  answer(std::move(refused), std::move(done));
}

void worker_state::answer(std::vector<ending> ends, lane_done done) {
  if (ends.empty() && done.ended == 0)
    return;
  auto time = now();
  auto who = core::worker_id{cfg.hello.slot, cfg.hello.generation};
  for (auto& [call, why] : ends) {
    done.count_failure(why.reason);
    done.times.add(time - call->admitted);
    core::note_end(done.ends, *call, core::call_end::way::other);
  }
  note_failures(*world.metrics, ends, time);
  for (auto& [call, why] : ends) {
    events.failed(*call, why.reason);
    why.receipt = std::make_shared<call_receipt>(core::receipt_of(*call, who));
  }
  tell_pool(std::move(done));
  for (auto& [call, why] : ends)
    call->slot.answer(tl::unexpected{std::move(why)});
}

uint32_t worker_state::tool_number(const core::call& x) {
  if (x.group.get() != last_group) {
    auto i = tools.find(x.group->tool);
    last_number = i == tools.end() ? 0 : i->second;
    last_group_owner = x.group;
    last_group = x.group.get();
  }
  return last_number;
}

void worker_state::expire(uint32_t index) {
  auto ends = std::vector<ending>{};
  auto done = done_on(index);
  auto claimed = lanes[index].claimed();
  auto ended = lanes[index].page.done();
  lanes[index].calls.expire(now(), [&](uint64_t seq, core::call_ptr call) {
    auto runs = seq > ended && seq <= claimed;
    if (runs && hold_overdue(index, seq, call))
      return;
    auto why = deadline_error(*call);
    if (runs) {
      note_late(done, *call);
      why.details.emplace("certificate_id", certificate_id()); // with stacks or without
    }
    ends.emplace_back(std::move(call), std::move(why));
  });
  if (ends.empty())
    return;
  answer(std::move(ends), std::move(done));
  // What nobody waits for should not be begun; a busy lane would do so for each of them.
  if (lanes[index].calls.has_abandoned_above(lanes[index].claimed()))
    revoke(index);
}

void worker_state::press(lane& x) {
  auto running = x.page.claimed();
  auto runs = x.calls.are_abandoned(x.page.done(), running);
  if (x.overrun != 0 && (!runs || x.overrun != running)) {
    x.overrun = 0;
    x.again_at = x.kill_at = core::never;
    x.page.set_cancel(0);
  }
  // Not before its stacks have been taken.
  if (!runs || phase >= worker_phase::dying || !doomed.empty() || is_held(x, running))
    return;
  if (x.overrun == 0) {
    x.overrun = running;
    x.kill_at = core::later(now(), cfg.cancel_grace);
    x.again_at = now();
  }
  if (now() >= x.kill_at) {
    x.kill_at = x.again_at = core::never;
    return condemn(x, running);
  }
  // Told again in case the first signal came just before the run began.
  if (now() >= x.again_at) {
    x.page.set_cancel(running);
    process->signal(SIGRTMIN + core::interrupt_signal_offset);
    x.again_at = core::later(now(), cfg.cancel_grace / 3);
  }
}

time_point worker_state::next_due(const lane& x) const {
  auto result = std::min(x.calls.next_deadline(), x.look_at);
  if (x.overrun != 0)
    result = std::min({result, x.kill_at, x.again_at});
  else if (x.calls.has_abandoned())
    result = std::min(result, core::later(now(), abandoned_look));
  return result;
}

// -- what comes back --------------------------------------------------------------

void worker_state::take_finals(core::results& x) {
  auto& lane = lanes[x.lane];
  if (!overdue.empty()) // it ended after all, but too late
    answer_overdue(
      [&](const overdue_call& one) {
        auto is_its = [&](auto& final) { return final.seq == one.seq; };
        return one.lane == x.lane && std::any_of(x.finals.begin(), x.finals.end(), is_its);
      },
      nullptr);
  auto time = now();
  if (note_life(lane, time)) [[unlikely]]
    relieve();
  auto done = done_on(x.lane);
  auto who = core::worker_id{cfg.hello.slot, cfg.hello.generation};
  auto notes = telemetry::batch_tally{};
  auto ends = std::vector<std::pair<core::call_ptr, outcome>>{};
  ends.reserve(x.finals.size());
  for (auto& final : x.finals) {
    lane.acked = std::max(lane.acked, final.seq);
    lane.revocation.on_final(final.seq);
    auto run = std::chrono::microseconds{final.run_us};
    if (events.wanted(event_kind::call_late_reply) && lane.calls.is_abandoned(final.seq))
      events.late(lane.calls.tool_of(final.seq), run, its_name());
    auto match = lane.calls.finish(final.seq);
    if (match.kind == core::in_flight::match::unknown || (match.call && !match.call->group))
      continue; // not in flight, or a probe, of which the POOL knows nothing
    ++done.ended;
    ++calls_done;
    if (match.kind == core::in_flight::match::late) {
      ++done.late;
      continue;
    }
    if (final.end && final.end->text().size() > cfg.hello.payload_bytes)
      final.end = fail(reason::too_large, "the result is larger than the limit");
    if (final.end)
      ++done.succeeded;
    else
      done.count_failure(final.end.error().reason);
    if (done.runs.empty() || done.runs.back().tool != match.tool)
      done.runs.push_back({.tool = match.tool});
    done.runs.back().add(run);
    done.times.add(time - match.call->admitted);
    if (cfg.tells_ends)
      core::note_end(done.ends, *match.call, core::way_of(final.end), match.joined);
    auto receipt = core::receipt_of(*match.call, who, final, time);
    if (final.end)
      final.end->set_receipt(receipt);
    else
      final.end.error().receipt = std::make_shared<call_receipt>(receipt);
    note_end(notes, *match.call, final.end, time, receipt);
    events.finished(*match.call, final.end, receipt);
    ends.emplace_back(std::move(match.call), std::move(final.end));
  }
  lane.page.set_acked(lane.acked);
  world.metrics->ended(notes);
  // The pool first: who has an answer must find it counted, and the lane has room.
  if (done.ended > 0)
    tell_pool(std::move(done));
  for (auto& [call, end] : ends)
    call->slot.answer(std::move(end));
}

void worker_state::read_journal(uint32_t index) {
  auto& lane = lanes[index];
  auto found = core::results{index, {}, 0};
  for (auto& x : core::read_journal(lane.page, lane.acked)) {
    if (x.seq >= lane.calls.next_seq())
      break; // never sent: what wrote this is not to be believed
    auto* call = lane.calls.waiting(x.seq);
    auto raw = call && call->kind == core::payload_kind::raw;
    auto final = core::final_result{x.seq, x.run_us, {}};
    if (!x.is_message)
      final.end = payload{raw, std::move(x.data)};
    else if (auto read = io::decode_final(x.data, x.seq, raw, cfg.hello.payload_bytes))
      final = std::move(*read);
    else
      final.end = tl::unexpected{std::move(read.error())};
    found.finals.push_back(std::move(final));
  }
  if (found.finals.empty())
    return;
  take_finals(found);
  release(index);
}

// -- what is taken back ------------------------------------------------------------

void worker_state::revoke(uint32_t index) {
  auto& lane = lanes[index];
  auto claimed = lane.claimed();
  if (lane.revocation.active() || !lane.calls.has_above(claimed))
    return;
  lane.page.set_limit(claimed);
  lane.limited = true;
  lane.revocation.begin(claimed, lane.last_batch, lane.calls.next_seq() - 1);
  if (has_barrier && world.barrier && world.barrier())
    return take_above(index, lane.revocation.decide(lane.claimed()));
  lane.look_at = core::later(now(), visible_after);
  arm(lane.look_at);
}

void worker_state::try_taking(uint32_t index) {
  auto& lane = lanes[index];
  lane.look_at = core::never;
  if (!lane.revocation.looking())
    return;
  auto claimed = lane.claimed();
  if (lane.revocation.is_steady(claimed))
    return take_above(index, lane.revocation.decide(claimed));
  lane.look_at = core::later(now(), visible_after);
}

void worker_state::take_above(uint32_t index, uint64_t floor) {
  auto taken = lanes[index].calls.take_above(floor);
  auto done = done_on(index);
  // A probe, of which the POOL knows nothing.
  taken.numbers -= std::erase_if(taken.calls, [](auto& call) { return !call->group; });
  done.ended = taken.numbers;
  done.back = std::move(taken.calls);
  tell_pool(std::move(done));
}

void worker_state::release(uint32_t index) {
  auto& lane = lanes[index];
  if (lane.revocation.active() || !lane.limited)
    return;
  lane.limited = false;
  lane.page.set_limit(core::lane_page::no_limit);
  lane.look_at = core::never;
  tell_pool(done_on(index));
}

} // namespace snakepit
