#include "actors/io/host_limits.hpp"
#include "actors/io/run_directory.hpp"
#include "tests/support/template_fixture.hpp"

#include <csignal>
#include <map>
#include <sstream>

#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace snakepit;
using namespace snakepit::test;

/// What the kernel holds workers to, however they are started, and who they are.

namespace {

constexpr uint64_t mib = uint64_t{1} << 20;

io::worker_limits all_limits() {
  return {.memory = 512 * mib, .files = 200, .cpu_seconds = 1000, .core = 0, .nice = 3};
}

/// Soft and hard, as /proc/PID/limits has them.
std::map<std::string, std::pair<std::string, std::string>> limits_of(int64_t pid) {
  constexpr size_t name_width = 26;
  auto text = io::read_small_file("/proc/" + std::to_string(pid) + "/limits");
  REQUIRE(text);
  std::map<std::string, std::pair<std::string, std::string>> out;
  std::istringstream lines{*text};
  for (std::string line; std::getline(lines, line);) {
    auto name = line.substr(0, name_width);
    name.erase(name.find_last_not_of(' ') + 1);
    std::istringstream rest{line.substr(std::min(line.size(), name_width))};
    rest >> out[name].first >> out[name].second;
  }
  return out;
}

using both = std::pair<std::string, std::string>;

void check_limits(int64_t pid) {
  auto found = limits_of(pid);
  CHECK(found["Max data size"] == both{"536870912", "536870912"});
  CHECK(found["Max open files"] == both{"200", "200"});
  CHECK(found["Max cpu time"] == both{"1000", "1001"});
  CHECK(found["Max core file size"] == both{"0", "0"});
  errno = 0;
  auto nice = ::getpriority(PRIO_PROCESS, static_cast<id_t>(pid));
  CHECK(errno == 0);
  CHECK(nice == std::min(19, ::getpriority(PRIO_PROCESS, 0) + 3));
}

std::string status_line(int64_t pid, const std::string& name) {
  auto text = io::read_small_file("/proc/" + std::to_string(pid) + "/status");
  REQUIRE(text);
  auto at = text->find("\n" + name + ":");
  REQUIRE(at != std::string::npos);
  at += name.size() + 3;
  return text->substr(at, text->find('\n', at) - at);
}

io::worker_user nobody() {
  auto* entry = ::getpwnam("nobody");
  REQUIRE(entry != nullptr);
  return {entry->pw_uid, entry->pw_gid, {entry->pw_gid}, "nobody", entry->pw_dir};
}

/// Real, effective, saved and that of the file system.
std::string four(uint32_t id) {
  auto x = std::to_string(id);
  return x + "\t" + x + "\t" + x + "\t" + x;
}

void check_user(int64_t pid, const io::worker_user& user) {
  CHECK(status_line(pid, "Uid") == four(user.id));
  CHECK(status_line(pid, "Gid") == four(user.group));
  CHECK(status_line(pid, "Groups") == std::to_string(user.group) + " ");
  CHECK(status_line(pid, "NoNewPrivs") == "1");
  CHECK(status_line(pid, "CapEff") == std::string(16, '0'));
}

/// Root is needed to become somebody.
bool is_root() {
  if (::geteuid() == 0)
    return true;
  MESSAGE("left out: only root can become another user");
  return false;
}

} // namespace

TEST_CASE("an executed worker has its limits [S3] [W3]") {
  recorder log;
  auto launcher = make_launcher();
  auto spec = shell("echo up; sleep 1000");
  spec.limits = all_limits();
  auto process = must_launch(*launcher, spec, log);
  REQUIRE(log.await_output(1));
  check_limits(process->identity().pid);
}

