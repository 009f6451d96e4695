#pragma once

#include "actors/io/process.hpp"
#include "actors/io/worker_channel.hpp"
#include "tests/support/journal_writer.hpp"

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace snakepit {

class scripted_world;

class scripted_worker;

/// One lane of a played worker. Its page is written one word at a time, as the real one writes it.
class scripted_lane {
public:
  struct item {
    uint64_t batch; ///< first number of its batch
    uint64_t seq;
    uint32_t tool;
    std::string data;
    uint64_t last; ///< of those that run as one with it, itself included
    bool together; ///< whether it is of a group
  };

  scripted_lane(scripted_worker& worker, uint32_t index, core::lane_page page)
    : worker_{worker}, index_{index}, page_{std::move(page)}, journal_{page_} {}

  // -- what the host did ------------------------------------------------------

  int interrupts = 0;     ///< signals since the running call was claimed
  std::deque<item> inbox; ///< sent and not claimed
  uint32_t run_us = 5;    ///< how long it says that a tool ran

  // -- steps ------------------------------------------------------------------

  /// Claims the next call: `claim_begin` and `claim_end` at once.
  void claim();
  /// Writes that it claims the next call.
  void claim_begin();
  /// Reads the limit: the tool runs from then on, or the rest of the batch is given back.
  void claim_end();
  /// The running tool ends; its final is made, noted in the journal and as done, but not sent.
  void finish();
  /// The same without room in the journal: nothing is claimed before it is acknowledged.
  void finish_with(error why);
  /// Sends the finals that were made.
  void send();
  /// Claims, finishes and sends everything; probes included.
  void serve_all();

  // -- questions ----------------------------------------------------------------

  bool running() const {
    return running_.has_value();
  }
  bool has_unsent() const {
    return !made_.empty() || revoked_from_ != 0;
  }
  bool claiming() const {
    return claiming_.has_value();
  }
  bool may_claim() const {
    return !running_ && !claiming_ && !inbox.empty() && owed_ <= page_.acked();
  }
  /// The running call; of a group the last.
  const item& current() const {
    return *running_;
  }
  /// The calls that run: one, or a group.
  const std::vector<item>& group() const {
    return group_;
  }
  /// Whether the running call was told to end, as Python's handler would see it.
  bool interrupted() const {
    return running_ && interrupts > 0 && page_.cancel() == running_->seq;
  }
  core::lane_page& page() {
    return page_;
  }

private:
  scripted_worker& worker_;
  uint32_t index_;
  core::lane_page page_;
  test::journal_writer journal_;
  std::optional<item> claiming_;
  std::optional<item> running_;
  std::vector<item> group_;
  uint64_t claimed_before_ = 0;
  uint64_t revoked_from_ = 0;
  uint64_t owed_ = 0;
  std::vector<core::final_result> made_;
};

/// What the tests play: worker processes whose every step is taken by hand. A process does nothing
/// by itself; each of its members moves it by one step, as the real one would. What is about a lane
/// is about the first one; see `lanes` for others.
class scripted_worker : public std::enable_shared_from_this<scripted_worker> {
public:
  enum class phase { ordered, spawned, bound, greeted, serving, dead };

  std::deque<scripted_lane> lanes;

  // -- what the host did ------------------------------------------------------

  std::string label;
  std::shared_ptr<const io::launch_spec> origin; ///< of its template
  phase now = phase::ordered;
  bool hello_came = false;
  bool shutdown_came = false;
  bool kill_came = false; ///< SIGKILL, takes effect with `die`
  bool object_alive = false;
  std::deque<uint64_t> heartbeats; ///< that came and are not answered
  size_t heartbeats_came = 0;
  size_t stacks_asked = 0;

  /// What it writes when it is asked for its stacks.
  std::string stacks_text =
    "Thread 0x00000001 (most recent call first):\n  File \"tool.py\", line 3 in work\n";

  const std::deque<scripted_lane::item>& inbox() const {
    return lanes[0].inbox;
  }

  // -- steps ------------------------------------------------------------------

  void spawn();
  void fail_to_spawn(error why);
  void bind();
  void refuse_hello(error why);
  void greet();
  void claim() {
    lanes[0].claim();
  }
  void claim_begin() {
    lanes[0].claim_begin();
  }
  void claim_end() {
    lanes[0].claim_end();
  }
  void finish() {
    lanes[0].finish();
  }
  void finish_with(error why) {
    lanes[0].finish_with(std::move(why));
  }
  void send() {
    lanes[0].send();
  }
  /// On all lanes.
  void serve_all();
  /// Leader and group are gone; the host is told nothing yet.
  void die(int signal);
  void exit(int code);
  void tell_exit();
  /// Its stacks are told to who has asked for them.
  void tell_stacks();
  /// The connection's end: of one more lane, or of a Hello that was not answered.
  void tell_lane_closed();
  /// The control thread answers the oldest heartbeat.
  void answer_heartbeat();

  /// Whether the control thread answers heartbeats by itself, as it would if nothing hindered it.
  bool answers = true;
  /// Whether the kernel would say that it is stopped.
  bool stopped = false;

  // -- questions ----------------------------------------------------------------

  bool running() const {
    return lanes[0].running();
  }
  bool may_claim() const {
    return lanes[0].may_claim();
  }
  /// On any lane.
  bool any_running() const;
  bool stacks_wanted() const {
    return !stacks_wanted_.empty();
  }
  bool interrupted() const {
    return lanes[0].interrupted();
  }
  bool dead() const {
    return now == phase::dead;
  }
  int64_t pid() const {
    return pid_;
  }
  bool exit_told() const {
    return exit_told_;
  }
  bool lane_closed_told() const {
    return closed_told_ == lanes.size() || !(opened_ || hello_is_open_);
  }
  core::lane_page& page() {
    return lanes[0].page();
  }

private:
  friend class scripted_lane;
  friend class scripted_process;
  friend class scripted_channel;
  friend class scripted_launcher;

  scripted_world* world_ = nullptr;
  io::process_events events_;
  io::channel_events channel_events_;
  io::process_launcher::callback done_;
  io::process* object_ = nullptr;
  bool channel_alive_ = false;
  bool hello_is_open_ = false;
  bool opened_ = false;
  bool exit_told_ = false;
  size_t closed_told_ = 0;
  io::exit_status status_;
  std::vector<std::function<void(core::stack_sample)>> stacks_wanted_;
  std::vector<uint64_t> memory_;
  int64_t pid_ = 0;
};

/// All of them, and the doors through which the actors see them.
class scripted_world {
public:
  /// In the order of their starts. They stay for the life of the world.
  std::vector<std::shared_ptr<scripted_worker>> workers;

  std::shared_ptr<io::process_launcher> launcher();
  std::unique_ptr<io::worker_channel> make_channel(io::channel_events events);

  /// The newest one of a slot ("pool/slot."), null if none.
  scripted_worker* find(const std::string& label);

  /// Tools that workers declare: name to number.
  std::map<std::string, uint32_t> tools{{"echo", 16}, {"work", 17}};

  /// Whose templates are needed no more.
  std::vector<std::shared_ptr<const io::launch_spec>> retired;
  /// Tools that want their calls in groups: how many at most, and how long they are held back.
  std::map<std::string, std::pair<uint32_t, duration>> batches;

  /// How large the groups were that began to run.
  std::vector<size_t> groups;

  /// Whether workers let the host have a memory barrier.
  bool has_barrier = true;

  /// Stacks are told by `tell_stacks` only, else at once.
  bool slow_stacks = false;

  /// How often each payload was run, over all workers.
  std::map<std::string, int> claims;

  /// Each run that began, in order: payload, and the label of the worker.
  std::vector<std::pair<std::string, std::string>> runs;

  /// Payloads whose results stand in a journal.
  std::set<std::string> noted;

  /// So many launches from now on throw, as a bug of the launcher's would.
  int launches_that_throw = 0;

  /// How often a worker gave calls back.
  size_t reports = 0;

  /// Payloads that a worker wrote to claim, whether it then ran them or not.
  std::set<std::string> claims_begun;

  std::vector<core::tool_entry> declared() const;
};

} // namespace snakepit
