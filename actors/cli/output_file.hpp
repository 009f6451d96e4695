#pragma once

#include <snakepit/error.hpp>

#include <cstdint>
#include <string>

namespace snakepit::cli {

/// A file for results. It is opened before there are any, so that what is wrong with it shows
/// early, but what it held is lost only by `begin`.
class output_file {
public:
  output_file() = default;
  output_file(output_file&& x) noexcept;
  output_file& operator=(output_file&& x) noexcept;
  ~output_file();

  /// invalid_argument if it cannot be written.
  static result<output_file> open(const std::string& path);

  /// Empties it.
  result<void> begin();

  /// Keeps its whole lines, cuts a torn last one off, and goes to the end. Returns their number.
  result<uint64_t> resume();

  /// Closes it; false if that says that something was not written.
  bool close();

  int descriptor() const noexcept {
    return fd_;
  }

private:
  result<void> cut(int64_t size);

  int fd_ = -1;
  std::string path_;
};

/// Whether two descriptors are the same regular file.
bool same_file(int a, int b);

/// Opens a file for reading; the error says why not.
result<int> open_input(const std::string& path);

} // namespace snakepit::cli