TEST_CASE_FIXTURE(template_fixture, "a forked worker has its limits, its template not [S3] [W3]") {
  start();
  recorder log;
  auto spec = worker("import time; time.sleep(1000)");
  spec.limits = all_limits();
  auto process = must_launch(*launcher, spec, log);
  auto [by, parent] = how(log);
  REQUIRE(by == "forked");
  check_limits(process->identity().pid);
  auto ours = limits_of(::getpid());
  auto its = limits_of(parent);
  CHECK(its["Max open files"] == ours["Max open files"]);
  CHECK(its["Max data size"] == ours["Max data size"]);
  CHECK(its["Max cpu time"] == ours["Max cpu time"]);
}

TEST_CASE("a worker without limits has the host's, but leaves no core file [S3]") {
  recorder log;
  auto launcher = make_launcher();
  auto process = must_launch(*launcher, shell("echo up; sleep 1000"), log);
  REQUIRE(log.await_output(1));
  auto ours = limits_of(::getpid());
  auto its = limits_of(process->identity().pid);
  for (auto name : {"Max data size", "Max open files", "Max cpu time", "Max processes"})
    CHECK(its[name] == ours[name]);
  CHECK(its["Max core file size"] == both{"0", "0"});
}

TEST_CASE("a core file is left if somebody wants one [S3]") {
  auto host = limits_of(::getpid())["Max core file size"].second;
  if (host == "0") {
    MESSAGE("left out: this host may leave none");
    return;
  }
  recorder log;
  auto launcher = make_launcher();
  auto spec = shell("ulimit -c; ulimit -Hc");
  spec.limits.core = 1024 * 1024;
  auto process = must_launch(*launcher, spec, log);
  REQUIRE(log.await_exit());
  CHECK(log.output().at(0) == log.output().at(1));
  CHECK(log.output().at(0) != "0");
}

TEST_CASE("processor time ends a worker by SIGXCPU, not by SIGKILL [S3] [W9]") {
  recorder log;
  auto launcher = make_launcher();
  auto spec = shell("while :; do :; done");
  spec.limits.cpu_seconds = 1;
  auto process = must_launch(*launcher, spec, log);
  REQUIRE(log.await_exit());
  CHECK(log.exit()->signal == SIGXCPU);
}

TEST_CASE("a limit that the kernel refuses is an error that names it [W3]") {
  recorder log;
  auto launcher = make_launcher();
  auto spec = shell("true");
  spec.limits.files = uint64_t{1} << 40; // above fs.nr_open, which binds root, too
  auto refused = launch(*launcher, spec, log.events());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason == reason::worker_start_failed);
  CHECK(refused.error().details.at("step") == "setting limits.files");
  CHECK(refused.error().details.at("errno") == "EPERM");
}

TEST_CASE("limits above the host's own are reduced, and that is said [S3]") {
  rlimit host{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &host) == 0);
  REQUIRE(host.rlim_max != RLIM_INFINITY);
  limits_config wanted;
  wanted.files = host.rlim_max + 1;
  wanted.nice = 5;
  auto fitted = io::fit_limits(wanted);
  CHECK(fitted.limits.files == host.rlim_max);
  CHECK(fitted.limits.nice == 5);
  CHECK(fitted.reduced
        == std::vector<std::string>{"limits.files is " + std::to_string(host.rlim_max)});
  wanted.files = host.rlim_max;
  CHECK(io::fit_limits(wanted).reduced.empty());
}

TEST_CASE("a user that does not exist is an error with its name [S3]") {
  auto found = io::find_user("no-such-user-here");
  REQUIRE_FALSE(found);
  CHECK(found.error().reason == reason::invalid_config);
  CHECK(found.error().message.find("`no-such-user-here`: there is no such user")
        != std::string::npos);
}

TEST_CASE("the host's own user needs no change, another one needs root [S3]") {
  auto* self = ::getpwuid(::geteuid());
  if (self != nullptr) {
    auto own = io::find_user(self->pw_name);
    REQUIRE(own);
    CHECK_FALSE(*own);
  }
  auto other = io::find_user(::geteuid() == 0 ? "nobody" : "root");
  if (::geteuid() == 0) {
    REQUIRE(other);
    REQUIRE(*other);
    CHECK((*other)->id == nobody().id);
    CHECK((*other)->groups == nobody().groups);
  } else {
    REQUIRE_FALSE(other);
    CHECK(other.error().message.find("only root") != std::string::npos);
  }
}

