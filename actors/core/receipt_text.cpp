#include <snakepit/call_receipt.hpp>

#include <array>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

namespace snakepit {

namespace {

using std::chrono::nanoseconds;

std::string number(double x, const char* unit) {
  auto text = std::array<char, 48>{};
  std::snprintf(text.data(), text.size(), std::fabs(x) < 10 ? "%.2g %s" : "%.0f %s", x, unit);
  return text.data();
}

std::string time_text(nanoseconds x) {
  auto ns = static_cast<double>(x.count());
  if (ns < 1e6)
    return number(ns / 1e3, "us");
  return ns < 1e9 ? number(ns / 1e6, "ms") : number(ns / 1e9, "s");
}

std::string size_text(int64_t x) {
  auto bytes = static_cast<double>(x);
  auto size = std::fabs(bytes);
  if (size < 1e3)
    return number(bytes, "bytes");
  return size < 1e6 ? number(bytes / 1e3, "kB") : number(bytes / 1e6, "MB");
}

nlohmann::ordered_json microseconds_or_null(nanoseconds x, bool known) {
  if (!known)
    return nullptr;
  return std::chrono::duration_cast<std::chrono::microseconds>(x).count();
}

} // namespace

std::string to_string(const call_receipt& x) {
  auto out = "queue " + time_text(x.queue);
  if (x.batch.count() > 0)
    out += ", batch " + time_text(x.batch);
  if (x.run.count() > 0)
    out += ", run " + time_text(x.run);
  if (x.cpu_calls > 0)
    out += ", cpu " + time_text(x.cpu);
  if (x.cpu_calls > 1)
    out += " (shared by " + std::to_string(x.cpu_calls) + ")";
  if (x.has_memory)
    out += std::string{", memory "} + (x.memory_growth < 0 ? "" : "+") + size_text(x.memory_growth);
  out += ", in " + size_text(static_cast<int64_t>(x.bytes_in)) + ", out "
         + size_text(static_cast<int64_t>(x.bytes_out));
  if (x.attempt > 1)
    out += ", attempt " + std::to_string(x.attempt);
  if (x.generation > 0)
    out += ", worker " + std::to_string(x.slot) + "." + std::to_string(x.generation);
  return out;
}

std::string to_json(const call_receipt& x) {
  using json = nlohmann::ordered_json;
  auto out = json{};
  out["queue_us"] = microseconds_or_null(x.queue, true);
  out["batch_us"] = microseconds_or_null(x.batch, x.batch.count() > 0);
  out["run_us"] = microseconds_or_null(x.run, x.run.count() > 0);
  out["cpu_us"] = microseconds_or_null(x.cpu, x.cpu_calls > 0);
  out["cpu_calls"] = x.cpu_calls;
  out["memory_growth_bytes"] = x.has_memory ? json(x.memory_growth) : json(nullptr);
  out["bytes_in"] = x.bytes_in;
  out["bytes_out"] = x.bytes_out;
  out["attempt"] = x.attempt;
  out["slot"] = x.generation > 0 ? json(x.slot) : json(nullptr);
  out["generation"] = x.generation > 0 ? json(x.generation) : json(nullptr);
  return out.dump();
}

} // namespace snakepit
