"""Calls to a real worker: values, errors, batches, context."""

import json

import pytest

from host import DONE, LIMIT, Failed, Worker, pb


@pytest.fixture(scope="module")
def worker():
    with Worker("adapters.plain:Plain") as started:
        yield started.start()


def test_hello_tells_what_the_worker_is_W2(worker):
    reply = worker.reply
    assert reply.pid == worker.pid
    with open(f"/proc/{worker.pid}/stat") as file:
        assert reply.start_time == int(file.read().rpartition(")")[2].split()[19])
    assert (reply.protocol_major, reply.version, reply.lanes) == (1, "0.1.0", 1)
    assert reply.adapter == "adapters.plain:Plain"
    assert set(reply.libraries) >= {"grpcio", "protobuf"} and reply.python_version.startswith("3.")


def test_hello_describes_the_tools_B6(worker):
    tools = {x.name: x for x in worker.reply.tools}
    assert [x.number for x in worker.reply.tools] == list(range(16, 16 + len(tools)))
    add, mean = tools["add"], tools["math.mean-1"]
    assert json.loads(add.schema)["required"] == ["a"]
    assert (mean.description, mean.idempotent, mean.interrupt) == ("The mean.", True, False)
    assert (add.idempotent, add.interrupt, add.raw) == (False, True, False)
    assert tools["reverse"].raw
    assert tools["echo"].description == "Gives back what it gets."


VALUES = [
    None,
    True,
    0,
    -1,
    1 << 63,
    (1 << 64) - 1,
    1.0,
    -0.0,
    5e-324,
    "",
    "\0\u00e4\U0001f600",
    [],
    {},
    {"a": [1, {"b": None}]},
    [[[]]],
]


@pytest.mark.parametrize("value", VALUES)
def test_values_come_back_as_they_were_D1(worker, value):
    back = worker.call("echo", value=value)
    assert type(back) is type(value) and back == value


def test_bytes_travel_both_ways_D3(worker):
    batch = pb.Batch(count=1, kind=pb.PAYLOAD_KIND_JSON, tool_all=worker.tools["echo"])
    batch.args = b'[{"value":{"x":{"$":["bytes",0]}}}]'
    batch.attachments.add(index=0, data=[b"\0\xff"])
    seq = worker.send(batch)
    assert worker.finals(1) == {seq: ({"x": {"$": ["bytes", 0]}}, [b"\0\xff"])}


def test_raw_calls_D3(worker):
    batch = pb.Batch(count=2, kind=pb.PAYLOAD_KIND_RAW, tool_all=worker.tools["reverse"])
    batch.data, batch.size[:] = b"abcde", [3, 2]
    worker.send(batch)
    results = worker.results()
    assert (results.data, list(results.size)) == (b"cbaed", [3, 2])


def test_sync_async_and_static_tools_answer_Y2(worker):
    assert worker.call("add", a=1, b=2) == 3
    assert worker.call("add_later", a=1, b=2) == 3
    assert worker.call("static", x=4) == {"x": 4}
    assert worker.call("math.mean-1", values=[1, 2]) == 1.5


def test_one_adapter_object_serves_all_calls_Y2(worker):
    first = worker.call("count")
    assert [worker.call("count") for _ in range(3)] == [first + 1, first + 2, first + 3]


def test_a_probe_goes_through_the_lane_W7(worker):
    worker.submit(1, {})
    assert list(worker.finals(1).values()) == [{}]


def test_an_exception_comes_with_its_frames_and_the_worker_lives_Y2(worker):
    error = worker.error_of("add", a=1, b="x")
    assert (error.category, error.reason, error.retryable) == ("python", "python_exception", False)
    assert error.python.type == "TypeError"
    assert [x.function for x in error.python.frames] == ["add"]
    assert error.python.frames[0].text == "return a + b"
    assert error.python.frames[0].line > 0 and error.python.frames[0].file.endswith("plain.py")
    assert worker.call("add", a=1) == 2


def test_a_missing_argument_is_invalid_D2(worker):
    assert worker.error_of("add").reason == "invalid_argument"


def test_batches_are_answered_in_order_Q7(worker):
    first = worker.submit("echo", *[{"value": i} for i in range(256)])
    second = worker.submit("echo", *[{"value": -i} for i in range(256)])
    finals = worker.finals(512)
    assert [finals[first + i] for i in range(256)] == list(range(256))
    assert [finals[second + i] for i in range(256)] == [-i for i in range(256)]
    assert worker.words[DONE] == second + 255


def test_many_results_leave_in_messages_of_a_megabyte_Q1(worker):
    worker.submit("echo", *[{"value": "x" * 300_000} for _ in range(8)])
    sizes = []
    while sum(map(len, sizes)) < 8:
        sizes.append(list(worker.results().size))
    assert all(sum(x) <= 1 << 20 for x in sizes) and len(sizes) >= 2


def test_a_payload_beyond_grpcs_own_limit_comes_through_D1(worker):
    assert len(worker.call("echo", value="x" * 10_000_000)) == 10_000_000


def test_a_result_above_the_limit_is_too_large_D1():
    with Worker("adapters.naughty:Naughty") as worker:
        worker.dial().hello(payload_bytes=1000)
        worker.open()
        assert worker.call("big", size=998) == "x" * 998
        error = worker.error_of("big", size=999)
        assert (error.reason, error.category) == ("too_large", "validation")
        assert worker.call("ok") == 1


def test_the_context_travels_Y5(worker):
    context = pb.CallContext(
        index=0, session="s1", traceparent="00-ab", correlation_id="c1", attempt=2
    )
    seq = worker.submit("context", {}, budgets=[60_000_000], contexts=[context])
    found = worker.finals(1)[seq]
    assert 50 < found.pop("time_left") <= 60
    assert found == {
        "tool": "context",
        "attempt": 2,
        "session": "s1",
        "correlation_id": "c1",
        "traceparent": "00-ab",
        "cancelled": False,
    }


def test_a_call_whose_budget_was_used_up_by_its_neighbours_is_not_run_Q2(worker):
    seq = worker.submit("nap", {"seconds": 0.05}, {"seconds": 60}, budgets=[0, 10_000])
    finals = worker.finals(2)
    assert finals[seq] is None
    assert isinstance(finals[seq + 1], Failed)
    assert finals[seq + 1].error.reason == "deadline_exceeded"


def test_heartbeats_are_answered_while_a_tool_runs_W6(worker):
    seq = worker.submit("nap", {"seconds": 60})
    assert [worker.heartbeat(n) for n in (1, 7, 1 << 63)] == [1, 7, 1 << 63]
    assert worker.words[DONE] == seq - 1
    worker.cancel(seq)
    worker.finals(1)


def test_a_call_above_the_limit_of_the_page_is_given_back_Q7():
    with Worker("adapters.plain:Plain") as worker:
        worker.start()
        worker.words[LIMIT] = 1
        worker.submit("echo", {"value": 1}, {"value": 2}, {"value": 3})
        results = worker.results()
        assert (list(results.size), results.revoked_from) == ([1], 2)
        assert worker.words[DONE] == 1


def test_tools_run_on_the_main_thread_W5(worker):
    assert worker.call("is_on_main_thread") is True
