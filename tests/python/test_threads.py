"""Lanes with a thread each, in a real worker."""

import random
import time

import pytest

from host import CANCEL, CLAIMED, DONE, INTERRUPT, TIMEOUT, Failed, Worker, eventually, pb

LANES = range(4)


def threaded(adapter="adapters.lanes:Lanes", lanes=4):
    return Worker(adapter, lanes=lanes, profile=pb.PROFILE_THREAD)


@pytest.fixture(scope="module")
def worker():
    with threaded() as started:
        yield started.start()


@pytest.fixture
def fresh():
    with threaded() as started:
        yield started.start()


def finals(worker, seqs):
    """Of one call on each lane."""
    return [worker.finals(1, lane=lane)[seq] for lane, seq in zip(LANES, seqs)]


def start(worker, tool, lane, **arguments):
    """Begins a call and returns its number when the lane has claimed it."""
    seq = worker.submit(tool, arguments, lane=lane)
    eventually(lambda: worker.pages[lane][CLAIMED] == seq)
    return seq


def cancelled(worker, seq, lane):
    worker.cancel(seq, lane)
    return worker.finals(1, lane=lane)[seq]


def is_cancelled(final):
    return isinstance(final, Failed) and final.error.reason == "cancelled"


def test_all_lanes_run_at_the_same_time_W5(worker):
    seqs = [worker.submit("meet", {}, lane=lane) for lane in LANES]
    assert finals(worker, seqs) == [True] * 4


def test_each_lane_has_a_thread_of_its_own_W5(worker):
    threads = [[worker.call("thread", on_lane=lane) for _ in range(3)] for lane in LANES]
    assert all(len(set(x)) == 1 for x in threads)
    assert len({x[0] for x in threads}) == 4


def test_each_lane_has_an_event_loop_of_its_own_W5(worker):
    seqs = [worker.submit("meet_later", {}, lane=lane) for lane in LANES]
    assert len(set(finals(worker, seqs))) == 4


@pytest.mark.parametrize("tool", ["alone", "alone_later"])
def test_tools_that_are_not_thread_safe_never_overlap_W5(worker, tool):
    seqs = [worker.submit(tool, {"seconds": 0.02}, lane=lane) for lane in LANES]
    assert finals(worker, seqs) == [1] * 4


def test_thread_sensitive_tools_run_on_the_main_thread_Y4(worker):
    for tool in ("sensitive", "sensitive_later"):
        seqs = [worker.submit(tool, {}, lane=lane) for lane in LANES]
        assert finals(worker, seqs) == [True] * 4


def test_what_a_tool_raises_on_the_main_thread_is_its_calls_error_Y4(worker):
    error = worker.error_of("sensitive_fail")
    assert error.reason == "python_exception"
    assert [x.function for x in error.python.frames] == ["sensitive_fail"]


def test_each_call_sees_itself_Y4(worker):
    names = [f"call {lane}" for lane in LANES]
    contexts = [[pb.CallContext(index=0, correlation_id=name)] for name in names]
    seqs = [
        worker.submit("named", {"wait": 0.01 * lane}, contexts=contexts[lane], lane=lane)
        for lane in LANES
    ]
    assert finals(worker, seqs) == [[name, name] for name in names]
    seqs = [worker.submit("named_later", {}, contexts=contexts[x], lane=x) for x in LANES]
    assert finals(worker, seqs) == [[name, name] for name in names]


@pytest.mark.parametrize("tool", ["spin", "later", "sensitive_sleep"])
def test_an_interrupt_frees_its_lane_and_no_other_Q5(worker, tool):
    others = [start(worker, "spin", lane) for lane in (0, 1)]
    for delay in (0.0, 0.05):
        seq = start(worker, tool, 2, **({"seconds": 60.0} if "sleep" in tool else {}))
        time.sleep(delay)
        assert is_cancelled(cancelled(worker, seq, 2))
        assert worker.call("ok", on_lane=2, x=5) == 5
    assert [worker.pages[lane][DONE] < seq for lane, seq in zip((0, 1), others)] == [True, True]
    for lane, seq in zip((0, 1), others):
        assert is_cancelled(cancelled(worker, seq, lane))


