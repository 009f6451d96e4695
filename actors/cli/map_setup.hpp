#pragma once

#include "actors/cli/command.hpp"
#include "actors/cli/map_job.hpp"
#include "actors/cli/output_file.hpp"
#include "actors/cli/setup.hpp"

namespace snakepit::cli {

/// The command line of `map`.
struct map_command {
  common_options common;
  pool_choice choice;
  std::string tool;
  std::string input;  ///< empty or "-": stdin
  std::string output; ///< empty or "-": stdout
  bool unordered = false;
  bool resume = false;
  on_error errors = on_error::emit;
  uint64_t max_errors = 0;
  unsigned retries = 0;
  std::string timeout;
  std::string session;

  bool writes_stdout() const {
    return output.empty() || output == "-";
  }
};

/// Where it reads and writes.
struct map_files {
  int input = 0;
  int output = 1;
  output_file file;                   ///< if it is not stdout
  std::optional<uint64_t> input_size; ///< bytes to read, if the input is a file
};

/// Refuses what does not go together.
result<void> check_options(const map_command& x);

/// Opens the files; nothing is changed in them yet.
result<map_files> open_files(const map_command& x);

/// The plan as far as the command line and the pool's configuration tell.
map_plan plan_of(const map_command& x, const pool_config& pool, const map_files& files);

/// Makes the pool's queue large enough for what the plan may hand it, and its batches.
void fit_queue(pool_config& pool, const map_plan& plan);

} // namespace snakepit::cli
