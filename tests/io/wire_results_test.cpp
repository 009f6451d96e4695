#include "actors/io/wire_codec.hpp"
#include "worker.pb.h"

#include <doctest/doctest.h>
#include <numeric>
#include <rapidcheck.h>

using namespace snakepit;
using namespace snakepit::io;
namespace wire = snakepit::worker::v1;

namespace {

/// Calls 1 to 100 were sent: 1 to 50 with JSON, 51 to 60 raw, the rest with JSON.
struct lane_with_calls {
  sent_numbers sent;
  results_decoder decoder{3, sent, 1000};

  lane_with_calls() {
    sent.note(1, 50, core::payload_kind::json);
    sent.note(51, 10, core::payload_kind::raw);
    sent.note(61, 40, core::payload_kind::json);
  }

  result<core::results> decode(const wire::Results& x) {
    return decoder.decode(x.SerializeAsString());
  }
};

/// Three lanes on a stream; each was sent calls 1 to 10, the second one raw.
struct shared_lanes_with_calls {
  std::vector<sent_numbers> sent = std::vector<sent_numbers>(3);
  results_decoder decoder{sent, 1000};

  shared_lanes_with_calls() {
    for (size_t i = 0; i < 3; ++i)
      sent[i].note(1, 10, i == 1 ? core::payload_kind::raw : core::payload_kind::json);
  }

  result<std::vector<core::results>> decode(const wire::Results& x) {
    return decoder.decode_shared(x.SerializeAsString());
  }
};

wire::Results finals(uint64_t first, std::vector<std::string> payloads) {
  wire::Results x;
  x.set_first_seq(first);
  for (auto& payload : payloads) {
    x.mutable_data()->append(payload);
    x.add_size(static_cast<uint32_t>(payload.size()));
    x.add_run_us(static_cast<uint32_t>(10 * x.size_size()));
  }
  return x;
}

void add_failure(wire::Results& x, uint32_t index, const char* reason) {
  auto& failure = *x.add_failures();
  failure.set_index(index);
  failure.mutable_error()->set_reason(reason);
}

void add_attachment(wire::Results& x, uint32_t index, const std::string& data) {
  auto& row = *x.add_attachments();
  row.set_index(index);
  row.add_data(data);
}

/// Some of everything.
wire::Results rich_results() {
  auto x = finals(0, {"1", "", "[2]", "bin", ""});
  for (auto seq : {2, 3, 10, 55, 70})
    x.add_seq(static_cast<uint64_t>(seq));
  add_failure(x, 1, "python_exception");
  add_failure(x, 4, "cancelled");
  x.mutable_failures(0)->mutable_error()->mutable_python()->add_frames()->set_file("a.py");
  add_attachment(x, 2, "attached");
  x.set_revoked_from(80);
  return x;
}

void check_bounds(const core::results& x) {
  RC_ASSERT(x.lane == 3u);
  RC_ASSERT(x.revoked_from <= 100u);
  RC_ASSERT(x.finals.size() <= max_finals);
  uint64_t before = 0;
  for (auto& final : x.finals) {
    RC_ASSERT(final.seq > before);
    RC_ASSERT(final.seq <= 100u);
    before = final.seq;
    if (final.end)
      RC_ASSERT(final.end->is_raw() == (final.seq > 50 && final.seq <= 60));
    else
      RC_ASSERT(final.end.error().message.size() <= max_error_text_bytes);
  }
}

} // namespace

