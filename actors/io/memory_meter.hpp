#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace snakepit::io {

/// A process whose memory is to be measured.
struct memory_target {
  int64_t pid = 0;
  /// Above this many bytes it is measured exactly, which costs more.
  uint64_t exact_above = 0;
};

/// Tells what processes hold for themselves.
class memory_meter {
public:
  /// Bytes, in the order of the targets; 0 for one that is gone.
  using callback = std::function<void(std::vector<uint64_t>)>;

  virtual ~memory_meter() = default;

  /// `done` is called once, from the meter's thread, unless the meter goes before. False: too many
  /// are waiting, and it will not be. Any thread.
  virtual bool measure(std::vector<memory_target> targets, callback done) = 0;
};

/// The real one, with a thread of its own. A process counts with its descendants and with all that
/// is in its session. Each counts with its resident pages that no file backs and that are not
/// shared memory; above `exact_above` with its share of all its pages (PSS) if that is less, since
/// pages that a fork has in common with others are counted in each otherwise. Where that cannot be
/// read the first number stands.
std::shared_ptr<memory_meter> make_memory_meter();

} // namespace snakepit::io
