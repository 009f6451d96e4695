#include "actors/cli/steps.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace snakepit::cli;
using namespace std::chrono_literals;

namespace {

constexpr auto noon = event_time{} + 12h;

event make(event_kind kind, event_time time) {
  auto out = event{};
  out.kind = kind;
  out.time = time;
  if (kind == event_kind::queue_entered)
    out.metadata["from"] = "caller";
  if (kind == event_kind::call_finished)
    out.measurements["run_us"] = 30;
  return out;
}

/// The events of a call that was begun at `begin` and took 150 us.
void tell(step_reader& to, event_time begin) {
  to.take(make(event_kind::queue_entered, begin + 10us));
  to.take(make(event_kind::call_dispatched, begin + 30us));
  to.take(make(event_kind::batch_sent, begin + 60us));
  to.take(make(event_kind::call_finished, begin + 100us));
}

seen_call saw(event_time begin) {
  return {begin, begin + 150us, 150us};
}

} // namespace

TEST_CASE("each step of a call lasts from one event to the next [E4]") {
  auto reader = step_reader{};
  tell(reader, noon);
  auto found = put_together({saw(noon)}, reader.calls());
  CHECK(found.calls == 1);
  CHECK(found.left_out == 0);
  CHECK(found.median_us(step::caller_to_pool) == 10);
  CHECK(found.median_us(step::pool_to_worker) == 20);
  CHECK(found.median_us(step::worker_to_wire) == 30);
  CHECK(found.median_us(step::wire_and_python) == 40);
  CHECK(found.median_us(step::result_to_caller) == 50);
  CHECK(found.share(step::result_to_caller) == doctest::Approx(1.0 / 3));
  CHECK(found.whole == latencies{150us});
  CHECK(found.tool == latencies{30us});
}

TEST_CASE("a call whose events were lost is left out, and no other call's are taken for it [E4]") {
  auto reader = step_reader{};
  tell(reader, noon);
  // Lost: from the second call's `dispatched` to the third one's `entered`.
  reader.take(make(event_kind::queue_entered, noon + 1ms + 10us));
  reader.take(make(event_kind::call_dispatched, noon + 2ms + 30us));
  reader.take(make(event_kind::batch_sent, noon + 2ms + 60us));
  reader.take(make(event_kind::call_finished, noon + 2ms + 100us));
  tell(reader, noon + 3ms);
  auto found =
    put_together({saw(noon), saw(noon + 1ms), saw(noon + 2ms), saw(noon + 3ms)}, reader.calls());
  CHECK(found.calls == 2);
  CHECK(found.left_out == 2);
  CHECK(found.whole == latencies{150us, 150us});
}

TEST_CASE("a call that was given to two workers is passed over [E4]") {
  auto reader = step_reader{};
  reader.take(make(event_kind::queue_entered, noon));
  reader.take(make(event_kind::call_dispatched, noon + 1us));
  reader.take(make(event_kind::batch_sent, noon + 2us));
  auto again = make(event_kind::queue_entered, noon + 3us);
  again.metadata["from"] = "worker";
  reader.take(again);
  reader.take(make(event_kind::call_dispatched, noon + 4us));
  reader.take(make(event_kind::batch_sent, noon + 5us));
  reader.take(make(event_kind::call_finished, noon + 6us));
  CHECK(reader.ended() == 1);
  CHECK(reader.calls().empty());
}

TEST_CASE("a call during which the system's clock was set is left out [E4]") {
  auto reader = step_reader{};
  tell(reader, noon);
  auto set = saw(noon);
  set.end += 1h;
  auto found = put_together({set}, reader.calls());
  CHECK(found.calls == 0);
  CHECK(found.left_out == 1);
}

TEST_CASE("slow corrections of the clock leave no long call out [E4]") {
  auto reader = step_reader{};
  tell(reader, noon);
  auto found = put_together({{noon, noon + 10s, 10s + 5ms}}, reader.calls());
  CHECK(found.calls == 1);
}
