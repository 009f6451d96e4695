#include "actors/core/stack_sample.hpp"

#include <string>

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::parse_stacks;
using core::report_of;
using core::stack_sample;

TEST_SUITE_BEGIN("stacks");

namespace {

const std::string bridge = "/lib/snakepit_bridge/";

std::string frame(const std::string& file, int line, const std::string& function) {
  return "  File \"" + file + "\", line " + std::to_string(line) + " in " + function + "\n";
}

/// As Python 3.11 writes it: a worker whose main thread runs a tool.
std::string running_worker(const std::string& first = "Thread") {
  return "Thread 0x00007f14 (most recent call first):\n" + frame("/lib/threading.py", 975, "run")
         + "\n" + first + " 0x00007f15 (most recent call first):\n"
         + frame("/app/tool.py", 7, "inner") + frame("/app/tool.py", 3, "work")
         + frame(bridge + "_thread_interrupt.py", 90, "guarded")
         + frame(bridge + "_interrupt.py", 50, "enter") + frame(bridge + "_lane.py", 200, "_invoke")
         + frame("/usr/lib/runpy.py", 88, "<module>");
}

} // namespace

TEST_CASE("threads and frames of a dump are found, the tool's apart [W9]") {
  auto x = parse_stacks(running_worker());
  CHECK(x.fatal.empty());
  REQUIRE(x.python.size() == 2);
  CHECK(x.python[0].id == 0x7f14);
  CHECK_FALSE(x.python[0].runs_tool);
  auto& main = x.python[1];
  CHECK(main.runs_tool);
  CHECK(main.tool_frames == 2);
  REQUIRE(main.frames.size() == 6);
  CHECK(main.frames.front().function == "<module>"); // outermost first
  CHECK(main.frames.back().function == "inner");
  CHECK(main.frames.back().file == "/app/tool.py");
  CHECK(main.frames.back().line == 7);
  CHECK(tool_stack(x)
        == "  File \"/app/tool.py\", line 7, in inner\n  File \"/app/tool.py\", line 3, in work\n");
  CHECK(tool_stack(x, 1) == "  File \"/app/tool.py\", line 7, in inner\n  ... (1 more)\n");
}

TEST_CASE("a dump that is still being written is told from a whole one [W9]") {
  auto whole = running_worker();
  CHECK(core::ends_whole(whole));
  CHECK(core::ends_whole("Thread 0x1 (most recent call first):\n"
                         + frame("<frozen runpy>", 198, "_run_module_as_main")));
  CHECK(core::ends_whole("Thread 0x1 (most recent call first):\n" + frame("/a.py", 1, "f")
                         + "  ...\n"));
  CHECK(core::ends_whole("Thread 0x1 (most recent call first):\n  <no Python frame>\n"));
  for (size_t i = 0; i < whole.size(); ++i)
    CHECK_FALSE(core::ends_whole(std::string_view{whole}.substr(0, i)));
}

TEST_CASE("a lane that waits for its turn runs no tool") {
  auto x = parse_stacks("Thread 0x1 (most recent call first):\n"
                        + frame(bridge + "_thread_lane.py", 1, "wait")
                        + frame(bridge + "_interrupt.py", 50, "enter"));
  CHECK_FALSE(x.python.at(0).runs_tool);
}

TEST_CASE("of several fatal errors the last one counts [W9]") {
  // The first is of a process that a tool had forked.
  auto x = parse_stacks("Fatal Python error: Aborted\n\n" + running_worker()
                        + "Fatal Python error: Segmentation fault\n\n"
                          "Current thread 0x00000009 (most recent call first):\n"
                        + frame("ctypes.py", 519, "string_at")
                        + "\nExtension modules: numpy (total: 1)\n");
  CHECK(x.fatal == "Segmentation fault");
  REQUIRE(x.python.size() == 1);
  CHECK(x.python[0].current);
  CHECK(tool_stack(x) == "  File \"ctypes.py\", line 519, in string_at\n");
}

