#include "runtime_fixture.hpp"

#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <mutex>

using namespace snakepit;
using namespace std::chrono_literals;

/// Tools that are given many calls at once, in real workers.

TEST_SUITE_BEGIN("public batching");

namespace {

struct batching_fixture : runtime_fixture {
  using clock = std::chrono::steady_clock;

  pool_config batches(size_t workers = 1) const {
    auto x = pool("default", workers, SNAKEPIT_SOURCE_ROOT "/tests/public/batching.py:Model");
    x.restart.backoff = {0ms};
    x.retry.backoff = {0ms};
    return x;
  }

  runtime ready(pool_config x) const {
    auto uut = start({std::move(x)});
    auto started = uut.await_started();
    REQUIRE_MESSAGE(started, to_string(started.error()));
    return uut;
  }

  static arguments numbered(int64_t x) {
    return value{{"x", x}};
  }
  static arguments order(const std::string& what, double seconds = 0) {
    return value{{"do", what}, {"seconds", seconds}};
  }

  /// The ends of calls that were made in one message.
  static std::vector<outcome> all(runtime& x, const std::string& tool, std::vector<arguments> calls,
                                  const call_options& options = {}) {
    struct board {
      std::mutex mutex;
      std::vector<outcome> ends;
      size_t missing;
      std::promise<void> done;
    };
    auto n = calls.size();
    auto to = std::make_shared<board>();
    to->ends.assign(n, outcome{fail(reason::internal, "no end")});
    to->missing = n;
    x.submit_many(tool, std::move(calls), options, [to](size_t i, outcome end) {
      auto guard = std::unique_lock{to->mutex};
      to->ends[i] = std::move(end);
      if (--to->missing == 0)
        to->done.set_value();
    });
    REQUIRE((to->done.get_future().wait_for(30s) == std::future_status::ready));
    return std::move(to->ends);
  }

  static size_t size_of(const outcome& x) {
    REQUIRE_MESSAGE(x, to_string(x.error()));
    auto text = x->text();
    return std::stoul(text.substr(text.find(',') + 1));
  }
};

} // namespace

TEST_CASE_FIXTURE(batching_fixture, "32 calls at once reach Python as one list [Q8]") {
  auto uut = ready(batches());
  auto calls = std::vector<arguments>{};
  for (int i = 0; i < 32; ++i)
    calls.push_back(numbered(i));
  auto fastest = clock::duration::max();
  for (int round = 0; round < 5 && fastest >= 900ms; ++round) {
    auto begun = clock::now();
    auto ends = all(uut, "patient", calls);
    fastest = std::min<clock::duration>(fastest, clock::now() - begun);
    for (size_t i = 0; i < ends.size(); ++i)
      CHECK(ends[i]->text() == "[32," + std::to_string(i) + "]");
  }
  CHECK(fastest < 900ms); // a full group is not held back
  auto tools = uut.tools().value();
  auto counted = std::map<std::string, uint32_t>{};
  for (auto& x : tools)
    counted[x.name] = x.batch_size;
  CHECK(counted.at("patient") == 32);
  CHECK(counted.at("alone") == 0);
}

TEST_CASE_FIXTURE(batching_fixture, "a call by itself is answered when it has waited enough [Q8]") {
  auto uut = ready(batches());
  auto begun = clock::now();
  CHECK(uut.execute("size", numbered(7)).value() == value(value::list{1, 7}));
  auto took = clock::now() - begun;
  CHECK(took >= 200ms);
  CHECK(took < 10s);
}

TEST_CASE_FIXTURE(batching_fixture, "the wait for others ends early for a deadline [Q2, Q8]") {
  auto uut = ready(batches());
  auto hurry = call_options{};
  hurry.timeout = 900ms; // less than it waits at most
  auto in_time = false;
  for (int i = 0; i < 5 && !in_time; ++i)
    in_time = uut.execute("patient", numbered(7), hurry).has_value();
  CHECK(in_time);
}

TEST_CASE_FIXTURE(batching_fixture, "other calls do not wait for a group [Q8]") {
  auto uut = ready(batches());
  auto held = uut.execute_async("patient", numbered(7));
  CHECK(uut.execute("alone", numbered(1)).value() == value{1});
  CHECK((held.future.wait_for(0s) == std::future_status::timeout));
  held.handle.cancel();
  CHECK(held.future.get().error().reason == reason::cancelled);
}

TEST_CASE_FIXTURE(batching_fixture, "an item that is bad fails alone [Q8]") {
  auto uut = ready(batches());
  auto calls = std::vector<arguments>(8, order(""));
  calls[3] = order("fail");
  calls[5] = order("unserializable");
  calls[6] = value{{"do", 7}}; // does not fit the schema of one call
  auto ends = all(uut, "each", calls);
  for (auto i : {0, 1, 2, 4, 7})
    CHECK(size_of(ends[static_cast<size_t>(i)]) == 7);
  REQUIRE(!ends[3]);
  CHECK(ends[3].error().reason == reason::python_exception);
  REQUIRE(ends[3].error().python);
  CHECK(ends[3].error().python->type == "ValueError");
  REQUIRE(!ends[5]);
  CHECK(ends[5].error().reason == reason::unserializable);
  REQUIRE(!ends[6]);
  CHECK(ends[6].error().reason == reason::schema_mismatch);
}

