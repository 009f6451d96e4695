#!/usr/bin/env python3
"""Makes the C++ header of event kinds from events.txt.

Usage: generate_events.py events.txt OUTPUT
"""

import pathlib
import re
import sys

NAME = re.compile(r"[a-z]+(\.[a-z_]+)+$")
KEY = re.compile(r"  (number|text)\s+([a-z_]+)\s+(\S.*)$")


def read(path):
    events = []
    for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if re.search(r'["\\]', line):
            sys.exit(f"{path}:{number}: a quotation mark or a backslash")
        if key := KEY.match(line):
            if not events or not events[-1]["meaning"]:
                sys.exit(f"{path}:{number}: a key before the meaning of its event")
            events[-1][key[1]].append((key[2], key[3]))
        elif line.startswith("  "):
            if not events or events[-1]["meaning"]:
                sys.exit(f"{path}:{number}: want: number|text key meaning")
            events[-1]["meaning"] = line.strip()
        elif NAME.match(line):
            events.append({"name": line, "meaning": "", "number": [], "text": []})
        else:
            sys.exit(f"{path}:{number}: `{line}` is no name of an event")
    names = [event["name"] for event in events]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        sys.exit(f"{path}: listed twice: {', '.join(sorted(twice))}")
    if silent := [event["name"] for event in events if not event["meaning"]]:
        sys.exit(f"{path}: without a meaning: {', '.join(silent)}")
    return events


def word(event):
    return event["name"].replace(".", "_")


def keys(event, kind):
    rows = event[kind]
    if not rows:
        return []
    return [
        f"inline constexpr event_key {word(event)}_{kind}s[]{{",
        *(f'  {{"{name}", "{meaning}"}},' for name, meaning in rows),
        "};",
    ]


def span(event, kind):
    return f"{word(event)}_{kind}s" if event[kind] else "{}"


def header(events):
    out = [
        "// Generated from telemetry/events.txt.",
        "#pragma once",
        "",
        "#include <array>",
        "#include <cstddef>",
        "#include <cstdint>",
        "#include <optional>",
        "#include <span>",
        "#include <string_view>",
        "",
        "namespace snakepit {",
        "",
        "/// What can happen. The names are stable, the numbers are not.",
        "enum class event_kind : uint8_t {",
        *(f"  {word(x)}, ///< {x['meaning']}" for x in events),
        "};",
        "",
        "/// One measurement or one piece of metadata that an event has.",
        "struct event_key {",
        "  std::string_view name;",
        "  std::string_view meaning;",
        "};",
        "",
        "/// An event as it is documented.",
        "struct event_row {",
        "  event_kind kind;",
        "  std::string_view name;",
        "  std::string_view meaning;",
        "  std::span<const event_key> measurements;",
        "  std::span<const event_key> metadata;",
        "};",
        "",
        "namespace event_keys {",
        *(line for x in events for kind in ("number", "text") for line in keys(x, kind)),
        "} // namespace event_keys",
        "",
        "/// Every event, in the order of `event_kind`.",
        f"inline constexpr std::array<event_row, {len(events)}> event_table{{{{",
    ]
    for x in events:
        numbers, texts = (
            f"event_keys::{span(x, kind)}" if x[kind] else "{}" for kind in ("number", "text")
        )
        out.append(
            f'  {{event_kind::{word(x)}, "{x["name"]}", "{x["meaning"]}", {numbers}, {texts}}},'
        )
    out += [
        "}};",
        "",
        "constexpr const event_row& row_of(event_kind x) {",
        "  return event_table[static_cast<std::size_t>(x)];",
        "}",
        '/// The dotted name: "worker.exited".',
        "constexpr std::string_view to_string(event_kind x) {",
        "  return row_of(x).name;",
        "}",
        "/// The event of that name, if there is one.",
        "constexpr std::optional<event_kind> find_event(std::string_view name) {",
        "  for (const auto& row : event_table)",
        "    if (row.name == name)",
        "      return row.kind;",
        "  return std::nullopt;",
        "}",
        "",
        "} // namespace snakepit",
    ]
    return "\n".join(out) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    pathlib.Path(sys.argv[2]).write_text(header(read(sys.argv[1])))


if __name__ == "__main__":
    main()
