#pragma once

#include "tests/system/chaos_ledger.hpp"

#include <condition_variable>
#include <deque>
#include <random>
#include <thread>

namespace snakepit::test {

/// Makes calls of every kind, with short deadlines and cancels, and bounds how many are under way.
class chaos_load {
public:
  chaos_load(runtime& to, chaos_ledger& ledger, uint64_t seed)
    : runtime_{to}, ledger_{ledger}, random_{seed} {}

  /// Makes one call, or a few in one message. Waits until there is room.
  void step();

  /// Waits until all have been answered, for `patience` at most.
  void await_all(duration patience);

  uint64_t made() const noexcept {
    return made_;
  }

private:
  struct prepared {
    chaos_call call;
    arguments args;
  };

  prepared make_call();
  call_options some_options();
  void take_room(size_t calls);
  void done(const chaos_call& call, const outcome& end);
  void submit_some();
  bool chance(double share);
  uint64_t between(uint64_t least, uint64_t most);

  runtime& runtime_;
  chaos_ledger& ledger_;
  std::mt19937_64 random_;
  uint64_t made_ = 0;
  std::deque<call_handle> doomed_; // to be cancelled a few steps later
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t outstanding_ = 0;
};

/// Kills a worker now and then, by somebody else's hand, until it is destroyed.
class chaos_killer {
public:
  chaos_killer(runtime& of, uint64_t seed, duration pause);
  ~chaos_killer();
  chaos_killer(const chaos_killer&) = delete;
  chaos_killer& operator=(const chaos_killer&) = delete;

  uint64_t kills() const noexcept {
    return kills_;
  }

private:
  void run(uint64_t seed, duration pause);
  void on_ready(const event& x);

  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::map<std::string, int> pidfds_; // by slot
  std::atomic<uint64_t> kills_{0};
  subscription events_;
  std::thread thread_;
};

} // namespace snakepit::test
