#include "actors/io/control_client.hpp"
#include "actors/io/control_server.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_folder.hpp"

#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace snakepit;
using namespace snakepit::test;
using namespace std::chrono_literals;

namespace {

/// A server whose calls are answered by hand, and one client.
struct server_fixture : temporary_folder {
  const std::string file = (path() / "d.sock").string();

  std::mutex mutex;
  std::vector<io::control_call> calls;
  std::vector<std::function<void(outcome)>> waiting;
  std::atomic<int> given_up{0};
  std::set<uint32_t> strangers;
  std::vector<recorded_death> deaths;
  /// Answers a call at once, if it is set.
  std::function<outcome(const io::control_call&)> answer;

  std::unique_ptr<io::control_server> server;
  std::unique_ptr<io::control_client> client;

  server_fixture() {
    serve(size_t{1} << 20);
    client = connect();
  }

  void serve(size_t most_bytes) {
    server = nullptr;
    auto socket = io::control_socket::make(file);
    REQUIRE_MESSAGE(socket, socket.error().message);
    auto started = io::control_server::start(std::move(*socket), source(), most_bytes);
    REQUIRE(started);
    server = std::move(*started);
  }

  std::unique_ptr<io::control_client> connect() {
    auto made = io::control_client::connect(file);
    REQUIRE_MESSAGE(made, made.error().message);
    return std::move(*made);
  }

  io::control_source source() {
    auto out = io::control_source{};
    out.call = [this](io::control_call x, std::function<void(outcome)> done) {
      auto guard = std::lock_guard{mutex};
      calls.push_back(x);
      if (answer)
        done(answer(x));
      else
        waiting.push_back(std::move(done));
      return [this] { ++given_up; };
    };
    out.status = [] {
      auto x = io::control_status{};
      x.instance = "here";
      x.pools.emplace_back().name = "p";
      x.pools.back().rejected = {{"pool_saturated", 3}};
      x.pools.back().workers = {{1, 2, 9, 3, "ready", 4, 5, 6us, 7, "abort", -8}};
      x.pools.back().degraded_by = "crashes";
      x.pools.back().errors_by_category = {{"timeout", 5}};
      x.pools.back().timeouts = 5;
      x.pools.back().queue_wait = {7, 1us, 2us, 3us};
      x.pools.back().total = {8, 4us, 5us, 6us};
      x.pools.back().circuits = {{"", "closed", 0, 0s}, {"add", "open", 9, 1500ms}};
      return x;
    };
    out.deaths = [this] { return deaths; };
    out.stacks = [](auto& pool, uint32_t slot, auto done) {
      if (slot != 7)
        return done(fail(reason::unavailable, pool + " has no such worker"));
      auto x = stack_report{};
      x.note = "asleep";
      done(x);
    };
    out.reload = [](auto& pool, auto done) {
      if (pool == "nobody")
        return done(fail(reason::pool_not_found, "there is no pool `nobody`"));
      auto x = reload_summary{};
      x.pools.push_back({"p", 4, 7, 1500us, error{reason::worker_start_failed, "no module"}});
      x.needs_restart = {"admin.listen"};
      done(std::move(x));
    };
    out.recycle = [](auto&, uint32_t, auto done) { std::thread{[done] { done({}); }}.detach(); };
    out.log_level = [](auto& level, auto& category) -> result<void> {
      if (level == "loud" && category == "pool")
        return {};
      return fail(reason::invalid_argument, "`" + level + "` is no level");
    };
    out.tools = [](auto&) -> result<std::vector<tool_description>> {
      return std::vector<tool_description>{{"add", "Adds.", "{}", false, true, 7, 250us}};
    };
    out.poisoned = [](bool clear) {
      return std::vector<poisoned_call>{{"p", "evil", clear ? "gone" : "SIGSEGV", 3, 2ms, 7ms}};
    };
    out.refused = [this](uint32_t uid) {
      auto guard = std::lock_guard{mutex};
      strangers.insert(uid);
    };
    return out;
  }

  size_t count() {
    auto guard = std::lock_guard{mutex};
    return waiting.size();
  }

  /// A call under way in a thread of its own, when the server has it.
  std::future<result<std::string>> call_and_wait() {
    auto before = count();
    auto out = std::async(std::launch::async, [this] {
      return client->call({"slow", json_text{"{}"}, {}});
    });
    REQUIRE(eventually(10s, [&] { return count() > before; }));
    return out;
  }