TEST_CASE_FIXTURE(batching_fixture, "what the function does wrong is the error of each call [Q8]") {
  auto uut = ready(batches());
  for (auto& end : all(uut, "each", {order(""), order("raise"), order("")})) {
    REQUIRE(!end);
    REQUIRE(end.error().python);
    CHECK(end.error().python->type == "KeyError");
  }
  for (auto& end : all(uut, "wrong", {numbered(1), numbered(2)})) {
    REQUIRE(!end);
    CHECK(end.error().reason == reason::python_exception);
    CHECK(end.error().message.find("was given 2 calls and returned 1 results")
          != std::string::npos);
  }
  CHECK(uut.stats()[0].worker_exits == 0);
}

TEST_CASE_FIXTURE(batching_fixture, "with its worker a whole group is lost [Q8, W9]") {
  auto uut = ready(batches());
  auto once = call_options{};
  once.idempotent = false;
  auto ends = all(uut, "each", {order(""), order("die"), order("")}, once);
  for (auto& end : ends) {
    REQUIRE(!end);
    CHECK(end.error().reason == reason::worker_crashed);
    REQUIRE(end.error().certificate);
    REQUIRE(end.error().certificate->running.size() == 1);
    CHECK(end.error().certificate->running[0].calls == 3);
  }
  CHECK(uut.execute_raw("raw", "ab").value() == "ba of 1");
}

TEST_CASE_FIXTURE(batching_fixture,
                  "what may run again does so alone, and the cause shows [F1, Q8]") {
  auto uut = ready(batches(2));
  auto ends = all(uut, "each", {order(""), order("die"), order("")});
  CHECK(size_of(ends[0]) == 1);
  CHECK(size_of(ends[2]) == 1);
  REQUIRE(!ends[1]);
  CHECK(ends[1].error().reason == reason::worker_crashed);
  CHECK(size_of(all(uut, "each", {order("die once")})[0]) == 1);
}

TEST_CASE_FIXTURE(batching_fixture, "one call of a group can be given up [Q3, Q8]") {
  auto uut = ready(batches());
  auto mark = state_dir / "begun";
  auto slow = uut.execute_async("pair", value{{"begun", mark.string()}, {"seconds", 4.0}});
  auto other = uut.execute_async("pair", value{{"begun", mark.string()}, {"seconds", 0.0}});
  while (!std::filesystem::exists(mark) && slow.future.wait_for(1ms) != std::future_status::ready) {
  }
  slow.handle.cancel();
  CHECK(slow.future.get().error().reason == reason::cancelled);
  CHECK((other.future.wait_for(0s) == std::future_status::timeout)); // nobody waited for the other
  CHECK(other.future.get().value() == value{2});                     // and the group went on
  std::filesystem::remove(mark);
  CHECK(uut.stats()[0].worker_exits == 0);
}

TEST_CASE_FIXTURE(batching_fixture, "a group ends when all of its calls are over [Q5, Q8]") {
  auto uut = ready(batches());
  auto begun = clock::now();
  auto hurry = call_options{};
  hurry.timeout = 400ms;
  auto ends = all(uut, "each", {order("sleep", 30), order("sleep", 30)}, hurry);
  for (auto& end : ends)
    CHECK(end.error().reason == reason::deadline_exceeded);
  CHECK(uut.execute("alone", numbered(1)).value() == value{1}); // it was interrupted
  CHECK(clock::now() - begun < 5s);
  CHECK(uut.stats()[0].worker_exits == 0);
}

TEST_CASE_FIXTURE(batching_fixture, "raw calls go in groups too [D3, Q8]") {
  auto uut = ready(batches());
  CHECK(uut.execute_raw("raw", "abc").value() == "cba of 1");
  auto ends = all(uut, "raw", std::vector<arguments>(4, raw_bytes{"xyz"}));
  for (auto& end : ends) {
    REQUIRE(end);
    CHECK(end->is_raw());
    CHECK(end->text() == "zyx of 4");
  }
}

TEST_CASE_FIXTURE(batching_fixture, "a worker with threads runs a group in each lane [Q8, W5]") {
  auto cfg = batches();
  cfg.profile = "thread";
  cfg.lanes = 3;
  auto uut = ready(std::move(cfg));
  auto calls = std::vector<arguments>(192, order(""));
  for (auto i : {0, 64, 128})
    calls[static_cast<size_t>(i)] = order("meet"); // none goes on before all three have come
  auto process = std::string{};
  for (auto& end : all(uut, "each", calls)) {
    CHECK(size_of(end) == 64);
    auto text = end->text();
    process = process.empty() ? text : process;
    CHECK(text == process);
  }
  auto both = all(uut, "on_main", {numbered(1), numbered(2)});
  CHECK(both[0]->text() == "2");
  auto slow = call_options{};
  slow.timeout = 1s;
  CHECK(all(uut, "each", {order("sleep", 2)}, slow)[0].error().reason == reason::deadline_exceeded);
}

TEST_SUITE_END();
