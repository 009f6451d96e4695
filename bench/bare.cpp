// What PF1 and PF2 call (a): the callback reactor and the worker, without pool and actors.

#include "bench/bare_worker.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace snakepit::bench {

namespace {

/// Hands one outcome from gRPC's thread to ours.
class mailbox {
public:
  void put(outcome x) {
    std::lock_guard lock{mutex_};
    content_ = std::move(x);
    full_.notify_one();
  }
  outcome take() {
    std::unique_lock lock{mutex_};
    full_.wait(lock, [this] { return content_.has_value(); });
    auto out = std::move(*content_);
    content_.reset();
    return out;
  }

private:
  std::mutex mutex_;
  std::condition_variable full_;
  std::optional<outcome> content_;
};

constexpr uint64_t batch_size = 128;

/// One worker with two batches in flight: a batch whose results are all there is replaced.
class batch_loop {
public:
  batch_loop(bare_host& host, const std::string& adapter, bool raw)
    : raw_{raw}, worker_{host, adapter, [this](core::results x) { on_results(x); }} {}

  void start() {
    std::lock_guard lock{mutex_};
    send();
    send();
  }

  uint64_t answered() const {
    return answered_;
  }

private:
  void send() {
    std::vector<std::string> payloads;
    payloads.reserve(batch_size);
    for (uint64_t i = 0; i < batch_size; ++i)
      payloads.push_back(echo_payload(raw_, sent_ + i + 1));
    auto first = sent_ + 1;
    sent_ += batch_size;
    worker_.send(raw_, first, payloads);
  }

  // One stream, so never two at once, but the first may come during `start`.
  void on_results(const core::results& x) {
    std::lock_guard lock{mutex_};
    for (auto& final : x.finals)
      check_echo(raw_, final.seq, final.end);
    auto before = answered_.load();
    answered_ = before + x.finals.size();
    for (auto n = before / batch_size; n < answered_ / batch_size; ++n)
      send();
  }

  bool raw_;
  std::atomic<uint64_t> answered_{0};
  std::mutex mutex_;
  uint64_t sent_ = 0;
  bare_worker worker_; // last: its events use the others
};

} // namespace

void bare_round_trip(const words& args) {
  auto host = bare_host::make();
  mailbox answers;
  bare_worker worker{host, args[0],
                     [&](core::results x) { answers.put(std::move(x.finals.at(0).end)); }};
  auto span = std::chrono::duration<double>(std::stod(args[1]));
  std::vector<double> times;
  auto warm_until = clock::now() + span / 10;
  auto end = warm_until + span;
  for (uint64_t number = 1; clock::now() < end; ++number) {
    auto payload = echo_payload(false, number);
    auto begin = clock::now();
    worker.send(false, number, {std::move(payload)});
    auto got = answers.take();
    auto took = clock::now() - begin;
    check_echo(false, number, got);
    if (begin >= warm_until)
      times.push_back(microseconds(took));
  }
  figures out;
  out.add("p50_us", percentile(times, 0.5)).add("p99_us", percentile(times, 0.99));
  out.add("calls", static_cast<double>(times.size())).print();
}

void bare_outstanding(const words& args) {
  auto host = bare_host::make();
  bool raw = args[1] == "raw";
  auto span = std::chrono::duration<double>(std::stod(args[2]));
  batch_loop one{host, args[0], raw};
  batch_loop two{host, args[0], raw};
  one.start();
  two.start();
  std::this_thread::sleep_for(span / 10); // warm
  auto before = one.answered() + two.answered();
  auto cpu = cpu_seconds();
  auto begin = clock::now();
  std::this_thread::sleep_for(span);
  auto seconds = std::chrono::duration<double>(clock::now() - begin).count();
  auto count = static_cast<double>(one.answered() + two.answered() - before);
  figures out;
  out.add("calls_per_second", count / seconds);
  out.add("host_cpu_us", (cpu_seconds() - cpu) * 1e6 / count).print();
}

} // namespace snakepit::bench