  /// As a user whom nobody knows; what the child returns is its exit code.
  int as_stranger(const std::function<int(int fd, const sockaddr_un&)>& act) {
    ::chmod(path().c_str(), 0755);
    ::chmod(file.c_str(), 0666);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    file.copy(address.sun_path, file.size());
    auto child = ::fork();
    if (child == 0) { // system calls and nothing else
      if (::setresuid(65534, 65534, 65534) != 0)
        ::_exit(99);
      ::_exit(act(::socket(AF_UNIX, SOCK_STREAM, 0), address));
    }
    auto status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
  }
};

} // namespace

TEST_SUITE_BEGIN("control_server");

TEST_CASE_FIXTURE(server_fixture, "a receipt comes with the result, and with an error [T7, E4]") {
  auto sent = call_receipt{};
  sent.queue = 1us;
  sent.batch = 2us;
  sent.run = 3us;
  sent.cpu = 4us;
  sent.cpu_calls = 5;
  sent.bytes_in = 7;
  sent.bytes_out = 8;
  sent.attempt = 9;
  sent.slot = 10;
  sent.generation = 11;
  answer = [&](const io::control_call& x) {
    if (x.tool == "refused")
      return outcome{fail(reason::pool_saturated, "full")};
    if (x.tool == "fails") {
      auto why = error{reason::python_exception, "no"};
      why.receipt = std::make_shared<call_receipt>(sent);
      return outcome{tl::unexpected{std::move(why)}};
    }
    auto out = payload{false, "1"};
    out.set_receipt(sent);
    return outcome{std::move(out)};
  };
  for (auto memory : {false, true}) {
    sent.has_memory = memory;
    sent.memory_growth = memory ? -6 : 0;
    auto got = call_receipt{};
    REQUIRE(client->call({"works", json_text{"{}"}, {}}, &got));
    CHECK(got == sent);
    auto end = client->call({"fails", json_text{"{}"}, {}});
    REQUIRE(!end);
    REQUIRE(end.error().receipt);
    CHECK(*end.error().receipt == sent);
  }
  auto end = client->call({"refused", json_text{"{}"}, {}});
  REQUIRE(!end);
  CHECK(!end.error().receipt);
}

TEST_CASE_FIXTURE(server_fixture, "a call brings its arguments, and its result comes back [E4]") {
  answer = [](const io::control_call& x) {
    if (auto* raw = std::get_if<raw_bytes>(&x.arguments))
      return outcome{payload{true, raw->data + raw->data}};
    return outcome{payload{false, std::get<json_text>(x.arguments).text}};
  };
  auto options = call_options{};
  options.pool = "p";
  options.timeout = 250ms;
  options.queue_timeout = infinite;
  options.priority = priority::high;
  options.tenant = "t";
  options.session = "s";
  options.affinity = affinity::strict_queue;
  auto json = client->call({"echo", json_text{R"({"x": [1, "\u00e9"]})"}, options});
  REQUIRE_MESSAGE(json, json.error().message);
  CHECK(*json == R"({"x": [1, "\u00e9"]})");
  auto& seen = calls.front();
  CHECK(seen.tool == "echo");
  CHECK(seen.options.pool == "p");
  CHECK(seen.options.timeout == duration{250ms});
  CHECK(seen.options.queue_timeout == infinite);
  CHECK(seen.options.priority == priority::high);
  CHECK(seen.options.tenant == "t");
  CHECK(seen.options.session == "s");
  CHECK(seen.options.affinity == affinity::strict_queue);
  auto raw = client->call({"twice", raw_bytes{std::string{"\0\xff", 2}}, {}});
  REQUIRE(raw);
  CHECK(*raw == std::string{"\0\xff\0\xff", 4});
  CHECK_FALSE(calls.back().options.timeout);
  CHECK_FALSE(calls.back().options.affinity);
}