TEST_CASE("lanes that share a stream name their finals [W5]") {
  shared_lanes_with_calls lanes;
  auto x = finals(0, {"1", "bin", "", "[4]"});
  for (auto seq : {7, 4, 8, 2})
    x.add_seq(static_cast<uint64_t>(seq));
  for (auto lane : {0, 1, 0, 2})
    x.add_lanes(static_cast<uint32_t>(lane));
  add_failure(x, 2, "cancelled");
  add_attachment(x, 3, "attached");
  auto out = lanes.decode(x);
  REQUIRE_MESSAGE(out, to_string(out.error()));
  REQUIRE(out->size() == 4);
  for (size_t i = 0; i < 4; ++i)
    REQUIRE(out->at(i).finals.size() == 1);
  auto end = [&](size_t i) -> const core::final_result& { return out->at(i).finals[0]; };
  CHECK(out->at(0).lane == 0);
  CHECK(end(0).seq == 7);
  CHECK(end(0).end->text() == "1");
  CHECK(!end(0).end->is_raw());
  CHECK(out->at(1).lane == 1);
  CHECK(end(1).seq == 4);
  CHECK(end(1).end->is_raw());
  CHECK(end(1).end->text() == "bin");
  CHECK(end(1).run_us == 20);
  CHECK(out->at(2).lane == 0);
  CHECK(end(2).end.error().reason == reason::cancelled);
  CHECK(out->at(3).lane == 2);
  CHECK(end(3).end->attachments() == std::vector<std::string>{"attached"});
}

TEST_CASE("finals of one lane stay together, and a report is of one lane [W5]") {
  shared_lanes_with_calls lanes;
  auto x = finals(3, {"1", "2"});
  x.set_lane(2);
  x.set_revoked_from(9);
  auto out = lanes.decode(x);
  REQUIRE(out);
  REQUIRE(out->size() == 1);
  CHECK(out->at(0).lane == 2);
  CHECK(out->at(0).revoked_from == 9);
  CHECK(out->at(0).finals.size() == 2);
  auto y = finals(0, {"1", "2"});
  for (auto seq : {3, 4})
    y.add_seq(static_cast<uint64_t>(seq));
  for (int i = 0; i < 2; ++i)
    y.add_lanes(1);
  out = lanes.decode(y);
  REQUIRE(out);
  REQUIRE(out->size() == 1);
  CHECK(out->at(0).finals.size() == 2);
}

TEST_CASE("what lanes that share a stream cannot have sent is refused [S5, W5]") {
  shared_lanes_with_calls lanes;
  auto good = finals(0, {"1", "2"});
  for (auto seq : {3, 4})
    good.add_seq(static_cast<uint64_t>(seq));
  for (auto lane : {0, 1})
    good.add_lanes(static_cast<uint32_t>(lane));
  REQUIRE(lanes.decode(good));
  auto refused = [&](auto change) {
    auto x = good;
    change(x);
    auto out = lanes.decode(x);
    return !out && out.error().reason == reason::protocol_error;
  };
  CHECK(refused([](auto& x) { x.set_lanes(1, 3); }));
  CHECK(refused([](auto& x) { x.set_lane(3); }));
  CHECK(refused([](auto& x) { x.add_lanes(0); }));
  CHECK(refused([](auto& x) { x.clear_seq(); }));
  CHECK(refused([](auto& x) { x.set_seq(0, 0); }));
  CHECK(refused([](auto& x) { x.set_seq(0, 11); }));
  CHECK(refused([](auto& x) { x.set_lanes(1, 0), x.set_seq(1, 3); }));
  CHECK(refused([](auto& x) { x.set_revoked_from(3); }));
  lane_with_calls alone;
  CHECK(!alone.decode(good));
}

TEST_CASE("finals are numbered from the first [D1]") {
  lane_with_calls lane;
  auto out = lane.decode(finals(5, {"1", "", "[3]"}));
  REQUIRE(out);
  CHECK(out->lane == 3);
  CHECK(out->revoked_from == 0);
  REQUIRE(out->finals.size() == 3);
  CHECK(out->finals[0].seq == 5);
  CHECK(out->finals[0].run_us == 10);
  CHECK(out->finals[0].end->text() == "1");
  CHECK(!out->finals[0].end->is_raw());
  CHECK(out->finals[1].end->text().empty());
  CHECK(out->finals[2].seq == 7);
  CHECK(out->finals[2].run_us == 30);
  CHECK(out->finals[2].end->text() == "[3]");
}

