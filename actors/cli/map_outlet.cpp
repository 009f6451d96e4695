#include "actors/cli/map_outlet.hpp"

#include <algorithm>
#include <cassert>

namespace snakepit::cli {

namespace {
constexpr size_t flush_at = size_t{64} << 10;
}

std::string error_record(const error& why, uint64_t line) {
  return "{\"error\": " + to_json(why) + ", \"line\": " + std::to_string(line) + "}";
}

map_outlet::map_outlet(line_writer& out, policy x) : out_{out}, policy_{x} {
  if (policy_.ordered)
    waiting_.resize(policy_.window);
}

void map_outlet::accept(map_result x) {
  if (!policy_.ordered) {
    settle(x);
    return;
  }
  assert(x.place.index - next_ < waiting_.size());
  auto slot = x.place.index % waiting_.size();
  waiting_[slot] = std::move(x);
  for (; waiting_[next_ % waiting_.size()]; ++next_) {
    auto& due = waiting_[next_ % waiting_.size()];
    settle(*due);
    due.reset();
  }
}

void map_outlet::settle(map_result& x) {
  if (stopped_)
    return;
  if (x.why)
    fail(x);
  if (stopped_)
    return;
  ++items_;
  bytes_ += x.text.size();
  end_ = std::max(end_, x.place.end);
  if (!x.why)
    out_.append(x.text);
  if (out_.pending() >= flush_at)
    out_.flush();
}

void map_outlet::fail(map_result& x) {
  ++errors_;
  // A pool that has failed for good would fail every other item as well.
  bool hopeless = x.why->reason == reason::pool_failed;
  bool last = hopeless || policy_.errors == on_error::stop
              || (policy_.max_errors > 0 && errors_ >= policy_.max_errors);
  if (policy_.errors == on_error::emit && !hopeless)
    out_.append(error_record(*x.why, x.place.line));
  if (!failure_ || last) {
    x.why->details.emplace("line", std::to_string(x.place.line));
    failure_ = std::move(*x.why);
  }
  stopped_ = last;
}

} // namespace snakepit::cli
