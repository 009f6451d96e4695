#include "actors/cli/command.hpp"
#include "actors/cli/report.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using namespace snakepit;

constexpr const char* main_footer = R"(Examples:
  snakepit call ./hello.py greet name=World
  snakepit map ./text.py analyse -n 4 < lines.jsonl > results.jsonl
  snakepit serve -c snakepit.yaml
  snakepit doctor ./hello.py

`snakepit COMMAND --help` tells more. Exit codes: 0 success, 1 a call failed, 2 wrong usage or
configuration, 3 no worker could start, 4 timeout, 5 no daemon, 130/143 interrupted, 141 stdout
was closed.)";

bool wants_json(int argc, char** argv) {
  return std::any_of(argv + 1, argv + argc, [](const char* x) { return !strcmp(x, "--json"); });
}

/// CLI11 takes "[1, 2]" apart where many words may stand; behind a mark it does not look.
std::vector<std::string> words_of(int argc, char** argv) {
  auto result = std::vector<std::string>(argv + 1, argv + argc);
  for (auto& x : result)
    if (x.starts_with('['))
      x.insert(0, 1, cli::literal_mark);
  std::reverse(result.begin(), result.end()); // as it wants them
  return result;
}

CLI::App* find_command(CLI::App& in, const std::string& name) {
  auto all = in.get_subcommands({});
  auto found = std::find_if(all.begin(), all.end(), [&](auto* x) { return x->get_name() == name; });
  return found == all.end() ? nullptr : *found;
}

/// The commands that the first words name, such as "snakepit config", and the word after them that
/// should name one but does not.
struct named_command {
  std::string text;
  std::string unknown;
};

named_command command_in(CLI::App& app, int argc, char** argv) {
  named_command out{app.get_name(), {}};
  auto* at = &app;
  for (int i = 1; i < argc && argv[i][0] != '-' && !at->get_subcommands({}).empty(); ++i) {
    auto* next = find_command(*at, argv[i]);
    if (!next) {
      out.unknown = argv[i];
      break;
    }
    out.text += ' ' + next->get_name();
    at = next;
  }
  return out;
}

/// A standard descriptor that the caller has closed would become the number of the next thing
/// opened, and that be read as stdin or written to as stdout. What stands in its place fails at
/// each use.
void occupy_standard_descriptors() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
      open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

// gRPC opens a descriptor while it is loaded, so `main` and constructors would be too late.
__attribute__((section(".preinit_array"),
               used)) void (*const before_libraries)() = occupy_standard_descriptors;

} // namespace

int main(int argc, char** argv) {
  // A closed stdout or a dead worker is an error to handle, not a reason to die.
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app{"Runs Python functions in supervised worker processes.", "snakepit"};
  app.get_formatter()->column_width(24);
  app.footer(main_footer);
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "Print this help");
  cli::action chosen;
  cli::add_call(app, chosen);
  cli::add_map(app, chosen);
  cli::add_serve(app, chosen);
  cli::add_run(app, chosen);
  cli::add_status(app, chosen);
  cli::add_deaths(app, chosen);
  cli::add_stack(app, chosen);
  cli::add_recycle(app, chosen);
  cli::add_reload(app, chosen);
  cli::add_tools(app, chosen);
  cli::add_poisoned(app, chosen);
  cli::add_loglevel(app, chosen);
  cli::add_bench(app, chosen);
  cli::add_doctor(app, chosen);
  cli::add_cleanup(app, chosen);
  cli::add_config(app, chosen);
  cli::add_version(app, chosen);
  auto command = command_in(app, argc, argv);
  auto hint = " (see `" + command.text + " --help`)";
  if (!command.unknown.empty())
    return cli::report_usage("there is no command `" + command.unknown + "`" + hint,
                             wants_json(argc, argv));
  try {
    app.parse(words_of(argc, argv));
  } catch (const CLI::CallForHelp& x) {
    return app.exit(x);
  } catch (const CLI::ParseError& x) {
    return cli::report_usage(x.what() + hint, wants_json(argc, argv));
  }
  return chosen();
}
