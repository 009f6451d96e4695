#include <snakepit/doctor.hpp>

#include "actors/io/doctor_python.hpp"
#include "actors/io/doctor_system.hpp"

#include <algorithm>
#include <thread>

namespace snakepit {

namespace {

size_t workers_of(const config& cfg) {
  size_t processors = std::max(1u, std::thread::hardware_concurrency());
  if (cfg.pools.empty())
    return processors;
  size_t out = 0;
  for (auto& x : cfg.pools)
    out += std::min(x.workers.value_or(processors), x.max_workers);
  return out;
}

} // namespace

std::vector<check> examine(const config& cfg, const std::string& adapter) {
  std::vector<std::string> adapters;
  if (!adapter.empty())
    adapters.push_back(adapter);
  else
    for (auto& x : cfg.pools)
      if (std::find(adapters.begin(), adapters.end(), x.adapter) == adapters.end())
        adapters.push_back(x.adapter);
  auto workers = workers_of(cfg);
  std::vector<check> out{io::examine_kernel(),
                         io::examine_run_directory(cfg),
                         io::examine_state_directory(cfg),
                         io::examine_processes(workers),
                         io::examine_descriptors(workers),
                         io::examine_memory(workers)};
  io::python_examination{cfg}.run(adapters, out);
  return out;
}

} // namespace snakepit
