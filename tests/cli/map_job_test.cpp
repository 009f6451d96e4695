#include "actors/cli/map_job.hpp"

#include "tests/cli/test_files.hpp"
#include "tests/support/shuffled_pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <thread>

using namespace snakepit;

namespace {

outcome echo(const std::string& text, unsigned) {
  return payload{false, text};
}

struct run_result {
  cli::map_end end;
  std::string written;
};

run_result run(shuffled_pool& pool, const std::string& input, cli::map_plan plan = {}) {
  test_file in;
  test_file out;
  [[maybe_unused]] auto n = ::pwrite(in.descriptor(), input.data(), input.size(), 0);
  plan.input = in.descriptor();
  plan.output = out.descriptor();
  if (plan.max_line == 0)
    plan.max_line = 1000;
  auto end = cli::map_job::make(plan, pool.submit(), {})->run();
  return {end, out.content()};
}

std::string objects(int n) {
  std::string out;
  for (int i = 0; i < n; ++i)
    out += "{\"i\": " + std::to_string(i) + "}\n";
  return out;
}

} // namespace

TEST_CASE("every line has its result, in order, whatever the order of the answers [F6]") {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    shuffled_pool pool{echo, seed};
    auto got = run(pool, objects(20000));
    CHECK(got.written == objects(20000));
    CHECK(got.end.totals.items == 20000);
    CHECK(got.end.lines == 20000);
    CHECK_FALSE(got.end.stopped);
  }
}

TEST_CASE("no input is no output [F6]") {
  shuffled_pool pool{echo};
  CHECK(run(pool, "").written.empty());
  CHECK(run(pool, "\n  \n\r\n").end.totals.items == 0);
}

TEST_CASE("blank lines are skipped but counted in line numbers [F6]") {
  shuffled_pool pool{echo};
  auto got = run(pool, "\n{\"a\": 1}\n \t\n[2]\n");
  CHECK(got.end.totals.items == 2);
  CHECK(got.written.starts_with("{\"a\": 1}\n{\"error\": "));
  CHECK(got.written.ends_with(", \"line\": 4}\n"));
}

TEST_CASE("a line above the limit is an error in its place [F6]") {
  shuffled_pool pool{echo};
  auto long_line = "{\"a\": \"" + std::string(2000, 'x') + "\"}\n";
  auto got = run(pool, "{}\n" + long_line + "{\"b\": 1}\n");
  CHECK(got.end.totals.errors == 1);
  CHECK(got.end.failure->reason == reason::too_large);
  CHECK(got.written.starts_with("{}\n{\"error\": "));
  CHECK(got.written.ends_with("\"line\": 2}\n{\"b\": 1}\n"));
}

TEST_CASE("there are never more items under way than the window holds [F6]") {
  shuffled_pool pool{echo};
  cli::map_plan plan;
  plan.flow.ceiling = plan.policy.window = 50;
  auto got = run(pool, objects(5000), plan);
  CHECK(got.written == objects(5000));
  CHECK(pool.most_at_once() <= 50);
}

TEST_CASE("retryable errors are tried again, as often as was said, others never [F6]") {
  auto answer = [](const std::string& text, unsigned attempt) -> outcome {
    if (text == "{\"i\": 1}" && attempt < 2)
      return fail(reason::pool_saturated, "full");
    if (text == "{\"i\": 2}")
      return fail(reason::pool_saturated, "always full");
    if (text == "{\"i\": 3}" && attempt < 1)
      return fail(reason::python_exception, "no");
    return echo(text, attempt);
  };
  shuffled_pool pool{answer};
  cli::map_plan plan;
  plan.retries = 2;
  auto got = run(pool, objects(4), plan);
  CHECK(got.end.totals.retries == 4);
  CHECK(got.end.totals.errors == 2);
  CHECK(got.written.starts_with("{\"i\": 0}\n{\"i\": 1}\n{\"error\": "));
}

TEST_CASE("it stops at the first error if told so [F6]") {
  auto answer = [](const std::string& text, unsigned attempt) -> outcome {
    if (text == "{\"i\": 700}")
      return fail(reason::python_exception, "no");
    return echo(text, attempt);
  };
  shuffled_pool pool{answer};
  cli::map_plan plan;
  plan.policy.errors = cli::on_error::stop;
  auto got = run(pool, objects(5000), plan);
  CHECK(got.end.stopped);
  CHECK(got.written == objects(700));
}

TEST_CASE("lines that are done are skipped; too few are noticed [F6]") {
  shuffled_pool pool{echo};
  cli::map_plan plan;
  plan.skip = 90;
  auto got = run(pool, objects(100), plan);
  CHECK(objects(90) + got.written == objects(100));
  CHECK_FALSE(got.end.too_short);
  plan.skip = 101;
  got = run(pool, objects(100), plan);
  CHECK(got.end.too_short);
}

TEST_CASE("a result with bytes is written as text for people [F6]") {
  auto answer = [](const std::string&, unsigned) -> outcome {
    return payload{false, R"({"$": ["bytes", 0]})", {"hi"}};
  };
  shuffled_pool pool{answer};
  CHECK(run(pool, "{}\n").written.find("base64") != std::string::npos);
}

TEST_CASE("stopped from outside it ends with whole lines, though calls never return [F6]") {
  std::promise<void> seen;
  std::atomic<int> count{0};
  auto never = [](std::vector<arguments>, std::function<void(size_t, outcome)>) {};
  shuffled_pool pool{echo};
  auto submit = pool.submit();
  auto mixed = [&](std::vector<arguments> args, std::function<void(size_t, outcome)> done) {
    if (count++ < 3)
      return submit(std::move(args), std::move(done));
    if (count == 4)
      seen.set_value();
    never({}, {});
  };
  test_pipe in;
  test_file out;
  in.put(objects(100));
  cli::map_plan plan;
  plan.input = in.read_end();
  plan.output = out.descriptor();
  plan.max_line = 1000;
  auto job = cli::map_job::make(plan, mixed, {});
  auto end = std::async(std::launch::async, [&] { return job->run(); });
  seen.get_future().wait();
  job->stop();
  auto written = (end.get(), out.content());
  CHECK(objects(100).starts_with(written));
  CHECK((written.empty() || written.back() == '\n'));
}

TEST_CASE("input that comes slowly is worked on as it comes [F6]") {
  shuffled_pool pool{echo};
  test_pipe in;
  test_pipe out;
  cli::map_plan plan;
  plan.input = in.read_end();
  plan.output = out.write_end();
  plan.max_line = 1000;
  auto job = cli::map_job::make(plan, pool.submit(), {});
  auto end = std::async(std::launch::async, [&] { return job->run(); });
  for (int i = 0; i < 3; ++i) {
    in.put("{}\n");
    char buffer[8];
    CHECK(::read(out.read_end(), buffer, sizeof buffer) == 3);
  }
  in.close_write();
  CHECK(end.get().totals.items == 3);
}
