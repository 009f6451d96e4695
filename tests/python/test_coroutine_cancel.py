"""What becomes of coroutines, and of their neighbours, when one is cancelled."""

import random
import time

import pytest

from host import CANCEL, DONE, INTERRUPT, TIMEOUT, Failed, eventually
from loops import IN_STEP, LANES, begin, cancelled, final_of, finals, is_cancelled, on_loop, submit_together


@pytest.fixture(scope="module")
def worker():
    with on_loop() as started:
        yield started.start()


@pytest.fixture
def fresh():
    with on_loop() as started:
        yield started.start()


@pytest.mark.parametrize(
    "tool", ["nap", "spin", "spin_below", "block", "sensitive_spin", "plain_spin", "wait_for_go"]
)
def test_an_interrupt_ends_its_call_and_no_neighbour_Q5(worker, tool):
    """Whether it awaits, holds up the loop or is on a thread."""
    neighbours = {lane: begin(worker, "nap", lane, seconds=1.0) for lane in (1, 2)}
    neighbours[3] = begin(worker, "plain_sleep", 3, seconds=1.0)
    for delay in (0.0, 0.05):
        arguments = {"seconds": 60.0} if tool in ("nap", "block") else {}
        seq = begin(worker, tool, 0, **arguments)
        time.sleep(delay)
        final = cancelled(worker, seq, 0)
        assert is_cancelled(final), final
        assert worker.call("ok", on_lane=4, x=5) == 5
    assert not any(isinstance(x, Failed) for x in finals(worker, neighbours))


@pytest.mark.parametrize("tool", ["fork_and_spin", "fork_and_spin_at_once"])
def test_a_call_whose_child_has_ended_can_be_interrupted_Q5(worker, tool):
    """The child has the same page."""
    seq = begin(worker, tool, 0)
    time.sleep(0.1)
    assert is_cancelled(cancelled(worker, seq, 0))


def test_the_error_of_an_interrupted_call_shows_where_it_was_Q5(worker):
    seq = begin(worker, "spin", 1)
    time.sleep(0.02)
    assert cancelled(worker, seq, 1).error.python.frames[-1].function == "spin"
    seq = begin(worker, "clean_up", 1)
    assert cancelled(worker, seq, 1).error.python.frames[0].function == "clean_up"
    assert worker.call("get_log") == ["cleaned"]


def test_a_call_that_holds_up_the_loop_is_not_ended_for_another_one_Q5(worker, tmp_path):
    patient = begin(worker, "nap", 1, seconds=60.0)
    blocking = begin(worker, "block_until", 0, path=str(tmp_path / "go"))
    worker.cancel(patient, 1)
    time.sleep(0.2)
    assert worker.pages[1][DONE] < patient, "nothing can end while the loop is held up"
    (tmp_path / "go").touch()
    assert final_of(worker, blocking, 0) == "blocked"
    assert is_cancelled(final_of(worker, patient, 1))


def logged(worker, text):
    eventually(lambda: text in worker.call("get_log", on_lane=7))


def test_a_tool_that_swallows_the_interrupt_knows_of_it_Q5(fresh):
    seq = begin(fresh, "swallow", 1)
    logged(fresh, "begun")
    assert cancelled(fresh, seq, 1) is True


def test_a_tool_that_is_told_and_then_holds_up_the_loop_is_interrupted_Q5(fresh):
    seq = begin(fresh, "block_when_cancelled", 1)
    logged(fresh, "begun")
    fresh.cancel(seq, 1)
    eventually(lambda: fresh.pages[1][IN_STEP] == 1)
    assert is_cancelled(cancelled(fresh, seq, 1))


def cancel_neighbours(worker):
    """And nudges come after each of their signals, too."""
    for lane in (2, 3, 4):
        assert is_cancelled(cancelled(worker, begin(worker, "nap", lane, seconds=60.0), lane))
    time.sleep(0.3)


