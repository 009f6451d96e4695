"""Workers fail in every way under load: each call gets one answer, its own [Q7] [F7] [RL-1]."""

import json
import os
import subprocess

from host import LIMIT, ROOT

SEED = 11
WORKERS = 4
CALLS = 200_000
#: On a machine that is busy fewer calls must do.
SECONDS = 40
FEWEST = 10_000


def test_every_call_gets_one_answer_and_its_own_whatever_fails_F7(host):
    program = os.environ["SNAKEPIT_TEST_CHAOS"]
    numbers = map(str, (SEED, WORKERS, SECONDS, CALLS))
    it = subprocess.run(
        [program, ROOT / "tests" / "workers" / "suffer.py", *numbers],
        env=host.environment,
        capture_output=True,
        text=True,
        timeout=SECONDS + LIMIT,
    )
    assert (it.returncode, it.stderr) == (0, ""), it.stdout + it.stderr
    found = json.loads(it.stdout)
    assert found["calls"] >= FEWEST
    for promise in ("lost", "doubled", "crossed", "wrong", "leftovers"):
        assert found[promise] == 0, found
    # That it was no idle talk: workers have ended, of faults on purpose and of kills.
    assert found["worker_exits"] > found["calls"] / 4000
    assert {"SIGKILL", "SIGSEGV", "exit 99"} <= set(found["causes"])
    assert found["outcomes"]["ok"] > found["calls"] / 2