def test_the_error_of_an_interrupted_call_shows_where_it_was_Q5(worker):
    seq = start(worker, "spin", 1)
    time.sleep(0.02)
    assert cancelled(worker, seq, 1).error.python.frames[-1].function == "spin"


def test_a_tool_that_swallows_the_interrupt_is_told_again_Q5(worker):
    seq = start(worker, "swallow", 1)
    time.sleep(0.05)
    assert cancelled(worker, seq, 1) is True
    seq = start(worker, "swallow_once", 1)
    time.sleep(0.1)
    worker.cancel(seq, 1)
    time.sleep(0.5)
    assert worker.pages[1][DONE] < seq
    assert is_cancelled(cancelled(worker, seq, 1))


def test_a_tool_that_must_not_be_interrupted_is_not_Q5(worker):
    seq = start(worker, "not_interrupted", 3, seconds=0.2)
    time.sleep(0.05)
    assert cancelled(worker, seq, 3) == "done"


@pytest.mark.parametrize("waiting, holding", [("alone", "alone_until"), ("sensitive", None)])
def test_a_call_that_waits_for_its_turn_can_be_cancelled_and_has_not_run_W5(fresh, waiting, holding):
    """For the lock of tools that are not thread safe, or for the main thread."""
    if holding:
        holder = start(fresh, holding, 0)
    else:
        holder = start(fresh, "sensitive_sleep", 0, seconds=3.0)
    arguments = {"seconds": 0.0} if waiting == "alone" else {}
    seq = start(fresh, waiting, 1, **arguments)
    patient = start(fresh, waiting, 2, **arguments)
    assert is_cancelled(cancelled(fresh, seq, 1))
    assert fresh.pages[0][DONE] < holder  # it still has what the other one waited for
    time.sleep(0.2)
    if holding:
        fresh.call("let_go", on_lane=3)
    results = fresh.results(lane=2)
    assert results.first_seq == patient and not results.failures
    assert results.run_us[0] < 150_000, "the wait counts as a run"


