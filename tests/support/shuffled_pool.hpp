#pragma once

#include <snakepit/batch.hpp>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace snakepit {

/// Ends calls on a thread of its own, in an order from a seed.
class shuffled_pool {
public:
  using answer_function = std::function<outcome(const std::string& text, unsigned attempt)>;

  explicit shuffled_pool(answer_function f, unsigned seed = 1)
    : answer_{std::move(f)}, random_{seed}, thread_{[this] { serve(); }} {}

  ~shuffled_pool() {
    {
      std::lock_guard lock{mutex_};
      ended_ = true;
    }
    there_.notify_all();
    thread_.join();
  }

  batch_submit submit() {
    return [this](std::vector<arguments> args, std::function<void(size_t, outcome)> done) {
      std::lock_guard lock{mutex_};
      for (size_t i = 0; i < args.size(); ++i)
        calls_.push_back({std::get<json_text>(args[i]).text, i, done});
      most_ = std::max(most_, calls_.size());
      there_.notify_all();
    };
  }

  /// Answers nothing until it is let go.
  void hold(bool x) {
    std::lock_guard lock{mutex_};
    held_ = x;
    there_.notify_all();
  }

  size_t waiting() {
    std::lock_guard lock{mutex_};
    return calls_.size();
  }

  size_t most_at_once() {
    std::lock_guard lock{mutex_};
    return most_;
  }

private:
  struct pending {
    std::string text;
    size_t index;
    std::function<void(size_t, outcome)> done;
  };

  void serve() {
    std::unique_lock lock{mutex_};
    for (;;) {
      there_.wait(lock, [this] { return ended_ || (!held_ && !calls_.empty()); });
      if (ended_)
        return;
      std::swap(calls_[random_() % calls_.size()], calls_.back());
      auto call = std::move(calls_.back());
      calls_.pop_back();
      auto attempt = attempts_[call.text]++;
      lock.unlock();
      call.done(call.index, answer_(call.text, attempt));
      lock.lock();
    }
  }

  answer_function answer_;
  std::mt19937 random_;
  std::mutex mutex_;
  std::condition_variable there_;
  std::vector<pending> calls_;
  std::map<std::string, unsigned> attempts_;
  size_t most_ = 0;
  bool held_ = false;
  bool ended_ = false;
  std::thread thread_;
};

} // namespace snakepit
