#pragma once

#include <snakepit/runtime.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace snakepit {

/// Calls from some threads, and looks at how many workers are ready, until it ends.
class pool_load {
public:
  pool_load(runtime& x, size_t callers, std::string tool, value args) : runtime_{x} {
    threads_.emplace_back([this] {
      while (!done_)
        lowest_ = std::min(lowest_.load(), runtime_.stats().at(0).workers_ready);
    });
    for (size_t i = 0; i < callers; ++i)
      threads_.emplace_back([this, tool, args] {
        while (!done_)
          note(runtime_.execute(tool, args));
      });
  }
  ~pool_load() {
    end();
  }
  pool_load(const pool_load&) = delete;
  pool_load& operator=(const pool_load&) = delete;

  void end() {
    done_ = true;
    for (auto& x : threads_)
      x.join();
    threads_.clear();
  }

  // After the end.
  size_t calls = 0;
  std::vector<std::string> failures;
  std::set<int64_t> pids; // of the workers that made them
  size_t lowest() const {
    return lowest_;
  }

private:
  void note(const result<value>& x) {
    auto guard = std::lock_guard{mutex_};
    ++calls;
    if (!x)
      failures.push_back(to_string(x.error()));
    else if (auto* pid = x->get_if<int64_t>())
      pids.insert(*pid);
  }

  runtime& runtime_;
  std::atomic<bool> done_{false};
  std::atomic<size_t> lowest_{~size_t{0}};
  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

} // namespace snakepit
