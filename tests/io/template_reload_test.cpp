#include "tests/support/template_fixture.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace snakepit::test;
using namespace std::chrono_literals;

namespace {

constexpr auto reload_patience = 30s;
const auto lives_on = std::string{"import time; time.sleep(1000)"};

} // namespace

TEST_SUITE_BEGIN("template reload");

TEST_CASE_FIXTURE(template_fixture, "each origin has a template of its own [L5, W3]") {
  start();
  auto origin = std::make_shared<const io::launch_spec>(spec.launch);
  auto fork = [&](const std::shared_ptr<const io::launch_spec>& from, recorder& log) {
    auto x = worker(lives_on);
    x.origin = from;
    auto process = must_launch(*launcher, std::move(x), log);
    auto [word, parent] = how(log);
    CHECK(word == "forked");
    return std::pair{std::move(process), parent};
  };
  recorder a, b, c, d;
  auto [first, old_template] = fork(nullptr, a);
  auto [second, new_template] = fork(origin, b);
  auto [third, new_again] = fork(origin, c);
  CHECK(old_template != new_template);
  CHECK(new_template == new_again);

  // The old one lives as long as its worker does, forks no more, and is not missed.
  launcher->retire(nullptr);
  auto late = worker(lives_on);
  auto executed = must_launch(*launcher, std::move(late), d);
  CHECK(how(d).first == "executed");
  CHECK(is_alive(static_cast<pid_t>(old_template)));
  first->kill_group();
  REQUIRE(a.await_exit());
  CHECK(eventually(reload_patience, [&] { return !is_alive(static_cast<pid_t>(old_template)); }));
  CHECK(is_alive(static_cast<pid_t>(new_template)));
  CHECK(fallbacks().empty());
}

TEST_CASE_FIXTURE(template_fixture, "a template without workers ends when it is retired [L5]") {
  start();
  recorder log;
  auto process = must_launch(*launcher, worker(""), log);
  auto parent = how(log).second;
  REQUIRE(log.await_exit());
  CHECK(is_alive(static_cast<pid_t>(parent)));
  launcher->retire(nullptr);
  CHECK(eventually(reload_patience, [&] { return !is_alive(static_cast<pid_t>(parent)); }));
}

TEST_CASE_FIXTURE(template_fixture, "a template that still imports when it is retired ends [L5]") {
  folder.write("slow.py",
               "import os, time; print('pid', os.getpid(), flush=True); time.sleep(1000)\n");
  spec.launch.arguments.emplace_back("preload=slow");
  start();
  recorder log;
  std::promise<result<std::unique_ptr<io::process>>> answer;
  launcher->launch(worker(lives_on), log.events(), [&](auto x) { answer.set_value(std::move(x)); });
  REQUIRE(eventually(reload_patience, [&] { return !output().empty(); }));
  launcher->retire(nullptr);
  auto end = answer.get_future().get(); // executed
  REQUIRE(end);
  auto pid = std::stol(output().at(0).substr(4));
  CHECK(eventually(reload_patience, [&] { return !is_alive(static_cast<pid_t>(pid)); }));
  CHECK(fallbacks().empty());
}

TEST_SUITE_END();
