// snakepit_bench MEASUREMENT ADAPTER ...: makes one round of one measurement; see bench/run.py.

#include "bench/bench.hpp"

#include <map>

using namespace snakepit::bench;

namespace {

struct measurement {
  size_t arguments;
  void (*run)(const words&);
};

const std::map<std::string, measurement> all{
  {"batching", {2, batching}},
  {"round_trip", {2, round_trip}},
  {"outstanding", {4, outstanding}},
  {"bare_round_trip", {2, bare_round_trip}},
  {"bare_outstanding", {3, bare_outstanding}},
  {"mixed", {4, mixed}},
  {"recovery", {2, recovery}},
  {"idle", {3, idle}},
  {"start", {3, start}},
  {"memory", {3, memory}},
  {"overlap", {5, overlap}},
  {"speedup", {3, speedup}},
};

} // namespace

int main(int argc, char** argv) {
  auto args = words(argv + 1, argv + argc);
  auto found = args.empty() ? all.end() : all.find(args[0]);
  if (found == all.end() || args.size() != found->second.arguments + 1)
    give_up("usage: snakepit_bench MEASUREMENT ADAPTER ... (see bench/bench.hpp)");
  args.erase(args.begin());
  found->second.run(args);
}
