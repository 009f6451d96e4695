#pragma once

#include "actors/core/call.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace snakepit::test {

/// Keeps every end that it is given, by tag.
class recording_target : public core::reply_target {
public:
  void answer(uint64_t tag, outcome end) noexcept override {
    ends_[tag].push_back(std::move(end));
  }

  size_t answers() const {
    auto n = size_t{0};
    for (auto& [tag, ends] : ends_)
      n += ends.size();
    return n;
  }
  size_t answers(uint64_t tag) const {
    auto i = ends_.find(tag);
    return i == ends_.end() ? 0 : i->second.size();
  }
  /// The last end of this tag; there must be one.
  const outcome& end(uint64_t tag) const {
    return ends_.at(tag).back();
  }

private:
  std::map<uint64_t, std::vector<outcome>> ends_;
};

inline outcome good(std::string text = "1") {
  return payload{false, std::move(text)};
}

/// A call that answers `target` under its own id and has a ticket.
inline core::call_ptr make_call(uint64_t id, const std::shared_ptr<recording_target>& target,
                                core::time_point deadline = core::never, size_t bytes = 0) {
  auto group = std::make_shared<core::call_group>();
  group->tool = "tool" + std::to_string(id);
  auto x = std::make_unique<core::call>();
  x->id = id;
  x->group = std::move(group);
  x->data.assign(bytes, 'x');
  x->tool = static_cast<uint32_t>(id);
  x->deadline = x->queue_deadline = deadline;
  x->slot = core::reply_slot{target, id};
  x->ticket = std::make_shared<core::call_ticket>();
  return x;
}

inline std::vector<uint64_t> ids(const std::vector<core::call_ptr>& xs) {
  auto result = std::vector<uint64_t>{};
  for (auto& x : xs)
    result.push_back(x->id);
  return result;
}

} // namespace snakepit::test