TEST_CASE("each call ends on its own, with a result or an error [D1][D3]") {
  lane_with_calls lane;
  auto out = lane.decode(rich_results());
  REQUIRE(out);
  CHECK(out->revoked_from == 80);
  auto& x = out->finals;
  REQUIRE(x.size() == 5);
  CHECK(x[0].seq == 2);
  CHECK(x[0].end->text() == "1");
  CHECK(x[1].seq == 3);
  REQUIRE(!x[1].end);
  CHECK(x[1].end.error().reason == reason::python_exception);
  CHECK(x[1].end.error().python->frames.at(0).file == "a.py");
  CHECK(x[2].seq == 10);
  CHECK(x[2].end->text() == "[2]");
  CHECK(x[2].end->attachments() == std::vector<std::string>{"attached"});
  CHECK(x[3].seq == 55);
  CHECK(x[3].end->is_raw());
  CHECK(x[3].end->text() == "bin");
  REQUIRE(!x[4].end);
  CHECK(x[4].end.error().reason == reason::cancelled);
}

TEST_CASE("a result is raw if its call was [D3]") {
  lane_with_calls lane;
  auto out = lane.decode(finals(50, std::vector<std::string>(12, "x")));
  REQUIRE(out);
  for (auto& final : out->finals)
    CHECK(final.end->is_raw() == (final.seq >= 51 && final.seq <= 60));
}

TEST_CASE("kinds that change with every call are remembered as far as calls can be open [D3]") {
  sent_numbers sent;
  auto kind_of = [](uint64_t seq) {
    return seq % 2 ? core::payload_kind::raw : core::payload_kind::json;
  };
  uint64_t total = 3 * sent_numbers::max_runs;
  for (uint64_t seq = 1; seq <= total; ++seq)
    sent.note(seq, 1, kind_of(seq));
  CHECK(sent.last() == total);
  for (uint64_t seq = total - sent_numbers::max_runs + 1; seq <= total; ++seq) {
    auto run = sent.find(seq);
    REQUIRE(run.kind == kind_of(seq));
    REQUIRE(run.last == seq);
  }
}

TEST_CASE("a lone payload and a message without finals are decoded too [D1]") {
  lane_with_calls lane;
  auto one = lane.decode(finals(9, {std::string(900, 'a')}));
  REQUIRE(one);
  CHECK(one->finals.at(0).end->text() == std::string(900, 'a'));
  wire::Results none;
  none.set_revoked_from(4);
  auto out = lane.decode(none);
  REQUIRE(out);
  CHECK(out->finals.empty());
  CHECK(out->revoked_from == 4);
}

TEST_CASE("a result above its limit is the error too_large, its neighbours are not touched [D1]") {
  lane_with_calls lane;
  auto x = finals(1, {std::string(1000, 'a'), std::string(1001, 'b'), std::string(900, 'c'), "d"});
  add_attachment(x, 2, std::string(101, 'e'));
  auto out = lane.decode(x);
  REQUIRE(out);
  CHECK(out->finals[0].end);
  CHECK(out->finals[1].end.error().reason == reason::too_large);
  CHECK(out->finals[2].end.error().reason == reason::too_large);
  CHECK(out->finals[3].end->text() == "d");
}

