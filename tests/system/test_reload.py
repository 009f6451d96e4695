"""New code for a daemon that serves: `snakepit reload` and SIGHUP [L5]."""

import signal

import pytest
from daemons import Daemon, ServiceManager
from host import eventually

OLD = "def version():\n    return 1\n"
NEW = "def version():\n    return 2\n\ndef fresh():\n    return 'new'\n"


@pytest.fixture
def code(host):
    """The adapter's file, and the configuration that names it."""
    file = host.work / "code.py"
    file.write_text(OLD)
    write_configuration(host, file)
    return file


def write_configuration(host, adapter, more=""):
    host.file("snakepit.yaml", f"pools: [{{adapter: {adapter}, workers: 2, preload: [adapter]{more}}}]\n")


@pytest.fixture
def daemon(host, code):
    with Daemon(host, configured=True) as it:
        yield it
        if it.process.poll() is None:
            assert it.end() == 0, it.log.read_text()


def versions(daemon):
    return {daemon.call("version").json for _ in range(6)}


def test_reload_brings_new_code(daemon, code):
    """[L5] [E4]"""
    assert versions(daemon) == {1}
    code.write_text(NEW)
    done = daemon.run("reload")
    assert done.code == 0, done
    assert done.out.startswith("default: revision 2, 2 workers replaced in ")
    assert versions(daemon) == {2}
    assert daemon.call("fresh").json == "new"
    assert daemon.pool()["revision"] == 2
    assert daemon.pool()["worker_exits"] == 0
    again = daemon.run("reload", "default", "--json")
    assert again.json["pools"][0]["revision"] == 3
    assert again.json["needs_restart"] == []


def test_code_that_cannot_be_imported_changes_nothing(daemon, code):
    """[L5]"""
    code.write_text("import no_such_library\n")
    back = daemon.run("reload")
    assert back.code == 1
    assert back.out.startswith("default: not reloaded, its workers are what they were: ")
    assert "No module named 'no_such_library'" in back.out
    assert versions(daemon) == {1}
    as_json = daemon.run("reload", "--json")
    assert as_json.code == 1
    assert "no_such_library" in as_json.json["pools"][0]["failure"]["message"]
    assert daemon.pool()["revision"] == 1


def test_sighup_reloads(daemon, code):
    """[L5]"""
    code.write_text(NEW)
    daemon.process.send_signal(signal.SIGHUP)
    assert daemon.says("snakepit: SIGHUP: default: revision 2, 2 workers replaced in ")
    assert versions(daemon) == {2}
    code.write_text("def version(:\n")
    daemon.process.send_signal(signal.SIGHUP)
    assert daemon.says("snakepit: SIGHUP: default: not reloaded")
    assert versions(daemon) == {2}


def test_the_configuration_is_read_again(daemon, host, code):
    """[L5] [E3]"""
    other = host.work / "other.py"
    other.write_text("def version():\n    return 9\n")
    write_configuration(host, other, ", queue: {max_calls: 7}")
    done = daemon.run("reload")
    assert done.code == 0, done
    assert done.out.splitlines()[1:] == [
        "changed, but only a restart takes it over: pools.default.queue.max_calls"
    ]
    assert versions(daemon) == {9}
    write_configuration(host, other, ", qeue: {max_calls: 7}")
    bad = daemon.run("reload", "--address", daemon.hello["address"])
    assert bad.code == 2
    assert "queue" in bad.err
    write_configuration(host, other)
    assert versions(daemon) == {9}
    nobody = daemon.run("reload", "nobody")
    assert nobody.code == 1
    assert "there is no pool `nobody`" in nobody.err


def test_the_service_manager_is_told_of_a_reload(host, code):
    """[L5] [E5]"""
    name = str(host.work / "notify")
    host.environment["NOTIFY_SOCKET"] = name
    with ServiceManager(name) as manager, Daemon(host, ready=False, configured=True) as it:
        manager.hear_until("READY")
        it.process.send_signal(signal.SIGHUP)
        told = manager.hear_until("RELOADING")
        assert told["RELOADING"] == "1"
        assert int(told["MONOTONIC_USEC"]) > 0
        assert manager.hear_until("READY")["READY"] == "1"
        assert it.end() == 0


def test_ready_is_told_when_no_reload_is_left(host, code):
    """[L5] [E5]"""
    name = str(host.work / "notify")
    host.environment["NOTIFY_SOCKET"] = name
    with ServiceManager(name) as manager, Daemon(host, ready=False, configured=True) as it:
        manager.hear_until("READY")
        code.write_text("import time\ntime.sleep(1)\n" + NEW)
        for _ in range(2):
            it.process.send_signal(signal.SIGHUP)
            manager.hear_until("RELOADING")
        manager.hear_until("READY")
        assert it.says("snakepit: SIGHUP: default: revision 3, 2 workers replaced in ")
        it.end()
        assert "STOPPING" in manager.hear_until("READY", "STOPPING")


def test_a_reload_with_nobody_there_says_so(host, code):
    """[E4]"""
    assert host.run("reload").code == 5
    assert eventually(1, lambda: not host.workers())
