"""Workers crash under load: only the call that ran is lost, and nothing runs twice [Q7] [W9]."""

import json
import os
import subprocess

from host import LIMIT, ROOT

SEED = 7
WORKERS = 4
CALLS_PER_CRASH = 40


def crash(host, crashes):
    """The counts, after workers have crashed so many times."""
    program = os.environ["SNAKEPIT_TEST_CRASHES"]
    numbers = map(str, (crashes, SEED, WORKERS))
    it = subprocess.run(
        [program, ROOT / "tests" / "workers" / "crashes.py", *numbers],
        env=host.environment,
        capture_output=True,
        text=True,
        timeout=3 * LIMIT,
    )
    assert (it.returncode, it.stderr) == (0, ""), it.stdout + it.stderr
    return json.loads(it.stdout)


def test_crashes_under_load_lose_only_the_calls_that_crash(host):
    """[Q7] [W9]"""
    crashes = 500
    found = crash(host, crashes)
    assert found["succeeded"] == crashes * CALLS_PER_CRASH
    by_way = found["crashes"]
    assert all(by_way[way] == crashes // 5 for way in ("kill", "segfault", "exit", "abort"))
    # Those that were to hang may have reached their deadline before a worker was there for them.
    assert by_way["hang"] + found["expired_unrun"] == crashes // 5
    assert found["worker_exits"] >= 4 * crashes // 5
