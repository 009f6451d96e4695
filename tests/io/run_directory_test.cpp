#include "actors/io/run_directory.hpp"

#include "tests/support/launching.hpp"

#include <set>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace snakepit;
using namespace snakepit::test;
namespace fs = std::filesystem;

namespace {

mode_t mode_of(const fs::path& path) {
  struct stat about {};
  REQUIRE(::lstat(path.c_str(), &about) == 0);
  return about.st_mode & 07777;
}

void bind_socket(const std::string& path) {
  io::descriptor fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

std::string directory_fault(const std::string& folder,
                            const std::string& run_id = io::make_run_id()) {
  auto made = io::run_directory::make(folder, run_id);
  REQUIRE_FALSE(made);
  CHECK(made.error().reason == reason::invalid_config);
  return made.error().message;
}

/// Sets a variable of the environment for the time of a test.
class scoped_variable {
public:
  scoped_variable(const char* name, const char* value) : name_{name} {
    if (auto* old = std::getenv(name))
      old_ = old;
    value != nullptr ? ::setenv(name, value, 1) : ::unsetenv(name);
  }
  ~scoped_variable() {
    old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_);
  }

private:
  const char* name_;
  std::optional<std::string> old_;
};

} // namespace

TEST_CASE("the run directory is private, and gone with all in it at the end [S1]") {
  temporary_folder folder;
  auto base = folder.path() / "a" / "run";
  auto id = io::make_run_id();
  {
    auto made = io::run_directory::make(base.string(), id);
    REQUIRE_MESSAGE(made, made.error().message);
    CHECK(made->path() == (base / id).string());
    CHECK(mode_of(base) == 0700);
    CHECK(mode_of(made->path()) == 0700);
    bind_socket(made->next_socket());
  }
  CHECK_FALSE(fs::exists(base / id));
  CHECK(fs::exists(base));
}

TEST_CASE("no socket path is given twice, from any thread [S1]") {
  temporary_folder folder;
  auto made = io::run_directory::make(folder.path().string(), io::make_run_id());
  REQUIRE(made);
  std::vector<std::string> paths[4];
  std::vector<std::thread> threads;
  for (auto& mine : paths)
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i)
        mine.push_back(made->next_socket());
    });
  for (auto& x : threads)
    x.join();
  std::set<std::string> all;
  for (const auto& mine : paths)
    all.insert(mine.begin(), mine.end());
  CHECK(all.size() == 400);
  CHECK(all.contains(made->path() + "/1.sock"));
}

TEST_CASE("a run directory that others may enter, or own, or have put a link at, is refused [S1]") {
  temporary_folder folder;
  auto path = folder.path() / "run";
  SUBCASE("others may enter") {
    fs::create_directory(path);
    fs::permissions(path, fs::perms{0750});
    CHECK(directory_fault(path.string()).find("others may enter it; `chmod 700` it")
          != std::string::npos);
  }
  SUBCASE("a link") {
    fs::create_directory(folder.path() / "target");
    fs::permissions(folder.path() / "target", fs::perms{0700});
    fs::create_directory_symlink("target", path);
    CHECK(directory_fault(path.string()).find("or a link to one") != std::string::npos);
  }
  SUBCASE("a file") {
    folder.write("run", "");
    CHECK(directory_fault(path.string()).find("it is not a folder") != std::string::npos);
  }
  SUBCASE("somebody else's") {
    // Only root can give files away.
    fs::create_directory(path);
    fs::permissions(path, fs::perms{0700});
    if (::chown(path.c_str(), 65534, 65534) == 0)
      CHECK(directory_fault(path.string()).find("it belongs to user 65534") != std::string::npos);
  }
  SUBCASE("cannot be made") {
    CHECK(directory_fault("/proc/nothing/run").find("No such file or directory")
          != std::string::npos);
  }
  SUBCASE("a link where the run's own folder would be") {
    auto id = io::make_run_id();
    fs::create_directory_symlink("/tmp", folder.path() / id);
    CHECK(directory_fault(folder.path().string(), id).find("File exists") != std::string::npos);
  }
}

