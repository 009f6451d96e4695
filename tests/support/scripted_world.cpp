#include "tests/support/scripted_world.hpp"

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <tuple>

namespace snakepit {

// -- the host's doors ---------------------------------------------------------------

class scripted_process : public io::process {
public:
  explicit scripted_process(std::shared_ptr<scripted_worker> x) : x_{std::move(x)} {
    identity_.pid = x_->pid_;
    x_->object_ = this;
    x_->object_alive = true;
  }
  ~scripted_process() override {
    x_->object_ = nullptr;
    x_->object_alive = false;
    x_->now = scripted_worker::phase::dead; // the lifetime pipe has closed
  }

  const io::process_identity& identity() const noexcept override {
    return identity_;
  }
  bool is_forked() const noexcept override {
    return false;
  }
  core::lane_page page(uint32_t lane) noexcept override {
    return x_->lanes.at(lane).page();
  }
  bool signal(int number) noexcept override {
    for (auto& lane : x_->lanes)
      lane.interrupts += number != 0 ? 1 : 0;
    return !x_->dead();
  }
  bool is_stopped() const override {
    return x_->stopped && !x_->dead();
  }
  bool kill_group() noexcept override {
    x_->kill_came = true;
    x_->status_.killed_by_host |= !x_->dead();
    return !x_->dead();
  }
  void take_stacks(std::chrono::milliseconds,
                   std::function<void(core::stack_sample)> done) override {
    ++x_->stacks_asked;
    x_->stacks_wanted_.push_back(std::move(done));
    if (!x_->world_->slow_stacks)
      x_->tell_stacks();
  }
  std::string written_stacks() const override {
    return x_->stacks_text;
  }
  std::string stacks_so_far() const override {
    return x_->stacks_text;
  }
  std::string last_stderr(size_t) const override {
    return "last words of " + x_->label;
  }

private:
  std::shared_ptr<scripted_worker> x_;
  io::process_identity identity_;
};

class scripted_launcher : public io::process_launcher {
public:
  explicit scripted_launcher(scripted_world& world) : world_{world} {}

  void retire(const std::shared_ptr<const io::launch_spec>& origin) override {
    world_.retired.push_back(origin);
  }

  void launch(io::launch_spec spec, io::process_events events, callback done) override {
    if (world_.launches_that_throw > 0) {
      --world_.launches_that_throw;
      throw std::runtime_error{"the launcher has a bug"};
    }
    auto x = std::make_shared<scripted_worker>();
    x->world_ = &world_;
    x->label = spec.label;
    x->origin = spec.origin;
    x->events_ = std::move(events);
    x->done_ = std::move(done);
    x->pid_ = static_cast<int64_t>(1000 + world_.workers.size());
    constexpr auto words = core::lane_page::section_size / sizeof(uint64_t);
    x->memory_.resize(spec.lanes * words);
    for (uint32_t i = 0; i < spec.lanes; ++i) {
      auto page = core::lane_page{x->memory_.data() + i * words};
      page.prepare();
      x->lanes.emplace_back(*x, i, std::move(page));
    }
    world_.workers.push_back(std::move(x));
  }

  std::vector<int64_t> stop() override {
    return {};
  }
  void kill_all() noexcept override {}

private:
  scripted_world& world_;
};

class scripted_channel : public io::worker_channel {
public:
  scripted_channel(scripted_world& world, io::channel_events events)
    : world_{world}, events_{std::move(events)} {}
  ~scripted_channel() override {
    if (x_)
      x_->channel_alive_ = false;
  }

