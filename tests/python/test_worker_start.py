"""The start of a real worker, and every way in which it fails."""

import os
import socket
import subprocess
import sys

import grpc
import pytest

import snakepit_bridge
from host import BRIDGE, HERE, Process, Worker, pb

HEAD = "from snakepit_bridge import Adapter, tool\n"


def refused_hello(adapter="adapters.plain:Plain", **changes):
    """The error of a Hello that has to fail; the worker must end by itself and say why."""
    with Worker(adapter) as worker:
        worker.dial()
        reply = worker.hello(**changes)
        assert worker.wait() == 70
        stderr = worker.stderr.finish()
        assert not reply.tools
        assert reply.error.message in stderr
        return reply.error, stderr


def adapter_error(tmp_path, source, suffix=""):
    file = tmp_path / "thing.py"
    file.write_text(HEAD + source)
    error, stderr = refused_hello(f"{file}{suffix}")
    assert (error.category, error.reason) == ("worker", "worker_start_failed")
    return error, stderr


def test_the_socket_is_ready_for_its_owner_only_when_listening_is_said_S1():
    with Process() as process:
        assert process.side.recv(100) == b"listening"
        assert os.stat(process.path).st_mode & 0o777 == 0o600
        probe = socket.socket(socket.AF_UNIX)
        probe.connect(process.path)
        probe.close()


def test_the_descriptors_are_not_left_to_children_but_the_lifetime_pipe_is_W2():
    with Worker("adapters.plain:Plain") as worker:
        worker.start()
        flags = {}
        for fd in os.listdir(f"/proc/{worker.pid}/fdinfo"):
            with open(f"/proc/{worker.pid}/fdinfo/{fd}") as file:
                lines = dict(line.split(":", 1) for line in file.read().splitlines() if ":" in line)
            flags[int(fd)] = int(lines["flags"], 8)
        open_to_children = {fd for fd, x in flags.items() if not x & os.O_CLOEXEC}
        assert {0, 1, 2, 5} <= open_to_children and not open_to_children & {3, 4, 6}


def test_a_wrong_token_is_refused_W2():
    error, _ = refused_hello(token=b"x" * 32)
    assert error.reason == "protocol_error" and "token" in error.message


@pytest.mark.parametrize(
    "changes, reason, word",
    [
        ({"protocol_major": 2}, "protocol_error", "protocol 2"),
        ({"version": "9.9.9"}, "worker_start_failed", "9.9.9"),
        ({"lanes": 2}, "protocol_error", "one lane"),
    ],
)
def test_a_host_that_does_not_fit_is_refused_W2(changes, reason, word):
    error, _ = refused_hello(**changes)
    assert error.reason == reason and word in error.message and not error.retryable


def code_of(attempt):
    with pytest.raises(grpc.RpcError) as caught:
        attempt()
    return caught.value.code()


def test_streams_want_the_token_the_lane_and_come_once_W2():
    with Worker("adapters.plain:Plain") as worker:
        worker.dial()

        def opened(name, reply, **kwargs):
            return lambda: next(worker.open_stream(name, reply, iter(()), **kwargs))

        # Before Hello even the right token is none.
        assert code_of(opened("Work", pb.Results)) is grpc.StatusCode.UNAUTHENTICATED
        worker.hello()
        wrong = b"y" * 32
        assert code_of(opened("Work", pb.Results, token=wrong)) is grpc.StatusCode.UNAUTHENTICATED
        control = opened("Control", pb.WorkerFrame, token=wrong, lane=None)
        assert code_of(control) is grpc.StatusCode.UNAUTHENTICATED
        for lane in ("1", "x", None):
            attempt = opened("Work", pb.Results, lane=lane)
            assert code_of(attempt) is grpc.StatusCode.INVALID_ARGUMENT
        worker.open()
        assert worker.call("echo", value=1) == 1
        assert code_of(opened("Work", pb.Results)) is grpc.StatusCode.FAILED_PRECONDITION
        assert code_of(opened("Control", pb.WorkerFrame)) is grpc.StatusCode.FAILED_PRECONDITION
        assert code_of(worker.hello) is grpc.StatusCode.FAILED_PRECONDITION
        assert worker.call("echo", value=2) == 2


def test_an_adapter_with_a_syntax_error_is_named_with_file_and_line_W4(tmp_path):
    error, stderr = adapter_error(tmp_path, "def f(:\n")
    assert f"{tmp_path}/thing.py, line 2" in error.message
    assert error.details["phase"] == "import" and not error.retryable
    assert "SyntaxError" in stderr


