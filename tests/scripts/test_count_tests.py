"""The closing line counts what ran, and never calls a failure a success."""

import json
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts" / "count_tests.py"

DOCTEST = "[doctest] test cases:   48 |   {} passed | {} failed | 0 skipped\n"


def run(tmp_path, *tests):
    log = tmp_path / "testlog.json"
    log.write_text("".join(json.dumps(x) + "\n" for x in tests))
    done = subprocess.run([sys.executable, SCRIPT, log], capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()[-1]


def entry(result, output=""):
    return {"name": "x", "result": result, "stdout": output}


@pytest.mark.parametrize(
    "tests, code, line",
    [
        ([entry("OK")], 0, "1 passed, 0 failed"),
        ([entry("OK"), entry("FAIL")], 1, "1 passed, 1 failed"),
        ([entry("SKIP")], 1, "0 passed, 0 failed"),
        ([], 1, "0 passed, 0 failed"),
        ([entry("OK", DOCTEST.format(48, 0))], 0, "48 passed, 0 failed"),
        ([entry("FAIL", DOCTEST.format(45, 3))], 1, "45 passed, 3 failed"),
        ([entry("ERROR", DOCTEST.format(48, 0))], 1, "48 passed, 1 failed"),
        ([entry("TIMEOUT", "half a li")], 1, "0 passed, 1 failed"),
        ([entry("OK", "....  [100%]\n43 passed in 0.50s\n")], 0, "43 passed, 0 failed"),
        ([entry("FAIL", "1 failed, 42 passed, 2 skipped in 0.5s\n")], 1, "42 passed, 1 failed"),
        ([entry("FAIL", "=== 3 errors in 0.12s ===\n")], 1, "0 passed, 3 failed"),
        ([entry("OK", DOCTEST.format(2, 0)), entry("OK"), entry("UNEXPECTEDPASS")], 1, "3 passed, 1 failed"),
    ],
)
def test_counts(tmp_path, tests, code, line):
    assert run(tmp_path, *tests) == (code, line)


def test_a_log_that_is_not_there_is_a_failure(tmp_path):
    done = subprocess.run([sys.executable, SCRIPT, tmp_path / "no"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "0 passed, 0 failed\n")


def test_what_failed_is_said_before_the_count(tmp_path):
    ruler = "=" * 79
    doctest = (
        f"{ruler}\na.cpp:1:\nTEST CASE:  works\n\na.cpp:2: MESSAGE: 3 ms\n\n"
        f"{ruler}\nb.cpp:7:\nTEST CASE:  breaks [X1]\n\nb.cpp:9: ERROR: CHECK( x == 1 ) is NOT correct!\n"
        f"  values: CHECK( 2 == 1 )\n\n{ruler}\n" + DOCTEST.format(1, 1)
    )
    pytest = (
        "..F\n=================================== FAILURES ====\nE   assert 2 == 1\n"
        "FAILED test_x.py::test_y - assert 2 == 1\n1 failed, 2 passed in 0.5s\n"
    )
    log = tmp_path / "testlog.json"
    tests = entry("FAIL", doctest), entry("FAIL", pytest), entry("TIMEOUT", "a\n" * 500 + "the last word")
    log.write_text("".join(json.dumps(x) + "\n" for x in tests))
    done = subprocess.run([sys.executable, SCRIPT, log], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert lines[:6] == [
        "-- x: FAIL",
        "b.cpp:7:",
        "TEST CASE:  breaks [X1]",
        "",
        "b.cpp:9: ERROR: CHECK( x == 1 ) is NOT correct!",
        "  values: CHECK( 2 == 1 )",
    ]
    assert "FAILED test_x.py::test_y - assert 2 == 1" in lines
    assert lines[-2:] == ["the last word", "3 passed, 3 failed"]
    assert not any("works" in x or "..F" in x for x in lines)
    assert len(lines) < 120


def test_a_call_without_a_log_says_what_it_takes():
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True)
    assert done.returncode == 1
    assert "scripts/count_tests.py BUILD/meson-logs/testlog.json" in done.stderr
