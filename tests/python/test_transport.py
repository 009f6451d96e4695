"""What lies between the worker and grpcio."""

import sys

import pytest

from host import CLAIMED, Worker, eventually, pb
from snakepit_bridge import _refusal
from snakepit_bridge._errors import Failure, Frame, PythonFailure
from snakepit_bridge._lane import Finals
from snakepit_bridge._transport import messages

# grpcio as it would be if it did not ask handlers for their executor.
NO_EXECUTOR = """
import grpc._server
grpc._server._select_thread_pool_for_behavior = lambda behavior, default: default
from snakepit_bridge import worker
worker.main()
"""


@pytest.mark.parametrize("adapter", ["adapters.naughty:Naughty", "adapters.stuck:Stuck"])
def test_without_experimental_executors_the_work_is_handed_over_Y3(adapter):
    with Worker(adapter, command=[sys.executable, "-c", NO_EXECUTOR]) as worker:
        worker.start()
        assert worker.call("ok", x=4) == 4
        seq = worker.submit("ok", *[{"x": i} for i in range(100)])
        assert worker.finals(100) == {seq + i: i for i in range(100)}
        if "stuck" in adapter:  # only on the main thread can it be freed
            seq = worker.submit("sleep", {})
            eventually(lambda: worker.words[CLAIMED] == seq)
            worker.cancel(seq)
            assert worker.finals(1)[seq].error.reason == "cancelled"
        worker.shutdown(5000)
        assert worker.wait() == 0, worker.stderr.text


def test_a_failed_hello_ends_the_worker_in_that_mode_too_W4():
    with Worker("no.such", command=[sys.executable, "-c", NO_EXECUTOR]) as worker:
        assert "no module" in worker.dial().hello().error.message
        assert worker.wait() == 70


FAILURE = Failure(
    "worker_start_failed",
    "it is \ud800 so: \u00e4" + "x" * 20000,
    {"a": "b", "empty": "", "long": "y" * 300},
)


def test_an_error_can_be_written_without_protobuf_W4():
    error = pb.Error.FromString(_refusal.serialize(FAILURE))
    assert (error.category, error.reason, error.retryable) == ("worker", "worker_start_failed", True)
    assert error.message.startswith("it is \\ud800 so: \u00e4xxx") and len(error.message) < 20000
    assert dict(error.details) == {"a": "b", "empty": "", "long": "y" * 300}
    final = FAILURE._replace(retry=False)
    assert not pb.Error.FromString(_refusal.serialize(final)).retryable


def test_failures_travel_with_frames_and_causes_Y2():
    cause = PythonFailure("KeyError", "k", [], None)
    python = PythonFailure("m.E", "text", [Frame("f.py", 3, "g", "x = 1")], cause)
    error = messages.error_of(Failure("python_exception", "m", {"p": "$"}, python))
    assert (error.category, error.python.cause.type) == ("python", "KeyError")
    assert error.python.frames[0].line == 3 and not error.python.cause.HasField("cause")


def test_run_times_beyond_an_hour_fit_into_their_field_S5():
    finals = Finals(1)
    finals.parts, finals.size, finals.run_us = [b"1"], [1], [1 << 40]
    assert list(messages.results_of(finals).run_us) == [(1 << 32) - 1]


def test_limits_that_the_host_leaves_out_have_defaults_S5():
    limits = messages.hello_of(pb.HelloRequest()).limits
    assert limits.payload_bytes > 0 and limits.depth == 100
    request = pb.HelloRequest()
    request.limits.depth = 5000
    assert messages.hello_of(request).limits.depth == 100
