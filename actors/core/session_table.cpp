#include "actors/core/session_table.hpp"

namespace snakepit::core {

session_table::binding* session_table::find(const std::string& session, time_point now) {
  forget_idle(now);
  auto i = index_.find(session);
  if (i == index_.end())
    return nullptr;
  use(i->second, now);
  return &i->second->is;
}

session_table::binding& session_table::bind(const std::string& session, worker_id worker,
                                            time_point now) {
  forget_idle(now);
  if (auto i = index_.find(session); i != index_.end()) {
    use(i->second, now);
    return i->second->is = {worker};
  }
  if (index_.size() >= most_)
    forget_last();
  line_.push_front({session, {worker}, now});
  index_.emplace(line_.front().session, line_.begin());
  return line_.front().is;
}

void session_table::forget(const std::string& session) {
  auto i = index_.find(session);
  if (i == index_.end())
    return;
  auto place = i->second;
  index_.erase(i); // its key is in the entry
  line_.erase(place);
}

void session_table::use(line::iterator x, time_point now) {
  x->used = now;
  line_.splice(line_.begin(), line_, x);
}

void session_table::forget_idle(time_point now) {
  while (!line_.empty() && later(line_.back().used, idle_) <= now)
    forget_last();
}

void session_table::forget_last() {
  index_.erase(line_.back().session);
  line_.pop_back();
}

} // namespace snakepit::core
