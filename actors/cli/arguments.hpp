#pragma once

#include <snakepit/runtime.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snakepit::cli {

/// What must be known of a tool to call it from the command line.
struct tool_shape {
  /// Its one required parameter: where an argument goes that is not an object. Empty: it has none,
  /// or several.
  std::string single;
};

tool_shape shape_of(const tool_description& x);

/// The tool of this name; unknown_tool names those there are.
result<tool_shape> find_tool(const std::vector<tool_description>& tools, const std::string& name,
                             const std::string& adapter);

/// JSON text as a call's arguments. An object is the argument object and goes on as it is, unless
/// it has a key "$"; anything else, bytes included, is the tool's single parameter.
/// An object's text is not checked here but by the runtime.
result<arguments> to_arguments(std::string_view json, const tool_shape& tool);

/// The words after the tool on the command line as JSON text: nothing, JSON, `@file`, `-` for
/// stdin, or `key=value` words. invalid_argument says what is wrong with them.
result<std::string> read_arguments(const std::vector<std::string>& words);

/// Makes the file of an ADAPTER that is a path absolute: `./x.py:Class`, `dir/x.py`, `x.py` if
/// there is such a file. Modules stay as they are.
std::string absolute_adapter(const std::string& adapter);

} // namespace snakepit::cli
