#include "tests/support/launching.hpp"

#include <csignal>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace snakepit;
using namespace snakepit::test;

namespace {

std::vector<std::string> output_of(io::launch_spec spec) {
  recorder log;
  auto launcher = make_launcher();
  auto process = must_launch(*launcher, std::move(spec), log);
  REQUIRE(log.await_exit());
  CHECK(log.errors() == std::vector<std::string>{});
  return log.output();
}

using texts = std::vector<std::string>;

} // namespace

TEST_CASE("a worker finds descriptors 0 to 8 and no other [S3]") {
  // One that anybody may have left open, without close-on-exec.
  int leaked = ::fcntl(1, F_DUPFD, 50);
  REQUIRE(leaked >= 50);
  auto lines = output_of(python(R"(
import os, stat
for fd in range(1024):
    try:
        s = os.fstat(fd)
    except OSError:
        continue
    kind = 'fifo' if stat.S_ISFIFO(s.st_mode) else 'socket' if stat.S_ISSOCK(s.st_mode) else os.readlink(f'/proc/self/fd/{fd}').split(' ')[0]
    print(fd, kind)
)"));
  ::close(leaked);
  CHECK(lines
        == texts{"0 /dev/null", "1 fifo", "2 fifo", "3 socket", "4 /memfd:snakepit-lanes", "5 fifo",
                 "6 fifo", "7 /memfd:snakepit-stacks", "8 /dev/null"});
}

TEST_CASE("low descriptors that the host has closed make no difference [S3]") {
  // With 0 and 1 free, the first descriptors of a launch get those numbers.
  int keep[2] = {::dup(0), ::dup(1)};
  ::close(0);
  ::close(1);
  texts lines;
  {
    recorder log;
    auto launcher = io::make_exec_launcher();
    auto process = launcher ? launch(**launcher, shell("ls /proc/self/fd | head -9"), log.events())
                            : tl::unexpected{launcher.error()};
    if (process && log.await_exit())
      lines = log.output();
  }
  ::dup2(keep[0], 0);
  ::dup2(keep[1], 1);
  ::close(keep[0]);
  ::close(keep[1]);
  CHECK(lines == texts{"0", "1", "2", "3", "4", "5", "6", "7", "8"});
}

TEST_CASE("the token comes by pipe and nowhere else, 32 bytes and the end [S1]") {
  auto spec = python(R"(
import os
token = os.read(6, 100)
print(token.decode(), os.read(6, 100))
here = open('/proc/self/environ', 'rb').read() + open('/proc/self/cmdline', 'rb').read()
print(token in here)
)");
  spec.token = "0123456789abcdef0123456789abcdef";
  CHECK(output_of(spec) == texts{"0123456789abcdef0123456789abcdef b''", "False"});
}

TEST_CASE("the lane page is shared, prepared, and cannot change its size [W2]") {
  auto spec = python(R"(
import fcntl, mmap, os, sys
F_GET_SEALS = 1034
print(os.fstat(4).st_size, fcntl.fcntl(4, F_GET_SEALS))
m = mmap.mmap(4, 0)
words = memoryview(m).cast('Q')
section = 69632 // 8
print([hex(words[lane * section]) for lane in range(2)], words[16] == 2**64 - 1, words[8])
words[section + 8] = 7
for size in (0, 10**6):
    try:
        os.ftruncate(4, size)
    except PermissionError as e:
        print('sealed')
sys.stdout.flush()
os.write(3, b'ignored')
os.write(3, b'listening')
os.read(3, 1)
)");
  spec.lanes = 2;
  recorder log;
  auto launcher = make_launcher();
  auto process = must_launch(*launcher, spec, log);
  REQUIRE(eventually(patience, [&] { return log.listening() == 1; }));
  CHECK(process->page(0).claimed() == 0);
  CHECK(process->page(1).claimed() == 7);
  CHECK_FALSE(process->page(2));
  process->kill_group();
  REQUIRE(log.await_exit());
  CHECK(process->page(1).claimed() == 7);
  CHECK(log.output()
        == texts{"139264 7", "['0x31304e4c5449504e', '0x31304e4c5449504e'] True 0", "sealed",
                 "sealed"});
}

TEST_CASE("a worker leads its own session and group, its signals are at their defaults [W2]") {
  // What an embedder may do, and exec would hand down.
  auto pipe_before = std::signal(SIGPIPE, SIG_IGN);
  auto term_before = std::signal(SIGTERM, SIG_IGN);
  auto lines = output_of(shell("grep -E '^Sig(Blk|Ign|Cgt)|^ShdPnd' /proc/$$/status | cut -f 2;"
                               "set -- $(cut -d ' ' -f 5,6 /proc/$$/stat);"
                               "[ $1 = $$ ] && [ $2 = $$ ] && echo leads"));
  std::signal(SIGPIPE, pipe_before);
  std::signal(SIGTERM, term_before);
  REQUIRE(lines.size() == 5);
  const std::string none(16, '0');
  CHECK(lines[0] == none); // pending
  CHECK(lines[1] == none); // blocked
  CHECK(lines[2] == none); // ignored
  CHECK(lines[4] == "leads");
}

TEST_CASE("a worker gets no new privileges and leaves no core file [S3]") {
  CHECK(output_of(shell("grep NoNewPrivs /proc/$$/status | cut -f 2; ulimit -c; ulimit -H -c"))
        == texts{"1", "0", "0"});
}

TEST_CASE("the environment is the given one, the folder too [W3]") {
  temporary_folder folder;
  auto spec = program("/usr/bin/env", {});
  spec.environment = {"A=1", "SNAKEPIT_RUN_ID=r"};
  CHECK(output_of(spec) == texts{"A=1", "SNAKEPIT_RUN_ID=r"});
  spec = shell("pwd -P");
  spec.working_directory = folder.path().string();
  CHECK(output_of(spec) == texts{std::filesystem::canonical(folder.path()).string()});
}

TEST_CASE("a bare name is looked up in the PATH of the worker's environment [W3]") {
  temporary_folder folder;
  folder.write("snakepit-tool", "#!/bin/sh\necho found $1\n");
  auto spec = program("snakepit-tool", {"it"});
  spec.environment = {"PATH=/nonexistent:" + folder.path().string()};
  CHECK(output_of(spec) == texts{"found it"});
}

TEST_CASE("a process is identified by pid, start time and boot [R1]") {
  recorder log;
  auto launcher = make_launcher();
  auto process = must_launch(*launcher, shell("sleep 1000"), log);
  auto stat = io::read_proc_stat(process->identity().pid);
  REQUIRE(stat);
  CHECK(process->identity().start_time == stat->start_time);
  CHECK(stat->parent == ::getpid());
  CHECK(process->identity().boot_id == io::read_boot_id());
  CHECK_FALSE(process->identity().boot_id.empty());
}

TEST_CASE("a refusal is told with its bytes, before the exit, and garbage is ignored [W2]") {
  recorder log;
  auto launcher = make_launcher();
  auto process = must_launch(*launcher, python(R"(
import os, socket, sys
s = socket.socket(fileno=3)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
s.send(b'')
s.send(b'listening?')
s.send(b'x' * 100000)
s.send(b'listening' + b'x' * 100000)
socket.send_fds(s, [b'\xff\x00 garbage'], [1, 2])
s.send(b'refused \x00\xff text')
s.send(b'refused again')
s.send(b'listening')
os._exit(70)
)"),
                             log);
  REQUIRE(log.await_exit());
  CHECK(log.errors() == texts{});
  CHECK(log.exit()->code == 70);
  CHECK(log.listening() == 0);
  CHECK(log.refusals() == texts{std::string{"\0\xff text", 7}});
}
