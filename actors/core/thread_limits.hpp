#pragma once

#include "actors/core/environment.hpp"

#include <snakepit/config.hpp>

#include <map>
#include <string>

namespace snakepit::core {

/// The environment variables that bound the threads of numeric libraries in a pool's workers, by
/// its `threads_env`. Nothing if `layers` have OMP_NUM_THREADS: OpenBLAS, MKL and numexpr follow
/// it, but would follow variables of their own before.
std::map<std::string, std::string> thread_limits(const pool_config& pool, size_t workers,
                                                 size_t processors,
                                                 const environment_layers& layers);

} // namespace snakepit::core
