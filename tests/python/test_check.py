"""`python -m snakepit_bridge`, as those who write adapters use it."""

import json
import os
import subprocess
import sys

import pytest

from host import BRIDGE, HERE

GOOD = """
import pathlib
import threading
import time
print("chatter")
threading.Thread(target=time.sleep, args=(2,), daemon=True).start()

def stats(path: pathlib.Path, n: int = 3) -> set:
    "Counts things."

async def later(x, **others): pass
"""


def run(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "snakepit_bridge", *arguments],
        env={**os.environ, "PYTHONPATH": f"{BRIDGE}:{HERE}"},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_check_prints_tools_schemas_and_pitfalls_Y6(tmp_path):
    (tmp_path / "mine.py").write_text(GOOD)
    done = run("check", "./mine.py", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == "chatter\n"
    for piece in (
        "2 tool(s)",
        "its import starts 1 thread(s)",
        "Counts things.",
        'n, optional: {"type": "integer", "default": 3}',
        "path: Path has no JSON Schema, so anything fits",
        "its result: set may have no representation",
        "later (async)",
        "and any others",
        "x: no type",
    ):
        assert piece in done.stdout, piece


def test_check_says_what_may_run_at_the_same_time_Y6():
    done = run("check", "adapters.lanes:Lanes")
    assert "tool(s), thread safe\n" in done.stdout
    assert "alone (one at a time)\n" in done.stdout
    assert "sensitive (on the main thread)\n" in done.stdout
    found = json.loads(run("check", "--json", "adapters.lanes:Lanes").stdout)
    flags = {x["name"]: (x["thread_safe"], x["thread_sensitive"]) for x in found["tools"]}
    assert found["thread_safe"] is True
    assert (flags["ok"], flags["alone"], flags["sensitive"]) == (
        (True, False),
        (False, False),
        (True, True),
    )
    assert json.loads(run("check", "--json", "adapters.plain:Plain").stdout)["thread_safe"] is False


def test_check_prints_json_Y6():
    done = run("check", "--json", "adapters.plain:Plain")
    found = json.loads(done.stdout)
    assert done.returncode == 0 and found["adapter"] == "adapters.plain:Plain"
    mean = next(x for x in found["tools"] if x["name"] == "math.mean-1")
    assert mean["schema"]["required"] == ["values"] and mean["idempotent"]
    assert not mean["interrupt"] and mean["pitfalls"] == []


@pytest.mark.parametrize("spec, word", [("no.such:X", "no module"), ("adapters.plain:X", "has Plain")])
def test_check_of_what_cannot_be_loaded_fails_with_one_line_Y6(spec, word):
    done = run("check", spec)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert word in done.stderr
    done = run("check", spec, "--json")
    error = json.loads(done.stdout)["error"]
    assert done.returncode == 1 and word in error["message"]
    assert (error["category"], error["reason"]) == ("worker", "worker_start_failed")


def test_wrong_usage_is_2_Y6():
    assert run().returncode == 2
    assert run("check").returncode == 2
    assert run("--version").stdout == "0.1.0\n"


def test_a_closed_pipe_ends_it_quietly_Y6():
    shell = f"{sys.executable} -m snakepit_bridge check adapters.plain | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", shell],
        env={**os.environ, "PYTHONPATH": f"{BRIDGE}:{HERE}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == "" and done.stdout in ("0\n", "141\n")
