#pragma once

#include <snakepit/runtime.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

/// Folders for sockets and ledgers that are empty at the end and gone afterwards.
struct folder_fixture {
  std::filesystem::path run_dir = make();
  std::filesystem::path state_dir = make();

  folder_fixture() = default;
  ~folder_fixture() {
    for (auto& folder : {run_dir, state_dir}) {
      CHECK_MESSAGE(std::filesystem::is_empty(folder), "left behind in " << folder);
      std::filesystem::remove_all(folder);
    }
  }

private:
  static std::filesystem::path make() {
    auto name = std::string{"/tmp/snakepit-test-XXXXXX"};
    REQUIRE(mkdtemp(name.data()));
    return name;
  }
};

/// Runtimes with pools of the tests' adapter.
struct runtime_fixture : folder_fixture {
  snakepit::pool_config pool(const std::string& name, size_t workers,
                             const std::string& adapter = SNAKEPIT_SOURCE_ROOT
                             "/tests/public/adapter.py") const {
    auto x = snakepit::pool_config{};
    x.name = name;
    x.adapter = adapter;
    x.workers = workers;
    return x;
  }

  snakepit::config configuration(std::vector<snakepit::pool_config> pools) const {
    auto x = snakepit::config{};
    x.instance.run_dir = run_dir.string();
    x.instance.state_dir = state_dir.string();
    x.log.level = "off";
    x.pools = std::move(pools);
    return x;
  }

  snakepit::runtime start(std::vector<snakepit::pool_config> pools) const {
    auto x = snakepit::runtime::start(configuration(std::move(pools)));
    REQUIRE_MESSAGE(x, to_string(x.error()));
    return std::move(*x);
  }

  /// Whether an answer at a deadline has this in the tool's stack. Stacks come within 50 ms or not
  /// at all: on a busy machine one asks again.
  static bool shows(const snakepit::error& x, const std::string& text) {
    return x.stacks && tool_stack(*x.stacks).find(text) != std::string::npos;
  }
};
