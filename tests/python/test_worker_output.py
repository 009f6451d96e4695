"""What tools do to stdout, stderr and logging of a real worker."""

import json

import pytest

from host import Worker, eventually, pb


@pytest.fixture(scope="module")
def worker():
    with Worker("adapters.naughty:Naughty") as started:
        yield started.start()


def heard(worker, text):
    """Prints by a call and waits until it arrives, on both streams."""
    assert worker.call("say", text=f"out {text}") is None
    assert worker.call("say", text=f"err {text}", err=True) is None
    eventually(lambda: f"out {text}\n" in worker.stdout.text)
    eventually(lambda: f"err {text}\n" in worker.stderr.text)
    return True


def test_lines_arrive_at_once_and_touch_no_results_W8(worker):
    assert heard(worker, "{}\n[1]")
    assert heard(worker, "\u00e4\u2028")


MISCHIEF = [
    ("close_stream", {"name": "stdout"}),
    ("close_stream", {"name": "stderr"}),
    ("close_fd", {"fd": 1}),
    ("close_fd", {"fd": 2}),
    ("replace_stream", {"name": "stdout"}),
    ("replace_stream", {"name": "stderr"}),
    ("redirect", {"fd": 1}),
    ("redirect", {"fd": 2}),
]


@pytest.mark.parametrize("tool, arguments", MISCHIEF, ids=str)
def test_a_closed_or_replaced_stream_is_back_before_the_next_batch_W8(worker, tool, arguments):
    assert worker.call(tool, **arguments) is None
    assert heard(worker, f"after {tool} {arguments}")
    assert worker.call("write_to_fd", fd=1, text="past Python\n") is None
    assert worker.call("from_child", text=f"child after {tool} {arguments}") is None
    eventually(lambda: f"child after {tool} {arguments}\n" in worker.stdout.text)


@pytest.mark.parametrize("fd", [1, 2])
def test_a_closed_descriptor_is_back_before_the_next_call_of_the_batch_W8(worker, fd):
    text = f"same batch {fd}"
    numbers = [worker.tools[x] for x in ("close_fd", "say", "say")]
    batch = pb.Batch(count=3, kind=pb.PAYLOAD_KIND_JSON, tool=numbers)
    batch.args = json.dumps([{"fd": fd}, {"text": text}, {"text": text, "err": True}]).encode()
    worker.send(batch)
    assert list(worker.finals(3).values()) == [None] * 3
    eventually(lambda: text in worker.stdout.text and text in worker.stderr.text)


def test_a_file_that_got_the_descriptor_of_stdout_is_put_aside_W8(worker):
    assert worker.call("close_fd_and_open_a_file", fd=1) == 1
    assert heard(worker, "after a file took its place")


def test_a_tool_may_use_up_all_descriptors_W8(worker):
    assert worker.call("exhaust_descriptors") is True
    assert heard(worker, "after that")


def test_the_log_level_can_be_set_T5(worker):
    worker.set_log_level("info")
    eventually(lambda: worker.call("log", text="hello log") == 20)
    worker.set_log_level("no such level")
    worker.set_log_level("warning")
    eventually(lambda: worker.call("log", text="not heard") == 30)
