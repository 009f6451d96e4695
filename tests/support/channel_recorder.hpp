#pragma once

#include "actors/io/worker_channel.hpp"
#include "tests/support/eventually.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace snakepit::test {

using namespace std::chrono_literals;

/// Takes what a channel reports; any thread. Outlives the channel.
class channel_recorder {
public:
  static constexpr auto patience = 10s;

  io::channel_events events() {
    return {
      .on_greeted =
        [this](result<core::hello_reply> x) {
          std::lock_guard guard{mutex_};
          greeted_.push_back(std::move(x));
        },
      .on_results =
        [this](core::results x) {
          std::lock_guard guard{mutex_};
          for (auto& final : x.finals)
            finals_[x.lane].push_back(std::move(final));
        },
      .on_lane_closed =
        [this](uint32_t lane, std::string why) {
          std::lock_guard guard{mutex_};
          closed_[lane].push_back(std::move(why));
        },
      .on_heartbeat =
        [this](uint64_t nonce, std::chrono::nanoseconds) {
          std::lock_guard guard{mutex_};
          heartbeats_.push_back(nonce);
        },
    };
  }

  /// The end of `greet`, awaited.
  std::optional<result<core::hello_reply>> greeted() {
    eventually(patience, [this] {
      std::lock_guard guard{mutex_};
      return !greeted_.empty();
    });
    std::lock_guard guard{mutex_};
    if (greeted_.size() != 1)
      return std::nullopt;
    return greeted_.front();
  }

  /// Waits for so many finals of a lane, and returns what is there.
  std::vector<core::final_result> finals(uint32_t lane, size_t count) {
    eventually(patience, [&] {
      std::lock_guard guard{mutex_};
      return finals_[lane].size() >= count;
    });
    std::lock_guard guard{mutex_};
    return finals_[lane];
  }

  /// Why a lane was closed, each time it was, awaited once.
  std::vector<std::string> closed(uint32_t lane) {
    eventually(patience, [&] {
      std::lock_guard guard{mutex_};
      return !closed_[lane].empty();
    });
    std::lock_guard guard{mutex_};
    return closed_[lane];
  }

  /// Heartbeats that were answered; so many are awaited.
  std::vector<uint64_t> heartbeats(size_t count) {
    eventually(patience, [&] {
      std::lock_guard guard{mutex_};
      return heartbeats_.size() >= count;
    });
    std::lock_guard guard{mutex_};
    return heartbeats_;
  }

  bool is_closed(uint32_t lane) {
    std::lock_guard guard{mutex_};
    return !closed_[lane].empty();
  }

private:
  std::mutex mutex_;
  std::vector<result<core::hello_reply>> greeted_;
  std::map<uint32_t, std::vector<core::final_result>> finals_;
  std::map<uint32_t, std::vector<std::string>> closed_;
  std::vector<uint64_t> heartbeats_;
};

} // namespace snakepit::test
