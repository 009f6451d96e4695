"""The template and the workers forked from it."""

import os
import signal

import pytest

from host import HERE, eventually
from template import ForkedWorker, Template

FORKED = "adapters.forked:Forked"


@pytest.fixture
def template():
    with Template() as made:
        yield made.ready()


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_forked_worker_serves_like_any_other_W3(template):
    with ForkedWorker(template, FORKED) as worker:
        worker.start()
        assert worker.reply.pid == worker.pid
        assert worker.reply.start_time == worker.start_time
        assert worker.call("imported", name="grpc") is True
        worker.shutdown(10_000)
        assert worker.wait() == 0
        assert worker.stderr.finish() == ""
    assert template.stdout.text == template.stderr.text == ""


def test_a_template_has_one_thread_W3(template):
    with ForkedWorker(template, FORKED):
        assert len(os.listdir(f"/proc/{template.pid}/task")) == 1


def test_a_forked_worker_finds_what_an_executed_one_finds_W3(template):
    environment = {"SNAKEPIT_EXTRA": "x y=z", "TEST_TOKEN": ""}
    with ForkedWorker(template, FORKED) as other:
        other.start()
        with ForkedWorker(template, FORKED, environment=environment) as worker:
            worker.start()
            about = worker.call("about")
            assert about["parent"] == template.pid
            assert about["session"] == worker.pid
            assert about["blocked"] == "0" * 16
            assert about["hangup"] == str(signal.SIG_DFL)
            assert about["command"] == ["snakepit-worker", "run=test", "slot=1"]
            assert about["name"] == "snakepit-worker"
            assert about["argv"] == ["run=test", "slot=1"]
            assert about["ours"] == {
                "SNAKEPIT_RUN_ID": "test",
                "SNAKEPIT_SOCKET": worker.path,
                "SNAKEPIT_EXTRA": "x y=z",
            }


def test_a_forked_worker_has_no_descriptor_of_another_W3(template):
    with ForkedWorker(template, FORKED) as one:
        first = len(one.start().call("about")["descriptors"])
        with ForkedWorker(template, FORKED) as two:
            assert len(two.start().call("about")["descriptors"]) == first


@pytest.mark.parametrize("preload", ["json", "numpy"])
def test_forked_workers_draw_different_numbers_W3(preload):
    if preload == "numpy":
        pytest.importorskip("numpy")
    with Template(f"preload={preload}") as template:
        template.ready()
        with ForkedWorker(template, FORKED) as one, ForkedWorker(template, FORKED) as two:
            first, second = one.start().call("draw"), two.start().call("draw")
            assert len(first) == len(second) == (3 if preload == "numpy" else 2)
            assert not set(map(str, first)) & set(map(str, second))


@pytest.mark.parametrize("arguments", [(), (f"adapter={FORKED}",)])
def test_after_fork_runs_once_before_initialize_W3(arguments):
    with Template(*arguments) as template:
        template.ready()
        with ForkedWorker(template, FORKED) as worker:
            assert worker.start().call("order") == ["after_fork", "initialize"]


def test_an_adapter_file_that_was_preloaded_is_not_run_again_W3(tmp_path):
    file = tmp_path / "loud.py"
    file.write_text("print('imported')\ndef hello(): return 'hello'\n")
    with Template(f"adapter={file}") as template:
        template.ready()
        with ForkedWorker(template, str(file)) as worker:
            assert worker.start().call("hello") == "hello"
            worker.shutdown(10_000)
            worker.wait()
            assert worker.stdout.finish() == ""
        assert template.stdout.text == "imported\n"


def test_the_end_of_a_worker_is_reported_with_its_resources_W3(template):
    with ForkedWorker(template, FORKED) as worker:
        worker.start().submit("leave", {"code": 7})
        assert worker.wait() == 7
        _, _, user, system, max_rss = worker.facts
        assert user + system > 0 and max_rss > 1000


def test_a_crash_is_reported_with_its_signal_and_its_group_ends_W3(template):
    with ForkedWorker(template, FORKED) as worker:
        child = worker.start().call("start_child")
        assert is_alive(child)
        worker.submit("crash", {})
        assert worker.wait() == -signal.SIGSEGV
        assert b"in crash" in os.pread(worker.stacks, 65536, 0)
        eventually(lambda: not is_alive(child))


def test_a_worker_is_not_reaped_before_the_host_says_so_W3(template):
    with ForkedWorker(template, FORKED) as worker:
        worker.start().submit("leave", {"code": 0})
        words, _ = template.answer()
        assert words[:2] == ["exited", worker.number]
        assert os.path.exists(f"/proc/{worker.pid}")
        worker.status = 0
        template.host.send(f"reap {worker.number}".encode())
        eventually(lambda: not os.path.exists(f"/proc/{worker.pid}"))


def end_by_kill(template):
    os.kill(template.pid, signal.SIGKILL)


def end_by_term(template):
    os.kill(template.pid, signal.SIGTERM)


def end_by_lifetime(template):
    os.close(template.lifetime)
    template.lifetime = os.open(os.devnull, os.O_RDONLY)


def end_by_socket(template):
    template.host.close()


@pytest.mark.parametrize("end", [end_by_term, end_by_lifetime, end_by_socket, end_by_kill])
def test_the_end_of_a_template_ends_its_workers_W3(template, end):
    with ForkedWorker(template, FORKED) as worker:
        child = worker.start().call("start_child")
        end(template)
        template.wait()
        worker.status = 0
        eventually(lambda: not is_alive(worker.pid))
        # If it had no time to end the group, the host does: it holds both ends of the pipe.
        if end is not end_by_kill:
            eventually(lambda: not is_alive(child))
        else:
            os.kill(child, signal.SIGKILL)


def test_closing_the_lifetime_pipe_ends_a_forked_worker_and_its_children_W3(template):
    with ForkedWorker(template, FORKED) as worker:
        child = worker.start().call("start_child")
        os.close(worker.lifetime)
        worker.lifetime = os.open(os.devnull, os.O_RDONLY)
        assert worker.wait() == -signal.SIGKILL
        eventually(lambda: not is_alive(child))


@pytest.mark.parametrize(
    "argument, word",
    [
        ("preload=adapters.threaded", "has started 1 thread(s)"),
        ("preload=no_such_module", "No module named 'no_such_module'"),
        ("adapter=no_such_module:X", "there is no module 'no_such_module'"),
    ],
)
def test_a_template_that_cannot_be_says_why_W3(argument, word):
    with Template(argument) as template:
        packet = template.side.recv(65536)
        assert packet.startswith(b"refused ") and word.encode() in packet
        assert template.wait() == 70


def test_a_thread_that_comes_later_makes_the_template_refuse_W3(tmp_path):
    (tmp_path / "late.py").write_text(
        "import signal, threading\n"
        "start = threading.Thread(target=threading.Event().wait, daemon=True).start\n"
        "signal.signal(signal.SIGUSR1, lambda *_: start())\n"
    )
    with Template("preload=late", environment={"PYTHONPATH": f"{_path()}:{tmp_path}"}) as template:
        template.ready()
        os.kill(template.pid, signal.SIGUSR1)
        eventually(lambda: len(os.listdir(f"/proc/{template.pid}/task")) == 2)
        null = os.open(os.devnull, os.O_RDONLY)
        words, fds = template.spawn({}, [null] * 9)
        os.close(null)
        assert words[0] == "unfit" and "thread(s)" in " ".join(words) and not fds


def _path():
    from host import BRIDGE

    return f"{BRIDGE}:{HERE}"