@pytest.mark.parametrize("tool", ["work", "fail", "work_later", "sensitive_work"])
def test_a_storm_of_signals_hits_only_what_it_is_meant_for_Q5(worker, tool):
    """Signals at every moment of short calls on all lanes, for running numbers, those before and none.
    A Cancelled that got out of its call would end the worker or fail a neighbour."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    rng = random.Random(seed)
    wanted = [set() for _ in LANES]
    hits = 0
    for _ in range(15):
        firsts = [
            worker.submit(tool, *[{"n": rng.randrange(60)} for _ in range(50)], lane=lane)
            for lane in LANES
        ]
        until = time.monotonic() + TIMEOUT
        while any(worker.pages[lane][DONE] < firsts[lane] + 49 for lane in LANES):
            worker.assert_lives()
            assert time.monotonic() < until, worker.stderr.text
            for lane in LANES:
                number = max(firsts[lane], worker.pages[lane][CLAIMED]) + rng.choice((-1, 0, 0, 1))
                if rng.random() < 0.5:
                    wanted[lane].add(number)
                    worker.pages[lane][CANCEL] = number
            if not worker.is_pending(INTERRUPT):
                worker.signal(INTERRUPT)
        for lane in LANES:
            worker.pages[lane][CANCEL] = 0
            for number, final in worker.finals(50, lane=lane).items():
                reason = final.error.reason if isinstance(final, Failed) else "result"
                usual = "python_exception" if tool == "fail" else "result"
                hits += reason == "cancelled"
                assert reason == usual or (reason == "cancelled" and number in wanted[lane]), final
    print(hits, "calls cancelled")
    for lane in LANES:
        assert worker.call("ok", on_lane=lane, x=1) == 1
    if tool != "work_later":  # there Python warns of coroutines that were never begun
        assert worker.stderr.text == ""


@pytest.mark.parametrize("how", ["system", "keyboard"])
def test_leaving_a_lane_is_its_calls_error_Y2(worker, how):
    assert worker.error_of("exit", how=how).reason == "python_exception"
    assert worker.call("ok", x=1) == 1


@pytest.mark.parametrize("tool", ["fork", "fork_on_main"])
def test_a_child_that_a_tool_forks_ends_where_the_tool_ends_Y2(worker, tool):
    assert worker.call(tool) == 0
    assert worker.call("ok", x=2) == 2


def test_a_closed_stdout_is_back_before_the_next_call_of_any_lane_W8(worker):
    worker.call("close_output", on_lane=1)
    worker.call("say", on_lane=2, text="still here")
    eventually(lambda: "still here" in worker.stdout.text)


def test_a_worker_that_leaves_at_once_takes_all_lanes_with_it_R1(fresh):
    start(fresh, "spin", 1)
    start(fresh, "exit_at_once", 0)
    assert fresh.wait() == 9


def test_an_adapter_that_says_nothing_of_threads_is_refused_with_what_to_do_W5():
    for adapter, where in (("adapters.plain:Plain", "the class Plain"), ("adapters.functions", "the module")):
        with threaded(adapter) as worker:
            error = worker.dial().hello().error
            assert error.reason == "worker_start_failed" and error.details["phase"] == "thread_safe"
            for part in ("thread_safe = True", where, "profile: process"):
                assert part in error.message, error.message
            assert worker.wait() == 70


def test_lanes_without_threads_are_refused_W5():
    with Worker("adapters.plain:Plain", lanes=2) as worker:
        assert worker.dial().hello().error.reason == "protocol_error"


def test_one_lane_may_have_a_thread_W5():
    with threaded(lanes=1) as worker:
        worker.start()
        assert worker.call("sensitive") is True
        assert worker.call("ok", x=1) == 1


def test_a_lane_is_opened_once_S5(fresh):
    import grpc

    for lane in ("3", "4", "-1", "x", ""):
        stream = fresh.open_stream("Work", pb.Results, iter([]), lane=lane)
        with pytest.raises(grpc.RpcError) as refused:
            next(stream)
        wanted = "accepted once" if lane == "3" else "lanes 0 to 3"
        assert wanted in refused.value.details()
    assert fresh.call("ok", on_lane=3, x=1) == 1


def test_the_description_says_where_tools_run_B6(worker):
    flags = {x.name: (x.alone, x.thread_sensitive) for x in worker.reply.tools}
    assert flags["ok"] == (False, False)
    assert flags["alone"] == (True, False)
    assert flags["sensitive"] == (False, True)
    assert worker.reply.lanes == 4


def test_a_stop_waits_for_the_calls_and_cleans_up_on_the_main_thread_W9(fresh):
    seq = start(fresh, "not_interrupted", 1, seconds=0.3)
    sensitive = start(fresh, "sensitive_sleep", 2, seconds=0.2)
    fresh.shutdown(5000)
    assert fresh.finals(1, lane=1)[seq] == "done"
    assert fresh.finals(1, lane=2)[sensitive] is None
    assert fresh.wait() == 0
    assert "cleaned up on the main thread: True" in fresh.stderr.finish()


def test_a_stop_is_bounded_and_cleans_up_while_a_call_goes_on_W9(fresh):
    start(fresh, "spin", 1)
    began = time.monotonic()
    fresh.shutdown(3000)
    assert fresh.wait() == 0
    assert time.monotonic() - began < 8
    assert "cleaned up on the main thread: True" in fresh.stderr.finish()


def test_a_stop_gives_back_what_has_not_begun_W9(fresh):
    seq = fresh.submit("not_interrupted", {"seconds": 1.5}, {"seconds": 0.0}, lane=1)
    eventually(lambda: fresh.pages[1][CLAIMED] == seq)
    fresh.shutdown(20_000)
    found, given_back = {}, 0
    while (results := fresh.results(lane=1)) is not None:
        found[results.first_seq] = len(results.size)
        given_back = max(given_back, results.revoked_from)
    assert given_back == seq + 1
    assert fresh.wait() == 0
