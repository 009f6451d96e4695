"""Faults that a worker makes on purpose."""

import itertools
import os
import signal
import time

import pytest

from host import Worker, eventually, pb
from snakepit_bridge._chaos import EXIT_CODE, SLOW_SECONDS, Chaos, Fault

PLAIN = "adapters.plain:Plain"


def at(nth, word):
    return [pb.ChaosFault(word=word, nth=nth)]


def test_the_nth_call_and_no_other_fails_F7():
    chaos = Chaos([Fault("kill", 0.0, 3), Fault("segv", 0.0, 5)], "seed")
    assert [chaos.choose() for _ in range(6)] == ["", "", "kill", "", "segv", ""]


def test_a_rate_is_the_share_of_calls_F7():
    chaos = Chaos([Fault("kill", 0.25, 0), Fault("hang", 0.5, 0)], "seed")
    drawn = [chaos.choose() for _ in range(20_000)]
    assert 0.23 < drawn.count("kill") / len(drawn) < 0.27
    assert 0.48 < drawn.count("hang") / len(drawn) < 0.52


def test_a_seed_says_what_fails_and_another_one_something_else_F7():
    def draw(seed):
        chaos = Chaos([Fault("kill", 0.1, 0)], seed)
        return [chaos.choose() for _ in range(200)]

    assert draw("7/0/1") == draw("7/0/1")
    assert draw("7/0/1") != draw("7/0/2")


@pytest.mark.parametrize(
    "word, status", [("kill", -signal.SIGKILL), ("segv", -signal.SIGSEGV), ("exit", EXIT_CODE)]
)
def test_the_worker_ends_as_the_fault_says_F7(word, status):
    with Worker(PLAIN) as worker:
        worker.start(faults=at(2, word))
        assert worker.call("add", a=1) == 2
        worker.submit("add", {"a": 1})
        assert worker.wait() == status


def test_a_call_that_hangs_ignores_interrupts_F7():
    with Worker(PLAIN) as worker:
        worker.start(faults=at(1, "hang"))
        seq = worker.submit("add", {"a": 1})
        eventually(lambda: worker.words[8] == seq)
        for _ in range(3):
            worker.cancel(seq)
            time.sleep(0.05)
        assert worker.heartbeat(5) == 5  # the process lives
        assert worker.words[9] == 0  # and the call has not ended


def test_a_worker_that_stops_goes_on_when_it_is_told_to_F7():
    with Worker(PLAIN) as worker:
        worker.start(faults=at(1, "stop"))
        worker.submit("add", {"a": 1})

        def is_stopped():
            with open(f"/proc/{worker.pid}/stat") as file:
                return file.read().rpartition(")")[2].split()[0] == "T"

        eventually(is_stopped)
        worker.signal(signal.SIGCONT)
        assert list(worker.finals(1).values()) == [2]


def test_a_slow_call_succeeds_F7():
    with Worker(PLAIN) as worker:
        worker.start(faults=at(1, "slow"))
        begun = time.monotonic()
        assert worker.call("add", a=1) == 2
        assert time.monotonic() - begun > SLOW_SECONDS[0]


def test_garbage_is_a_message_of_calls_that_nobody_made_F7():
    with Worker(PLAIN) as worker:
        worker.start(faults=at(1, "garbage"))
        worker.submit("add", {"a": 1})
        assert worker.results().first_seq == 1 << 62


def test_a_half_closed_connection_ends_what_the_host_reads_F7():
    with Worker(PLAIN) as worker:
        worker.start(faults=at(1, "half_close"))
        worker.submit("add", {"a": 1})
        assert worker.results() is None


def test_faults_befall_calls_on_threads_F7():
    with Worker("adapters.lanes:Lanes", lanes=2, profile=pb.PROFILE_THREAD) as worker:
        worker.start(faults=[pb.ChaosFault(word="exit", nth=4)])
        for lane in itertools.islice(itertools.cycle((0, 1)), 4):
            worker.submit("ok", {"x": 1}, lane=lane)
        assert worker.wait() == EXIT_CODE


@pytest.mark.parametrize("tool", ["nap", "plain_sleep", "sensitive_where", "alone"])
def test_faults_befall_calls_on_a_loop_F7(tool):
    arguments = {} if tool == "sensitive_where" else {"seconds": 0.0}
    adapter = "adapters.coroutines:Coroutines"
    with Worker(adapter, lanes=2, profile=pb.PROFILE_ASYNC) as worker:
        worker.start(faults=[pb.ChaosFault(word="slow", nth=1), pb.ChaosFault(word="exit", nth=3)])
        begun = time.monotonic()
        worker.call(tool, **arguments)
        assert time.monotonic() - begun >= SLOW_SECONDS[0]
        worker.call(tool, on_lane=1, **arguments)
        worker.submit(tool, arguments)
        assert worker.wait() == EXIT_CODE


def test_garbage_of_a_loop_is_a_message_of_calls_that_nobody_made_F7():
    with Worker("adapters.coroutines:Coroutines", lanes=2, profile=pb.PROFILE_ASYNC) as worker:
        worker.start(faults=at(1, "garbage"))
        worker.submit("ok", {"x": 1}, lane=1)
        assert worker.results(lane=1).first_seq == 1 << 62


def test_a_probe_is_spared_F7():
    with Worker(PLAIN) as worker:
        worker.start(faults=[pb.ChaosFault(word="exit", rate=1.0)])
        worker.submit(1, {})
        assert list(worker.finals(1).values()) == [{}]


def test_without_faults_nothing_is_put_around_the_tools_F7():
    with Worker(PLAIN) as worker:
        worker.start()
        assert not worker.reply.HasField("error")
        assert worker.call("add", a=1) == 2
        assert os.path.exists(f"/proc/{worker.pid}")
