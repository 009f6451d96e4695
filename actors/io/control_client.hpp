#pragma once

#include "actors/io/control_types.hpp"

#include <memory>
#include <optional>

namespace snakepit::io {

/// Talks to a daemon over its control socket. Errors that are the daemon's own come as they are;
/// with the detail "daemon" there is none, or it has gone. One thread, but for `cancel`.
class control_client {
public:
  virtual ~control_client() = default;

  /// `unavailable` if nobody listens, or it is neither our user nor root who does.
  static result<std::unique_ptr<control_client>> connect(const std::string& path);

  /// Waits for its end, however long it takes. `cancelled` if it was cancelled. Bytes in the JSON
  /// of a result are {"$": ["base64", TEXT]}. `receipt`: of a call that was admitted; else it is
  /// left as it is. An error has its own.
  virtual result<std::string> call(const control_call& x, call_receipt* receipt = nullptr) = 0;

  /// Ends `call`, also one that is yet to come. Any thread.
  virtual void cancel() = 0;

  virtual result<control_status> status() = 0;
  /// The latest first; 0: all that are kept. `id`: only that one, or of this end of an id.
  virtual result<std::vector<recorded_death>> deaths(uint32_t limit, const std::string& id) = 0;
  virtual result<stack_report> stacks(const std::string& pool, uint32_t slot) = 0;
  /// Returns when the worker's successor is ready.
  virtual result<void> recycle(const std::string& pool, uint32_t slot) = 0;
  /// Returns when all workers are new, or what they were. Empty: of all pools.
  virtual result<reload_summary> reload(const std::string& pool) = 0;
  virtual result<void> log_level(const std::string& level, const std::string& category) = 0;
  virtual result<std::vector<tool_description>> tools(const std::string& pool) = 0;
  /// `clear`: and has them forgotten.
  virtual result<std::vector<poisoned_call>> poisoned(bool clear) = 0;
};

} // namespace snakepit::io
