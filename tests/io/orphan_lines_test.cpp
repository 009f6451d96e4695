#include "tests/support/host_process.hpp"
#include "tests/support/template_fixture.hpp"

#include <set>

using namespace snakepit;
using namespace snakepit::test;

/// Each line against orphans alone: the others are taken away from outside, through copies of the
/// processes' descriptors, by stopping who would act, or by a template that was told not to follow
/// its parent.

namespace {

constexpr int workers = 3;

struct relatives {
  int64_t templ = 0;
  std::vector<int64_t> leaders;
  std::vector<int64_t> grandchildren;
};

/// Who is who: a worker leads its group and is a child of `parent`, or of the only child of that
/// if there is a template.
relatives family_of(const host_process& host, bool forks) {
  relatives out;
  // One that is just being executed has no environment to be known by.
  eventually(10s, [&] { return host.others().size() >= 2 * workers + (forks ? 1 : 0); });
  auto all = host.others();
  auto parent_of = [](int64_t pid) { return io::read_proc_stat(pid).value().parent; };
  int64_t parent = host.pid();
  if (forks) {
    for (auto pid : all)
      if (parent_of(pid) == host.pid())
        out.templ = pid;
    REQUIRE(out.templ != 0);
    parent = out.templ;
  }
  for (auto pid : all) {
    if (parent_of(pid) == parent)
      out.leaders.push_back(pid);
    else if (pid != out.templ)
      out.grandchildren.push_back(pid);
  }
  REQUIRE(out.leaders.size() == workers);
  REQUIRE(out.grandchildren.size() >= workers);
  return out;
}

bool gone(const std::vector<int64_t>& pids) {
  return std::none_of(pids.begin(), pids.end(), is_alive);
}

bool soon_gone(const std::vector<int64_t>& pids) {
  return eventually(soon, [&] { return gone(pids); });
}

} // namespace

TEST_CASE_FIXTURE(template_fixture,
                  "the lifetime pipe alone ends forked workers, children, GIL held [R5]") {
  host_process victim{run, workers, module_path()};
  REQUIRE(victim.await_ready());
  auto family = family_of(victim, true);
  // Stopped, the template does not see any end, and cannot handle SIGTERM; it is not dead either.
  disarm(family.templ);
  ::kill(static_cast<pid_t>(family.templ), SIGSTOP);
  victim.kill();
  CHECK(soon_gone(family.leaders));
  CHECK(soon_gone(family.grandchildren));
  CHECK(is_alive(family.templ));
  ::kill(static_cast<pid_t>(family.templ), SIGKILL);
}

TEST_CASE_FIXTURE(template_fixture,
                  "the death signal alone makes the template end all its groups [R5]") {
  host_process victim{run, workers, module_path()};
  REQUIRE(victim.await_ready());
  auto family = family_of(victim, true);
  for (auto pid : family.leaders)
    disarm(pid);
  // Neither pipes nor sockets end with the host.
  auto kept = copies_of_all(victim.pid());
  victim.kill();
  CHECK(victim.all_gone(soon));
}

TEST_CASE_FIXTURE(template_fixture,
                  "the end of its pipe alone makes the template end all its groups [R5]") {
  host_process victim{run, workers, module_path(), "no-follow"};
  REQUIRE(victim.await_ready());
  auto family = family_of(victim, true);
  for (auto pid : family.leaders)
    disarm(pid);
  SUBCASE("the host is killed") {
    victim.kill();
    CHECK(victim.all_gone(soon));
  }
  SUBCASE("without the death signal, pipes and sockets kept open, they stay") {
    // That the others are off: what the subcase above proves.
    auto kept = copies_of_all(victim.pid());
    victim.kill();
    std::this_thread::sleep_for(100ms);
    CHECK_FALSE(gone(family.leaders));
    CHECK_FALSE(gone(family.grandchildren));
    kept.clear();
    CHECK(victim.all_gone(soon));
  }
}

TEST_CASE_FIXTURE(template_fixture,
                  "the death signal alone ends the leaders if the template is killed [R5]") {
  host_process victim{run, workers, module_path()};
  REQUIRE(victim.await_ready());
  auto family = family_of(victim, true);
  victim.stop(); // it does nothing, and its pipes stay
  ::kill(static_cast<pid_t>(family.templ), SIGKILL);
  CHECK(soon_gone(family.leaders));
  CHECK_FALSE(gone(family.grandchildren));
  // No leader holds the pipes' read ends any more; the host's own copies do.
  victim.kill();
  CHECK(soon_gone(family.grandchildren));
}

TEST_CASE_FIXTURE(template_fixture,
                  "the template alone ends what a dead worker leaves in its group [R5]") {
  host_process victim{run, workers, module_path()};
  REQUIRE(victim.await_ready());
  auto family = family_of(victim, true);
  for (auto pid : family.leaders)
    disarm(pid);
  victim.stop();
  for (auto pid : family.leaders)
    ::kill(static_cast<pid_t>(pid), SIGKILL);
  CHECK(soon_gone(family.grandchildren));
}

TEST_CASE("the host's kill alone ends what a dead worker leaves in its group [R5]") {
  auto run = io::make_run_id();
  host_process victim{run, workers};
  REQUIRE(victim.await_ready());
  auto family = family_of(victim, false);
  for (auto pid : family.leaders) {
    disarm(pid);
    ::kill(static_cast<pid_t>(pid), SIGKILL);
  }
  CHECK(soon_gone(family.grandchildren));
}

TEST_CASE("a host killed together with its workers leaves no child of theirs [R5]") {
  auto run = io::make_run_id();
  host_process victim{run, workers};
  REQUIRE(victim.await_ready());
  auto family = family_of(victim, false);
  victim.stop(); // so that it does not see them end
  for (auto pid : family.leaders)
    ::kill(static_cast<pid_t>(pid), SIGKILL);
  REQUIRE(soon_gone(family.leaders));
  victim.kill();
  CHECK(soon_gone(family.grandchildren));
}

TEST_CASE_FIXTURE(template_fixture, "a template that is stopped does not outlive its host [R5]") {
  host_process victim{run, workers, module_path()};
  REQUIRE(victim.await_ready());
  ::kill(static_cast<pid_t>(family_of(victim, true).templ), SIGSTOP);
  victim.kill();
  CHECK(victim.all_gone(soon));
}

TEST_CASE_FIXTURE(template_fixture, "workers that are stopped do not outlive their host [R5]") {
  host_process victim{run, workers, module_path()};
  REQUIRE(victim.await_ready());
  for (auto pid : victim.others())
    ::kill(static_cast<pid_t>(pid), SIGSTOP);
  victim.kill();
  CHECK(victim.all_gone(soon));
}

TEST_CASE_FIXTURE(template_fixture, "children that the host forks keep no worker alive [R5]") {
  SUBCASE("executed workers") {
    host_process victim{run, workers, {}, "fork"};
    REQUIRE(victim.await_ready());
    victim.kill();
    CHECK(victim.all_gone(soon));
  }
  SUBCASE("forked workers") {
    host_process victim{run, workers, module_path(), "fork"};
    REQUIRE(victim.await_ready());
    victim.kill();
    CHECK(victim.all_gone(soon));
  }
}

TEST_CASE_FIXTURE(template_fixture, "a host that becomes another program leaves no worker [R5]") {
  std::string path;
  SUBCASE("executed workers") {}
  SUBCASE("forked workers") {
    path = module_path();
  }
  host_process victim{run, workers, path, "exec"};
  REQUIRE(victim.await_ready());
  victim.signal(SIGUSR1);
  CHECK(victim.all_gone(soon));
  CHECK(is_alive(victim.pid()));
}