TEST_CASE("a run directory too long for sockets is refused with advice, at the very byte [S1]") {
  temporary_folder folder;
  auto id = io::make_run_id();
  // PATH/ID/4294967295.sock and the null byte fill sun_path.
  const auto longest = sizeof(sockaddr_un::sun_path) - 1 - (1 + id.size() + 1 + 10 + 5);
  auto base = folder.path().string() + "/";
  base += std::string(longest - base.size(), 'x');
  {
    auto made = io::run_directory::make(base, id);
    REQUIRE_MESSAGE(made, made.error().message);
    bind_socket(made->path() + "/4294967295.sock");
  }
  CHECK(directory_fault(base + "x", id).find("set instance.run_dir to a shorter one")
        != std::string::npos);
}

TEST_CASE("what a dead run left is removed by the next, a living run's and others' are not [R5]") {
  temporary_folder folder;
  auto base = folder.path().string();
  auto dead = folder.path() / io::make_run_id();
  fs::create_directory(dead);
  bind_socket((dead / "1.sock").string());
  auto precious = folder.path() / "precious";
  fs::create_directory(precious);
  auto looks_alike = folder.path() / io::make_run_id();
  fs::create_directory(looks_alike);
  std::ofstream{looks_alike / "file"} << "text";
  auto alive = io::run_directory::make(base, io::make_run_id());
  REQUIRE(alive);
  CHECK_FALSE(fs::exists(dead));
  bind_socket(alive->next_socket());
  auto next = io::run_directory::make(base, io::make_run_id());
  REQUIRE(next);
  CHECK(fs::exists(alive->path() + "/1.sock"));
  CHECK(fs::exists(precious));
  CHECK(fs::exists(looks_alike / "file"));
}

TEST_CASE("folders of other users in a dead run are removed, too, but no file of anybody's [R5]") {
  temporary_folder folder;
  auto base = folder.path() / "r";
  auto dead = base / io::make_run_id();
  auto kept = base / io::make_run_id();
  for (auto& run : {dead, kept}) {
    fs::create_directories(run / "65534");
    bind_socket((run / "65534" / "1.sock").string());
  }
  fs::permissions(base, fs::perms::owner_all);
  std::ofstream{kept / "65534" / "notes"} << "somebody's";
  auto next = io::run_directory::make(base.string(), io::make_run_id());
  REQUIRE(next);
  CHECK_FALSE(fs::exists(dead));
  CHECK(fs::exists(kept / "65534" / "notes"));
  CHECK_FALSE(fs::exists(kept / "65534" / "1.sock"));
}

TEST_CASE("where the run directory is follows the documented rule [S1]") {
  temporary_folder folder;
  CHECK(io::run_directory::base("/x/y//") == "/x/y");
  CHECK(io::run_directory::base("z") == (fs::current_path() / "z").string());
  const std::string otherwise =
    ::geteuid() == 0 ? "/run/snakepit" : "/tmp/snakepit-" + std::to_string(::geteuid());
  {
    scoped_variable set{"XDG_RUNTIME_DIR", folder.path().c_str()};
    CHECK(io::run_directory::base("") == folder.path().string() + "/snakepit");
  }
  {
    scoped_variable set{"XDG_RUNTIME_DIR", "/nonexistent"};
    CHECK(io::run_directory::base("") == otherwise);
  }
  {
    scoped_variable set{"XDG_RUNTIME_DIR", nullptr};
    CHECK(io::run_directory::base("") == otherwise);
  }
}

TEST_CASE("run ids are short words that do not repeat [R1]") {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    auto id = io::make_run_id();
    CHECK(io::is_run_id(id));
    CHECK(seen.insert(id).second);
  }
  CHECK_FALSE(io::is_run_id("short"));
  CHECK_FALSE(io::is_run_id("UPPERCASE000"));
  CHECK(io::random_bytes(32).size() == 32);
  CHECK(io::random_bytes(32) != io::random_bytes(32));
}
