#include "actors/core/config_keys.hpp"

namespace snakepit::core {

std::vector<config_key> keys_of(config& x) {
  return {
    {"instance.name",
     text_field{&x.instance.name},
     {.name = true},
     "Name of this runtime in logs and in its workers' environment."},
    {"instance.id",
     text_field{&x.instance.id},
     {.null = true, .name = true},
     "With one, the instance is exclusive: a second start with the same name and id fails and says "
     "who holds it. Without one many runs live side by side."},
    {"instance.state_dir",
     text_field{&x.instance.state_dir},
     {.null = true},
     "Folder for the ledger of processes, made with mode 0700 and refused if it belongs to "
     "somebody "
     "else. Without it: `$XDG_STATE_HOME/snakepit`, else `/var/lib/snakepit` for root, else "
     "`~/.local/state/snakepit`."},
    {"instance.run_dir",
     text_field{&x.instance.run_dir},
     {.null = true},
     "Folder for sockets, made with mode 0700 and refused if it belongs to somebody else. Without "
     "it: `$XDG_RUNTIME_DIR/snakepit`, else `/run/snakepit` for root, else `/tmp/snakepit-UID`."},

    {"python.executable",
     text_field{&x.python.executable},
     {},
     "Interpreter of the workers. Not the first one on PATH, which may lack grpcio."},
    {"python.venv",
     text_field{&x.python.venv},
     {.null = true},
     "Folder of a virtual environment; its `bin/python` is used instead of `python.executable`."},
    {"python.path",
     texts_field{&x.python.path},
     {},
     "Folders put before the rest of Python's module path."},
    {"python.env",
     text_map_field{&x.python.env},
     {},
     "Variables added to the environment that workers inherit from the host."},

    {"timeouts.profile",
     word_field{&x.timeouts.profile, timeout_profiles()},
     {},
     "Budgets of calls that name none themselves; see the table of profiles."},
    {"timeouts.call",
     optional_duration_field{&x.timeouts.call},
     {.positive = true, .infinite = true},
     "Whole budget of a call, from its admission to its reply. Without it: by the profile."},
    {"timeouts.queue",
     optional_duration_field{&x.timeouts.queue},
     {.positive = true, .infinite = true},
     "Longest wait in a pool's queue, within the budget. Without it: by the profile."},
    {"timeouts.cancel_grace",
     duration_field{&x.timeouts.cancel_grace},
     {},
     "From interrupting a call that overran or was cancelled until its worker is ended."},
    {"timeouts.drain",
     duration_field{&x.timeouts.drain},
     {},
     "How long a stop waits for calls in flight."},

    {"log.level",
     word_field{&x.log.level, log_levels()},
     {},
     "Messages below this level are not written."},
    {"log.format",
     word_field{&x.log.format, {"text", "json"}},
     {},
     "Lines for people, or one JSON object a line."},
    {"log.categories",
     word_map_field{&x.log.categories, log_levels()},
     {},
     "Levels of single categories, such as `{pool: debug}`."},
    {"log.file", text_field{&x.log.file}, {.null = true}, "File to append to. Without it: stderr."},
    {"log.worker_output",
     word_field{&x.log.worker_output, log_levels()},
     {},
     "Level at which lines that workers print are logged."},

    {"admin.listen",
     text_field{&x.admin.listen},
     {.null = true},
     "Address of the HTTP server for `/metrics`, `/livez`, `/readyz` and `/startupz`: a port of "
     "127.0.0.1 or `host:port` with numbers; port 0 takes a free one. Without it: no server."},
  };
}

const words& log_levels() {
  static const auto levels = words{"trace", "debug", "info", "warning", "error", "off"};
  return levels;
}

} // namespace snakepit::core