TEST_CASE_FIXTURE(server_fixture, "an error comes with all that explains it [W9]") {
  auto why = error{reason::worker_crashed, "died", {{"tool", "boom"}, {"odd", "\xff"}}};
  why.retryable = true;
  why.python = python_error{"ValueError", "no", {{"a.py", 3, "f", "x = 1"}}, {}};
  why.python->cause = std::make_shared<python_error>(python_error{"KeyError", "k", {}, {}});
  auto certificate = death_certificate{};
  certificate.id = "r/p/0.1";
  certificate.pool = "p";
  certificate.generation = 1;
  certificate.cause = "SIGSEGV";
  certificate.signal = 11;
  certificate.signal_name = "SIGSEGV";
  certificate.exit_code = 0;
  certificate.running = {{"boom", 12, 5ms, 3}};
  certificate.age = 90ms;
  certificate.max_rss_bytes = 1 << 20;
  certificate.last_stderr = "last \xfe words";
  certificate.stacks.fatal = "Segmentation fault";
  certificate.stacks.python.emplace_back().frames = {{"a.py", 3, "f", ""}};
  certificate.stacks.python.back().runs_tool = true;
  certificate.stacks.python.back().tool_frames = 1;
  certificate.stacks.kernel = {{42, "python3", 'S', "futex"}};
  why.certificate = std::make_shared<death_certificate>(certificate);
  why.stacks = std::make_shared<stack_report>(certificate.stacks);
  answer = [&](auto&) { return outcome{tl::unexpected{why}}; };
  auto end = client->call({"boom", json_text{"{}"}, {}});
  REQUIRE_FALSE(end);
  CHECK(end.error().certificate->last_stderr == "last \xfe words");
  CHECK(end.error().details.at("odd") == "\xef\xbf\xbd");
  why.details["odd"] = "\xef\xbf\xbd";
  CHECK(to_json(end.error()) == to_json(why));
  CHECK(to_text(*end.error().certificate) == to_text(certificate));
}

TEST_CASE_FIXTURE(server_fixture, "a call that its caller cancels is given up [Q4]") {
  auto end = call_and_wait();
  client->cancel();
  auto it = end.get();
  REQUIRE_FALSE(it);
  CHECK(it.error().reason == reason::cancelled);
  CHECK(eventually(10s, [&] { return given_up == 1; }));
  waiting[0](payload{false, "1"}); // too late, into the void
  CHECK(client->call({"later", json_text{"{}"}, {}}).error().reason == reason::cancelled);
}

TEST_CASE_FIXTURE(server_fixture, "the end of a server ends its calls [R7]") {
  auto end = call_and_wait();
  server = nullptr;
  auto it = end.get();
  REQUIRE_FALSE(it);
  CHECK(it.error().reason == reason::unavailable);
  CHECK(it.error().details.at("daemon") == "gone");
  CHECK(given_up == 1);
  waiting[0](payload{false, "1"});
  CHECK_FALSE(std::filesystem::exists(file));
  CHECK(io::control_client::connect(file).error().details.at("daemon") == "none");
}

TEST_CASE_FIXTURE(server_fixture, "each request has its answer [E4]") {
  auto status = client->status();
  REQUIRE(status);
  CHECK(status->instance == "here");
  CHECK(status->pid == ::getpid());
  CHECK(status->pools.at(0).name == "p");
  CHECK(status->pools.at(0).rejected.at("pool_saturated") == 3);
  CHECK(status->pools.at(0).workers.at(0).pid == 3);
  CHECK(status->pools.at(0).workers.at(0).revision == 9);
  auto& worker = status->pools.at(0).workers.at(0);
  CHECK(worker.in_flight == 4);
  CHECK(worker.calls == 5);
  CHECK(worker.age == 6us);
  CHECK(worker.memory_bytes == 7);
  CHECK(worker.tainted == "abort");
  CHECK(worker.memory_growth == -8);
  CHECK(status->pools.at(0).degraded_by == "crashes");
  CHECK(status->pools.at(0).errors_by_category.at("timeout") == 5);
  CHECK(status->pools.at(0).timeouts == 5);
  CHECK(status->pools.at(0).queue_wait.calls == 7);
  CHECK(status->pools.at(0).queue_wait.p99 == 3us);
  CHECK(status->pools.at(0).total.p50 == 4us);
  CHECK(status->pools.at(0).total.p90 == 5us);
  REQUIRE(status->pools.at(0).circuits.size() == 2);
  CHECK(status->pools.at(0).circuits[1].tool == "add");
  CHECK(status->pools.at(0).circuits[1].state == "open");
  CHECK(status->pools.at(0).circuits[1].failures == 9);
  CHECK(status->pools.at(0).circuits[1].left == 1500ms);
  CHECK(client->stacks("p", 7)->note == "asleep");
  auto none = client->stacks("p", 8);
  REQUIRE_FALSE(none);
  CHECK(none.error().message == "p has no such worker");
  CHECK(none.error().details.empty()); // the daemon is there
  CHECK(client->recycle("p", 0));
  auto reloaded = client->reload({});
  REQUIRE(reloaded);
  REQUIRE(reloaded->pools.size() == 1);
  auto& report = reloaded->pools[0];
  CHECK(report.pool == "p");
  CHECK(report.revision == 4);
  CHECK(report.replaced == 7);
  CHECK(report.took == 1500us);
  REQUIRE(report.failure);
  CHECK(report.failure->reason == reason::worker_start_failed);
  CHECK(reloaded->needs_restart == std::vector<std::string>{"admin.listen"});
  CHECK(client->reload("nobody").error().reason == reason::pool_not_found);
  CHECK(client->log_level("loud", "pool"));
  CHECK(client->log_level("x", "").error().reason == reason::invalid_argument);
  auto tools = client->tools("");
  REQUIRE(tools);
  CHECK(tools->at(0).name == "add");
  CHECK(tools->at(0).idempotent);
  CHECK(tools->at(0).batch_size == 7);
  CHECK((tools->at(0).batch_delay == 250us));
  auto poisoned = client->poisoned(false);
  REQUIRE(poisoned);
  CHECK(poisoned->at(0).tool == "evil");
  CHECK(poisoned->at(0).cause == "SIGSEGV");
  CHECK(poisoned->at(0).deaths == 3);
  CHECK(poisoned->at(0).since == 2ms);
  CHECK(poisoned->at(0).left == 7ms);
  CHECK(client->poisoned(true)->at(0).cause == "gone");
}

