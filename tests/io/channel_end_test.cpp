#include "actors/io/grpc_threads.hpp"
#include "tests/support/channel_fixture.hpp"

#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>

using namespace snakepit;
using namespace snakepit::test;

namespace {

/// A worker process of its own, ended and reaped at the latest with this object.
class fake_worker_process {
public:
  explicit fake_worker_process(const std::string& socket_path) {
    int in[2], out[2];
    REQUIRE(pipe2(in, O_CLOEXEC) == 0);
    REQUIRE(pipe2(out, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    std::string program = SNAKEPIT_FAKE_WORKER, path = socket_path;
    char* arguments[] = {program.data(), path.data(), nullptr};
    REQUIRE(posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    stdin_ = in[1];
    char line[16];
    CHECK(read(out[0], line, sizeof line) > 0); // "listening"
    close(out[0]);
  }
  ~fake_worker_process() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(stdin_);
  }

  pid_t pid() const {
    return pid_;
  }

private:
  pid_t pid_ = 0;
  int stdin_ = -1;
};

fake_worker_script work(std::function<grpc::Status(fake_worker_script::stream&)> f) {
  fake_worker_script out;
  out.work = [f = std::move(f)](auto&, auto& to) { return f(to); };
  return out;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a killed worker closes each lane once, and quickly [W9]") {
  temporary_folder folder;
  fake_worker_process worker{folder.path() / "socket"};
  channel_recorder seen;
  auto channel = io::make_grpc_channel(seen.events());
  channel->greet(folder.path() / "socket", worker.pid(), hello_of(3));
  auto greeted = seen.greeted();
  REQUIRE(greeted);
  REQUIRE(*greeted);
  channel->open(3);
  channel->send(batch_of(0, 1, {"[1]"}, core::payload_kind::json));
  REQUIRE(seen.finals(0, 1).size() == 1);
  kill(worker.pid(), SIGKILL);
  for (uint32_t lane = 0; lane < 3; ++lane) {
    CHECK(seen.closed(lane).size() == 1);
    CHECK(!seen.closed(lane).at(0).empty());
  }
  channel->send(batch_of(0, 2, {"[1]"}, core::payload_kind::json)); // into the void
  channel->shutdown(1s);
  channel.reset();
  for (uint32_t lane = 0; lane < 3; ++lane)
    CHECK(seen.closed(lane).size() == 1);
  CHECK(seen.finals(0, 1).size() == 1);
}

TEST_CASE("a lane that the worker ends is closed with what it said [W9]") {
  fake_worker_script script;
  script.work = [echo = script.work](auto& context, auto& to) {
    if (fake_worker_server::metadata(context, "snakepit-lane") == "1")
      return grpc::Status{grpc::StatusCode::PERMISSION_DENIED, "no such lane"};
    return echo(context, to);
  };
  open_channel x{2, std::move(script)};
  auto why = x.seen.closed(1);
  REQUIRE(why.size() == 1);
  CHECK(why[0] == "PERMISSION_DENIED: no such lane");
  x.send(0, 1, {"[1]"});
  CHECK(x.seen.finals(0, 1).size() == 1);
  CHECK(!x.seen.is_closed(0));
}

TEST_CASE("finals that were sent before the end arrive before it [W9]") {
  auto script = work([](auto& to) {
    wire::Batch batch;
    for (int i = 0; i < 50 && to.Read(&batch); ++i)
      to.Write(echo(batch));
    return grpc::Status::OK;
  });
  open_channel x{1, std::move(script)};
  for (uint64_t seq = 1; seq <= 60; ++seq)
    x.send(0, seq, {"[1]"});
  auto why = x.seen.closed(0);
  REQUIRE(why.size() == 1);
  CHECK(contains(why[0], "the worker ended the stream"));
  CHECK(x.seen.finals(0, 0).size() == 50);
}

TEST_CASE("the end of the control stream is the end of all lanes [W9]") {
  fake_worker_script script;
  script.control = [](auto&, auto&) { return grpc::Status{grpc::StatusCode::ABORTED, "enough"}; };
  open_channel x{2, std::move(script)};
  for (uint32_t lane : {0, 1}) {
    auto why = x.seen.closed(lane);
    REQUIRE(why.size() == 1);
    CHECK(why[0] == "the control stream ended: ABORTED: enough");
  }
}

TEST_CASE("results that break the protocol close the lane and say what is wrong [S5]") {
  auto wrong = [](auto change) {
    return work([change](auto& to) {
      wire::Batch batch;
      while (to.Read(&batch)) {
        auto results = echo(batch);
        change(results);
        to.Write(results);
      }
      return grpc::Status::OK;
    });
  };
  fake_worker_script script;
  std::string want;
  SUBCASE("numbers") {
    script = wrong([](auto& x) { x.set_first_seq(99); });
    want = "number 99, the highest sent is 1";
  }
  SUBCASE("sizes") {
    script = wrong([](auto& x) { x.set_size(0, 99); });
    want = "`data` has 3, not 99 bytes";
  }
  SUBCASE("bytes that are no message") {
    script = wrong([](auto& x) { x.add_failures()->mutable_error()->set_message("\xff"); });
    want = "they cannot be decoded";
  }
  open_channel x{1, std::move(script)};
  x.send(0, 1, {"[1]"});
  auto why = x.seen.closed(0);
  REQUIRE(why.size() == 1);
  CHECK(why[0] == "results are malformed: " + want);
  CHECK(x.seen.finals(0, 0).empty());
  x.send(0, 2, {"[1]"}); // no longer taken
  x.channel.reset();
  CHECK(x.seen.closed(0).size() == 1);
}

TEST_CASE("a worker that ends while writes are queued leaves none behind [W9]") {
  std::atomic<bool> full{false};
  auto script = work([&](auto&) { // reads nothing: the writes wait for flow control
    eventually(10s, [&] { return full.load(); });
    return grpc::Status{grpc::StatusCode::INTERNAL, "gone"};
  });
  open_channel x{1, std::move(script)};
  std::string large(1 << 20, 'x');
  for (uint64_t seq = 1; seq <= 64; ++seq)
    x.send(0, seq, {large}, core::payload_kind::raw);
  full = true;
  auto why = x.seen.closed(0);
  REQUIRE(why.size() == 1);
  CHECK(contains(why[0], "gone"));
}

TEST_CASE("a channel that is destroyed with writes queued ends at once [W9]") {
  std::atomic<bool> cancelled{false};
  fake_worker_script script;
  script.work = [&](auto& context, auto&) {
    cancelled = eventually(10s, [&] { return context.IsCancelled(); });
    return grpc::Status::OK;
  };
  open_channel x{1, std::move(script)};
  std::string large(1 << 20, 'x');
  for (uint64_t seq = 1; seq <= 64; ++seq)
    x.send(0, seq, {large}, core::payload_kind::raw);
  x.channel.reset();
  CHECK(eventually(10s, [&] { return cancelled.load(); }));
  CHECK(!x.seen.is_closed(0));
}

TEST_CASE("a stopped worker does not hold the channel's end [W9]") {
  // As every runtime does. The end of gRPC's last channel may take ten seconds: it joins a thread
  // that it does not always wake (1.51).
  REQUIRE(io::start_grpc_threads());
  temporary_folder folder;
  fake_worker_process worker{folder.path() / "socket"};
  channel_recorder seen;
  auto channel = io::make_grpc_channel(seen.events());
  channel->greet(folder.path() / "socket", worker.pid(), hello_of(2));
  REQUIRE(seen.greeted());
  channel->open(2);
  kill(worker.pid(), SIGSTOP);
  std::string large(1 << 20, 'x');
  for (uint64_t seq = 1; seq <= 16; ++seq)
    channel->send(batch_of(0, seq, {large}, core::payload_kind::raw));
  auto before = std::chrono::steady_clock::now();
  channel.reset();
  CHECK(std::chrono::steady_clock::now() - before < 5s);
  CHECK(!seen.is_closed(0));
}

TEST_CASE("a batch of more than 2 GiB closes its lane [S5]" * doctest::skip(sizeof(size_t) < 8)) {
  open_channel x{1, {}};
  // The same megabyte over and over: nothing of that size is ever made.
  std::vector<std::string> attachments{std::string(1 << 20, 'x')};
  auto batch = batch_of(0, 1, std::vector<std::string>(1), core::payload_kind::raw);
  batch.items.resize(2049, batch.items[0]);
  for (auto& item : batch.items)
    item.attachments = &attachments;
  x.channel->send(batch);
  auto why = x.seen.closed(0);
  REQUIRE(why.size() == 1);
  CHECK(why[0] == "a batch is above 2 GiB");
}

TEST_CASE("nothing is called after the channel was destroyed, whatever is under way [W1]") {
  temporary_folder folder;
  for (int round = 0; round < 200; ++round) {
    fake_worker_server server{folder.path() / ("socket" + std::to_string(round)), {}};
    std::atomic<bool> destroyed{false};
    std::atomic<int> late{0}, results{0};
    auto saw = [&] { late += destroyed ? 1 : 0; };
    std::atomic<bool> greeted{false};
    auto channel = io::make_grpc_channel({
      .on_greeted =
        [&](auto) {
          saw();
          greeted = true;
        },
      .on_results =
        [&](auto) {
          ++results;
          std::this_thread::yield(); // so that some are under way when the channel goes
          saw();
        },
      .on_lane_closed = [&](auto, auto) { saw(); },
      .on_heartbeat = [&](auto, auto) { saw(); },
    });
    channel->greet(server.path(), getpid(), hello_of(2));
    // Some go in the middle of Hello, some as soon as the streams are open, some later.
    if (round % 10 != 0) {
      REQUIRE(eventually(10s, [&] { return greeted.load(); }));
      channel->open(2);
      for (uint64_t seq = 1; seq <= 40; ++seq)
        for (uint32_t lane : {0, 1})
          channel->send(batch_of(lane, seq, {"[1]"}, core::payload_kind::json));
      if (round % 2 == 0)
        eventually(10s, [&] { return results >= round % 40; });
      if (round % 7 == 0)
        server.stop();
    }
    channel.reset();
    destroyed = true;
    server.stop(); // whatever could still be called is called by now
    CHECK(late == 0);
  }
}