TEST_CASE("at a fatal error the thread that made it is shown, not one that runs a tool") {
  auto x =
    parse_stacks("Fatal Python error: Aborted\n\nCurrent thread 0x1 (most recent call first):\n"
                 + frame("other.py", 1, "f") + "\n" + running_worker());
  CHECK(tool_stack(x) == "  File \"other.py\", line 1, in f\n");
}

TEST_CASE("a thread that comes twice counts as it was last") {
  auto x = parse_stacks("Thread 0x1 (most recent call first):\n" + frame("a.py", 1, "f")
                        + "Thread 0x1 (most recent call first):\n" + frame("b.py", 2, "g"));
  REQUIRE(x.python.size() == 1);
  CHECK(x.python[0].frames.at(0).file == "b.py");
}

TEST_CASE("without a tool the main thread is shown down to the bridge [W9]") {
  auto x = parse_stacks(
    "Thread 0x2 (most recent call first):\n" + frame("other.py", 1, "f")
    + "\nThread 0x1 (most recent call first):\n" + frame("/app/tool.py", 4, "<module>")
    + frame("<frozen importlib._bootstrap>", 241, "_call_with_frames_removed")
    + frame(bridge + "_loader.py", 152, "_import_file") + frame(bridge + "worker.py", 1, "main"));
  CHECK(tool_stack(x) == "  File \"/app/tool.py\", line 4, in <module>\n");
  auto idle =
    parse_stacks("Thread 0x1 (most recent call first):\n" + frame(bridge + "_watch.py", 1, "run"));
  CHECK(tool_stack(idle).find("in run") != std::string::npos);
}

TEST_CASE("what Python does not know, and later versions add, is understood") {
  auto x = parse_stacks("Current thread 0x00007f15 [lane 3] (most recent call first):\n"
                        "  File ???, line ??? in ???\n"
                        "  File \"a, line 4 in b.py\", line 5 in f\n"
                        "  ...\n"
                        "Current thread's C stack trace (most recent call first):\n"
                        "  Binary file \"/usr/bin/python3\", at +0x1234\n"
                        "Thread 0xzz (most recent call first):\n");
  REQUIRE(x.python.size() == 1);
  CHECK(x.python[0].name == "lane 3");
  CHECK(x.python[0].cut);
  REQUIRE(x.python[0].frames.size() == 2);
  CHECK(x.python[0].frames[1].file == "???");
  CHECK(x.python[0].frames[1].line == 0);
  CHECK(x.python[0].frames[0].file == "a, line 4 in b.py");
}

TEST_CASE("a hostile text is bounded, and clean of control characters [S1]") {
  auto text = std::string{};
  for (int thread = 1; thread < 300; ++thread) {
    text += "Thread 0x" + std::to_string(thread) + " (most recent call first):\n";
    for (int i = 0; i < 300; ++i)
      text += frame("f.py", i, "f");
  }
  auto x = parse_stacks(text);
  CHECK(x.python.size() <= core::max_stack_threads);
  for (auto& thread : x.python)
    CHECK(thread.frames.size() <= core::max_stack_frames);
  auto odd = parse_stacks("Thread 0x1 (most recent call first):\n"
                          + frame(std::string(9999, 'x') + "\x1b[2J\0", 1, "f\r\x7f"));
  CHECK(odd.python.at(0).frames.at(0).file.size() <= 512);
  CHECK(odd.python.at(0).frames.at(0).function == "f??");
}

TEST_CASE("no text whatever does harm [S1]") {
  auto pieces = std::vector<std::string>{"Thread 0x",
                                         "Current thread 0x",
                                         "  File ",
                                         "\"",
                                         ", line ",
                                         " in ",
                                         "\n",
                                         "Fatal Python error: ",
                                         "7f",
                                         "[",
                                         "]",
                                         "\xff",
                                         std::string(1, '\0'),
                                         "99999999999999999999",
                                         bridge + "_interrupt.py",
                                         "enter",
                                         bridge + "_loop_lane.py",
                                         "call_tool"};
  CHECK(rc::check([&] {
    auto text = std::string{};
    for (auto i :
         *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(0, pieces.size())))
      text += pieces[i];
    auto x = parse_stacks(text);
    RC_ASSERT(x.python.size() <= core::max_stack_threads);
    for (auto& thread : x.python)
      RC_ASSERT(thread.tool_frames <= thread.frames.size());
    static_cast<void>(tool_stack(x));
    static_cast<void>(to_json(x));
    static_cast<void>(to_string(x));
  }));
}

