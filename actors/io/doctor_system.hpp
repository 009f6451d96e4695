#pragma once

#include <snakepit/doctor.hpp>

namespace snakepit::io {

/// Whether the kernel has what watching processes needs.
check examine_kernel();

/// Whether sockets can be made where the configuration wants them.
check examine_run_directory(const config& cfg);
check examine_state_directory(const config& cfg);

/// Whether `workers` of them find processes, descriptors and memory.
check examine_processes(size_t workers);
check examine_descriptors(size_t workers);
check examine_memory(size_t workers);

} // namespace snakepit::io