  void greet(const std::string&, int64_t pid, core::hello) override {
    for (auto& x : world_.workers)
      if (x->pid_ == pid)
        x_ = x;
    x_->channel_events_ = events_;
    x_->channel_alive_ = true;
    x_->hello_came = x_->hello_is_open_ = true;
  }
  void open(uint32_t) override {
    x_->opened_ = true;
    x_->now = std::max(x_->now, scripted_worker::phase::serving);
  }
  void send(const core::batch& x) override {
    auto seq = x.first_seq;
    auto end = x.first_seq + x.items.size() - 1;
    for (auto& item : x.items) {
      auto last = x.together ? end : seq;
      x_->lanes.at(x.lane).inbox.push_back(
        {x.first_seq, seq++, item.tool, std::string{item.data}, last, x.together});
    }
  }
  void heartbeat(uint64_t nonce) override {
    x_->heartbeats.push_back(nonce);
    ++x_->heartbeats_came;
    if (x_->answers && !x_->stopped && !x_->dead())
      x_->answer_heartbeat();
  }
  void shutdown(std::chrono::milliseconds) override {
    x_->shutdown_came = true;
  }

private:
  scripted_world& world_;
  io::channel_events events_;
  std::shared_ptr<scripted_worker> x_;
};

std::shared_ptr<io::process_launcher> scripted_world::launcher() {
  return std::make_shared<scripted_launcher>(*this);
}

std::unique_ptr<io::worker_channel> scripted_world::make_channel(io::channel_events events) {
  return std::make_unique<scripted_channel>(*this, std::move(events));
}

scripted_worker* scripted_world::find(const std::string& label) {
  scripted_worker* result = nullptr;
  for (auto& x : workers)
    if (x->label.starts_with(label))
      result = x.get();
  return result;
}

std::vector<core::tool_entry> scripted_world::declared() const {
  auto result = std::vector<core::tool_entry>{};
  for (auto& [name, number] : tools) {
    auto x = core::tool_entry{};
    x.number = number;
    x.description.name = name;
    x.description.schema = R"({"type": "object"})";
    if (auto i = batches.find(name); i != batches.end())
      std::tie(x.description.batch_size, x.description.batch_delay) = i->second;
    result.push_back(std::move(x));
  }
  return result;
}

// -- steps ----------------------------------------------------------------------------

void scripted_worker::spawn() {
  now = phase::spawned;
  std::exchange(done_, nullptr)(std::make_unique<scripted_process>(shared_from_this()));
}

void scripted_worker::fail_to_spawn(error why) {
  now = phase::dead;
  exit_told_ = true;
  events_ = {};
  std::exchange(done_, nullptr)(tl::unexpected{std::move(why)});
}

void scripted_worker::bind() {
  now = phase::bound;
  events_.on_listening();
}

void scripted_worker::greet() {
  now = phase::greeted;
  hello_is_open_ = false;
  auto reply = core::hello_reply{};
  reply.pid = pid_;
  reply.lanes = static_cast<uint32_t>(lanes.size());
  reply.tools = world_->declared();
  reply.has_barrier = world_->has_barrier;
  if (channel_alive_)
    channel_events_.on_greeted(std::move(reply));
}

void scripted_worker::refuse_hello(error why) {
  now = phase::greeted;
  hello_is_open_ = false;
  if (channel_alive_)
    channel_events_.on_greeted(tl::unexpected{std::move(why)});
}

void scripted_worker::die(int signal) {
  now = phase::dead;
  status_.signal = signal;
}

void scripted_worker::exit(int code) {
  now = phase::dead;
  status_.code = code;
}

void scripted_worker::tell_stacks() {
  for (auto& done : std::exchange(stacks_wanted_, {})) {
    auto sample = core::stack_sample{};
    sample.text = stacks_text;
    if (dead())
      sample.why_not = core::stack_sample::obstacle::gone;
    if (object_)
      done(std::move(sample));
  }
}

void scripted_worker::tell_exit() {
  tell_stacks();
  exit_told_ = true;
  if (object_)
    events_.on_exit(status_);
  events_ = {}; // it has been reaped
}

void scripted_worker::tell_lane_closed() {
  auto lane = static_cast<uint32_t>(closed_told_);
  closed_told_ = hello_is_open_ ? lanes.size() : closed_told_ + 1;
  if (!channel_alive_)
    return;
  if (std::exchange(hello_is_open_, false))
    channel_events_.on_greeted(fail(reason::worker_start_failed, "connection lost"));
  else
    channel_events_.on_lane_closed(lane, "connection lost");
}

void scripted_worker::answer_heartbeat() {
  auto nonce = heartbeats.front();
  heartbeats.pop_front();
  if (channel_alive_)
    channel_events_.on_heartbeat(nonce, std::chrono::milliseconds{1});
}

bool scripted_worker::any_running() const {
  return std::any_of(lanes.begin(), lanes.end(), [](auto& x) { return x.running(); });
}

void scripted_worker::serve_all() {
  for (auto& lane : lanes)
    lane.serve_all();
}

// -- steps of a lane --------------------------------------------------------------------

void scripted_lane::claim() {
  claim_begin();
  claim_end();
}

void scripted_lane::claim_begin() {
  claiming_ = inbox.front();
  claimed_before_ = page_.claimed();
  page_.set_claimed(claiming_->last);
  for (auto& x : inbox)
    if (x.seq <= claiming_->last)
      worker_.world_->claims_begun.insert(x.data);
}

void scripted_lane::claim_end() {
  auto x = *std::exchange(claiming_, std::nullopt);
  if (page_.limit() < x.last) {
    page_.set_claimed(claimed_before_);
    std::erase_if(inbox, [&](auto& other) { return other.batch == x.batch; });
    revoked_from_ = x.seq;
    ++worker_.world_->reports;
    return send(); // the end of the batch
  }
  group_.clear();
  while (!inbox.empty() && inbox.front().seq <= x.last) {
    group_.push_back(std::move(inbox.front()));
    inbox.pop_front();
  }
  running_ = group_.back();
  interrupts = 0;
  if (running_->tool < core::tool_number::first)
    return;
  if (running_->together)
    worker_.world_->groups.push_back(group_.size());
  for (auto& one : group_) {
    ++worker_.world_->claims[one.data];
    worker_.world_->runs.emplace_back(one.data, worker_.label);
  }
}

void scripted_lane::finish() {
  auto full = false;
  for (auto& x : group_) {
    full = full || !journal_.note(x.seq, x.data);
    if (full)
      owed_ = running_->seq; // none of a group is noted behind one that is not
    else
      worker_.world_->noted.insert(x.data);
    made_.push_back({x.seq, run_us, payload{false, x.data}});
  }
  page_.set_done(running_->seq);
  running_.reset();
}

void scripted_lane::finish_with(error why) {
  owed_ = running_->seq;
  page_.set_done(running_->seq);
  for (auto& x : group_)
    made_.push_back({x.seq, run_us, tl::unexpected{why}});
  running_.reset();
}

void scripted_lane::send() {
  if (!made_.empty())
    journal_.mark(made_.back().seq);
  auto message = core::results{index_, std::exchange(made_, {}), std::exchange(revoked_from_, 0)};
  if (worker_.channel_alive_)
    worker_.channel_events_.on_results(std::move(message));
}

void scripted_lane::serve_all() {
  while (running_ || may_claim()) {
    if (!running_)
      claim();
    if (running_)
      finish();
  }
  if (!made_.empty())
    send();
}

} // namespace snakepit
