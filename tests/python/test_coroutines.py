"""Lanes on one event loop, in a real worker."""

import os
import re
import signal
import time

import grpc
import pytest

from host import CLAIMED, DONE, LIMIT, Failed, eventually, pb
from loops import ADAPTER, IN_STEP, LANES, begin, cancelled, final_of, finals, is_cancelled, on_loop, submit_together
from template import ForkedWorker, Template


@pytest.fixture(scope="module")
def worker():
    with on_loop() as started:
        yield started.start()


@pytest.fixture
def fresh():
    with on_loop() as started:
        yield started.start()


def test_a_loop_runs_the_calls_of_all_lanes_at_the_same_time_W5(worker):
    worker.call("reset")
    seqs = submit_together(worker, "nap", {lane: {"seconds": 0.3} for lane in LANES})
    assert max(finals(worker, seqs)) == len(LANES)


def test_a_thousand_lanes_overlap_W5():
    with on_loop(lanes=1000) as worker:
        worker.start()
        seqs = submit_together(worker, "nap", {lane: {"seconds": 1.0} for lane in range(1000)})
        assert max(finals(worker, seqs)) >= 900


def test_short_results_dirty_a_page_of_each_journal_only_W5(fresh):
    for x in range(300):
        assert fresh.call("ok", x=x) == x
    ring = bytes(fresh.pages[0].cast("B")[4096:])
    assert any(ring[:4096]) and not any(ring[4096:])


def test_coroutines_are_on_the_main_thread_and_the_hooks_loop_W5(worker):
    assert worker.call("where") is True
    assert worker.call("same_loop") is True


def test_plain_tools_run_beside_the_loop_and_sensitive_ones_on_it_Y4(worker, tmp_path):
    assert worker.call("plain_where") is False
    assert worker.call("sensitive_where") is True
    waiting = begin(worker, "plain_until", 0, path=str(tmp_path / "go"))
    assert worker.call("ok", on_lane=1, x=1) == 1
    assert worker.pages[0][DONE] < waiting
    (tmp_path / "go").touch()
    assert final_of(worker, waiting, 0) == "waited"


@pytest.mark.parametrize("tool", ["alone", "alone_on_thread"])
def test_tools_that_are_not_thread_safe_never_overlap_W5(fresh, tool):
    seqs = submit_together(fresh, tool, {lane: {"seconds": 0.02} for lane in LANES})
    assert finals(fresh, seqs) == [1] * len(LANES)


def test_waiting_for_a_turn_is_no_run_time_W5(fresh):
    submit_together(fresh, "alone", {0: {"seconds": 0.3}, 1: {"seconds": 0.01}})
    runs = [fresh.results(lane=lane).run_us[0] for lane in (0, 1)]
    assert runs[0] >= 300_000 > 200_000 > runs[1]


def test_each_call_sees_itself_Y5(worker):
    seqs = {}
    for lane in LANES:
        contexts = [pb.CallContext(index=0, correlation_id=f"call {lane}")]
        seqs[lane] = worker.submit("named", {}, contexts=contexts, lane=lane)
    assert finals(worker, seqs) == [[f"call {lane}"] * 4 for lane in LANES]
    contexts = [pb.CallContext(index=0, correlation_id="plain")]
    seq = worker.submit("plain_named", {}, contexts=contexts, lane=3)
    assert final_of(worker, seq, 3) == "plain"


def test_a_task_that_outlives_its_call_sees_no_other_Y5(worker):
    worker.call("leave_task")
    contexts = [pb.CallContext(index=0, correlation_id="later one")]
    seq = worker.submit("nap", {"seconds": 0.2}, contexts=contexts)
    assert worker.call("ask_task", on_lane=1) == "none"
    final_of(worker, seq, 0)


def test_payloads_of_all_kinds_come_back_D1_D3(worker):
    assert worker.call("attach") == ({"b": {"$": ["bytes", 0]}}, [b"\0\1"])
    assert worker.error_of("nothing_to_send").reason == "unserializable"
    batch = pb.Batch(count=1, kind=pb.PAYLOAD_KIND_RAW, tool_all=worker.tools["raw"])
    batch.data, batch.size[:] = b"abc", [3]
    worker.send(batch, 2)
    assert worker.results(lane=2).data == b"cba"


