#include "telemetry/log.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace snakepit;
using namespace snakepit::telemetry;

namespace {

std::shared_ptr<telemetry::log> opened(const std::string& file) {
  auto x = telemetry::log::open({.level = "info", .file = file});
  REQUIRE(x);
  return *x;
}

std::string text_of(const std::string& file) {
  auto text = std::ostringstream{};
  text << std::ifstream{file}.rdbuf();
  return text.str();
}

/// What a descriptor has to read now.
std::string drained(int fd) {
  auto result = std::string{};
  char chunk[4096];
  for (;;) {
    auto count = ::read(fd, chunk, sizeof chunk);
    if (count <= 0)
      return result;
    result.append(chunk, static_cast<size_t>(count));
  }
}

/// A pipe in place of stderr for as long as it lives.
class stderr_pipe {
public:
  stderr_pipe() : saved_{::dup(STDERR_FILENO)} {
    REQUIRE(::pipe2(ends_, O_CLOEXEC | O_NONBLOCK) == 0);
    ::dup2(ends_[1], STDERR_FILENO);
    ::close(ends_[1]);
  }
  ~stderr_pipe() {
    ::dup2(saved_, STDERR_FILENO);
    ::close(saved_);
    close_reader();
  }
  void close_reader() {
    if (ends_[0] >= 0)
      ::close(std::exchange(ends_[0], -1));
  }
  int reader() const {
    return ends_[0];
  }

private:
  int saved_;
  int ends_[2] = {-1, -1};
};

/// Whether SIGPIPE would end this process or waits to be delivered: neither may have changed.
bool sigpipe_untouched() {
  auto pending = sigset_t{};
  auto blocked = sigset_t{};
  struct sigaction action {};
  ::sigpending(&pending);
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  ::sigaction(SIGPIPE, nullptr, &action);
  return ::sigismember(&pending, SIGPIPE) == 0 && ::sigismember(&blocked, SIGPIPE) == 0
         && action.sa_handler == SIG_DFL;
}

} // namespace

TEST_SUITE_BEGIN("log_file");

TEST_CASE("lines are appended to the file, which others may not read [T5]") {
  auto folder = test::temporary_folder{};
  auto file = folder.path() / "pit.log";
  std::ofstream{file} << "before\n";
  opened(file)->write(level::error, "pool", "one");
  opened(file)->write(level::error, "pool", "two");
  auto text = text_of(file);
  CHECK(text.starts_with("before\n"));
  CHECK(text.find("error pool one\n") != std::string::npos);
  CHECK(text.ends_with("error pool two\n"));
  auto made = folder.path() / "new.log";
  opened(made);
  struct stat status {};
  REQUIRE(::stat(made.c_str(), &status) == 0);
  CHECK((status.st_mode & 07) == 0);
}

TEST_CASE("a file that cannot be opened is invalid_config and named [T5] [E3]") {
  auto folder = test::temporary_folder{};
  auto pipe = folder.path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  for (auto& file :
       {folder.path().string(), (folder.path() / "none" / "pit.log").string(), pipe.string()}) {
    auto x = telemetry::log::open({.file = file});
    REQUIRE(!x);
    CHECK(x.error().reason == reason::invalid_config);
    CHECK(x.error().message.starts_with("log.file: `" + file + "` cannot be opened: "));
  }
}

TEST_CASE("without a file lines go to stderr [T5]") {
  auto pipe = stderr_pipe{};
  auto log = opened("");
  log->write(level::error, "pool", "one");
  CHECK(drained(pipe.reader()).ends_with("error pool one\n"));
  CHECK(log->dropped() == 0);
}

TEST_CASE("a full disk loses lines, not the host [T5]") {
  auto log = opened("/dev/full");
  log->write(level::error, "pool", "one");
  log->write(level::error, "pool", "two");
  CHECK(log->dropped() == 2);
}

TEST_CASE("a closed pipe loses lines, not the host, and no signal stays behind [T5]") {
  REQUIRE(sigpipe_untouched());
  auto pipe = stderr_pipe{};
  auto log = opened("");
  pipe.close_reader();
  log->write(level::error, "pool", "one");
  log->write(level::error, "pool", "two");
  CHECK(log->dropped() == 2);
  CHECK(sigpipe_untouched());
}

TEST_CASE("a closed stderr loses lines, not the host [T5]") {
  auto saved = ::dup(STDERR_FILENO);
  ::close(STDERR_FILENO);
  auto log = opened("");
  log->write(level::error, "pool", "one");
  ::dup2(saved, STDERR_FILENO);
  ::close(saved);
  CHECK(log->dropped() == 1);
}

TEST_CASE("a reader that is stuck loses lines, and the next line stands for itself [T5]") {
  auto pipe = stderr_pipe{};
  auto log = opened("");
  auto big = std::string(10'000, 'x');
  for (int i = 0; i < 1000 && log->dropped() == 0; ++i)
    log->write(level::error, "pool", big);
  auto text = drained(pipe.reader());
  CHECK(!text.ends_with('\n'));
  log->write(level::error, "pool", "after");
  auto after = drained(pipe.reader());
  CHECK(after.starts_with('\n'));
  CHECK(after.ends_with("error pool after\n"));
  CHECK(log->dropped() == 1);
}

TEST_SUITE_END();
