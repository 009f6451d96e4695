"""Interrupts of a lane on a thread, at moments of all kinds, in this process."""

import random
import sys
import threading

import pytest

from storm_tools import StormTools

from snakepit_bridge import Cancelled, _page, _thread_interrupt, _tools, tool
from snakepit_bridge._batch import Batch
from snakepit_bridge._lane import Limits
from snakepit_bridge._thread_interrupt import ThreadInterrupts
from snakepit_bridge._thread_lane import MainThread, ThreadLane

CALLS = 64
CAPACITY = 200 * CALLS


class Tools(StormTools):
    @tool
    def swallow(self):
        try:
            return sum(x for x in range(60))
        except Cancelled:
            return sum(x for x in range(60))

    @tool
    async def later(self):
        return sum(x for x in range(20))


def make_lane():
    words = _page.words(_page.private_page(), 0)
    main = MainThread(lambda job: None, words)
    lane = ThreadLane(
        words, main, threading.Lock(), Limits(), lambda finals: finals, lambda finals: b"one"
    )
    for spec in _tools.of_class(Tools):
        lane.add(spec, Tools())
    return lane, words


def in_threads(works):
    """What they return, each on a thread of its own, or raises what one raises."""
    found = {}

    def run(work):
        try:
            found[work] = work(), None
        except BaseException as error:
            found[work] = None, error

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _, error in found.values():
        if error is not None:
            raise error
    return [found[work][0] for work in works]


class Served:
    """A lane that runs calls of one tool, and what became of each."""

    def __init__(self, name):
        self.lane, self.words = make_lane()
        self.number = next(x.number for x in _tools.of_class(Tools) if x.name == name)
        self.wanted = set()
        self.found = {}

    def serve(self):
        arguments = b"[%s{}]" % (b"{}," * (CALLS - 1))
        for first in range(1, CAPACITY, CALLS):
            batch = Batch(first, CALLS, tool_all=self.number, args=arguments)
            for finals in self.lane.run(batch):
                for index in range(len(finals.size)):
                    failure = finals.failures.get(index)
                    self.found[finals.first_seq + index] = failure.reason if failure else "result"

    def cancel(self):
        """The number that runs, one of its neighbours, or none."""
        seq = max(1, self.words[_page.CLAIMED] + random.choice((-1, 0, 0, 0, 1)))
        self.wanted.add(seq)
        self.words[_page.CANCEL] = seq
        for _ in range(random.randrange(1, 4)):
            self.lane.threads.press()


@pytest.mark.parametrize("name", ["nothing", "work", "fail", "swallow", "encode_much", "later"])
def test_a_storm_hits_only_the_calls_it_is_meant_for_Q5(name):
    """On several lanes, while threads take turns all the time. Had one exception got out of its call,
    the lane would have failed, or a call that nobody cancelled."""
    all_served = [Served(name) for _ in range(3)]
    over = threading.Event()

    def storm():
        while not over.is_set():
            random.choice(all_served).cancel()
            for _ in range(random.randrange(100)):
                pass

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    presser = threading.Thread(target=storm)
    presser.start()
    try:
        in_threads([x.serve for x in all_served])
    finally:
        over.set()
        presser.join()
        sys.setswitchinterval(before)
    usual = "python_exception" if name == "fail" else "result"
    hits = 0
    for served in all_served:
        cancelled = [seq for seq, reason in served.found.items() if reason == "cancelled"]
        hits += len(cancelled)
        assert len(served.found) == CAPACITY
        assert set(served.found.values()) <= {usual, "cancelled"}
        assert all(seq in served.wanted for seq in cancelled)
    print(f"{name}: {hits} calls cancelled")
    assert hits or name == "later"


class Steps:
    """Does something before the n-th step that Python makes in the code of `_thread_interrupt`."""

    def __init__(self, n, action):
        self.left = n
        self.action = action

    def __call__(self, frame, event, _):
        if frame.f_code.co_filename != _thread_interrupt.__file__:
            return None
        frame.f_trace_opcodes = True
        return self.step

    def step(self, frame, event, _):
        if event == "opcode":
            self.left -= 1
            if self.left == 0:
                self.action()
        return self.step


@pytest.mark.parametrize("ends", ["returns", "raises"])
@pytest.mark.parametrize("wanted", [7, 8])
def test_an_interrupt_at_any_step_ends_its_call_or_vanishes_Q5(ends, wanted):
    """One asked for before each single step between the begin of a call and its end."""

    def tool():
        if ends == "raises":
            raise ValueError("its own")
        return "result"

    class Impatient(ThreadInterrupts):
        """For the thread itself, which has the lock or nobody has."""

        def press_at_this_step(self):
            if not self._lock.locked():
                self.press()

    def attempt(n):
        words = _page.words(_page.private_page(), 0)
        interrupts = Impatient(words)
        interrupts.enter_thread()
        call = interrupts.guard(tool)

        def press():
            words[_page.CANCEL] = wanted
            interrupts.press_at_this_step()

        steps = Steps(n, press)
        interrupts.armed = 7
        try:
            sys.settrace(steps)
            try:
                end = call()
            finally:
                sys.settrace(None)
        except BaseException as error:
            end = type(error).__name__
        interrupts.press()
        for _ in range(1000):  # whatever was still under way would come here
            pass
        interrupts.armed = 0
        assert interrupts._open == 0 and not interrupts._lock.locked()
        return end, steps.left

    many = 1 << 30
    # Python 3.12 and later do not trace each step of the first runs.
    steps = max(many - in_threads([lambda: attempt(many)])[0][1] for _ in range(5))
    ends_seen = {in_threads([lambda: attempt(n)])[0][0] for n in range(1, steps + 1)}
    print(steps, "steps", ends_seen)
    usual = "ValueError" if ends == "raises" else "result"
    assert steps > 50 and ends_seen == ({usual, "Cancelled"} if wanted == 7 else {usual})


def test_a_call_on_a_thread_is_told_once_each_time_the_host_asks_Q5():
    """Signals for other lanes come in between."""
    words = _page.words(_page.private_page(), 0)
    interrupts = ThreadInterrupts(words)

    def is_told():
        presser = threading.Thread(target=interrupts.press)
        try:
            presser.start()
            presser.join()
            for _ in range(1000):
                pass
        except Cancelled:
            return True
        return False

    def tool():
        found = []
        for asks in (True, False, True):
            if asks:
                words[_page.CANCEL] = 7
            found.append(is_told())
        return found

    def run():
        interrupts.enter_thread()
        interrupts.armed = 7
        return interrupts.guard(tool)()

    assert in_threads([run]) == [[True, False, True]]
