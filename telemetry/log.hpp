#pragma once

#include <snakepit/config.hpp>
#include <snakepit/error.hpp>

#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

namespace snakepit::telemetry {

/// How much a message matters. `off` is a threshold that nothing reaches.
enum class level : uint8_t { trace, debug, info, warning, error, off };

/// The word of the configuration: "trace", "debug", ...
std::string_view to_string(level x) noexcept;

/// Nothing if there is no level of this name.
std::optional<level> parse_level(std::string_view name) noexcept;

/// A fact beside the message. Names are words such as `pool`, `slot`, `pid`, `call`; `time`,
/// `level`, `category` and `message` are taken. A view: it is written before `write` returns.
struct field {
  using value_type = std::variant<std::string_view, int64_t, uint64_t, double, bool>;

  std::string_view name;
  value_type value;

  field(std::string_view n, std::string_view x) : name{n}, value{x} {}
  field(std::string_view n, const char* x) : name{n}, value{std::string_view{x}} {}
  field(std::string_view n, const std::string& x) : name{n}, value{std::string_view{x}} {}
  field(std::string_view n, bool x) : name{n}, value{x} {}
  field(std::string_view n, std::floating_point auto x) : name{n}, value{static_cast<double>(x)} {}
  field(std::string_view n, std::signed_integral auto x)
    : name{n}, value{static_cast<int64_t>(x)} {}
  field(std::string_view n, std::unsigned_integral auto x)
    : name{n}, value{static_cast<uint64_t>(x)} {}
};

/// The log of one runtime; there is no global one. Messages have a level and a category ("runtime",
/// "pool", "worker", ...; "pool.queue" has the level of "pool" unless it has one of its own), and
/// are written as one line of text or JSON with the time in UTC.
///
/// Never pass arguments or results of calls. Secrets are redacted (see redaction.hpp) and control
/// characters and invalid UTF-8 are made harmless, in messages, fields and workers' lines alike;
/// longer texts than `longest_text` are cut.
///
/// Every member may be called from any thread. Writing never throws; what cannot be written is
/// dropped and counted. It blocks as long as the file or terminal does.
class log {
public:
  /// Takes a line without its end. Called by one thread at a time; must not use the log.
  using line_sink = std::function<void(std::string_view line)>;

  static constexpr size_t longest_text = 16384;

  /// Category of the lines that workers print.
  static constexpr std::string_view output_category = "output";

  /// Opens what `cfg` says; `sink` stands in for stderr. Fails with invalid_config if the file
  /// cannot be opened or a level or format is unknown.
  static result<std::shared_ptr<log>> open(const log_config& cfg, line_sink sink = {});

  ~log();
  log(const log&) = delete;
  log& operator=(const log&) = delete;

  /// Whether a message would be written. To be asked before gathering what is costly to gather.
  bool enabled(level x, std::string_view category) const noexcept {
    return x >= lowest_.load(std::memory_order_relaxed) && reaches(x, category);
  }

  void write(level x, std::string_view category, std::string_view message,
             std::initializer_list<field> fields = {}) noexcept;

  /// A line that a worker printed, without its end, at the level of workers' output.
  void worker_output(std::string_view pool, uint32_t slot, uint32_t generation, int64_t pid,
                     bool is_stderr, std::string_view line) noexcept;

  /// Changes the level of all categories that have none of their own.
  void set_level(level x);

  /// Changes the level of one category.
  void set_level(std::string_view category, level x);

  /// Changes the level of workers' output.
  void set_worker_output(level x) noexcept;

  level level_of(std::string_view category) const;

  /// Lines written at a level, those of workers included.
  uint64_t written(level x) const noexcept;

  /// Lines that could not be written.
  uint64_t dropped() const noexcept;

private:
  struct implementation;

  explicit log(std::unique_ptr<implementation> x) noexcept;
  bool reaches(level x, std::string_view category) const noexcept;

  /// The lowest level of any category: what is below it ends here.
  std::atomic<level> lowest_{level::off};
  std::unique_ptr<implementation> impl_;
};

} // namespace snakepit::telemetry
