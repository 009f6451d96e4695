#pragma once

#include "actors/io/ledger.hpp"

#include <deque>
#include <map>
#include <string>
#include <vector>

namespace snakepit {

/// A ledger whose disk the test plays.
class scripted_ledger : public io::ledger {
public:
  struct write_order {
    std::vector<core::ledger_row> rows;
    callback done;
  };

  void write(std::vector<core::ledger_row> rows, callback done) override {
    orders.push_back({std::move(rows), std::move(done)});
    if (instant)
      succeed();
  }

  void succeed() {
    auto x = std::move(orders.front());
    orders.pop_front();
    for (auto& row : x.rows)
      content.insert_or_assign(row.id, row);
    x.done({});
  }
  void fail(const std::string& why) {
    auto x = std::move(orders.front());
    orders.pop_front();
    x.done(snakepit::fail(reason::internal, why));
  }

  /// The state of each entry, in order: "raae".
  std::string states() const {
    auto out = std::string{};
    for (auto& [id, row] : content)
      out += "rae"[row.state];
    return out;
  }

  bool instant = false;
  std::deque<write_order> orders; // that are out
  std::map<uint64_t, core::ledger_row> content;
};

} // namespace snakepit
