#pragma once

#include <snakepit/batch.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

/// What tests of batches share.
namespace snakepit {

/// The numbers from 0 to n - 1.
inline batch_source numbers(uint64_t n) {
  return [n, i = uint64_t{0}](batch_item& to, bool) mutable {
    if (i == n)
      return batch_pull::end;
    to.args = json_text{std::to_string(i++)};
    return batch_pull::item;
  };
}

/// Sees that each index comes once, and with what belongs to it.
struct seen_ends {
  std::vector<uint64_t> order;
  std::map<uint64_t, std::string> texts;
  std::set<uint64_t> failed;

  batch_sink sink() {
    return [this](uint64_t index, outcome end) {
      order.push_back(index);
      if (end)
        CHECK(texts.emplace(index, end->text()).second);
      else
        CHECK(failed.insert(index).second);
    };
  }
  bool in_order() const {
    return std::is_sorted(order.begin(), order.end());
  }
};

} // namespace snakepit
