#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace snakepit::test {

/// A folder of its own for each test, gone with everything in it at the end.
class temporary_folder {
public:
  temporary_folder() {
    auto pattern = (std::filesystem::temp_directory_path() / "snakepit-test-XXXXXX").string();
    if (!::mkdtemp(pattern.data()))
      throw std::runtime_error{"no temporary folder: " + pattern};
    path_ = pattern;
  }
  ~temporary_folder() {
    auto ignored = std::error_code{};
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  const std::filesystem::path& path() const noexcept {
    return path_;
  }

  /// A file in it; its path.
  std::string write(const std::string& name, const std::string& text,
                    std::filesystem::perms mode = std::filesystem::perms::owner_all) const {
    auto file = path_ / name;
    std::ofstream{file, std::ios::binary} << text;
    std::filesystem::permissions(file, mode);
    return file.string();
  }

private:
  std::filesystem::path path_;
};

} // namespace snakepit::test