TEST_CASE("what runs took is told with them [T7]") {
  lane_with_calls lane;
  auto x = finals(1, {"1", "2", "3"});
  x.set_began_us(5000);
  x.set_cpu_ns(20'000);
  auto& row = *x.add_costs();
  row.set_index(1);
  row.set_cpu_ns(15'000);
  row.set_memory_bytes(-8192);
  auto out = lane.decode(x);
  REQUIRE(out);
  auto& first = out->finals[0].cost;
  CHECK(first.began_us == 5000);
  CHECK(first.cpu_ns == 5'000);
  CHECK(first.cpu_calls == 2);
  CHECK(!first.has_memory);
  auto& second = out->finals[1].cost;
  CHECK(second.began_us == 5010);
  CHECK(second.cpu_ns == 15'000);
  CHECK(second.cpu_calls == 1);
  CHECK(second.has_memory);
  CHECK(second.memory_bytes == -8192);
  CHECK(out->finals[2].cost.cpu_ns == 15'000);
  x.mutable_costs(0)->clear_memory_bytes();
  CHECK(!lane.decode(x)->finals[1].cost.has_memory);
}

TEST_CASE("results that do not add up are refused, and the next ones are decoded [S5]") {
  lane_with_calls lane;
  auto x = rich_results();
  SUBCASE("costs of none") {
    x.add_costs()->set_index(5);
  }
  SUBCASE("costs twice") {
    x.add_costs()->set_index(2);
    x.add_costs()->set_index(2);
  }
  SUBCASE("data too short") {
    x.mutable_data()->pop_back();
  }
  SUBCASE("data too long") {
    x.mutable_data()->push_back('x');
  }
  SUBCASE("sizes that overflow") {
    x.set_size(0, UINT32_MAX);
  }
  SUBCASE("too few run times") {
    x.mutable_run_us()->RemoveLast();
  }
  SUBCASE("too many run times") {
    x.add_run_us(1);
  }
  SUBCASE("too few numbers") {
    x.mutable_seq()->RemoveLast();
  }
  SUBCASE("too many numbers") {
    x.add_seq(90);
  }
  SUBCASE("a number twice") {
    x.set_seq(1, x.seq(0));
  }
  SUBCASE("a number that falls") {
    x.set_seq(2, 1);
  }
  SUBCASE("number 0") {
    x.set_seq(0, 0);
  }
  SUBCASE("a number that was not sent") {
    x.set_seq(4, 101);
  }
  SUBCASE("no numbers at all") {
    x.clear_seq();
  }
  SUBCASE("numbers that were not sent") {
    x.clear_seq();
    x.set_first_seq(97);
  }
  SUBCASE("numbers that overflow") {
    x.clear_seq();
    x.set_first_seq(UINT64_MAX);
  }
  SUBCASE("a failure out of range") {
    x.mutable_failures(0)->set_index(5);
  }
  SUBCASE("a failure far out of range") {
    x.mutable_failures(0)->set_index(UINT32_MAX);
  }
  SUBCASE("two failures of one call") {
    x.mutable_failures(0)->set_index(4);
  }
  SUBCASE("a failure with a payload") {
    x.mutable_failures(0)->set_index(0);
  }
  SUBCASE("a failure without an error") {
    x.mutable_failures(0)->clear_error();
  }
  SUBCASE("attachments out of range") {
    x.mutable_attachments(0)->set_index(5);
  }
  SUBCASE("attachments of one call twice") {
    add_attachment(x, 2, "again");
  }
  SUBCASE("revoked from a number that was not sent") {
    x.set_revoked_from(101);
  }
  SUBCASE("text that is not UTF-8") {
    x.mutable_failures(0)->mutable_error()->set_message("\xff\xfe");
  }
  auto out = lane.decode(x);
  REQUIRE(!out);
  CHECK(out.error().reason == reason::protocol_error);
  CHECK(out.error().message.starts_with("results are malformed: "));
  CHECK(lane.decode(rich_results()));
}

TEST_CASE("a message has a bounded number of finals [S5]") {
  sent_numbers sent;
  sent.note(1, 2 * max_finals, core::payload_kind::raw);
  results_decoder decoder{0, sent, 0};
  std::vector<std::string> payloads(max_finals);
  CHECK(decoder.decode(finals(1, payloads).SerializeAsString()));
  payloads.emplace_back();
  CHECK(!decoder.decode(finals(1, payloads).SerializeAsString()));
}

TEST_CASE("nothing of one message is left in the next [D1]") {
  lane_with_calls lane;
  REQUIRE(lane.decode(rich_results()));
  auto out = lane.decode(finals(5, {"1", "2", "3", "4", "5"}));
  REQUIRE(out);
  for (auto& final : out->finals) {
    REQUIRE(final.end);
    CHECK(final.end->attachments().empty());
  }
}

TEST_CASE("bytes changed at random never pass a bound [S5]") {
  CHECK(rc::check("mutated Results", [] {
    lane_with_calls lane;
    auto bytes = rich_results().SerializeAsString();
    auto edits = *rc::gen::inRange(1, 8);
    for (int i = 0; i < edits && !bytes.empty(); ++i) {
      auto at = *rc::gen::inRange<size_t>(0, bytes.size());
      switch (*rc::gen::inRange(0, 4)) {
      case 0:
        bytes[at] = *rc::gen::arbitrary<char>();
        break;
      case 1:
        bytes.insert(at, 1, *rc::gen::arbitrary<char>());
        break;
      case 2:
        bytes.erase(at, 1);
        break;
      default:
        bytes.resize(at);
      }
    }
    if (auto out = lane.decoder.decode(bytes))
      check_bounds(*out);
  }));
  CHECK(rc::check("mutated errors and replies", [] {
    auto bytes = *rc::gen::arbitrary<std::string>();
    RC_ASSERT(decode_error(bytes).message.size() <= max_error_text_bytes);
    RC_ASSERT(!decode_hello_reply(bytes, {.pid = 1, .lanes = 1}));
  }));
}

TEST_CASE("columns of random lengths and numbers never pass a bound [S5]") {
  CHECK(rc::check("random columns", [] {
    lane_with_calls lane;
    wire::Results x;
    auto number =
      rc::gen::oneOf(rc::gen::inRange<uint64_t>(0, 110), rc::gen::arbitrary<uint64_t>());
    auto index = rc::gen::inRange<uint32_t>(0, 6);
    x.set_first_seq(*number);
    x.set_data(*rc::gen::arbitrary<std::string>());
    for (auto seq : *rc::gen::container<std::vector<uint64_t>>(number))
      x.add_seq(seq);
    for (auto size : *rc::gen::container<std::vector<uint32_t>>(index))
      x.add_size(size);
    if (*rc::gen::arbitrary<bool>()) // else nearly none would get further than the first check
      x.mutable_data()->resize(std::accumulate(x.size().begin(), x.size().end(), size_t{0}));
    for (int i = *rc::gen::element(x.size_size(), x.seq_size()); i > 0; --i)
      x.add_run_us(1);
    for (auto i : *rc::gen::container<std::vector<uint32_t>>(index))
      add_failure(x, i, "internal");
    for (auto i : *rc::gen::container<std::vector<uint32_t>>(index))
      add_attachment(x, i, "a");
    if (auto out = lane.decode(x))
      check_bounds(*out);
  }));
}

TEST_CASE("no results whatever of lanes that share a stream do harm [S1, S5, W5]") {
  CHECK(rc::check("random columns of lanes", [] {
    shared_lanes_with_calls lanes;
    auto small = [](uint64_t n) { return *rc::gen::inRange<uint64_t>(0, n); };
    auto count = small(5);
    auto x = finals(0, std::vector<std::string>(count, "1"));
    for (auto i = count + (small(8) == 0); i > 0; --i) {
      x.add_lanes(static_cast<uint32_t>(small(small(4) == 0 ? 5 : 3)));
      x.add_seq(small(small(4) == 0 ? 13 : 11));
    }
    x.set_lane(static_cast<uint32_t>(small(small(8) == 0 ? 9 : 3)));
    if (small(4) == 0)
      x.set_revoked_from(small(13));
    auto bytes = x.SerializeAsString();
    for (auto n = small(3); n > 1 && !bytes.empty(); --n)
      bytes[small(bytes.size())] ^= static_cast<char>(1 << small(8));
    auto out = lanes.decoder.decode_shared(bytes);
    if (!out)
      return;
    auto total = size_t{0};
    for (auto& one : *out) {
      RC_ASSERT(one.lane < 3u);
      RC_ASSERT(one.revoked_from <= 10u);
      auto before = uint64_t{0};
      for (auto& final : one.finals) {
        RC_ASSERT(final.seq > before);
        RC_ASSERT(final.seq <= 10u);
        before = final.seq;
        if (final.end)
          RC_ASSERT(final.end->is_raw() == (one.lane == 1));
        ++total;
      }
    }
    RC_ASSERT(total <= max_finals);
  }));
}
