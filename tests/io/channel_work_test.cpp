#include "tests/support/channel_fixture.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace snakepit::test;

TEST_CASE("calls go to their lane and their results come back in order [W5]") {
  std::mutex mutex;
  std::vector<std::string> lanes, tokens;
  fake_worker_script script;
  script.work = [&, echo = script.work](auto& context, auto& to) {
    {
      std::lock_guard guard{mutex};
      lanes.push_back(fake_worker_server::metadata(context, "snakepit-lane"));
      tokens.push_back(fake_worker_server::metadata(context, "snakepit-token-bin"));
    }
    return echo(context, to);
  };
  open_channel x{2, std::move(script)};
  x.send(0, 1, {"[1]", "[2]"});
  x.send(1, 1, {"[3]"});
  x.send(0, 3, {"[4]"});
  auto first = x.seen.finals(0, 3);
  REQUIRE(first.size() == 3);
  CHECK(first[0].seq == 1);
  CHECK(first[0].end->text() == "[1]");
  CHECK(first[1].run_us == 2);
  CHECK(first[2].seq == 3);
  CHECK(first[2].end->text() == "[4]");
  CHECK(x.seen.finals(1, 1).at(0).end->text() == "[3]");
  std::lock_guard guard{mutex};
  std::ranges::sort(lanes);
  CHECK(lanes == std::vector<std::string>{"0", "1"});
  CHECK(tokens == std::vector<std::string>(2, open_channel::token));
}

TEST_CASE("raw bytes come back as raw bytes [D3]") {
  open_channel x{1, {}};
  std::string binary("\0\xff\n", 3);
  x.send(0, 1, {binary, ""}, core::payload_kind::raw);
  auto out = x.seen.finals(0, 2);
  REQUIRE(out.size() == 2);
  CHECK(out[0].end->is_raw());
  CHECK(out[0].end->text() == binary);
  CHECK(out[1].end->text().empty());
}

TEST_CASE("messages above gRPC's own bound pass both ways [D3]") {
  open_channel x{1, {}};
  std::string large(open_channel::payload_bytes, 'x');
  x.send(0, 1, {large}, core::payload_kind::raw);
  auto out = x.seen.finals(0, 1);
  REQUIRE(out.size() == 1);
  CHECK(out[0].end->text() == large);
}

TEST_CASE("an answer that overtakes its write's end does no harm [W2]") {
  // Each answer sends the next batch from gRPC's own thread: the shortest way from one to the
  // other.
  static constexpr uint64_t total = 100'000;
  std::atomic<uint64_t> answered{0};
  io::worker_channel* to = nullptr;
  temporary_folder folder;
  fake_worker_server server{folder.path() / "socket", {}};
  channel_recorder seen;
  auto events = seen.events();
  auto ping = [&](uint64_t seq) { to->send(batch_of(0, seq, {"[1]"}, core::payload_kind::json)); };
  events.on_results = [&](core::results x) {
    auto seq = x.finals.at(0).seq;
    if (seq < total)
      ping(seq + 1);
    answered = seq;
  };
  auto channel = io::make_grpc_channel(std::move(events));
  to = channel.get();
  channel->greet(server.path(), getpid(), hello_of(1));
  REQUIRE(seen.greeted());
  channel->open(1);
  ping(1);
  // However slow the machine: one that is lost makes all that follow stand still.
  for (uint64_t before = 0; answered < total; before = answered)
    REQUIRE(eventually(20s, [&] { return answered > before || answered == total; }));
  CHECK(!seen.is_closed(0));
}

TEST_CASE("batches sent faster than they are taken wait in order [W2]") {
  static constexpr uint64_t total = 5000;
  open_channel x{1, {}};
  for (uint64_t seq = 1; seq <= total; ++seq)
    x.send(0, seq, {std::string(1000, 'x')}, core::payload_kind::raw);
  auto out = x.seen.finals(0, total);
  REQUIRE(out.size() == total);
  for (uint64_t seq = 1; seq <= total; ++seq)
    REQUIRE(out[seq - 1].seq == seq);
}

TEST_CASE("batches are ordered whichever threads send them [W2]") {
  static constexpr uint64_t total = 2000;
  open_channel x{1, {}};
  std::mutex mutex;
  uint64_t next = 1;
  auto sender = [&] {
    for (;;) {
      std::lock_guard guard{mutex};
      if (next > total)
        return;
      x.send(0, next++, {"[1]"});
    }
  };
  std::thread other{sender};
  sender();
  other.join();
  CHECK(x.seen.finals(0, total).size() == total);
}

