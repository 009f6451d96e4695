#pragma once

#include <snakepit/runtime.hpp>

#include <chrono>
#include <string>
#include <vector>

/// What the measurements share. Each measurement is one function that makes one round, prints its
/// figures as one JSON object and ends the program with exit code 1 if a reply was wrong.
namespace snakepit::bench {

using clock = std::chrono::steady_clock;
using words = std::vector<std::string>;

/// Prints why a measurement is void, and ends the program.
[[noreturn]] void give_up(const std::string& why);

/// A pool, all workers ready; without a profile it is `thread` if a worker is to have more than one
/// lane. Gives up if they cannot start.
runtime start_pool(const std::string& adapter, size_t workers, size_t queue, size_t lanes = 1,
                   const std::string& profile = {});

/// The value that a share of `part` does not exceed; 0 of nothing. Sorts.
double percentile(std::vector<double>& values, double part);

/// Processor time of this process so far, user and system, in seconds.
double cpu_seconds();

/// Microseconds, as a number with fractions.
double microseconds(clock::duration x);

/// One JSON object of numbers, printed by `print`.
class figures {
public:
  figures& add(const std::string& name, double value);
  void print() const;

private:
  std::string text_;
};

/// A call whose reply can be told from every other call's: `number` is in its argument.
arguments echo_arguments(bool raw, uint64_t number);
/// Name of the tool for them.
const char* echo_tool(bool raw);
/// Gives up unless the call ended with what was sent.
void check_echo(bool raw, uint64_t number, const outcome& end);

/// The measurements; `words` are what stands after their names on the command line, the adapter
/// first.
void round_trip(const words& args);       // ADAPTER SECONDS
void outstanding(const words& args);      // ADAPTER raw|json single|bulk SECONDS
void bare_round_trip(const words& args);  // ADAPTER SECONDS
void bare_outstanding(const words& args); // ADAPTER raw|json SECONDS
void mixed(const words& args);            // ADAPTER closed|open[-priorities]|short SECONDS SEED
void recovery(const words& args);         // ADAPTER CRASHES
void idle(const words& args);             // ADAPTER WORKERS SECONDS
void start(const words& args);            // ADAPTER WORKERS template|exec
void memory(const words& args);           // ADAPTER WORKERS template|exec
void overlap(const words& args);          // ADAPTER thread|async LANES CALLS SECONDS
void speedup(const words& args);          // ADAPTER LANES CALLS
void batching(const words& args);         // ADAPTER SECONDS

} // namespace snakepit::bench
