#include "actors/core/chaos.hpp"

#include "actors/core/spelling.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <random>

namespace snakepit::core {

namespace {

template <class T>
std::optional<T> number_of(std::string_view text) {
  T x{};
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), x);
  return code == std::errc{} && end == text.data() + text.size() ? std::optional{x} : std::nullopt;
}

tl::unexpected<error> refused(const std::string& key, std::string what) {
  return fail(reason::invalid_config, std::move(what), {{"path", key}});
}

} // namespace

const std::vector<std::string>& chaos_words() {
  static const std::vector<std::string> words{"kill", "segv",    "exit",       "hang",    "stop",
                                              "slow", "garbage", "half_close", "no_start"};
  return words;
}

result<std::vector<chaos_fault>> chaos_faults(const chaos_config& x) {
  std::vector<chaos_fault> out;
  double sum = 0;
  for (auto& [word, text] : x.faults) {
    auto& known = chaos_words();
    auto key = "chaos.faults." + word;
    if (std::find(known.begin(), known.end(), word) == known.end())
      return refused("chaos.faults", "`chaos.faults`: there is no fault " + core::in_quotes(word)
                                       + "; there is " + listed(known, "and")
                                       + suggestion(word, known));
    chaos_fault fault{word};
    if (text.starts_with('@')) {
      fault.nth = number_of<uint64_t>(std::string_view{text}.substr(1)).value_or(0);
      if (fault.nth == 0)
        return refused(key, core::in_quotes(key) + ": " + core::in_quotes(text)
                              + " names no call; wanted `@1` or more");
    } else {
      fault.rate = number_of<double>(text).value_or(-1);
      if (!(fault.rate >= 0 && fault.rate <= 1))
        return refused(key, core::in_quotes(key) + ": " + core::in_quotes(text)
                              + " is no share from 0 to 1, such as `0.001`, nor a number such "
                                "as `@100`");
    }
    sum += fault.is_hosts() ? 0 : fault.rate;
    out.push_back(std::move(fault));
  }
  if (sum > 1)
    return refused("chaos.faults", "`chaos.faults`: the shares of calls come to more than 1");
  return out;
}

bool start_fails(const std::vector<chaos_fault>& faults, uint64_t seed, uint32_t slot,
                 uint32_t generation) {
  auto fault = std::find_if(faults.begin(), faults.end(), [](auto& x) { return x.is_hosts(); });
  if (fault == faults.end())
    return false;
  if (fault->nth != 0)
    return generation == fault->nth;
  auto draw = std::seed_seq{seed, uint64_t{slot}, uint64_t{generation}};
  auto random = std::mt19937_64{draw};
  return std::uniform_real_distribution<>{}(random) < fault->rate;
}

} // namespace snakepit::core
