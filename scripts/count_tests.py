#!/usr/bin/python3
"""Prints `N passed, N failed` for a log of `meson test` (testlog.json), counting the cases inside of
doctest and pytest programs one by one. Fails if any failed or none ran."""

import json
import re
import sys

DOCTEST = re.compile(r"^\[doctest\] test cases: +\d+ \| +(\d+) passed \| +(\d+) failed", re.M)
PYTEST = re.compile(r"^(?:=+ )?((?:\d+ \w+(?:, )?)+) in [\d.]+s", re.M)
GOOD = ("OK", "EXPECTEDFAIL")
NEITHER = ("SKIP",)


def cases(output):
    """The passed and failed cases that a program names itself."""
    passed = failed = 0
    for summary in DOCTEST.finditer(output):
        passed += int(summary[1])
        failed += int(summary[2])
    for summary in PYTEST.finditer(output):
        counts = {kind: int(n) for n, kind in re.findall(r"(\d+) (\w+)", summary[1])}
        passed += counts.get("passed", 0) + counts.get("xfailed", 0)
        failed += counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
    return passed, failed


def count(test):
    if test["result"] in NEITHER:
        return 0, 0
    passed, failed = cases(test.get("stdout") or "")
    if test["result"] in GOOD:
        return (passed, failed) if passed + failed else (1, 0)
    # A program that crashed or was ended may have failed without a word.
    return passed, max(failed, 1)


def main():
    try:
        with open(sys.argv[1], encoding="utf-8") as log:
            counts = [count(json.loads(line)) for line in log]
    except OSError as x:
        print(f"no log of tests: {x}", file=sys.stderr)
        counts = []
    passed, failed = (sum(x) for x in zip(*counts)) if counts else (0, 0)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
