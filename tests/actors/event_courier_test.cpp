#include "actors/event_courier.hpp"
#include "telemetry/event_source.hpp"
#include "tests/support/pool_fixture.hpp"

using namespace snakepit;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("event_courier");

namespace {

struct courier_fixture : pool_fixture {
  std::vector<event> got;
  caf::actor subscriber;

  courier_fixture() {
    subscriber = spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const event& x) { got.push_back(x); }};
    });
  }
  ~courier_fixture() {
    events->close(0ms);
    run();
  }

  result<void> subscribe(size_t backlog = 100) {
    return send_courier(subscriber, events, telemetry::mask_of(event_filter{}).value(), backlog);
  }
  void emit(size_t workers = 1) const {
    telemetry::event_source{events, "p"}.emit(
      event_kind::pool_start_begun,
      [&](telemetry::event_draft& to) { to.number("workers", workers); });
  }
  bool wanted() const {
    return events->wanted(~telemetry::event_mask{0});
  }
};

} // namespace

TEST_CASE_FIXTURE(courier_fixture, "an actor gets events as messages, in order [T1]") {
  REQUIRE(subscribe());
  for (size_t i = 1; i <= 3; ++i)
    emit(i);
  run();
  REQUIRE(got.size() == 3);
  CHECK(got[0].kind == event_kind::pool_start_begun);
  CHECK(got[0].pool == "p");
  CHECK(got[2].number("workers") == 3);
}

TEST_CASE_FIXTURE(courier_fixture, "an actor that is slow has a bounded mailbox [T1]") {
  REQUIRE(subscribe(5));
  listen();
  for (size_t i = 1; i <= 20; ++i)
    emit(i); // nobody runs meanwhile
  run();
  auto dropped = ledger.of(event_kind::telemetry_dropped);
  REQUIRE(dropped.size() == 1);
  CHECK(dropped[0].number("events") == 15);
  REQUIRE(got.size() == 6);
  CHECK(got[4].number("workers") == 5);
  CHECK(got[5].kind == event_kind::telemetry_dropped);
  emit(21); // there is room again
  run();
  CHECK(got.back().number("workers") == 21);
}

TEST_CASE_FIXTURE(courier_fixture, "a subscription ends with its actor [T1]") {
  REQUIRE(subscribe());
  run();
  CHECK(wanted());
  SUBCASE("that runs") {
    caf::anon_send_exit(subscriber, caf::exit_reason::user_shutdown);
    run();
  }
  SUBCASE("that ends with events on their way") {
    emit();
    caf::anon_send_exit(subscriber, caf::exit_reason::kill);
    run();
  }
  CHECK(!wanted());
  emit();
  run();
}

TEST_CASE_FIXTURE(courier_fixture, "an actor that has ended before is not subscribed [T1]") {
  caf::anon_send_exit(subscriber, caf::exit_reason::kill);
  run();
  REQUIRE(subscribe());
  run();
  CHECK(!wanted());
}

TEST_CASE_FIXTURE(courier_fixture, "an actor that does not know events is left alone [T1]") {
  subscriber = spawn([](caf::event_based_actor* self) -> caf::behavior {
    self->set_default_handler(caf::drop);
    return {[](int) {}};
  });
  REQUIRE(subscribe(1));
  listen();
  for (auto i = 0; i < 3; ++i) {
    emit();
    run();
  }
  CHECK(ledger.count(event_kind::telemetry_dropped) == 0); // each was handled: by an error
}

TEST_CASE_FIXTURE(courier_fixture, "the end of the hub leaves nobody behind [T1]") {
  REQUIRE(subscribe());
  run();
  auto before = sys.registry().running();
  emit();
  events->close(0ms);
  run();
  CHECK(got.size() == 1);
  CHECK(sys.registry().running() == before - 1);
  auto late = subscribe();
  REQUIRE(!late);
  CHECK(late.error().reason == reason::draining);
}

TEST_SUITE_END();
