#pragma once

#include "actors/io/process.hpp"
#include "actors/io/run_directory.hpp"
#include "actors/io/worker_channel.hpp"
#include "bench/bench.hpp"

#include <functional>
#include <memory>

namespace snakepit::bench {

/// Starts and ends the processes of bare workers.
struct bare_host {
  io::run_directory folder;
  std::unique_ptr<io::process_launcher> launcher;

  static bare_host make();
};

/// A worker without a pool: its process and the callback reactor that talks to it, no actor
/// between.
class bare_worker {
public:
  /// Results come to `on_results`, from gRPC's threads. Returns when the worker has greeted us.
  bare_worker(bare_host& host, const std::string& adapter,
              std::function<void(core::results)> on_results);

  /// Sends calls of a tool of bench/adapter.py; `payloads` are its arguments.
  void send(bool raw, uint64_t first_seq, const std::vector<std::string>& payloads);

private:
  uint32_t number_of(const std::string& tool) const;

  core::hello_reply reply_;
  std::unique_ptr<io::process> process_;
  std::unique_ptr<io::worker_channel> channel_;
};

/// The arguments of `echo_arguments` as they go over the wire.
std::string echo_payload(bool raw, uint64_t number);

} // namespace snakepit::bench
