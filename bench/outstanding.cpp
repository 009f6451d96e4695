#include "bench/bench.hpp"

#include <atomic>
#include <memory>
#include <thread>

namespace snakepit::bench {

namespace {

constexpr size_t total = 512;
constexpr size_t lot_size = 64;

/// Keeps `total` calls under way: each end, or each lot's, starts what comes next.
class closed_loop {
public:
  closed_loop(runtime& pool, bool raw) : pool_{pool}, raw_{raw} {}

  void start(bool bulk) {
    under_way_ = bulk ? total / lot_size : total;
    for (size_t i = under_way_; i > 0; --i)
      bulk ? submit_lot() : submit_one();
  }

  void finish() {
    over_ = true;
    for (auto left = under_way_.load(); left != 0; left = under_way_.load())
      under_way_.wait(left);
  }

  uint64_t answered() const {
    return answered_;
  }

private:
  void submit_one() {
    auto number = ++last_;
    pool_.execute_async(echo_tool(raw_), echo_arguments(raw_, number), {},
                        [this, number](outcome end) {
                          check_echo(raw_, number, end);
                          ++answered_;
                          over_ ? leave() : submit_one();
                        });
  }

  void submit_lot() {
    auto first = last_.fetch_add(lot_size) + 1;
    std::vector<arguments> args;
    args.reserve(lot_size);
    for (size_t i = 0; i < lot_size; ++i)
      args.push_back(echo_arguments(raw_, first + i));
    auto left = std::make_shared<std::atomic<size_t>>(lot_size);
    pool_.submit_many(echo_tool(raw_), std::move(args), {},
                      [this, first, left](size_t i, outcome end) {
                        check_echo(raw_, first + i, end);
                        ++answered_;
                        if (--*left == 0)
                          over_ ? leave() : submit_lot();
                      });
  }

  void leave() {
    if (--under_way_ == 0)
      under_way_.notify_all();
  }

  runtime& pool_;
  bool raw_;
  std::atomic<bool> over_{false};
  std::atomic<uint64_t> last_{0};
  std::atomic<uint64_t> answered_{0};
  std::atomic<size_t> under_way_{0};
};

} // namespace

void outstanding(const words& args) {
  bool raw = args[1] == "raw";
  auto span = std::chrono::duration<double>(std::stod(args[3]));
  auto pool = start_pool(args[0], 2, 2 * total);
  closed_loop calls{pool, raw};
  calls.start(args[2] == "bulk");
  std::this_thread::sleep_for(span / 10); // warm
  auto before = calls.answered();
  auto cpu = cpu_seconds();
  auto begin = clock::now();
  std::this_thread::sleep_for(span);
  auto seconds = std::chrono::duration<double>(clock::now() - begin).count();
  auto count = static_cast<double>(calls.answered() - before);
  auto used = cpu_seconds() - cpu;
  calls.finish();
  pool.stop(); // the last callback may still be at its end
  figures out;
  out.add("calls_per_second", count / seconds).add("host_cpu_us", used * 1e6 / count).print();
}

} // namespace snakepit::bench