TEST_CASE_FIXTURE(server_fixture, "deaths are found by their number and by their name [W9]") {
  for (auto* id : {"r/p/0.12", "r/p/0.2", "r/q/0.2"}) {
    auto one = death_certificate{};
    one.id = id;
    deaths.push_back(
      {std::chrono::system_clock::time_point{1234567us}, std::make_shared<death_certificate>(one)});
  }
  CHECK(client->deaths(0, "")->size() == 3);
  CHECK(client->deaths(2, "")->size() == 2);
  CHECK(client->deaths(0, "p/0.2")->at(0).certificate->id == "r/p/0.2");
  CHECK(client->deaths(0, "0.2")->size() == 2);
  CHECK(client->deaths(0, ".2")->empty());
  CHECK(client->deaths(0, "r/p/0.12")->at(0).at.time_since_epoch() == 1234567us);
}

TEST_CASE_FIXTURE(server_fixture, "a request above the bound is refused and harms nobody [S5]") {
  auto big = client->call({"x", raw_bytes{std::string(size_t{2} << 20, 'x')}, {}});
  REQUIRE_FALSE(big);
  CHECK(big.error().reason == reason::too_large);
  CHECK(calls.empty());
  CHECK(client->status());
}

TEST_CASE_FIXTURE(server_fixture, "another user is refused [S1] [RL-9]") {
  if (::geteuid() != 0) {
    MESSAGE("not run: it takes root to become somebody else");
    return;
  }
  auto code = as_stranger([](int fd, const sockaddr_un& address) {
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return 97;
    char byte = 0;
    return ::read(fd, &byte, 1) == 0 ? 0 : 1; // closed, without a word
  });
  CHECK(code == 0);
  CHECK(eventually(10s, [&] {
    auto guard = std::lock_guard{mutex};
    return strangers == std::set<uint32_t>{65534};
  }));
  CHECK(client->status());
}

TEST_CASE_FIXTURE(server_fixture, "who says nothing or nonsense holds nobody up [RL-9]") {
  auto silent = io::connect_to_control(file);
  auto mad = io::connect_to_control(file);
  REQUIRE(silent);
  REQUIRE(mad);
  auto junk = std::string(4096, '\xaa');
  CHECK(::write(mad->get(), junk.data(), junk.size()) > 0);
  CHECK(client->status());
  auto begun = std::chrono::steady_clock::now();
  server = nullptr;
  CHECK(std::chrono::steady_clock::now() - begun < 5s);
}

TEST_CASE_FIXTURE(server_fixture, "who connects when there is no room waits for it [RL-9]") {
  CHECK(client->status());
  auto idle = std::vector<io::descriptor>{};
  for (int i = 0; i < 255; ++i) { // with the client's as many as there may be
    auto one = io::connect_to_control(file);
    REQUIRE_MESSAGE(one, one.error().message);
    idle.push_back(std::move(*one));
  }
  auto next = connect();
  auto status = std::async(std::launch::async, [&] { return next->status(); });
  CHECK(status.wait_for(100ms) == std::future_status::timeout);
  CHECK(client->status()); // it has its place
  idle.pop_back();
  CHECK(status.get());
}

TEST_SUITE_END();