@pytest.mark.parametrize(
    "tool, arguments",
    [("clean_up_for_long", {"spins": False}), ("clean_up_for_long", {"spins": True}), ("plain_clean_up", {})],
)
@pytest.mark.parametrize("has_neighbours", [False, True])
def test_a_call_is_told_once_until_the_host_asks_again_Q5(fresh, tool, arguments, has_neighbours):
    seq = begin(fresh, tool, 1, **arguments)
    if arguments.get("spins"):  # the loop can answer nothing
        eventually(lambda: fresh.pages[1][IN_STEP] == 1)
        time.sleep(0.1)
    else:
        logged(fresh, "begun")
    fresh.cancel(seq, 1)
    logged(fresh, "cleaning")
    if has_neighbours:
        cancel_neighbours(fresh)
    time.sleep(0.3)
    fresh.call("let_go", on_lane=7)
    assert is_cancelled(final_of(fresh, seq, 1))
    assert fresh.call("get_log") == ["begun", "cleaning", "cleaned"]


def test_who_swallows_an_interrupt_is_told_again_by_the_host_only_Q5(fresh):
    seq = begin(fresh, "swallow_once", 1)
    logged(fresh, "begun")
    fresh.cancel(seq, 1)
    logged(fresh, "swallowed")
    cancel_neighbours(fresh)
    assert fresh.pages[1][DONE] < seq, "told again for a neighbour"
    fresh.cancel(seq, 1)
    assert is_cancelled(final_of(fresh, seq, 1))


def test_a_tool_that_must_not_be_interrupted_is_not_Q5(worker):
    seq = begin(worker, "not_interrupted", 3, seconds=0.2)
    time.sleep(0.05)
    assert cancelled(worker, seq, 3) == "done"


@pytest.mark.parametrize("tool", ["alone", "alone_on_thread"])
def test_a_call_that_waits_for_its_turn_can_be_cancelled_W5(fresh, tool):
    holder = begin(fresh, tool, 0, seconds=4.0)
    seq = begin(fresh, tool, 1, seconds=0.0)
    assert is_cancelled(cancelled(fresh, seq, 1))
    assert fresh.pages[0][DONE] < holder
    assert final_of(fresh, holder, 0) == 1


def test_a_call_that_was_cancelled_before_it_began_does_not_run_Q5(fresh, tmp_path):
    blocking = begin(fresh, "block_until", 0, path=str(tmp_path / "go"))
    seq = fresh.submit("clean_up", {}, lane=1)
    fresh.cancel(seq, 1)
    (tmp_path / "go").touch()
    assert is_cancelled(final_of(fresh, seq, 1))
    final_of(fresh, blocking, 0)
    assert fresh.call("get_log") == []


def test_a_signal_for_a_number_that_has_ended_does_nothing_Q5(worker):
    seq = worker.submit("ok", {"x": 1}, lane=2)
    final_of(worker, seq, 2)
    later = begin(worker, "nap", 2, seconds=0.2)
    worker.cancel(seq, 2)
    assert not isinstance(final_of(worker, later, 2), Failed)


@pytest.mark.parametrize("tool", ["work", "fail"])
def test_a_storm_of_signals_hits_only_what_it_is_meant_for_Q5(worker, tool):
    """Signals at every moment of short calls, for running numbers, those before and none. A Cancelled that
    got out of its call would end the worker or fail a neighbour. One call of each round ends by it only."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    rng = random.Random(seed)
    hits = 0
    for _ in range(60):
        calls = {lane: {"n": rng.randrange(400)} for lane in LANES}
        endless = rng.choice(LANES)
        calls[endless] = {"n": -1}
        seqs = submit_together(worker, tool, calls)
        wanted = set()
        until = time.monotonic() + TIMEOUT
        while any(worker.pages[lane][DONE] < seqs[lane] for lane in LANES):
            worker.assert_lives()
            assert time.monotonic() < until, worker.stderr.text
            lane = rng.choice(LANES)
            number = seqs[lane] + rng.choice((-1, 0))
            if number == seqs[lane]:
                wanted.add(lane)
            worker.pages[lane][CANCEL] = number
            if not worker.is_pending(INTERRUPT):
                worker.signal(INTERRUPT)
        for lane in LANES:
            worker.pages[lane][CANCEL] = 0
            final = final_of(worker, seqs[lane], lane)
            reason = final.error.reason if isinstance(final, Failed) else "result"
            usual = "python_exception" if tool == "fail" else "result"
            hits += reason == "cancelled"
            assert reason == usual or (reason == "cancelled" and lane in wanted), final
            assert reason == "cancelled" or lane != endless
    print(hits, "calls cancelled")
    assert hits >= 60
    for lane in LANES:
        assert worker.call("ok", on_lane=lane, x=1) == 1
