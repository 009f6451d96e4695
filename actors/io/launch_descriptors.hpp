#pragma once

#include "actors/io/descriptor.hpp"
#include "actors/io/exec_child.hpp"
#include "actors/io/host_only.hpp"

#include <snakepit/error.hpp>

#include <array>
#include <string>

namespace snakepit::io {

/// The host's ends of a worker's lifetime pipe.
struct lifetime_ends {
  host_only write;
  /// Our own copy of the read end: as long as somebody holds one, closing the write end ends the
  /// group, also when the leader and with it the worker's copy is gone. Its number is below that of
  /// the write end: what a killed process had open is released from the highest number down.
  descriptor read;

  /// Ends the group that the pipe is armed for.
  void close() noexcept {
    write.reset(); // first
    read.reset();
  }
};

/// The host's ends of what a worker was started with.
struct process_ends {
  descriptor output;
  descriptor errors;
  host_only side;
  lifetime_ends lifetime;
};

/// Both sides' descriptors of one launch, all close-on-exec; closed when this is destroyed unless
/// handed on. The worker's are numbered so that dup2 to 0..8 overwrites none of them.
class launch_descriptors {
public:
  /// /dev/null, to be shared by all launches.
  static result<descriptor> open_null();

  /// Makes all but the lane page and the file for stacks; the token is already written and its pipe
  /// closed for writing.
  static result<launch_descriptors> make(int null, const std::string& token);

  /// Takes the lane page's memfd.
  result<void> set_lane_page(descriptor fd);

  /// Takes the file for stacks.
  result<void> set_stacks(descriptor fd);

  /// Takes what the process gets instead of the token pipe.
  result<void> set_channel(descriptor fd);

  /// Sets the folder for its socket, copying the descriptor; without one it gets /dev/null.
  result<void> set_socket_folder(const descriptor& fd);

  /// The worker's descriptors, in the order of their numbers there.
  std::array<int, worker_descriptors> worker_ends() const noexcept;

  /// Writes the worker's descriptors into the plan.
  void fill(child_plan& plan) const noexcept;

  /// Hands the host's ends over; the worker's are closed with this object.
  process_ends release_host_ends() noexcept;

private:
  int null_ = -1; // not owned
  descriptor folder_;
  descriptor output_;
  descriptor errors_;
  descriptor side_;
  descriptor lane_page_;
  descriptor token_;
  descriptor stacks_;
  process_ends host_;
};

} // namespace snakepit::io
