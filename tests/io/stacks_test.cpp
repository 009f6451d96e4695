#include "actors/core/stack_sample.hpp"
#include "actors/io/oom_counters.hpp"
#include "actors/io/process_threads.hpp"
#include "tests/support/launching.hpp"

#include <csignal>
#include <thread>

#include <unistd.h>

using namespace snakepit;
using namespace snakepit::test;
using obstacle = core::stack_sample::obstacle;

TEST_SUITE_BEGIN("stacks");

namespace {

/// What a worker does about stacks: the handler, and a thread that is named as its watch thread.
const std::string prepare = R"(
import ctypes, faulthandler, os, signal, socket, sys, threading, time
faulthandler.register(signal.SIGRTMIN + 2, 7)
faulthandler.enable(7)
libc = ctypes.CDLL(None)
def watch():
    libc.prctl(15, b'snakepit-watch', 0, 0, 0)
    side = socket.socket(fileno=3)
    print('ready', flush=True)
    begun.set()
    while (packet := side.recv(100)).startswith(b'look '):
        faulthandler.dump_traceback(7)
        side.send(b'here ' + packet[5:])
begun = threading.Event()
threading.Thread(target=watch, daemon=True).start()
begun.wait()
)";

struct stacks_fixture {
  std::unique_ptr<io::process_launcher> launcher = make_launcher();
  recorder log;

  std::unique_ptr<io::process> begin(const std::string& script) {
    auto x = must_launch(*launcher, python(prepare + script), log);
    REQUIRE(log.await_output(1));
    return x;
  }

  core::stack_sample take(io::process& x, std::chrono::milliseconds limit = 500ms) {
    auto answer = std::make_shared<std::promise<core::stack_sample>>();
    auto future = answer->get_future();
    x.take_stacks(limit, [answer](auto sample) { answer->set_value(std::move(sample)); });
    REQUIRE(future.wait_for(patience) == std::future_status::ready);
    return future.get();
  }

  /// Until the main thread is there.
  stack_report take_in(io::process& x, const std::string& function) {
    auto report = stack_report{};
    CHECK(eventually(patience, [&] {
      report = core::report_of(take(x));
      return to_string(report).find("in " + function + '\n') != std::string::npos;
    }));
    return report;
  }
};

} // namespace

TEST_CASE_FIXTURE(stacks_fixture, "a live process says what it does and goes on undisturbed [W9]") {
  auto process = begin("def nap():\n    print('left', libc.sleep(4), flush=True)\nnap()\n");
  auto x = take_in(*process, "nap");
  CHECK(x.python.size() == 2);
  CHECK_FALSE(x.gil_held);
  REQUIRE_FALSE(x.kernel.empty());
  CHECK(x.kernel[0].id == process->identity().pid);
  CHECK(x.kernel[0].state == 'S');
  CHECK(x.kernel[0].waits_in.find("nanosleep") != std::string::npos);
  for (int i = 0; i < 5; ++i)
    take(*process);
  CHECK(log.await_output(2));
  CHECK(log.output().at(1) == "left 0"); // no signal has cut it short
}

TEST_CASE_FIXTURE(stacks_fixture, "several who ask at once get the same, each once [W9]") {
  auto process = begin("def spin():\n    while True: pass\nspin()\n");
  auto answers = std::vector<std::future<core::stack_sample>>{};
  for (auto limit : {500ms, 50ms, 500ms, 1ms}) {
    auto answer = std::make_shared<std::promise<core::stack_sample>>();
    answers.push_back(answer->get_future());
    process->take_stacks(limit, [answer](auto x) { answer->set_value(std::move(x)); });
  }
  for (auto& x : answers)
    CHECK(x.get().why_not == obstacle::none);
  CHECK_FALSE(take_in(*process, "spin").gil_held);
}

TEST_CASE_FIXTURE(stacks_fixture, "a GIL that is held is found out [W6]") {
  auto process = begin("def hold():\n    ctypes.PyDLL(None).sleep(1000)\nhold()\n");
  auto x = stack_report{};
  CHECK(eventually(patience, [&] { // it may be on its way to the call
    x = core::report_of(take(*process));
    return x.gil_held;
  }));
  CHECK(x.note.find("in hold") != std::string::npos);
}

