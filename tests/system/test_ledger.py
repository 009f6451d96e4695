"""What a killed host leaves is found by the next start, and nobody else is ever touched."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from host import LIMIT, MISBEHAVE, MISBEHAVE_FOLDER, SNAKEPIT, eventually

LEAVER = f"{MISBEHAVE_FOLDER}/leaver.py"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes root: mounts and namespaces")


def lives(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill_host_that_leaves(host):
    """Kills a host whose worker has started a child that left its group: the child's pid."""
    path = host.work / "pids"
    victim = host.start("call", LEAVER, "leave_and_wait", f"path={path}")
    assert eventually(LIMIT, path.exists), victim.communicate(timeout=1)
    child, worker = map(int, path.read_text().split())
    path.unlink()
    victim.kill()
    victim.communicate()
    assert eventually(LIMIT, lambda: not lives(worker))
    assert lives(child), "it should have left the group"
    return child


def test_what_left_its_group_is_found_and_ended_by_the_next_start(host):
    """[R3] [R4] [R5]"""
    child = kill_host_that_leaves(host)
    assert len(list(host.state_dir.glob("default-*.db"))) == 1
    got = host.call("add", "a=1")
    assert got.json == 2
    assert str(child) in got.err  # said aloud
    assert not lives(child)


def test_cleanup_tells_and_ends_what_dead_hosts_left(host):
    """[R4]"""
    assert host.run("cleanup").out == "0 ledgers of dead runs, 0 processes left by them\n"
    child = kill_host_that_leaves(host)
    for _ in range(2):  # a dry run changes nothing
        got = host.run("cleanup", "--dry-run", "--json")
        assert got.code == 0
        assert got.json["dry_run"] is True and got.json["ledgers"] == 1
        assert [(x["pid"], x["by"], x["end"]) for x in got.json["processes"]] == [(child, "marker", "found")]
        assert lives(child)
    got = host.run("cleanup", "--json")
    assert got.code == 0
    assert [(x["pid"], x["end"]) for x in got.json["processes"]] == [(child, "terminated")]
    assert got.json["survivors"] == 0 and got.json["troubles"] == []
    assert not lives(child)
    assert list(host.state_dir.iterdir()) == []


def test_cleanup_of_another_instance_leaves_it_alone(host):
    """[R4]"""
    child = kill_host_that_leaves(host)
    host.set(INSTANCE__NAME="other")
    assert host.run("cleanup", "--json").json["processes"] == []
    assert lives(child)
    host.set(INSTANCE__NAME="default")
    assert f"terminated {child} of run" in host.run("cleanup").out


def test_a_live_host_is_left_alone_by_starts_and_cleanups(host):
    """[R3] [RL-3]"""
    path = host.work / "pids"
    first = host.start("call", LEAVER, "leave_and_wait", f"path={path}")
    assert eventually(LIMIT, path.exists)
    child, worker = map(int, path.read_text().split())
    assert host.call("add", "a=1").json == 2
    assert host.run("cleanup", "--json").json["processes"] == []
    assert lives(child) and lives(worker) and first.poll() is None
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=LIMIT)
    os.kill(child, signal.SIGKILL)


def test_ten_calls_at_once(host):
    """[R2] each with a ledger of its own, beside one of a dead host"""
    kill_host_that_leaves(host)
    calls = [host.start("call", MISBEHAVE, "add", f"a={i}") for i in range(10)]
    ends = [x.communicate(timeout=LIMIT) for x in calls]
    assert [json.loads(out) for out, _ in ends] == [i + 1 for i in range(10)], ends


def test_two_hosts_in_one_state_directory(host):
    """[R2] without an id both run, with different ones both, with the same one the second fails"""
    path = host.work / "pids"
    host.set(INSTANCE__ID="blue")
    first = host.start("call", LEAVER, "leave_and_wait", f"path={path}")
    assert eventually(LIMIT, path.exists)
    child, _ = map(int, path.read_text().split())
    begun = time.monotonic()
    got = host.call("add", "a=1", "--json")
    assert got.code == 1
    assert got.error["reason"] == "unavailable"
    assert got.error["details"]["pid"] == str(first.pid)
    assert f"process {first.pid}, run {got.error['details']['run']}" in got.error["message"]
    assert time.monotonic() - begun < 3
    host.set(INSTANCE__ID="green")
    assert host.call("add", "a=1").json == 2
    host.set(INSTANCE__ID="null")
    assert host.call("add", "a=1").json == 2
    first.kill()
    first.communicate()
    assert lives(child)
    host.set(INSTANCE__ID="blue")
    assert host.call("add", "a=1").json == 2
    assert not lives(child)


