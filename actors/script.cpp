#include <snakepit/script.hpp>

#include "actors/io/last_words.hpp"

#include <exception>

namespace snakepit {

namespace {

constexpr int failed = 1;

using teller = std::function<void(std::string_view)>;

int run(runtime& pools, const std::function<int(runtime&)>& script, const teller& tell) {
  if (auto ready = pools.await_ready(); !ready) {
    tell(to_string(ready.error()));
    return failed;
  }
  try {
    return script(pools);
  } catch (const std::exception& x) {
    tell(std::string{"the script threw: "} + x.what());
  } catch (...) {
    tell("the script threw something that is no std::exception");
  }
  return failed;
}

} // namespace

int run_as_script(config cfg, const std::function<int(runtime&)>& script) {
  if (!cfg.log.sink && cfg.log.file.empty()) // the log would wait for a reader of stderr
    cfg.log.sink = io::write_to_stderr;
  auto sink = cfg.log.sink ? cfg.log.sink : teller{io::write_to_stderr};
  auto tell = [&](std::string_view text) { sink("snakepit: " + std::string{text}); };
  auto pools = runtime::start(std::move(cfg));
  if (!pools) {
    tell(to_string(pools.error()));
    return failed;
  }
  auto code = run(*pools, script, tell);
  if (auto end = pools->stop(); !end) {
    tell(to_string(end.error()));
    return code == 0 ? failed : code;
  }
  return code;
}

} // namespace snakepit
