#include "actors/cli/table.hpp"

#include <algorithm>

namespace snakepit::cli {

table::table(std::vector<std::string> head) {
  rows_.push_back(std::move(head));
}

void table::add(std::vector<std::string> row) {
  row.resize(rows_.front().size());
  rows_.push_back(std::move(row));
}

std::string table::text(const std::vector<size_t>& numbers) const {
  auto widths = std::vector<size_t>(rows_.front().size());
  for (auto& row : rows_)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  auto out = std::string{};
  for (auto& row : rows_) {
    auto line = std::string{};
    for (size_t i = 0; i < row.size(); ++i) {
      auto blanks = std::string(widths[i] - row[i].size(), ' ');
      auto right = std::ranges::find(numbers, i) != numbers.end();
      line += (i == 0 ? "" : "  ") + (right ? blanks + row[i] : row[i] + blanks);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += (out.empty() ? "" : "\n") + line;
  }
  return out;
}

} // namespace snakepit::cli
