#pragma once

#include <string>
#include <vector>

namespace snakepit::cli {

/// Rows of words in columns that are as wide as they must be.
class table {
public:
  explicit table(std::vector<std::string> head);

  void add(std::vector<std::string> row);

  /// The lines, without an end at the last and without blanks at their ends. `numbers` are the
  /// columns that stand to the right.
  std::string text(const std::vector<size_t>& numbers) const;

private:
  std::vector<std::vector<std::string>> rows_;
};

} // namespace snakepit::cli
