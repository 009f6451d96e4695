#pragma once

#include <snakepit/runtime.hpp>

#include <functional>

namespace snakepit {

/// Runs `script` with the pools of `cfg`: starts them, waits until they are ready, calls it, stops
/// them and leaves nothing behind. Returns what `main` should: what `script` returned, or 1 if the
/// pools did not start, it threw, or something did not stop; that is told on stderr in a line, or
/// to `cfg.log.sink`. Never ends the program, and leaves its signals alone; a closed stderr, or one
/// that nobody reads, neither ends nor hangs it.
int run_as_script(config cfg, const std::function<int(runtime&)>& script);

} // namespace snakepit
