#pragma once

#include "actors/io/proc_files.hpp"
#include "actors/io/process.hpp"
#include "actors/io/random_bytes.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

/// So that a failed comparison shows the lines.
template <>
struct doctest::StringMaker<std::vector<std::string>> {
  static String convert(const std::vector<std::string>& lines) {
    std::string out;
    for (const auto& x : lines)
      out += "\n    \"" + x + '"';
    return out.c_str();
  }
};

namespace snakepit::test {

using namespace std::chrono_literals;

/// Long enough for a loaded machine; nothing waits for it when all goes well.
inline constexpr std::chrono::milliseconds patience{20'000};

/// For what takes milliseconds, and more than a second only if nobody gives it a processor.
inline constexpr std::chrono::milliseconds soon{3'000};

/// Everything that was told about one process.
class recorder {
public:
  io::process_events events() {
    io::process_events out;
    out.on_listening = [this] { add([this] { ++listening_; }); };
    out.on_refused = [this](std::string x) { add([&] { refusals_.push_back(std::move(x)); }); };
    out.on_output = [this](bool is_stderr, std::string_view x) {
      add([&] { (is_stderr ? errors_ : output_).emplace_back(x); });
    };
    out.on_exit = [this](io::exit_status x) {
      add([&] {
        CHECK_FALSE(exit_); // once only
        exit_ = x;
      });
    };
    return out;
  }

  std::vector<std::string> output() const {
    return copy(output_);
  }
  std::vector<std::string> errors() const {
    return copy(errors_);
  }
  std::vector<std::string> refusals() const {
    return copy(refusals_);
  }
  int listening() const {
    return copy(listening_);
  }
  std::optional<io::exit_status> exit() const {
    return copy(exit_);
  }

  bool await_exit() const {
    return eventually(patience, [this] { return exit().has_value(); });
  }
  bool await_output(size_t lines) const {
    return eventually(patience, [&] { return output().size() >= lines; });
  }

private:
  template <class F>
  void add(F what) {
    std::lock_guard guard{mutex_};
    CHECK_FALSE(exit_); // nothing comes after the end
    what();
  }
  template <class T>
  T copy(const T& x) const {
    std::lock_guard guard{mutex_};
    return x;
  }

  mutable std::mutex mutex_;
  std::vector<std::string> output_;
  std::vector<std::string> errors_;
  std::vector<std::string> refusals_;
  int listening_ = 0;
  std::optional<io::exit_status> exit_;
};

inline std::unique_ptr<io::process_launcher> make_launcher() {
  auto out = io::make_exec_launcher();
  REQUIRE_MESSAGE(out, out.error().message);
  return std::move(*out);
}

inline io::launch_spec program(std::string executable, std::vector<std::string> arguments) {
  io::launch_spec out;
  out.label = "test/0.1";
  out.executable = std::move(executable);
  out.arguments = std::move(arguments);
  out.environment = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"};
  out.token = std::string(32, 't');
  return out;
}

inline io::launch_spec shell(std::string script) {
  return program("/bin/sh", {"-c", std::move(script)});
}

inline io::launch_spec python(std::string script) {
  return program("/usr/bin/python3", {"-I", "-c", std::move(script)});
}

/// Launches and waits for the answer.
inline result<std::unique_ptr<io::process>>
launch(io::process_launcher& launcher, io::launch_spec spec, io::process_events events) {
  std::promise<result<std::unique_ptr<io::process>>> answer;
  launcher.launch(std::move(spec), std::move(events),
                  [&](auto x) { answer.set_value(std::move(x)); });
  return answer.get_future().get();
}

inline std::unique_ptr<io::process> must_launch(io::process_launcher& launcher,
                                                io::launch_spec spec, recorder& log) {
  auto out = launch(launcher, std::move(spec), log.events());
  REQUIRE_MESSAGE(out, out.error().message);
  return std::move(*out);
}

/// Whether there is such a process that is not a zombie.
inline bool is_alive(int64_t pid) {
  auto stat = io::read_proc_stat(pid);
  return stat && stat->state != 'Z' && stat->state != 'X';
}

/// Processes, zombies excluded, whose environment holds "SNAKEPIT_RUN_ID=run_id".
inline std::vector<int64_t> processes_of_run(const std::string& run_id) {
  std::vector<int64_t> out;
  for (auto pid : io::list_processes()) {
    auto text = io::read_small_file("/proc/" + std::to_string(pid) + "/environ");
    if (text && text->find("SNAKEPIT_RUN_ID=" + run_id) != std::string::npos && is_alive(pid))
      out.push_back(pid);
  }
  return out;
}

inline size_t count_own_descriptors() {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator{"/proc/self/fd"},
                                           std::filesystem::directory_iterator{}));
}

} // namespace snakepit::test
