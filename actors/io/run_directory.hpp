#pragma once

#include "actors/io/host_only.hpp"
#include "actors/io/worker_limits.hpp"

#include <snakepit/error.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace snakepit::io {

/// The folder of one run, in which its workers bind their sockets: RUN_DIR/RUN_ID. Removed with all
/// that is in it when this is destroyed; what a killed host has left behind is removed by the next
/// run that has the same RUN_DIR.
class run_directory {
public:
  /// Where RUN_DIR is: `configured`, made absolute, if not empty; else $XDG_RUNTIME_DIR/snakepit if
  /// that folder exists and is ours; else /run/snakepit for root; else /tmp/snakepit-UID.
  static std::string base(const std::string& configured);

  /// Makes RUN_DIR, as `make` does; its path. Same errors.
  static result<std::string> make_base(const std::string& configured);

  /// Makes RUN_DIR and the folder in it, both with mode 0700. An RUN_DIR that exists must be a
  /// folder (not a link to one) of ours that nobody else may enter. Errors are `invalid_config` and
  /// name the folder; one whose name is too long for sockets suggests `instance.run_dir`.
  static result<run_directory> make(const std::string& configured, const std::string& run_id);

  run_directory(run_directory&&) noexcept;
  run_directory& operator=(run_directory&&) = delete;
  ~run_directory();

  const std::string& path() const noexcept {
    return path_;
  }

  /// A folder in it that belongs to another user, for the sockets of workers who are that. Nobody
  /// gets there by its path but root: they have the descriptor. The same one each time.
  struct user_folder {
    std::string path;
    std::shared_ptr<descriptor> fd;
  };
  result<user_folder> folder_for(const worker_user& user);

  /// A path for a socket, PATH/N.sock, fit for sun_path; none is given twice. Any thread.
  std::string next_socket();

private:
  run_directory(std::string path, host_only lock)
    : path_{std::move(path)}, lock_{std::move(lock)} {}

  std::string path_; // empty: moved from
  // The folder itself, locked: who gets the lock of a folder knows that its run is over.
  host_only lock_;
  std::atomic<uint32_t> last_{0};
};

} // namespace snakepit::io
