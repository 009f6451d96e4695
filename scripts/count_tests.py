#!/usr/bin/python3
"""Prints `N passed, N failed` for a log of `meson test` (testlog.json), counting the cases inside of
doctest and pytest programs one by one, and before it what the failed ones said. Fails if any failed or
none ran.

    scripts/count_tests.py BUILD/meson-logs/testlog.json
"""

import json
import re
import sys

DOCTEST = re.compile(r"^\[doctest\] test cases: +\d+ \| +(\d+) passed \| +(\d+) failed", re.M)
PYTEST = re.compile(r"^(?:=+ )?((?:\d+ \w+(?:, )?)+) in [\d.]+s", re.M)
GOOD = ("OK", "EXPECTEDFAIL")
NEITHER = ("SKIP",)

# What one failed case of doctest says: from the line under its ruler to the next ruler.
DOCTEST_CASE = re.compile(r"^={79}\n((?:(?!={79}).*\n)*?.*\bERROR: (?:(?!={79}).*\n)*)", re.M)
PYTEST_FAILURES = re.compile(r"^=+ (?:FAILURES|ERRORS) =+\n", re.M)

# Lines of a failed program that are worth repeating at the end of a long log.
MOST_LINES = 80


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


def complaints(output):
    """What failed cases said: of the cases if the program names them, otherwise its last words."""
    told = "".join(DOCTEST_CASE.findall(output))
    if not told:
        begin = PYTEST_FAILURES.search(output)
        told = output[begin.start() :] if begin else output
    lines = told.splitlines()
    left_out = len(lines) - MOST_LINES
    if left_out > 0:
        # The first lines name what failed, the last ones sum it up.
        half = MOST_LINES // 2
        lines[half:-half] = [f"[{left_out} lines left out]"]
    return lines


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    try:
        with open(sys.argv[1], encoding="utf-8") as log:
            tests = [json.loads(line) for line in log]
    except OSError as x:
        print(f"no log of tests: {x}", file=sys.stderr)
        tests = []
    for test in tests:
        if test["result"] not in GOOD + NEITHER:
            print(f"-- {test['name']}: {test['result']}")
            print(*complaints((test.get("stdout") or "") + (test.get("stderr") or "")), sep="\n")
    counts = [count(test) for test in tests]
    passed, failed = (sum(x) for x in zip(*counts)) if counts else (0, 0)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
