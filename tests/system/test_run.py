"""`snakepit run`: a program with a daemon of its own [R8]."""

import json
import os
import signal
import subprocess

import pytest
from daemons import SERVED
from host import LIMIT, SNAKEPIT, eventually


@pytest.fixture
def script(host):
    """Runs a script of the shell with one worker."""
    host.file("snakepit.yaml", f"pools: [{{adapter: {SERVED}, workers: 1, spawn: exec}}]")
    return lambda text, *options, **more: host.run("run", *options, "--", "sh", "-c", text, **more)


def call(tool, arguments=""):
    return f"{SNAKEPIT} call --daemon {tool} {arguments}"


@pytest.mark.parametrize("code", [0, 1, 7])
def test_the_program_finds_its_daemon_and_its_exit_code_is_passed_on(script, code):
    """[R8]"""
    it = script(f"{call('work', 'number=6')}; exit {code}")
    assert (it.code, it.out) == (code, "36\n"), it


def test_a_signal_that_ends_the_program_is_passed_on(script):
    """[R8]"""
    assert script("kill -KILL $$").code == 128 + signal.SIGKILL


def test_the_program_has_stdin_and_arguments(host):
    """[R8]"""
    host.file("snakepit.yaml", f"pools: [{{adapter: {SERVED}, workers: 1, spawn: exec}}]")
    it = host.run("run", "--", "sh", "-c", 'cat; echo "$1"', "sh", "[1, 2]", stdin="text")
    assert (it.code, it.out) == (0, "text[1, 2]\n"), it


def test_many_run_side_by_side(host):
    """[R8]"""
    host.file("snakepit.yaml", f"pools: [{{adapter: {SERVED}, workers: 1, spawn: exec}}]")
    words = ["run", "--", SNAKEPIT, "call", "--daemon", "work", "number=5", "seconds=0.3"]
    all_of_them = [host.start(*words) for _ in range(3)]
    for it in all_of_them:
        out, err = it.communicate(timeout=LIMIT)
        assert (it.returncode, out) == (0, b"25\n"), err


def test_what_cannot_be_run_is_named(script, host):
    """[R8]"""
    script("true")
    none = host.run("run", "--", "./no-such-program")
    assert none.code == 127
    assert "./no-such-program" in none.err
    folder = host.run("run", "--", str(host.work))
    assert folder.code == 126
    assert host.run("run").code == 2
    assert host.run("run", "-c", "none.yaml", "--", "true").code == 2


def test_nothing_is_run_if_no_worker_starts(host):
    """[R8]"""
    bad = host.file("dying.py", "import os\nos._exit(4)\n")
    host.file("snakepit.yaml", f"pools: [{{adapter: {bad}, workers: 1, spawn: exec}}]")
    it = host.run("run", "--", "touch", "ran")
    assert it.code == 3
    assert not (host.work / "ran").exists()


def test_signals_go_to_the_program(host):
    """[R8]"""
    host.file("snakepit.yaml", f"pools: [{{adapter: {SERVED}, workers: 1, spawn: exec}}]")
    it = host.start("run", "--", "sh", "-c", "trap 'exit 9' TERM; echo up; while :; do sleep 0.05; done")
    assert it.stdout.readline() == b"up\n"
    it.terminate()
    assert it.wait(LIMIT) == 9
    it.stdout.close()
    it.stderr.close()


def test_a_signal_before_the_program_ends_it_all(host):
    """[R8]"""
    slow = host.file("slow.py", "import time, pathlib\npathlib.Path('importing').touch()\ntime.sleep(60)\n")
    host.file("snakepit.yaml", f"pools: [{{adapter: {slow}, workers: 1, spawn: exec}}]")
    it = host.start("run", "--", "touch", "ran")
    assert eventually(30, (host.work / "importing").exists)
    it.send_signal(signal.SIGINT)
    out, err = it.communicate(timeout=30)
    assert it.returncode == 130, err
    assert not (host.work / "ran").exists()


def test_what_the_program_leaves_behind_does_not_hold_it_up(script, host):
    """[R8]"""
    go = host.work / "go"
    it = script(f"{call('wait_for', f'file={go} started=begun')} >out 2>&1 & while [ ! -e begun ]; do sleep 0.02; done")
    assert it.code == 0, it
    assert eventually(30, lambda: not host.processes())
    assert b"snakepit:" in (host.work / "out").read_bytes()  # its call has failed


def test_closed_pipes_hang_nothing(host):
    """[R8]"""
    host.file("snakepit.yaml", f"pools: [{{adapter: {SERVED}, workers: 1, spawn: exec}}]")
    reader, writer = os.pipe()
    os.close(reader)
    it = host.start("run", "--", "sh", "-c", "exit 5", stdout=writer, stderr=writer)
    os.close(writer)
    assert it.wait(LIMIT) == 5
    closed = subprocess.run(
        ["sh", "-c", f"exec {SNAKEPIT} run -- sh -c 'exit 6' <&- >&- 2>&-"],
        cwd=host.work,
        env=host.environment,
        timeout=LIMIT,
    )
    assert closed.returncode == 6


def test_the_address_is_private(script, host):
    """[R8] [S1]"""
    it = script("echo $SNAKEPIT_ADDRESS; stat -c %a ${SNAKEPIT_ADDRESS#unix:}; " + f"{SNAKEPIT} status --json")
    address, mode, status = it.out.split("\n", 2)
    assert address.startswith(f"unix:{host.run_dir}/"), it
    assert mode == "600"
    assert json.loads(status)["pools"][0]["state"] == "ready"
