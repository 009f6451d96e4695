"""The machine is short of processes, threads or descriptors: errors name the limit, nothing hangs, and a
pool goes on with the workers that it has [W10] [R7]."""

import os
import pathlib
import resource
import time

import pytest

from host import ADAPTERS, LIMIT, eventually

HELLO = f"{ADAPTERS}/hello.py"
#: Far below what waiting for a thread that never comes would take.
SOON = 30
#: Room for the threads of a host and of a few workers: some are as many as there are processors.
ENOUGH = 56 + 4 * len(os.sched_getaffinity(0))
#: Errors say this of threads and processes.
NAMES = ("ulimit -u", "pids.max")


def lone_user():
    """A number that no account has, nor another test that runs now."""
    return 300_000 + os.getpid() % 1_000_000


@pytest.fixture
def lone(host):
    """The command as a user with no other process: then what it may have more is known."""
    if os.geteuid() != 0:
        pytest.skip("only root can become a user without processes")
    number = lone_user()
    for folder in (host.folder, host.run_dir, host.state_dir, host.temporary, host.work):
        os.chown(folder, number, number)
    os.chmod(host.folder, 0o711)

    def run(processes, *arguments, stdin=b""):
        def become():
            resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
            os.setgroups([])
            os.setresgid(number, number, number)
            os.setresuid(number, number, number)

        return host.run(*arguments, stdin=stdin, preexec_fn=become)

    return run


def test_whatever_the_number_of_threads_a_call_ends_soon_and_says_why(lone):
    """[W10]"""
    ends = {}
    for processes in (3, 8, 13, 17, 20, 23, 26, 29, 32, 36, ENOUGH):
        begun = time.monotonic()
        got = lone(processes, "call", HELLO, "greet", "name=x")
        took = time.monotonic() - begun
        assert took < SOON, (processes, took, got)
        ends[processes] = got.code
        if got.code == 0:
            assert got.json == "Hello, x!"
        else:
            assert got.code in (1, 3), (processes, got)
            assert any(x in got.err for x in NAMES), (processes, got)
    assert ends[3] != 0 and ends[ENOUGH] == 0


def test_short_of_processes_a_pool_works_with_what_it_has(host, lone):
    """[W10]"""
    lines = 200
    work = "".join(f'{{"i": {i}}}\n' for i in range(lines))
    # So slow that it lasts until others have failed to start, and far more than there is room for.
    slow = host.file("slow.py", "import time\ndef nap(i):\n    time.sleep(0.05)\n    return i\n")
    got = lone(ENOUGH, "map", slow, "nap", "-n", "60", stdin=work)
    assert got.code == 0, got
    assert got.lines == list(range(lines))
    # There was no room for all of them, each with its threads.
    assert "worker did not start" in got.err and any(x in got.err for x in NAMES), got.err


def test_short_of_descriptors_a_pool_works_with_what_it_has(host):
    """[W10]"""
    lines = 200
    work = "".join(f'{{"name": "{i}"}}\n' for i in range(lines))
    few = 110

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, few))

    host.set(POOLS__default__LIMITS__FILES="0")
    got = host.run("map", HELLO, "greet", "-n", "16", stdin=work, preexec_fn=limit)
    assert got.code == 0, got
    assert got.lines == [f"Hello, {i}!" for i in range(lines)]
    assert "worker did not start" in got.err and "ulimit -n" in got.err, got.err


def test_a_limit_of_descriptors_that_is_lifted_lets_the_pool_recover(host):
    """[W10]"""
    lines = 3000
    go = host.work / "go"
    slow = host.file(
        "slow.py",
        "import os, time\ndef nap(i):\n    time.sleep(0.002)\n"
        f"    while not os.path.exists({str(go)!r}):\n        time.sleep(0.01)\n    return i\n",
    )
    source = host.file("lines.jsonl", "".join(f'{{"i": {i}}}\n' for i in range(lines)))
    files = pathlib.Path(host.work) / "out.jsonl"
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (90, before[1]))

    host.set(POOLS__default__LIMITS__FILES="0")
    host.set(POOLS__default__RESTART__BACKOFF="[100ms]")
    it = host.start("map", slow, "nap", "-n", "8", "-i", source, "-o", files, preexec_fn=limit)
    assert eventually(LIMIT, host.workers)
    time.sleep(0.5)
    some = len(host.workers())
    resource.prlimit(it.pid, resource.RLIMIT_NOFILE, before)
    go.touch()
    out, err = it.communicate(timeout=LIMIT)
    assert it.returncode == 0, err.decode()
    assert 1 <= some < 8
    assert b"ulimit -n" in err
    assert len(files.read_text().splitlines()) == lines
