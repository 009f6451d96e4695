#pragma once

#include "actors/io/process_table.hpp"
#include "actors/io/template_socket.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace snakepit::io {

/// One process that somebody wants to have started.
struct process_order {
  launch_spec spec;
  process_events events;
  process_launcher::callback done;
};

/// One template and the workers that it has forked. The loop's thread only.
class template_process {
public:
  enum class phase {
    starts,  ///< imports
    ready,   ///< forks
    retired, ///< forks no more, but has workers
    down,    ///< gone
  };

  struct callbacks {
    std::function<void()> on_ready;
    /// It forks no more, and why. Once.
    std::function<void(const std::string& why)> on_lost;
    /// A worker that it has not forked and never will.
    std::function<void(process_order)> on_declined;
    /// Its process is gone.
    std::function<void()> on_down;
  };

  /// `null` is /dev/null; it, the loop and the table live longer.
  template_process(event_loop& loop, process_table& table, int null, host_only socket,
                   callbacks calls);
  ~template_process();

  template_process(const template_process&) = delete;
  template_process& operator=(const template_process&) = delete;

  /// Begins to listen to it. Errors are those of the loop.
  result<void> watch();

  phase is() const noexcept {
    return phase_;
  }

  /// Asks for a worker. Only if it is ready.
  void fork(process_order order);

  // What is told of the process itself, by whoever has started it.
  void on_started(result<std::unique_ptr<process>> x);
  void on_listening();
  void on_refused(const std::string& why);
  void on_exit(const exit_status& status);
  /// It is not ready, or has not answered a request, in the given time.
  void give_up(const std::string& why);

  /// It forks no more, is not lost by that, and ends after the last of its workers.
  void retire();

  /// Gives back what it was asked for; a worker that it forks all the same ends at once, its
  /// lifetime pipe being closed.
  void decline_all();

  /// Asks it to reap what has ended, and to end. `on_down` follows, unless it is down already.
  void finish();

  bool waits_for(uint64_t number) const {
    return pending_.count(number) > 0;
  }
  uint64_t last_number() const noexcept {
    return last_number_;
  }

private:
  struct request {
    process_order order;
    prepared_launch prepared;
  };

  void on_spawned(uint64_t number, int64_t pid, descriptor pidfd);
  void on_failed(uint64_t number, int errno_number);
  void on_unfit(uint64_t number, const std::string& why);
  void on_exited(uint64_t number, const exit_status& status);
  void on_readable();
  void lose(phase next, const std::string& why);
  void end_if_done();
  void unwatch();

  event_loop& loop_;
  process_table& table_;
  const int null_;
  template_socket socket_;
  callbacks calls_;
  event_loop::watch_id watch_ = 0;
  phase phase_ = phase::starts;
  std::string why_; // as soon as it is known
  std::unique_ptr<process> process_;
  uint64_t last_number_ = 0;
  std::map<uint64_t, request> pending_;
  std::map<uint64_t, std::shared_ptr<watched_process>> workers_;
};

} // namespace snakepit::io
