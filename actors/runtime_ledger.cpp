#include "actors/core/process_marks.hpp"
#include "actors/io/proc_files.hpp"
#include "actors/io/process_scan.hpp"
#include "actors/runtime_implementation.hpp"
#include "telemetry/event_source.hpp"

namespace snakepit {

using namespace std::chrono_literals;
using telemetry::level;

namespace {

/// How long a start waits for the disk; with an id somebody may be settling the ledger just now.
constexpr auto open_patience = 2s;
constexpr auto exclusive_patience = 6s;
/// And then for the ends of what dead runs have left.
constexpr auto settle_patience = 10s;

constexpr auto registry_category = "registry";

void tell_orphan(const orphan& x, const telemetry::event_source& events, telemetry::log& log) {
  events.emit(event_kind::orphan_found,
              [&](auto& to) { to.text("pid", x.pid).text("run", x.run).text("by", x.by); });
  if (x.how == orphan::end::none)
    return; // it was quicker
  auto ended = x.how != orphan::end::survived;
  log.write(ended ? level::warning : level::error, registry_category,
            ended ? "a process that a dead run had left was ended"
                  : "a process that a dead run has left does not end although it was killed",
            {{"pid", x.pid}, {"run", x.run}, {"by", x.by}, {"command", x.command}});
  if (ended)
    events.emit(event_kind::orphan_killed, [&](auto& to) {
      to.number("took_us", duration{x.took}).text("pid", x.pid).text("run", x.run);
      to.text("signal", x.how == orphan::end::terminated ? "SIGTERM" : "SIGKILL");
    });
}

void tell_survivors(const cleanup_report& x, const telemetry::event_source& events) {
  auto pids = std::string{};
  for (auto& one : x.orphans)
    if (one.how == orphan::end::survived)
      pids += (pids.empty() ? "" : ",") + std::to_string(one.pid);
  if (!pids.empty())
    events.emit(event_kind::cleanup_survivors, [&](auto& to) {
      to.number("survivors", x.count(orphan::end::survived)).text("pids", pids);
    });
}

} // namespace

result<void> runtime::implementation::open_ledger(const instance_config& instance) {
  auto place = io::ledger_place_of(instance);
  auto made = io::sqlite_ledger::make(place, {run_id, io::own_host(), io::read_boot_id()});
  if (!made)
    return tl::unexpected{std::move(made.error())};
  ledger = std::move(*made);
  auto is_open = ledger->open(instance.id.empty() ? open_patience : exclusive_patience);
  if (!is_open)
    return tl::unexpected{std::move(is_open.error())};
  auto found = *is_open ? ledger->settle(settle_patience) : std::nullopt;
  if (found)
    tell(*found);
  else
    log->write(level::error, registry_category,
               "what dead runs have left could not be settled in time; it is left alone for now",
               {{"folder", place.folder}});
  registry = std::make_shared<registry_entry>();
  return {};
}

std::map<std::string, std::string>
runtime::implementation::marks(const instance_config& instance) const {
  auto label = core::instance_label(instance.name, instance.id);
  return core::to_variables({run_id, label, io::own_host()});
}

void runtime::implementation::tell(const cleanup_report& x) {
  for (auto& text : x.troubles)
    log->write(level::error, registry_category, "a ledger of a dead run: " + text);
  if (x.ledgers == 0 && x.orphans.empty())
    return;
  auto source = telemetry::event_source{events, {}};
  source.emit(event_kind::cleanup_begun, [&](auto& to) { to.number("ledgers", x.ledgers); });
  for (auto& one : x.orphans)
    tell_orphan(one, source, *log);
  auto killed = x.count(orphan::end::terminated) + x.count(orphan::end::killed);
  metrics.orphans_killed(killed);
  source.emit(event_kind::cleanup_done, [&](auto& to) {
    to.number("took_us", duration{x.took}).number("killed", killed);
    to.number("survivors", x.count(orphan::end::survived));
  });
  tell_survivors(x, source);
}

void runtime::implementation::close_ledger() {
  registry->set_actor(nullptr);
  if (survivors_.empty())
    ledger->remove();
  ledger = nullptr;
}

} // namespace snakepit