@pytest.mark.parametrize("tool", ["fail", "plain_fail"])
def test_what_a_tool_raises_is_its_calls_error_Y2(worker, tool):
    error = worker.error_of(tool)
    assert (error.reason, error.python.type) == ("python_exception", "ValueError")
    assert [x.function for x in error.python.frames] == [tool]


@pytest.mark.parametrize(
    "tool, how",
    [("exit", "system"), ("exit", "keyboard"), ("exit", "stop"), ("plain_exit", "system"), ("plain_exit", "stop")],
)
def test_leaving_is_the_calls_error_and_the_neighbours_run_on_Y2(worker, tool, how):
    neighbour = begin(worker, "nap", 1, seconds=0.2)
    assert worker.error_of(tool, how=how).reason == "python_exception"
    assert not isinstance(final_of(worker, neighbour, 1), Failed)


def test_a_task_that_leaves_does_not_end_the_loop_Y2(worker):
    seq = begin(worker, "exit_below", 0)
    assert worker.call("ok", on_lane=1, x=2) == 2
    assert is_cancelled(cancelled(worker, seq, 0))


def test_misfit_arguments_are_the_callers_fault_D2(worker):
    for tool in ("ok", "plain_sleep", "sensitive_where", "alone"):
        error = worker.error_of(tool, nonsense=1)
        assert error.reason == "invalid_argument", error


def test_a_tool_that_cancels_all_tasks_loses_nobody_Q7(worker, tmp_path):
    """Also calls whose task had not begun; and a stopped loop goes on."""
    for tool in ("cancel_all", "cancel_all_and_stop"):
        napping = begin(worker, "nap", 1, seconds=60.0)
        busy = begin(worker, "plain_until", 2, path=str(tmp_path / tool))
        message = submit_together(worker, tool, {0: {}})
        message |= submit_together(worker, "ok", {lane: {"x": lane} for lane in (3, 4, 5)})
        assert finals(worker, message)[0] is None
        assert isinstance(final_of(worker, napping, 1), Failed)
        assert worker.pages[2][DONE] < busy
        (tmp_path / tool).touch()
        assert final_of(worker, busy, 2) == "waited"


# -- what is given back, noted, shown ---------------------------------------------------


def test_what_the_loop_has_not_begun_is_given_back_Q7(worker, tmp_path):
    blocking = begin(worker, "block_until", 0, path=str(tmp_path / "go"))
    seq = worker.submit("ok", {"x": 1}, lane=1)
    worker.pages[1][LIMIT] = seq - 1
    (tmp_path / "go").touch()
    report = worker.results(lane=1)
    assert (report.revoked_from, len(report.size)) == (seq, 0)
    assert worker.pages[1][CLAIMED] < seq
    worker.pages[1][LIMIT] = (1 << 64) - 1
    assert final_of(worker, blocking, 0) == "blocked"


def test_a_call_behind_another_on_its_lane_waits_for_it_Q7(worker):
    first = worker.submit("nap", {"seconds": 0.1}, lane=5)
    batch = worker.submit("ok", {"x": 1}, {"x": 2}, lane=5)
    assert not isinstance(final_of(worker, first, 5), Failed)
    assert worker.finals(2, lane=5) == {batch: 1, batch + 1: 2}


def test_a_call_that_is_late_already_is_not_run_Q2(worker, tmp_path):
    blocking = begin(worker, "block_until", 0, path=str(tmp_path / "go"))
    seq = worker.submit("ok", {"x": 1}, lane=1, budgets=[1])
    (tmp_path / "go").touch()
    final = final_of(worker, seq, 1)
    assert isinstance(final, Failed) and final.error.reason == "deadline_exceeded"
    final_of(worker, blocking, 0)