def test_a_broken_ledger_is_set_aside(host):
    """[R2] [RL-11]"""
    host.set(INSTANCE__ID="x")
    (host.state_dir / "default+x.db").write_bytes(b"no ledger at all" * 1000)
    got = host.call("add", "a=1")
    assert got.json == 2
    assert "default+x.corrupt-1" in got.err
    (aside,) = host.state_dir.iterdir()
    assert aside.name == "default+x.corrupt-1"
    aside.unlink()


def test_a_state_directory_that_cannot_be_made_stops_no_call(host):
    """[RL-11]"""
    host.set(INSTANCE__STATE_DIR=host.file("file", "") + "/state")
    got = host.call("add", "a=1")
    assert got.json == 2
    assert "degraded" in got.err and "ENOTDIR" in got.err
    assert host.run("cleanup").code == 1


def test_a_state_directory_that_others_may_write_to_is_refused(host):
    """[R2] [S1]"""
    host.state_dir.chmod(0o777)
    got = host.call("add", "a=1", "--json")
    assert got.code == 2
    assert got.error["reason"] == "invalid_config" and str(host.state_dir) in got.error["message"]


@as_root
@pytest.mark.parametrize("options, sign", [("size=4k", "full"), ("size=1m,ro", "ROFS")])
def test_calls_go_on_with_a_full_or_read_only_disk(host, options, sign):
    """[RL-11]"""
    script = f"mount -t tmpfs -o mode=0700,{options} none {host.state_dir} && head -c 4096 /dev/zero > {host.state_dir}/x; exec {SNAKEPIT} call {MISBEHAVE} add a=1"
    it = subprocess.run(
        ["unshare", "-m", "sh", "-c", script], cwd=host.work, env=host.environment, capture_output=True, timeout=LIMIT
    )
    assert it.returncode == 0, it
    assert it.stdout == b"2\n"
    assert b"degraded" in it.stderr, it.stderr


# Runs as init of a pid namespace of its own: kills a host, gives the numbers of its processes to
# strangers, starts the next one; over and over.
REUSE = r"""
import json, os, pathlib, signal, subprocess, sys, time

snakepit, leaver, add, rounds, path = sys.argv[1:6]
path = pathlib.Path(path)
strangers, forced = [], 0

def lives(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

for _ in range(int(rounds)):
    victim = subprocess.Popen([snakepit, "call", leaver, "leave_and_wait", f"path={path}"], stderr=subprocess.DEVNULL)
    while not path.exists():
        time.sleep(0.01)
    child, worker = map(int, path.read_text().split())
    path.unlink()
    victim.kill()
    victim.wait()
    os.kill(child, signal.SIGKILL)
    for pid in (worker, child):
        while lives(pid):
            time.sleep(0.01)
        try:
            while os.waitpid(pid, 0)[0] != pid:
                pass
        except ChildProcessError:
            pass
    for pid in (worker, child, victim.pid):
        pathlib.Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        stranger = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        forced += stranger.pid == pid
        strangers.append(stranger)
    subprocess.run([snakepit, "call", add, "add", "a=1"], check=True, stdout=subprocess.DEVNULL)
print(json.dumps({"forced": forced, "killed": sum(x.poll() is not None for x in strangers)}))
for x in strangers:
    x.kill()
"""


@as_root
def test_no_stranger_is_killed_whose_number_was_a_workers(host):
    """[R3] [RL-3]"""
    rounds = int(os.environ.get("SNAKEPIT_ROUNDS", "20"))
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-c", REUSE]
    arguments = [SNAKEPIT, LEAVER, MISBEHAVE, str(rounds), str(host.work / "pids")]
    it = subprocess.run(
        command + arguments, cwd=host.work, env=host.environment, capture_output=True, timeout=5 * LIMIT
    )
    assert it.returncode == 0, it.stderr
    got = json.loads(it.stdout.splitlines()[-1])
    assert got["killed"] == 0
    assert got["forced"] >= rounds, "the numbers were not used again"
    print(f"{rounds} restarts, {got['forced']} numbers used again, {got['killed']} strangers killed")
