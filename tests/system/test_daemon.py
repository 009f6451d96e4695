"""`snakepit serve` and the commands that talk to it [E4]."""

import json
import os
import pathlib
import signal
import stat
import threading
import time

import pytest
from daemons import SERVED, Daemon, ServiceManager
from host import LIMIT, eventually


@pytest.fixture
def daemon(host):
    with Daemon(host) as it:
        yield it
        if it.process.poll() is None:
            assert it.end() == 0, it.log.read_text()


def test_it_says_where_it_is_and_leaves_nothing(host):
    """[E4] [S1]"""
    with Daemon(host) as it:
        path = host.run_dir / "default.sock"
        assert it.hello["address"] == f"unix:{path}"
        assert it.hello["pid"] == it.pid
        assert it.hello["admin_address"] == ""
        mode = path.stat().st_mode
        assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
        assert it.end() == 0
    assert list(host.run_dir.iterdir()) == []


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_is_told(host, abstract):
    """[E5]"""
    name = host.mark if abstract else str(host.work / "notify")
    host.environment["NOTIFY_SOCKET"] = f"@{name}" if abstract else name
    with ServiceManager(f"\0{name}" if abstract else name) as manager, Daemon(host, ready=False) as it:
        assert "starting" in manager.hear()["STATUS"]
        ready = manager.hear_until("READY")
        assert ready["READY"] == "1"
        assert "default.sock" in ready["STATUS"]
        # It is true, and the workers do not know of the manager.
        assert it.call("work", "number=3").json == 9
        worker = it.call("process").json
        assert b"NOTIFY_SOCKET" not in pathlib.Path(f"/proc/{worker}/environ").read_bytes()
        it.process.terminate()
        assert manager.hear_until("STOPPING")["STOPPING"] == "1"
        assert it.process.wait(LIMIT) == 0


def test_a_second_daemon_is_told_of_the_first(daemon, host):
    """[R2]"""
    second = host.run("serve", "--no-admin", "--json")
    assert second.code == 2
    assert second.error["details"]["pid"] == str(daemon.pid)
    assert daemon.call("work", "number=2").json == 4
    host.set(INSTANCE__NAME="other")
    with Daemon(host) as other:
        assert other.status()["instance"] == "other"
        assert other.end() == 0


def test_a_killed_daemon_is_replaced(host):
    """[R5]"""
    with Daemon(host) as first:
        first.process.kill()
        first.process.wait()
    assert eventually(LIMIT, lambda: not host.workers())
    gone = host.run("status")
    assert gone.code == 5
    with Daemon(host) as second:
        assert second.status()["pid"] == second.pid
        assert second.end() == 0
    assert list(host.run_dir.iterdir()) == []


def test_cleanup_removes_the_socket_of_a_killed_daemon_only(host):
    """[R5]"""
    with Daemon(host) as first:
        assert host.run("cleanup").code == 0
        assert first.status()["instance"] == "default"
        first.process.kill()
        first.process.wait()
    assert (host.run_dir / "default.sock").exists()
    assert host.run("cleanup").code == 0
    assert list(host.run_dir.iterdir()) == []


def test_status(daemon):
    """[E4] [P6]"""
    for i in range(3):
        assert daemon.call("work", f"number={i}").code == 0
    assert daemon.call("raise_error", "message=no").code == 1
    status = daemon.status()
    assert status["pid"] == daemon.pid
    assert status["run_id"] == daemon.hello["run_id"]
    (pool,) = status["pools"]
    assert (pool["name"], pool["state"], pool["workers_ready"]) == ("default", "ready", 2)
    assert (pool["calls_succeeded"], pool["calls_failed"]) == (3, 1)
    assert pool["errors"] == {"python_exception": 1}
    assert pool["errors_by_category"] == {"python": 1}
    assert status["total"]["calls_failed"] == 1
    workers = pool["workers"]
    assert [(x["slot"], x["generation"], x["state"]) for x in workers] == [(0, 1, "ready"), (1, 1, "ready")]
    assert daemon.call("process").json in [x["pid"] for x in workers]
    assert f" {workers[0]['pid']} " in daemon.run("status", "--workers").out
    text = daemon.run("status")
    assert text.code == 0, text
    assert f"pid {daemon.pid}" in text.out
    assert [word for word in text.out.splitlines()[3].split()][:3] == ["default", "ready", "2/2"]