def test_a_result_that_the_journal_cannot_hold_comes_all_the_same_Q7(worker):
    worker.pages[6][18] = 0  # nothing is acknowledged from now on
    first = worker.submit("large", {"size": 100_000}, lane=6)
    assert len(final_of(worker, first, 6)) == 100_000
    seq = worker.submit("ok", {"x": 1}, lane=6)
    time.sleep(0.05)
    assert worker.pages[6][CLAIMED] < seq
    worker.pages[6][18] = first
    assert final_of(worker, seq, 6) == 1
    worker.pages[6][18] = (1 << 64) - 1


STACKS = signal.SIGRTMIN + 2


def test_the_host_sees_where_each_coroutine_waits_W9(worker):
    seqs = {0: begin(worker, "wait_for_go", 0), 1: begin(worker, "nap", 1, seconds=60.0)}
    worker.side.send(b"look 7")
    assert worker.side.recv(100) == b"here 7"
    text = os.pread(worker.stacks, 1 << 20, 0).decode()
    stacks = dict(re.findall(r"^Thread 0x\w+ \[task (\w+), lane \d\].*\n((?:  .*\n)+)", text, re.M))
    assert set(stacks) == {"wait_for_go", "nap"}
    assert re.findall(r"in (\w+)\n", stacks["nap"]) == ["sleep", "_visit", "nap", "call_tool"]
    assert text.index("[task") < text.index("Thread 0x", text.rindex("[task") + 1)
    assert text.rstrip().endswith("in _run_module_as_main")
    worker.call("let_go", on_lane=2)
    final_of(worker, seqs[0], 0)
    cancelled(worker, seqs[1], 1)


def test_the_host_sees_what_holds_up_the_loop_W9(worker, tmp_path):
    seqs = {0: begin(worker, "nap", 0, seconds=0.1)}
    seqs[1] = begin(worker, "block_until", 1, path=str(tmp_path / "go"))
    eventually(lambda: worker.pages[1][IN_STEP] == 1)
    assert worker.pages[0][IN_STEP] == 0
    worker.side.send(b"look 8")
    assert worker.side.recv(100) == b"here 8"
    text = os.pread(worker.stacks, 1 << 20, 0).decode()
    main = text[text.rindex("Thread 0x") :] if "Thread 0x" in text else ""
    assert "in block_until\n" in main and "in call_tool\n" in main
    assert "[task block" not in text
    (tmp_path / "go").touch()
    finals(worker, seqs)


# -- the ends ------------------------------------------------------------------------------


def test_a_crash_leaves_the_journal_of_what_had_ended_Q7(fresh):
    seqs = submit_together(fresh, "ok", {lane: {"x": lane} for lane in (1, 2, 3)})
    finals(fresh, seqs)
    dying = begin(fresh, "die", 0)
    assert fresh.wait() == -signal.SIGABRT
    assert fresh.pages[0][DONE] < dying
    for lane, seq in seqs.items():
        ring = bytes(fresh.pages[lane].cast("B")[4096:8192])
        assert int.from_bytes(ring[:8], "little") == seq and ring[16:17] == b"%d" % lane


def test_calls_that_run_end_before_the_worker_does_L2(fresh):
    seqs = submit_together(fresh, "nap", {lane: {"seconds": 0.4} for lane in (0, 1)})
    eventually(lambda: fresh.pages[1][CLAIMED] == seqs[1])
    fresh.shutdown(5000)
    assert not any(isinstance(x, Failed) for x in finals(fresh, seqs))
    assert fresh.results(lane=0) is None
    assert fresh.wait() == 0
    assert "cleaned up on the same loop: True" in fresh.stderr.finish()


def test_what_does_not_end_does_not_keep_the_worker_from_its_cleanup_L2(fresh):
    begin(fresh, "swallow_everything", 0)
    begin(fresh, "plain_sleep", 1, seconds=60.0)
    fresh.shutdown(3000)
    assert fresh.wait() == 0
    assert "cleaned up on the same loop: True" in fresh.stderr.finish()