def test_an_import_error_is_named_W4(tmp_path):
    error, stderr = adapter_error(tmp_path, "import no_such_library_here\n")
    assert "no_such_library_here" in error.message and "line 2" in error.message
    assert error.python.type == "ModuleNotFoundError" and "Traceback" in stderr


def test_a_missing_module_and_class_are_named_W4(tmp_path):
    error, _ = refused_hello("no_such_module_here:X")
    assert "no module 'no_such_module_here'" in error.message
    error, _ = adapter_error(tmp_path, "class A(Adapter): pass\n", ":B")
    assert "no class 'B'; it has A" in error.message


def test_an_exception_in_initialize_comes_with_its_traceback_W4(tmp_path):
    source = (
        "class A(Adapter):\n"
        "  @tool\n"
        "  def f(self): pass\n"
        "  def initialize(self): raise KeyError('no key')\n"
    )
    error, stderr = adapter_error(tmp_path, source)
    assert error.details["phase"] == "initialize" and error.retryable
    assert error.python.frames[-1].function == "initialize"
    assert "initialize raised KeyError: 'no key'" in stderr and "line 5" in stderr


@pytest.mark.parametrize("place", ["import sys; sys.exit(3)", "raise KeyboardInterrupt"])
def test_leaving_while_imported_is_a_failed_start_W4(tmp_path, place):
    error, _ = adapter_error(tmp_path, place + "\n")
    assert "sys.exit(3)" in error.message or "KeyboardInterrupt" in error.message


def test_sys_exit_in_initialize_is_a_failed_start_W4(tmp_path):
    source = (
        "import sys\n"
        "class A(Adapter):\n"
        "  @tool\n"
        "  def f(self): pass\n"
        "  def initialize(self): sys.exit('enough')\n"
    )
    error, _ = adapter_error(tmp_path, source)
    assert "initialize called sys.exit('enough')" in error.message


def test_an_adapter_that_closes_stderr_before_it_fails_is_still_heard_W8(tmp_path):
    adapter_error(tmp_path, "import os, sys\nos.close(2); sys.stderr.close()\n1 / 0\n")


def test_an_adapter_that_leaves_by_os_exit_is_not_waited_for_W4(tmp_path):
    file = tmp_path / "thing.py"
    file.write_text("import os; os._exit(9)\n")
    with Worker(str(file)) as worker:
        worker.dial()
        with pytest.raises(grpc.RpcError):
            worker.hello()
        assert worker.wait() == 9


def refusal(packet):
    word, _, data = packet.partition(b" ")
    assert word == b"refused"
    return pb.Error.FromString(data)


def test_a_python_without_grpcio_says_so_W4(tmp_path):
    (tmp_path / "grpc.py").write_text("raise ImportError('No module named grpc, they say')\n")
    path = f"{tmp_path}:{BRIDGE}:{HERE}"
    with Process(environment={"PYTHONPATH": path}) as process:
        error = refusal(process.side.recv(65536))
        assert process.wait() == 70
        assert (error.category, error.reason) == ("worker", "worker_start_failed")
        assert sys.executable in error.message and "grpc, they say" in error.message
        assert error.details["phase"] == "grpc" and not error.retryable
        assert error.message in process.stderr.finish()


def test_a_folder_that_does_not_exist_is_named_W4():
    with Process(path="/no/such/folder/x.sock") as process:
        error = refusal(process.side.recv(65536))
        assert process.wait() == 70
        assert "/no/such/folder/x.sock: No such file or directory" in error.message
        assert error.details["phase"] == "listen"


def test_a_path_that_is_too_long_is_named_W4():
    with Process(path="/tmp/" + "x" * 120) as process:
        assert "too long" in refusal(process.side.recv(65536)).message
        assert process.wait() == 70


def test_a_token_that_is_too_short_is_refused_W4():
    with Process(token=b"short") as process:
        assert "5 bytes, not 32" in refusal(process.side.recv(65536)).message
        assert process.wait() == 70


def test_a_start_by_hand_says_what_is_missing_W4():
    done = subprocess.run(
        [sys.executable, "-m", "snakepit_bridge.worker"],
        env={**os.environ, "PYTHONPATH": BRIDGE},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 70
    assert "not by hand" in done.stderr and "Traceback" not in done.stderr


def test_the_version_is_the_same_everywhere_E3():
    root = HERE.parent.parent
    version = f'"{snakepit_bridge.__version__}"'
    assert f"version = {version}" in (root / "python/pyproject.toml").read_text()
    header = (root / "actors/include/snakepit/version.hpp").read_text()
    assert f"version = {version}" in header