TEST_CASE("of a live worker what runs a tool is shown first, then the main thread [W9]") {
  auto x = stack_report{};
  auto add = [&](std::string name, bool main, bool runs_tool) {
    auto& thread = x.python.emplace_back();
    thread.name = std::move(name);
    thread.main = main;
    thread.runs_tool = runs_tool;
  };
  add("control", false, false);
  add("main", true, false);
  add("lane", false, true);
  auto text = to_string(x);
  CHECK(text.find("lane") < text.find("main"));
  CHECK(text.find("`main`") < text.find("control"));
}

TEST_CASE("of coroutines the one that is executed is shown before those that wait [W9]") {
  auto waiting = "Thread 0x00000001 [task fetch, lane 3] (most recent call first):\n"
                 + frame("/lib/asyncio/tasks.py", 639, "sleep") + frame("/app/tool.py", 9, "fetch")
                 + frame(bridge + "_loop_lane.py", 1, "call_tool") + "\n";
  auto main = "Thread 0x00007f15 (most recent call first):\n" + frame("/app/tool.py", 20, "block")
              + frame(bridge + "_loop_interrupt.py", 120, "__await__")
              + frame(bridge + "_loop_lanes.py", 280, "in_turn")
              + frame(bridge + "_loop_lane.py", 200, "call_tool")
              + frame("/lib/asyncio/events.py", 80, "_run");
  auto x = parse_stacks(waiting + main);
  REQUIRE(x.python.size() == 2);
  CHECK(x.python[0].name == "task fetch, lane 3");
  CHECK(x.python[0].runs_tool);
  CHECK(x.python[0].tool_frames == 2);
  CHECK(!x.python[0].main);
  CHECK(x.python[1].runs_tool);
  CHECK(x.python[1].tool_frames == 1);
  CHECK(x.python[1].main);
  for (auto& text : {tool_stack(x), to_string(x)})
    CHECK(text.find("in block") < text.find("in fetch"));
}

TEST_CASE("a GIL that C code holds is named, with the place [W9] [W6]") {
  auto x = stack_sample{};
  x.text = running_worker();
  x.gil_asked = true;
  x.waited = 80ms;
  x.threads = {{7, "python3", 'R', ""}, {8, "snakepit-watch", 'S', "futex"}};
  auto held = report_of(x);
  CHECK(held.gil_held);
  CHECK(
    held.note
    == "The GIL is held by C code called at /app/tool.py:7 in inner: no Python code could run for "
       "80 ms.");
  x.gil_free = true;
  CHECK_FALSE(report_of(x).gil_held);
  CHECK(report_of(x).note.empty());
  x.gil_free = false;
  x.waited = 5ms; // nobody gets a turn so soon
  CHECK_FALSE(report_of(x).gil_held);
  x.waited = 80ms;
  x.threads[1].state = 'R'; // it waits for a processor, not for the GIL
  CHECK_FALSE(report_of(x).gil_held);
}

TEST_CASE("a process that cannot say what it does is said to be so, with the reason [W9]") {
  auto x = stack_sample{};
  x.why_not = stack_sample::obstacle::stopped;
  CHECK(report_of(x).note.find("is stopped (by SIGSTOP") != std::string::npos);
  x.why_not = stack_sample::obstacle::not_ready;
  CHECK(report_of(x).note.find("handler") != std::string::npos);
  x.why_not = stack_sample::obstacle::none;
  x.waited = 500ms;
  CHECK(report_of(x).note == "Python did not say within 500 ms what it does.");
  x.threads = {{7, "python3", 'D', "nfs_wait"}};
  CHECK(report_of(x).note.find("wait of the kernel that nothing can disturb") != std::string::npos);
}

TEST_CASE("a live worker's report has no fatal error, whatever a child left there") {
  auto x = stack_sample{};
  x.text = "Fatal Python error: Aborted\n\n" + running_worker();
  CHECK(report_of(x).fatal.empty());
}

TEST_SUITE_END();
