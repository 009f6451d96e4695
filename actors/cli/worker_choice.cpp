#include "actors/cli/worker_choice.hpp"

#include <algorithm>
#include <charconv>

namespace snakepit::cli {

namespace {

bool is_number(std::string_view x) {
  return !x.empty() && x.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<uint32_t> slot_of(std::string_view text) {
  auto out = uint32_t{0};
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (!is_number(text) || bad != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return out;
}

result<std::string> pool_named(const std::string& name, const std::vector<pool_stats>& pools) {
  auto wanted = name.empty() && pools.size() > 1 ? "default" : name;
  if (wanted.empty() && !pools.empty())
    return pools.front().name;
  auto known = std::string{};
  for (auto& x : pools) {
    if (x.name == wanted)
      return wanted;
    known += (known.empty() ? "" : ", ") + x.name;
  }
  return fail(reason::pool_not_found, "there is no pool `" + wanted + "`; there is " + known,
              {{"pool", wanted}});
}

} // namespace

result<worker_choice> parse_worker(const std::string& text) {
  auto out = worker_choice{};
  out.all = text.empty();
  auto slash = text.rfind('/');
  auto last = slash == std::string::npos ? text : text.substr(slash + 1);
  if (slash != std::string::npos || is_number(text)) {
    out.slot = slot_of(last);
    if (!out.slot || slash == 0)
      return fail(reason::invalid_argument,
                  "what is the worker " + text + "? Say POOL/SLOT, such as default/0, or SLOT");
  }
  if (slash != std::string::npos)
    out.pool = text.substr(0, slash);
  else if (!out.slot)
    out.pool = text;
  return out;
}

std::string to_string(const worker_place& x) {
  return x.pool + '/' + std::to_string(x.slot);
}

result<std::vector<worker_place>> workers_of(const worker_choice& x,
                                             const std::vector<pool_stats>& pools) {
  auto pool = x.all ? result<std::string>{} : pool_named(x.pool, pools);
  if (!pool)
    return tl::unexpected{std::move(pool.error())};
  auto out = std::vector<worker_place>{};
  if (x.slot) {
    out.push_back({*pool, *x.slot});
    return out;
  }
  for (auto& one : pools)
    if (x.all || one.name == *pool)
      for (uint32_t slot = 0; slot < one.workers_target; ++slot)
        out.push_back({one.name, slot});
  return out;
}

} // namespace snakepit::cli
