#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace snakepit::io {

/// What workers have started and left behind becomes the child of the daemon instead of init's: it
/// is reaped when it ends, and ended with the daemon. One for a process.
///
/// The daemon's own children are none of its business: whoever started one waits for it. All of
/// them lead sessions of their own, or share ours, and are reaped at once; so what is reaped here
/// is what belongs to a foreign session and does not lead it, and what has been left unreaped at
/// many looks.
class orphan_keeper {
public:
  /// Makes this process the one that gets the orphans, and looks after them from time to time.
  explicit orphan_keeper(std::chrono::milliseconds pause = std::chrono::seconds{5});
  ~orphan_keeper();
  orphan_keeper(const orphan_keeper&) = delete;
  orphan_keeper& operator=(const orphan_keeper&) = delete;

  /// Ends the orphans that carry this run's mark and reaps them, when no worker is left. The pids
  /// of those that the kernel did not end in a second.
  std::vector<int64_t> end_all(const std::string& run_id);

private:
  void run();
  void look();

  const std::chrono::milliseconds pause_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ends_ = false;
  /// Of those that have ended, by pid and start time, how often they were seen so.
  std::map<std::pair<int64_t, uint64_t>, int> seen_;
  std::thread thread_;
};

} // namespace snakepit::io