TEST_CASE("a shutdown reaches the worker [R7]") {
  std::atomic<uint32_t> grace{0};
  fake_worker_script script;
  script.control = [&](auto& context, auto& to) {
    CHECK(fake_worker_server::metadata(context, "snakepit-token-bin") == open_channel::token);
    for (wire::HostFrame frame; to.Read(&frame);)
      grace = frame.shutdown().grace_ms();
    return grpc::Status::OK;
  };
  open_channel x{1, std::move(script)};
  x.channel->shutdown(1500ms);
  CHECK(eventually(10s, [&] { return grace == 1500; }));
}

TEST_CASE("heartbeats are answered with their numbers, each once [W6]") {
  fake_worker_script script;
  script.control = [](auto&, auto& to) {
    for (wire::HostFrame frame; to.Read(&frame);) {
      wire::WorkerFrame answer;
      *answer.mutable_heartbeat() = frame.heartbeat();
      to.Write(answer);
      to.Write(answer);                          // twice
      answer.mutable_heartbeat()->set_nonce(99); // never asked
      to.Write(answer);
      to.Write(wire::WorkerFrame{}); // of a kind that is not known yet
    }
    return grpc::Status::OK;
  };
  open_channel x{1, std::move(script)};
  x.channel->heartbeat(7);
  CHECK(x.seen.heartbeats(1) == std::vector<uint64_t>{7});
  x.channel->heartbeat(8);
  CHECK(x.seen.heartbeats(2) == std::vector<uint64_t>{7, 8});
  CHECK(!x.seen.is_closed(0));
}

TEST_CASE("lanes on a loop share one stream, and what waits goes along in one message [W5]") {
  static constexpr uint32_t lanes = 500;
  std::atomic<int> streams{0};
  std::atomic<size_t> messages{0};
  fake_worker_script script;
  script.work = [&](auto& context, auto& to) {
    ++streams;
    CHECK(fake_worker_server::metadata(context, "snakepit-lane") == "0");
    for (wire::Batch message; to.Read(&message);) {
      ++messages;
      wire::Results all;
      for (auto& batch : message.others()) {
        auto one = echo(batch);
        all.mutable_data()->append(one.data());
        all.add_size(one.size(0));
        all.add_run_us(1);
        all.add_seq(batch.first_seq());
        all.add_lanes(batch.lane());
      }
      to.Write(all);
    }
    return grpc::Status::OK;
  };
  open_channel x{lanes, std::move(script), true};
  for (uint64_t seq = 1; seq <= 3; ++seq) {
    for (uint32_t lane = 0; lane < lanes; ++lane)
      x.send(lane, seq, {"[" + std::to_string(lane) + "]"});
    for (uint32_t lane = 0; lane < lanes; ++lane) {
      auto out = x.seen.finals(lane, seq);
      REQUIRE(out.size() == seq);
      CHECK(out.back().seq == seq);
      CHECK(out.back().end->text() == "[" + std::to_string(lane) + "]");
    }
  }
  CHECK(streams == 1);
  CHECK(messages < 3 * lanes);
  MESSAGE(messages.load() << " messages for " << 3 * lanes << " batches");
}

TEST_CASE("the end of a stream that lanes share is the end of each of them, once [W2, W5]") {
  fake_worker_script script;
  script.work = [](auto&, auto& to) {
    wire::Batch message;
    to.Read(&message);
    return grpc::Status::OK;
  };
  open_channel x{3, std::move(script), true};
  x.send(1, 1, {"[1]"});
  for (uint32_t lane = 0; lane < 3; ++lane)
    CHECK(eventually(10s, [&] { return x.seen.is_closed(lane); }));
}

TEST_CASE("a worker that breaks the protocol on a shared stream is believed on no lane [S5, W5]") {
  fake_worker_script script;
  script.work = [](auto&, auto& to) {
    wire::Batch message;
    to.Read(&message);
    wire::Results all;
    all.set_data("1");
    all.add_size(1);
    all.add_run_us(1);
    all.add_seq(1);
    all.add_lanes(7);
    to.Write(all);
    to.Read(&message);
    return grpc::Status::OK;
  };
  open_channel x{3, std::move(script), true};
  x.send(1, 1, {"[1]"});
  for (uint32_t lane = 0; lane < 3; ++lane)
    CHECK(eventually(10s, [&] { return x.seen.is_closed(lane); }));
}
