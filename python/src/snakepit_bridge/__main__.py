"""`python -m snakepit_bridge`: commands for those who write adapters."""

from __future__ import annotations

import argparse
import os
import sys

from . import __version__, _check


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m snakepit_bridge", description="Commands for those who write adapters."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser(
        "check", help="load an adapter, print its tools and schemas, warn of pitfalls"
    )
    check.add_argument(
        "adapter", help="package.module:Class, package.module, or file.py, file.py:Class"
    )
    check.add_argument("--json", action="store_true", help="print a JSON object")
    given = parser.parse_args()
    try:
        code = _check.main(given.adapter, given.json)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python complains once more at its end
        return 141
    return code


sys.exit(main())
