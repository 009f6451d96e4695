#include "actors/io/lane_memory.hpp"

#include "actors/io/system_error.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>

namespace snakepit::io {

result<lane_memory> lane_memory::make(uint32_t lanes, descriptor& fd) {
  if (lanes == 0 || lanes > max_lanes)
    return fail(reason::worker_start_failed, "a worker has 1 to " + std::to_string(max_lanes)
                                               + " lanes, not " + std::to_string(lanes));
  const auto size = size_t{lanes} * core::lane_page::section_size;
  descriptor made{::memfd_create("snakepit-lanes", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (!made)
    return start_failure("memfd_create", errno);
  if (::ftruncate(made.get(), static_cast<off_t>(size)) != 0)
    return start_failure("ftruncate of the lane page", errno);
  auto* base = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, made.get(), 0);
  if (base == MAP_FAILED)
    return start_failure("mmap of the lane page", errno);
  lane_memory out;
  out.base_ = std::shared_ptr<void>{base, [size](void* x) { ::munmap(x, size); }};
  out.lanes_ = lanes;
  for (uint32_t lane = 0; lane < lanes; ++lane)
    out.page(lane).prepare();
  if (::fcntl(made.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return start_failure("sealing the lane page", errno);
  fd = std::move(made);
  return out;
}

core::lane_page lane_memory::page(uint32_t lane) const noexcept {
  if (lane >= lanes_)
    return {};
  auto* section = static_cast<char*>(base_.get()) + size_t{lane} * core::lane_page::section_size;
  return core::lane_page{section, base_};
}

} // namespace snakepit::io
