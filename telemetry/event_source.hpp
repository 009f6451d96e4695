#pragma once

#include "telemetry/event_hub.hpp"

#include <snakepit/config.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace snakepit::telemetry {

/// An event that is being made.
class event_draft {
public:
  event_draft(event_kind kind, const std::string& pool) {
    value_.kind = kind;
    value_.pool = pool;
  }

  event_draft& number(std::string_view name, std::integral auto x) {
    value_.measurements.emplace(name, static_cast<int64_t>(x));
    return *this;
  }
  /// In microseconds; `infinite` stays the largest number.
  event_draft& number(std::string_view name, duration x) {
    return number(name, std::chrono::duration_cast<std::chrono::microseconds>(x).count());
  }
  /// Redacted, made harmless and bounded, as in the log.
  event_draft& text(std::string_view name, std::string_view x);
  event_draft& text(std::string_view name, std::integral auto x) {
    value_.metadata.emplace(name, std::to_string(x));
    return *this;
  }

  event take() && {
    return std::move(value_);
  }

private:
  event value_;
};

/// The events of one pool. Any thread.
class event_source {
public:
  event_source() = default;
  event_source(std::shared_ptr<event_hub> hub, std::string pool)
    : hub_{std::move(hub)}, pool_{std::move(pool)} {}

  bool wanted(event_kind x) const noexcept {
    return hub_->wanted(mask_of(x));
  }
  /// Any of these.
  bool wanted(event_mask x) const noexcept {
    return hub_->wanted(x);
  }

  /// Calls `fill` with a draft and publishes it, if anybody wants this kind; nothing else is done
  /// if not.
  template <class Fill>
  void emit(event_kind kind, Fill&& fill) const {
    if (wanted(kind)) [[unlikely]] {
      auto draft = event_draft{kind, pool_};
      fill(draft);
      hub_->publish(std::move(draft).take());
    }
  }

private:
  std::shared_ptr<event_hub> hub_;
  std::string pool_;
};

} // namespace snakepit::telemetry