TEST_CASE("an executed worker becomes another user, without privileges [S3] [W3]") {
  if (!is_root())
    return;
  recorder log;
  auto launcher = make_launcher();
  auto spec = shell("echo up; sleep 1000");
  spec.user = nobody();
  spec.limits = all_limits();
  auto process = must_launch(*launcher, spec, log);
  REQUIRE(log.await_output(1));
  auto pid = process->identity().pid;
  check_user(pid, nobody());
  check_limits(pid);
  // What finds workers that were left behind.
  CHECK(io::read_small_file("/proc/" + std::to_string(pid) + "/environ"));
  process->kill_group();
  REQUIRE(log.await_exit());
  CHECK(log.exit()->signal == SIGKILL);
}

TEST_CASE("the lifetime pipe ends a worker who is another user [S3] [R5]") {
  if (!is_root())
    return;
  recorder log;
  auto launcher = make_launcher();
  auto spec = shell("trap '' TERM; echo up; sleep 1000");
  spec.user = nobody();
  auto process = must_launch(*launcher, spec, log);
  REQUIRE(log.await_output(1));
  auto pid = process->identity().pid;
  process.reset();
  CHECK(eventually(patience, [&] { return !is_alive(pid); }));
}

TEST_CASE_FIXTURE(template_fixture,
                  "a template of another user forks workers who are that user [S3] [W3]") {
  if (!is_root())
    return;
  spec.launch.user = nobody();
  // The fixture's folder is private to root.
  std::filesystem::permissions(
    folder.path(), std::filesystem::perms::others_read | std::filesystem::perms::others_exec,
    std::filesystem::perm_options::add);
  std::filesystem::permissions(folder.path() / "scripted.py", std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  start();
  recorder log;
  auto own = worker("import time; time.sleep(1000)");
  own.user = nobody();
  own.limits = all_limits();
  auto process = must_launch(*launcher, own, log);
  auto [by, parent] = how(log);
  REQUIRE(by == "forked");
  check_user(parent, nobody());
  check_user(process->identity().pid, nobody());
  check_limits(process->identity().pid);
  SUBCASE("it dies with its template") {
    ::kill(static_cast<pid_t>(parent), SIGKILL);
    REQUIRE(log.await_exit());
    CHECK(log.exit()->template_died);
  }
  SUBCASE("its owner ends it") {
    auto pid = process->identity().pid;
    process.reset();
    CHECK(eventually(patience, [&] { return !is_alive(pid); }));
  }
}

TEST_CASE("another user has a folder of its own for sockets, which only it and root reach [S1]") {
  if (!is_root())
    return;
  temporary_folder parent;
  std::string path;
  {
    auto place = io::run_directory::make((parent.path() / "r").string(), io::make_run_id());
    REQUIRE(place);
    auto folder = place->folder_for(nobody());
    REQUIRE(folder);
    path = folder->path;
    struct stat about {};
    REQUIRE(::stat(path.c_str(), &about) == 0);
    CHECK(about.st_uid == nobody().id);
    CHECK((about.st_mode & 07777) == 0700);
    REQUIRE(::stat(place->path().c_str(), &about) == 0);
    CHECK(about.st_uid == 0);
    CHECK((about.st_mode & 07777) == 0700);
    auto again = place->folder_for(nobody());
    REQUIRE(again);
    CHECK(again->path == path);
    // A worker gets in through the descriptor and by no path.
    recorder log;
    auto launcher = make_launcher();
    auto spec =
      shell("touch /proc/self/fd/8/x && echo in; ls " + path + " 2>/dev/null || echo out");
    spec.user = nobody();
    spec.socket_folder = folder->fd;
    auto process = must_launch(*launcher, spec, log);
    REQUIRE(log.await_exit());
    CHECK(log.output() == std::vector<std::string>{"in", "out"});
  }
  CHECK_FALSE(std::filesystem::exists(path));
}