def test_an_idle_worker_ends_at_once_and_cleans_up_R7(fresh):
    fresh.shutdown(100_000)  # who waits for nothing could wait for a minute
    begun = time.monotonic()
    assert fresh.wait() == 0
    assert time.monotonic() - begun < 18
    assert "cleaned up on the same loop: True" in fresh.stderr.finish()


@pytest.mark.parametrize("tool, code", [("fork", 0), ("plain_fork", 0), ("fork_and_await", 1)])
def test_a_child_that_a_tool_forks_ends_where_the_tool_ends_Y2(worker, tool, code):
    neighbour = begin(worker, "nap", 1, seconds=0.3)
    assert worker.call(tool) == code
    assert not isinstance(final_of(worker, neighbour, 1), Failed)


@pytest.mark.parametrize("ready", ["front", "anywhere"])
@pytest.mark.parametrize("how, code", [("return", 1), ("await", 1), ("callback", 1), ("exit", 7), ("stop", 1)])
def test_a_child_that_a_task_forks_runs_no_neighbour_Y2(fresh, tmp_path, ready, how, code):
    path = tmp_path / "lines"
    if ready == "anywhere":
        fresh.call("leave_late")
    below = [False, True] if ready == "front" else [False, False]
    seqs = {
        lane: begin(fresh, "write_at_each_turn", lane, path=str(path), name=str(lane), below=below[lane % 2])
        for lane in (1, 2, 3, 4)
    }
    eventually(lambda: path.exists() and len({x.split()[0] for x in path.read_text().splitlines()}) == 4)
    assert fresh.call("fork_below", how=how) == code
    fresh.call("let_go")
    counts = dict(zip(seqs, finals(fresh, seqs)))
    expected = [f"{lane} {i}" for lane, count in counts.items() for i in range(count)]
    assert sorted(path.read_text().splitlines()) == sorted(expected)
    assert all(fresh._finals[lane].empty() for lane in LANES)


def test_a_closed_stdout_is_back_soon_W8(fresh):
    fresh.call("close_output")
    time.sleep(0.01)
    fresh.call("say", text="hello again")
    eventually(lambda: "hello again" in fresh.stdout.text)


def test_heartbeats_are_answered_while_the_loop_is_held_up_W6(worker, tmp_path):
    seq = begin(worker, "block_until", 0, path=str(tmp_path / "go"))
    assert worker.heartbeat(5) == 5
    assert worker.pages[0][DONE] < seq
    (tmp_path / "go").touch()
    final_of(worker, seq, 0)


# -- the start ---------------------------------------------------------------------------


def test_the_loop_is_made_after_the_fork_W3():
    with Template() as template:
        with ForkedWorker(template.ready(), ADAPTER, lanes=4, profile=pb.PROFILE_ASYNC) as worker:
            worker.start()
            seqs = submit_together(worker, "nap", {lane: {"seconds": 0.2} for lane in range(4)})
            assert max(finals(worker, seqs)) == 4
            seq = begin(worker, "spin", 0)
            assert is_cancelled(cancelled(worker, seq, 0))


def test_an_adapter_with_plain_tools_has_to_say_that_they_may_overlap_W5():
    with on_loop("adapters.plain") as worker:
        worker.dial()
        error = worker.hello().error
        assert error.reason == "worker_start_failed" and error.details["phase"] == "thread_safe"
        assert "async def" in error.message and "thread_safe = True" in error.message
        assert worker.wait() != 0


def test_an_adapter_whose_tools_gather_calls_is_refused_W5_Q8():
    with on_loop("adapters.batching") as worker:
        worker.dial()
        error = worker.hello().error
        assert error.reason == "worker_start_failed" and error.details["phase"] == "batch"
        assert "want many calls as one list" in error.message
        assert worker.wait() != 0


def test_lanes_share_one_stream_W2(fresh):
    stream = fresh.open_stream("Work", pb.Results, iter([]), lane="1")
    with pytest.raises(grpc.RpcError) as refused:
        next(stream)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert fresh.call("ok", x=1) == 1
