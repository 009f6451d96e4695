#include "telemetry/log.hpp"

#include "telemetry/harmless_text.hpp"
#include "telemetry/log_line.hpp"
#include "telemetry/log_sink.hpp"
#include "telemetry/redaction.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <shared_mutex>

#include <spdlog/logger.h>

namespace snakepit::telemetry {

namespace {

constexpr auto names =
  std::array<std::string_view, 6>{"trace", "debug", "info", "warning", "error", "off"};

spdlog::level::level_enum to_spdlog(level x) {
  constexpr auto levels =
    std::array{spdlog::level::trace, spdlog::level::debug, spdlog::level::info,
               spdlog::level::warn,  spdlog::level::err,   spdlog::level::off};
  return levels[static_cast<size_t>(x)];
}

result<level> level_from(const std::string& name, const std::string& key) {
  if (auto x = parse_level(name))
    return *x;
  return fail(reason::invalid_config, key + ": `" + name + "` is no level of the log");
}

} // namespace

struct log::implementation {
  using category_levels = std::map<std::string, level, std::less<>>;

  implementation(std::shared_ptr<spdlog::sinks::sink> sink, bool as_json)
    : json{as_json}, logger{"snakepit", std::move(sink)} {
    logger.set_level(spdlog::level::trace);
    logger.set_error_handler([this](const std::string&) { ++dropped; });
  }

  void write(const log_record& x) {
    auto line = json ? json_line(x) : text_line(x);
    logger.log(spdlog::source_loc{}, to_spdlog(x.importance),
               spdlog::string_view_t{line.data(), line.size()});
  }

  /// Of the category, of what it is part of, or of all. Under the lock.
  level level_of(std::string_view category) const {
    while (!categories.empty()) {
      if (auto i = categories.find(category); i != categories.end())
        return i->second;
      auto dot = category.rfind('.');
      if (dot == category.npos)
        break;
      category = category.substr(0, dot);
    }
    return general;
  }

  level lowest() const {
    auto result = general;
    for (auto& [name, x] : categories)
      result = std::min(result, x);
    return result;
  }

  bool json;
  std::atomic<uint64_t> dropped{0};
  std::array<std::atomic<uint64_t>, names.size()> written{}; ///< by level
  std::atomic<level> worker_output{level::info};
  std::function<void(const worker_line&)> output_sink;
  mutable std::shared_mutex mutex; ///< guards the two below
  level general = level::warning;
  category_levels categories;
  spdlog::logger logger;
};

std::string_view to_string(level x) noexcept {
  return names[static_cast<size_t>(x)];
}

std::optional<level> parse_level(std::string_view name) noexcept {
  auto i = std::find(names.begin(), names.end(), name);
  if (i == names.end())
    return std::nullopt;
  return static_cast<level>(i - names.begin());
}

result<std::shared_ptr<log>> log::open(const log_config& cfg, line_sink sink) {
  auto general = level_from(cfg.level, "log.level");
  if (!general)
    return tl::unexpected{general.error()};
  auto output = level_from(cfg.worker_output, "log.worker_output");
  if (!output)
    return tl::unexpected{output.error()};
  if (cfg.format != "text" && cfg.format != "json")
    return fail(reason::invalid_config,
                "log.format: `" + cfg.format + "` is neither `text` nor `json`");
  auto categories = implementation::category_levels{};
  for (auto& [name, word] : cfg.categories) {
    auto x = level_from(word, "log.categories");
    if (!x)
      return tl::unexpected{x.error()};
    categories.emplace(name, *x);
  }
  auto target = !cfg.file.empty() ? file_sink(cfg.file)
                : sink            ? function_sink(std::move(sink))
                                  : stderr_sink();
  if (!target)
    return tl::unexpected{target.error()};
  auto impl = std::make_unique<implementation>(std::move(*target), cfg.format == "json");
  impl->general = *general;
  impl->categories = std::move(categories);
  impl->worker_output = *output;
  impl->output_sink = cfg.output_sink;
  return std::shared_ptr<log>{new log{std::move(impl)}};
}

log::log(std::unique_ptr<implementation> x) noexcept : impl_{std::move(x)} {
  lowest_ = impl_->lowest();
}

log::~log() = default;

bool log::reaches(level x, std::string_view category) const noexcept {
  if (x == level::off)
    return false;
  auto lock = std::shared_lock{impl_->mutex};
  return x >= impl_->level_of(category);
}

void log::write(level x, std::string_view category, std::string_view message,
                std::initializer_list<field> fields) noexcept {
  if (!enabled(x, category))
    return;
  try {
    impl_->write({std::chrono::system_clock::now(), x, category, message, fields});
    ++impl_->written[static_cast<size_t>(x)];
  } catch (...) {
    ++impl_->dropped;
  }
}

void log::worker_output(std::string_view pool, uint32_t slot, uint32_t generation, int64_t pid,
                        bool is_stderr, std::string_view line) noexcept {
  auto x = impl_->worker_output.load(std::memory_order_relaxed);
  try {
    if (impl_->output_sink) {
      auto text = std::string{};
      append_harmless(text, redact(cut(line, longest_text)));
      impl_->output_sink({pool, slot, generation, is_stderr, text});
    }
    if (!enabled(x, output_category))
      return;
    auto fields = {field{"pool", pool}, field{"slot", slot}, field{"generation", generation},
                   field{"pid", pid}, field{"stream", is_stderr ? "stderr" : "stdout"}};
    impl_->write({std::chrono::system_clock::now(), x, output_category, line, fields, true});
    ++impl_->written[static_cast<size_t>(x)];
  } catch (...) {
    ++impl_->dropped;
  }
}

void log::set_level(level x) {
  auto lock = std::unique_lock{impl_->mutex};
  impl_->general = x;
  lowest_ = impl_->lowest();
}

void log::set_level(std::string_view category, level x) {
  auto lock = std::unique_lock{impl_->mutex};
  impl_->categories.insert_or_assign(std::string{category}, x);
  lowest_ = impl_->lowest();
}

void log::set_worker_output(level x) noexcept {
  impl_->worker_output = x;
}

level log::level_of(std::string_view category) const {
  auto lock = std::shared_lock{impl_->mutex};
  return impl_->level_of(category);
}

uint64_t log::written(level x) const noexcept {
  return impl_->written[static_cast<size_t>(x)];
}

uint64_t log::dropped() const noexcept {
  return impl_->dropped;
}

} // namespace snakepit::telemetry