TEST_CASE_FIXTURE(stacks_fixture, "a dump that is written slowly is waited for [W9]") {
  // As if it lost its processor in the middle.
  auto process = begin(R"(
def dump(*_):
    for text in (b'Thread 0x01 (most recent call first):\n  File "a.py", line 1 in neighbour\n\n',
                 b'Current thread 0x02 (most recent call first):\n  File "b.py", line 2 in work\n',
                 b'  File "b.py", line 9 in <module>\n'):
        os.write(7, text)
        libc.usleep(100000)
faulthandler.dump_traceback = lambda *_: time.sleep(1000) # the watch thread does not answer
faulthandler.unregister(signal.SIGRTMIN + 2)
signal.signal(signal.SIGRTMIN + 2, dump)
print('armed', flush=True)
while True: time.sleep(0.001)
)");
  REQUIRE(log.await_output(2));
  auto text = std::string{};
  CHECK(eventually(patience, [&] { // a machine may be slower still
    text = to_string(core::report_of(take(*process, 5s)));
    std::this_thread::sleep_for(1s); // what is still being written is not the next one's
    return text.find("in work") != std::string::npos;
  }));
  CHECK_MESSAGE(text.find("in neighbour") != std::string::npos, text);
}

TEST_CASE_FIXTURE(stacks_fixture, "a stopped process is not asked, and says nothing later [W9]") {
  auto process = begin("def nap():\n    time.sleep(1000)\nnap()\n");
  take_in(*process, "nap");
  REQUIRE(process->signal(SIGSTOP));
  CHECK(eventually(patience, [&] { return take(*process).why_not == obstacle::stopped; }));
  REQUIRE(process->signal(SIGCONT));
  take_in(*process, "nap");
}

TEST_CASE_FIXTURE(stacks_fixture, "a process without the handler is left alone [W9]") {
  auto process = must_launch(*launcher, shell("echo ready; exec sleep 1000"), log);
  REQUIRE(log.await_output(1));
  CHECK(take(*process).why_not == obstacle::not_ready);
  CHECK(is_alive(process->identity().pid));
}

TEST_CASE_FIXTURE(stacks_fixture,
                  "a crash leaves its stacks, and its end is told to who asks [W9]") {
  auto process = begin("def boom():\n    ctypes.string_at(0)\nboom()\n");
  REQUIRE(log.await_exit());
  auto x = core::parse_stacks(process->written_stacks());
  CHECK(x.fatal == "Segmentation fault");
  CHECK(tool_stack(x).find("in boom") != std::string::npos);
  CHECK(take(*process).why_not == obstacle::gone);
}

TEST_CASE_FIXTURE(stacks_fixture, "a process that writes without end is read to a bound [S1]") {
  auto process =
    begin("os.write(7, b'x' * (3 << 20))\nprint('written', flush=True)\ntime.sleep(1000)\n");
  REQUIRE(log.await_output(2));
  CHECK(process->written_stacks().size() == core::max_stack_text);
  CHECK(take(*process).text.size() < 10'000); // what stood there before is forgotten
}

TEST_CASE_FIXTURE(stacks_fixture,
                  "who asks when all ends is answered or forgotten, never late [W9]") {
  auto answers = std::make_shared<std::atomic<int>>(0);
  auto process = begin("time.sleep(1000)\n");
  process->take_stacks(500ms, [answers](auto) { ++*answers; });
  launcher.reset();
  process->take_stacks(500ms, [answers](auto) { ++*answers; });
  process.reset();
  CHECK(*answers <= 1);
}

TEST_CASE("threads of a process are listed, the main one first [W9]") {
  auto x = io::list_threads(::getpid());
  REQUIRE_FALSE(x.empty());
  CHECK(x[0].id == ::getpid());
  CHECK(io::list_threads(1 << 30).empty());
  CHECK_FALSE(io::handles_signal(1 << 30, SIGTERM));
}

TEST_CASE("the file that counts a group's kills is found, version 1 or 2 [W9]") {
  auto root = temporary_folder{};
  auto make = [&](const std::string& folder, const std::string& file) {
    std::filesystem::create_directories(root.path() / folder);
    std::ofstream{root.path() / folder / file} << "oom_kill 3\n";
  };
  auto find = [&](const std::string& text) { return io::oom_file_of(text, root.path().string()); };
  CHECK(find("0::/a/b\n").empty());
  make("a/b", "memory.events");
  CHECK(find("0::/a/b\n") == root.path() / "a/b/memory.events");
  make("memory/x", "memory.oom_control");
  CHECK(find("9:name=systemd:/\n4:cpu,memory:/x\n0::/a/b\n")
        == root.path() / "memory/x/memory.oom_control");
  CHECK(find("4:memory:/elsewhere\n").empty());
  make("memory", "memory.oom_control"); // a container sees its own group as the root
  CHECK(find("4:memory:/elsewhere\n") == root.path() / "memory/memory.oom_control");
  CHECK(find("").empty());
  CHECK(find("nonsense\n:\n0:\n").empty());
}

TEST_SUITE_END();