def test_status_can_be_watched(daemon, host):
    """[E4]"""
    watch = host.start("status", "--watch", "--interval", "50ms", "--json")
    first = json.loads(watch.stdout.readline())
    daemon.call("work", "number=1")
    later = first
    while later["pools"][0]["calls_succeeded"] != 1:
        later = json.loads(watch.stdout.readline())
    assert later["uptime_ms"] > first["uptime_ms"]
    watch.send_signal(signal.SIGINT)
    assert watch.wait(LIMIT) == -signal.SIGINT
    watch.stdout.close()
    watch.stderr.close()
    # With the daemon it ends, too.
    with host.start("status", "--watch", "--interval", "50ms") as watch:
        assert watch.stdout.readline()
        assert daemon.end() == 0
        assert b"CALLS/S" in watch.stdout.read()
        assert watch.stderr.read().startswith(b"snakepit: unavailable: the daemon has gone")
    assert watch.returncode == 5


def test_a_segfault_is_remembered(daemon):
    """[W9]"""
    assert daemon.run("deaths").out == "no worker has ended\n"
    failed = daemon.call("crash", "--json")
    assert failed.code == 1
    assert failed.error["reason"] == "worker_crashed"
    certificate = failed.error["certificate"]
    assert certificate["cause"] == "SIGSEGV"
    (death,) = daemon.run("deaths", "--json").json["deaths"]
    assert death["certificate"] == certificate
    assert abs(time.time() - time.mktime(time.strptime(death["at"], "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 60
    text = daemon.run("deaths").out
    assert "SIGSEGV  while it ran `crash`" in text
    short = "/".join(certificate["id"].split("/")[1:])
    whole = daemon.run("deaths", short)
    assert whole.code == 0, whole
    assert "crash" in whole.out and "most recent call first" in whole.out
    assert daemon.status()["deaths"][0]["id"] == certificate["id"]
    none = daemon.run("deaths", "default/9.9")
    assert none.code == 1
    assert "default/9.9" in none.err
    assert daemon.call("work", "number=5").json == 25


def test_failed_starts_are_remembered(host):
    """[W9] [W10]"""
    bad = host.file("dying.py", "import os\nos._exit(4)\n")
    host.file("snakepit.yaml", f"pools: [{{name: bad, adapter: {bad}}}, {{name: good, adapter: {SERVED}}}]")
    host.set(POOLS__bad__WORKERS="1", POOLS__good__WORKERS="1", DEFAULTS__SPAWN="exec")
    with open(host.work / "log", "wb") as log:
        it = host.start("serve", "--no-admin", "--json", stderr=log)
    assert it.stdout.readline(), "one pool is ready"
    assert "bad" in (host.work / "log").read_text()
    deaths = host.run("deaths", "--json").json["deaths"]
    assert {x["certificate"]["cause"] for x in deaths} == {"exit 4"}
    states = {x["name"]: x["state"] for x in host.run("status", "--json").json["pools"]}
    assert states == {"bad": "failed", "good": "ready"}
    assert host.run("call", "--daemon", "work", "number=3", "--pool", "good").json == 9
    got = host.run("call", "--daemon", "work", "number=3", "--pool", "good", "--receipt")
    assert got.json == 9 and got.err.startswith("snakepit: receipt: queue ")
    assert host.run("call", "--daemon", "work", "number=3", "--pool", "bad").code == 3
    it.terminate()
    assert it.wait(LIMIT) == 0
    it.stdout.close()


def test_no_pool_starts(host):
    """[P3] [E4]"""
    bad = host.file("dying.py", "import os\nos._exit(4)\n")
    host.file("snakepit.yaml", f"pools: [{{adapter: {bad}, workers: 1, spawn: exec}}]")
    it = host.run("serve", "--no-admin", "--json")
    assert it.code == 3
    assert it.error["reason"] == "pool_failed"


def test_stacks_of_a_worker_that_sleeps(daemon, host):
    """[E4]"""
    started = host.work / "started"
    call = host.start("call", "--daemon", "wait_for", f"file={host.work / 'go'}", f"started={started}")
    assert eventually(30, started.exists)

    def those_who_wait():
        # Without an answer within half a second there is none: a busy machine may need another look.
        workers = daemon.run("stack", "--json").json["workers"]
        assert [(x["pool"], x["slot"]) for x in workers] == [("default", 0), ("default", 1)]
        return [x for x in workers if "wait_for" in json.dumps(x["stacks"])]

    busy = eventually(30, those_who_wait)
    assert len(busy) == 1
    assert eventually(30, lambda: "in wait_for" in daemon.run("stack", f"default/{busy[0]['slot']}").out)
    assert daemon.run("stack", f"default/{busy[0]['slot']}").code == 0
    assert daemon.run("stack", "7").code == 1
    (host.work / "go").touch()
    out, _ = call.communicate(timeout=LIMIT)
    assert json.loads(out) == "came"


def test_stacks_of_a_worker_that_holds_the_lock(daemon, host):
    """[E4] [W6]"""
    started = host.work / "started"
    call = host.start("call", "--daemon", "hold_gil", f"started={started}", "seconds=12")
    assert eventually(30, started.exists)

    def is_told():
        # A look at a busy machine may come before the lock is taken, or find no processor.
        workers = daemon.run("stack", "--json").json["workers"]
        busy = [x["stacks"] for x in workers if "hold_gil" in json.dumps(x["stacks"])]
        assert len(busy) <= 1
        return busy and busy[0]["gil_held"]

    assert eventually(30, is_told)
    assert call.wait(LIMIT) == 0
    call.stdout.close()
    call.stderr.close()


def test_recycling_under_load_fails_no_call(daemon, host):
    """[L2] [RL-5]"""
    before = {daemon.call("process").json for _ in range(8)}
    stop = threading.Event()
    failures, done, lowest = [], [0], [2]

    def load():
        while not stop.is_set():
            it = daemon.call("work", f"number={done[0]}", "seconds=0.02", "--json")
            done[0] += 1
            if it.code != 0:
                failures.append(it)

    def watch():
        while not stop.is_set():
            lowest[0] = min(lowest[0], daemon.pool()["workers_ready"])

    threads = [threading.Thread(target=load) for _ in range(3)] + [threading.Thread(target=watch)]
    for x in threads:
        x.start()
    try:
        for _ in range(3):
            it = daemon.run("recycle", "--json")
            assert it.code == 0, it
            assert it.json == {"recycled": [{"pool": "default", "slot": 0}, {"pool": "default", "slot": 1}]}
        one = daemon.run("recycle", "default/1")
        assert (one.code, one.out) == (0, "default/1: has a new worker\n"), one
    finally:
        stop.set()
        for x in threads:
            x.join()
    assert failures == []
    assert done[0] > 5
    assert lowest[0] == 2, "a worker was missing"
    assert not before & {daemon.call("process").json for _ in range(8)}
    assert eventually(30, lambda: len(daemon.run("deaths", "--json").json["deaths"]) == 7)
    deaths = [x["certificate"] for x in daemon.run("deaths", "--json").json["deaths"]]
    assert {x["ended_by_us"] for x in deaths} == {"recycle"}
    assert {x["cause"] for x in deaths} == {"ended by us: recycle"}
    by_itself = [x for x in deaths if x.get("exit_code") == 0]
    assert len(by_itself) >= 5, "one that gets no processor for two seconds is killed"
    assert daemon.pool()["worker_exits"] == 0
    assert daemon.run("recycle", "default/9").code == 1


def test_the_log_can_be_turned_up_and_down(daemon):
    """[E4]"""
    assert "worker ready" not in daemon.log.read_text()
    it = daemon.run("loglevel", "pool", "info")
    assert (it.code, it.out) == (0, "log level of pool: info\n"), it
    assert daemon.run("recycle", "0").code == 0
    assert daemon.says("worker ready")
    assert daemon.run("loglevel", "off", "--json").json == {"category": "", "level": "off"}
    bad = daemon.run("loglevel", "loud")
    assert bad.code == 1
    assert "loud" in bad.err


def test_calls_that_kill_workers_are_refused_until_they_are_cleared(daemon):
    """[F4]"""
    assert daemon.run("poisoned").out.strip() == "no call is refused"
    for _ in range(3):
        assert daemon.call("crash", "--json").error["reason"] == "worker_crashed"
    refused = daemon.call("crash", "--json")
    assert refused.code == 1 and refused.error["reason"] == "poisoned"
    (one,) = daemon.run("poisoned", "--json").json["poisoned"]
    assert one["tool"] == "crash" and one["deaths"] == 3 and one["cause"] == "SIGSEGV"
    assert 0 < one["left_ms"] <= 600_000
    assert "crash" in daemon.run("poisoned").out
    assert "forgotten" in daemon.run("poisoned", "clear").out
    assert daemon.run("poisoned", "--json").json == {"poisoned": []}
    assert daemon.call("crash", "--json").error["reason"] == "worker_crashed"


def test_tools(daemon):
    """[E4]"""
    tools = {x["name"]: x for x in daemon.run("tools", "--json").json["tools"]}
    assert tools["work"]["description"] == "The square of a number, after a while."
    assert tools["work"]["schema"]["required"] == ["number"]
    assert "crash" in daemon.run("tools").out
    none = daemon.run("tools", "--pool", "none")
    assert none.code == 1
    assert "none" in none.err


def test_calls_have_all_exit_codes(daemon, host):
    """[E4]"""
    assert daemon.call("work", "number=7").json == 49
    assert daemon.call("work", "7").json == 49  # the only required parameter
    assert daemon.call("work", '{"number": 8}').json == 64
    assert daemon.run("call", "--daemon", "work", "-", stdin="9").json == 81
    failed = daemon.call("raise_error", "message=oh no", "--json")
    assert failed.code == 1
    assert failed.error["python"]["type"] == "ValueError"
    assert failed.error["python"]["traceback"][-1]["function"] == "raise_error"
    assert daemon.call("none").code == 1
    assert daemon.call("none", "1").code == 1
    assert daemon.call("work", "number=x").code == 1
    assert daemon.call("work", "{").code == 2
    assert daemon.run("call", "--daemon").code == 2
    assert daemon.call("work", "number=1", "seconds=60", "--timeout", "100ms").code == 4
    assert daemon.call("work", "number=1", "--pool", "none").code == 1
    assert daemon.run("call", "--address", daemon.hello["address"], "work", "number=3").json == 9
    host.environment["SNAKEPIT_ADDRESS"] = f"unix:{host.work}/none.sock"
    none = daemon.call("work", "number=1")
    assert none.code == 5
    assert none.err.startswith("snakepit: unavailable: there is no daemon at unix:")
    assert len(none.err.splitlines()) == 1
    host.environment["SNAKEPIT_ADDRESS"] = "localhost:80"
    assert daemon.call("work", "number=1").code == 1
    del host.environment["SNAKEPIT_ADDRESS"]
    host.environment["SNAKEPIT_ADDRESS"] = daemon.hello["address"]
    assert daemon.call("work", "number=4").json == 16


def test_commands_without_a_daemon(host):
    """[E4]"""
    commands = ["status", "deaths", "stack", "recycle", "tools", "poisoned", "loglevel info", "call --daemon f"]
    for command in commands:
        it = host.run(*command.split())
        assert it.code == 5, it
        assert it.err.startswith("snakepit: unavailable: there is no daemon at unix:"), it
        it = host.run(*command.split(), "--json")
        assert it.code == 5, it
        assert it.error["reason"] == "unavailable"


def test_an_interrupted_client_cancels_its_call(daemon, host):
    """[Q4]"""
    started = host.work / "started"
    call = host.start("call", "--daemon", "wait_for", f"file={host.work / 'go'}", f"started={started}")
    assert eventually(30, started.exists)
    call.send_signal(signal.SIGINT)
    assert call.wait(LIMIT) == 130
    call.stdout.close()
    call.stderr.close()
    assert eventually(30, lambda: daemon.pool()["errors"].get("cancelled") == 1)
    assert eventually(30, lambda: daemon.pool()["busy"] == 0)


def test_a_killed_client_cancels_its_call(daemon, host):
    """[Q4]"""
    started = host.work / "started"
    call = host.start("call", "--daemon", "wait_for", f"file={host.work / 'go'}", f"started={started}")
    assert eventually(30, started.exists)
    call.kill()
    call.communicate()
    assert eventually(30, lambda: daemon.pool()["errors"].get("cancelled") == 1)
    assert eventually(30, lambda: daemon.pool()["busy"] == 0)
    assert daemon.pool()["worker_exits"] == 0, "it was interrupted, not ended"
    assert daemon.call("work", "number=2").json == 4


def test_a_stopped_client_holds_nobody_up(daemon, host):
    """[RL-9]"""
    go, started = host.work / "go", host.work / "started"
    call = host.start("call", "--daemon", "wait_for", f"file={go}", f"started={started}")
    assert eventually(30, started.exists)
    call.send_signal(signal.SIGSTOP)
    go.touch()
    assert eventually(30, lambda: daemon.pool()["calls_succeeded"] == 1)
    assert daemon.end() == 0
    call.send_signal(signal.SIGCONT)
    out, _ = call.communicate(timeout=LIMIT)
    assert call.returncode in (0, 5)
    assert call.returncode == 5 or json.loads(out) == "came"


def test_sigterm_drains(daemon, host):
    """[R7]"""
    started = host.work / "started"
    call = host.start("call", "--daemon", "wait_for", f"file={host.work / 'go'}", f"started={started}")
    assert eventually(30, started.exists)
    daemon.process.terminate()
    assert eventually(30, lambda: daemon.pool()["state"] == "draining")
    refused = daemon.call("work", "number=1", "--json")
    assert refused.error["reason"] == "draining"
    (host.work / "go").touch()
    out, err = call.communicate(timeout=LIMIT)
    assert (call.returncode, json.loads(out)) == (0, "came"), err
    assert daemon.process.wait(LIMIT) == 0
    assert host.run("status").code == 5


def test_twice_sigterm_is_now(daemon, host):
    """[R7]"""
    started = host.work / "started"
    call = host.start("call", "--daemon", "wait_for", f"file={host.work / 'go'}", f"started={started}", "--json")
    assert eventually(30, started.exists)
    daemon.process.terminate()
    assert eventually(30, lambda: daemon.pool()["state"] == "draining")
    begun = time.monotonic()
    assert daemon.end() == 143
    assert time.monotonic() - begun < 20
    out, err = call.communicate(timeout=LIMIT)
    assert call.returncode != 0, (out, err)
    assert eventually(5, lambda: not host.workers())


def test_what_workers_leave_behind_is_the_daemons(daemon, host):
    """[R3] [R7]"""
    orphan = daemon.call("leave_orphan").json
    for slot in (0, 1):
        assert daemon.run("recycle", f"default/{slot}").code == 0

    def parent():
        return int(pathlib.Path(f"/proc/{orphan}/stat").read_text().rpartition(")")[2].split()[1])

    assert eventually(30, lambda: parent() == daemon.pid)
    assert daemon.end() == 0
    assert not pathlib.Path(f"/proc/{orphan}").exists()


def test_the_admin_server_is_on_unless_it_is_not_wanted(host):
    """[E4]"""
    host.set(ADMIN__LISTEN="127.0.0.1:0")
    host.file("snakepit.yaml", f"pools: [{{adapter: {SERVED}, workers: 1, spawn: exec}}]")
    it = host.start("serve", "--json")
    hello = json.loads(it.stdout.readline())
    assert hello["admin_address"].startswith("127.0.0.1:")
    assert hello["admin_address"] in host.run("status").out
    it.terminate()
    assert it.wait(LIMIT) == 0
    it.stdout.close()
    it.stderr.close()


def test_a_configuration_without_pools(host):
    """[E3]"""
    it = host.run("serve", "--json")
    assert it.code == 2
    assert "no pool" in it.error["message"]


def test_a_run_directory_that_is_too_long(host):
    """[E3]"""
    host.file("snakepit.yaml", f"pools: [{{adapter: {SERVED}}}]")
    host.set(INSTANCE__RUN_DIR=str(host.temporary / ("x" * 100)))
    it = host.run("serve", "--json")
    assert it.code == 2
    assert "instance.run_dir" in it.error["message"]
    (host.temporary / ("x" * 100)).rmdir()


def test_nobody_reads_what_a_daemon_says(host):
    """[R8]"""
    host.file("snakepit.yaml", f"pools: [{{adapter: {SERVED}, workers: 1, spawn: exec}}]")
    reader, writer = os.pipe()
    os.close(reader)
    it = host.start("serve", "--no-admin", "--json", stdout=writer, stderr=writer)
    os.close(writer)
    assert eventually(60, lambda: host.run("status").code == 0)
    assert eventually(60, lambda: host.run("status", "--json").json["pools"][0]["state"] == "ready")
    it.terminate()
    assert it.wait(LIMIT) == 0


def test_help_fits(host):
    """[E4]"""
    for command in ("serve", "run", "status", "deaths", "stack", "recycle", "tools", "poisoned", "loglevel"):
        it = host.run(command, "--help")
        assert it.code == 0
        assert max(map(len, it.out.splitlines())) <= 100
        assert len(it.out.splitlines()) <= 24, it.out
