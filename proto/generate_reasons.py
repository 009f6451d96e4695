#!/usr/bin/env python3
"""Makes the C++ header and the Python module of error reasons from reasons.txt.

Usage: generate_reasons.py cpp|python reasons.txt OUTPUT
"""

import pathlib
import sys


def read(path):
    rows = []
    for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split(None, 3)
        if len(fields) != 4 or fields[2] not in ("always", "idempotent", "no"):
            sys.exit(f"{path}:{number}: want: category reason always|idempotent|no text")
        rows.append(fields)
    names = [row[1] for row in rows]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        sys.exit(f"{path}: listed twice: {', '.join(sorted(twice))}")
    return rows


def cpp(rows):
    categories = list(dict.fromkeys(row[0] for row in rows))
    out = [
        "// Generated from proto/reasons.txt.",
        "#pragma once",
        "",
        "#include <array>",
        "#include <cstdint>",
        "#include <optional>",
        "#include <string_view>",
        "",
        "namespace snakepit {",
        "",
        "/// What kind of thing went wrong. The words are stable.",
        "enum class category : uint8_t {",
        *(f"  {c}," for c in categories),
        "};",
        "",
        "/// What exactly went wrong. The words are stable, the numbers are not.",
        "enum class reason : uint8_t {",
        *(f"  {r}, ///< {text}" for _, r, _, text in rows),
        "};",
        "",
        "/// When a call that failed so may be made again just as it was.",
        "enum class retry : uint8_t { no, idempotent, always };",
        "",
        "struct reason_row {",
        "  snakepit::reason reason;",
        "  snakepit::category category;",
        "  snakepit::retry retry;",
        "  std::string_view name;",
        "  std::string_view category_name;",
        "  std::string_view meaning;",
        "};",
        "",
        f"inline constexpr std::array<reason_row, {len(rows)}> reason_table{{{{",
        *(
            f'  {{reason::{r}, category::{c}, retry::{t}, "{r}", "{c}", "{text}"}},'
            for c, r, t, text in rows
        ),
        "}};",
        "",
        "constexpr const reason_row& row_of(reason x) {",
        "  return reason_table[static_cast<std::size_t>(x)];",
        "}",
        "constexpr category category_of(reason x) {",
        "  return row_of(x).category;",
        "}",
        "constexpr retry retry_of(reason x) {",
        "  return row_of(x).retry;",
        "}",
        "constexpr std::string_view to_string(reason x) {",
        "  return row_of(x).name;",
        "}",
        "constexpr std::string_view to_string(category x) {",
        "  for (const auto& row : reason_table)",
        "    if (row.category == x)",
        "      return row.category_name;",
        '  return "";',
        "}",
        "/// The reason of that name, if there is one.",
        "constexpr std::optional<reason> find_reason(std::string_view name) {",
        "  for (const auto& row : reason_table)",
        "    if (row.name == name)",
        "      return row.reason;",
        "  return std::nullopt;",
        "}",
        "",
        "} // namespace snakepit",
    ]
    return "\n".join(out) + "\n"


def python(rows):
    out = [
        '"""Every reason an error can have. Generated from proto/reasons.txt."""',
        "",
        "# reason -> (category, retry, meaning)",
        "REASONS = {",
        *(f"    {r!r}: ({c!r}, {t!r}, {text!r})," for c, r, t, text in rows),
        "}",
    ]
    return "\n".join(out) + "\n"


def main():
    language, source, target = sys.argv[1:]
    make = {"cpp": cpp, "python": python}[language]
    pathlib.Path(target).write_text(make(read(source)))


main()
