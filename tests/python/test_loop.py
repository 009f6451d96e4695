"""Lanes on an event loop of the test's own: no gRPC, no process."""

import asyncio
import json
import signal
import threading
import time

import pytest

from snakepit_bridge import Adapter, _loop_stacks, _page, _tools, current, tool
from snakepit_bridge._batch import Batch, Context
from snakepit_bridge._errors import Failure
from snakepit_bridge._lane import Limits
from snakepit_bridge._loop_interrupt import PATIENCE
from snakepit_bridge._loop_lanes import LoopLanes, Packers

SIGNAL = signal.SIGUSR1
LANES = 100


class Tools(Adapter):
    def __init__(self):
        self.inside = 0
        self.most = 0

    @tool
    async def nap(self, seconds: float):
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.inside -= 1
        return self.most

    @tool(thread_safe=False)
    async def alone(self, seconds: float):
        return await self.nap(seconds)

    @tool
    def plain(self):
        return [threading.current_thread() is threading.main_thread(), current().correlation_id]

    @tool(thread_sensitive=True)
    def sensitive(self):
        return [threading.current_thread() is threading.main_thread(), current().correlation_id]

    @tool
    async def who(self):
        await asyncio.sleep(0)
        return [True, current().correlation_id]

    @tool
    async def spin(self):
        while True:
            pass

    @tool
    async def spin_below(self):
        async def below():
            while True:
                pass

        await asyncio.gather(below())

    @tool
    async def spin_beside(self):
        async def beside():
            while True:
                pass

        self.task = asyncio.create_task(beside())
        await asyncio.sleep(3600)

    @tool(thread_sensitive=True)
    def spin_at_once(self):
        while True:
            pass

    @tool
    def plain_spin(self):
        while True:
            pass

    @tool
    async def cancel_all(self):
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()

    @tool
    async def large(self, size: int):
        return "x" * size


class Quiet:
    """No streams to look after; the end of a worker fails the test."""

    def is_well(self):
        return True

    def mend(self):
        raise AssertionError

    def crash(self):
        raise

    def patience(self):
        return 1.0


class Rig:
    def __init__(self):
        self.page = _page.private_page(LANES)
        packers = Packers(lambda finals: finals, lambda finals: finals, lambda _: b"message")
        self.lanes = LoopLanes(self.page, Limits(), packers, Quiet(), Quiet())
        self.words = [_page.words(self.page, lane) for lane in range(LANES)]
        self.numbers = {x.name: x.number for x in _tools.of_class(Tools)}
        self.next = [1] * LANES
        adapter = Tools()
        for spec in _tools.of_class(Tools):
            self.lanes.add(spec, adapter)

        self._threads = []
        self._before = signal.getsignal(SIGNAL)
        self.lanes.interrupts.install(SIGNAL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for thread in self._threads:  # a signal that comes late would end this process
            thread.join()
        signal.signal(SIGNAL, self._before)
        self.lanes.loop.close()

    def batch(self, lane, name, arguments, **fields):
        seq = self.next[lane]
        self.next[lane] += 1
        args = json.dumps([arguments]).encode()
        return Batch(seq, 1, tool_all=self.numbers[name], args=args, lane=lane, **fields)

    def run(self, *batches):
        """The ends of the calls by lane, and the messages that carry them."""
        self.lanes.feed(list(batches))
        loop, until = self.lanes.loop, time.monotonic() + 20

        def look():
            waits = self.lanes.busy and time.monotonic() < until
            loop.call_later(0.001, look) if waits else loop.stop()

        loop.call_later(0.001, look)
        loop.run_forever()
        assert not self.lanes.busy
        ends, messages = {}, []
        while self.lanes._out.qsize():
            self.lanes._out.put(None)
            messages += list(self.lanes.finals())
        for x in messages:
            offset = 0
            for index, (lane, size) in enumerate(zip(x.lanes, x.size)):
                data = b"".join(x.parts)[offset : offset + size]
                offset += size
                ends[lane] = x.failures.get(index) or json.loads(data)
        return ends, messages

    def cancel_later(self, lane, wait=lambda: time.sleep(0.05)):
        """As the watch thread and the host would do it."""
        seq = self.next[lane] - 1

        def go():
            wait()
            self.words[lane][_page.CANCEL] = seq
            self.lanes.press()
            for _ in range(2):
                time.sleep(1.5 * PATIENCE)
                signal.pthread_kill(threading.main_thread().ident, SIGNAL)

        self._threads.append(threading.Thread(target=go, daemon=True))
        self._threads[-1].start()


def is_cancelled(end):
    return isinstance(end, Failure) and end.reason == "cancelled"


def test_a_hundred_calls_overlap_W5():
    with Rig() as rig:
        ends, _ = rig.run(*[rig.batch(lane, "nap", {"seconds": 0.3}) for lane in range(LANES)])
        assert len(ends) == LANES and max(ends.values()) >= 90


def test_tools_that_are_not_thread_safe_take_turns_W5():
    with Rig() as rig:
        ends, _ = rig.run(*[rig.batch(lane, "alone", {"seconds": 0.001}) for lane in range(20)])
        assert set(ends.values()) == {1}


@pytest.mark.parametrize("name, on_main", [("who", True), ("plain", False), ("sensitive", True)])
def test_each_call_runs_where_it_should_and_sees_itself_W5(name, on_main):
    with Rig() as rig:
        calls = [
            rig.batch(lane, name, {}, context=[Context(0, correlation_id=f"call {lane}")])
            for lane in range(20)
        ]
        ends, _ = rig.run(*calls)
        assert ends == {lane: [on_main, f"call {lane}"] for lane in range(20)}


@pytest.mark.parametrize("name", ["nap", "spin", "spin_below", "spin_beside", "spin_at_once", "plain_spin"])
def test_only_the_call_that_is_meant_is_cancelled_Q5(name):
    with Rig() as rig:
        others = [rig.batch(lane, "nap", {"seconds": 0.2}) for lane in range(1, 10)]
        mine = rig.batch(0, name, {"seconds": 60.0} if name == "nap" else {})
        rig.cancel_later(0)
        ends, _ = rig.run(*others, mine)
        assert is_cancelled(ends.pop(0))
        assert len(ends) == 9 and not any(isinstance(x, Failure) for x in ends.values())
        ends, _ = rig.run(rig.batch(0, "who", {}))
        assert ends[0] == [True, ""]


def test_a_call_that_holds_up_the_loop_is_not_cancelled_for_another_Q5():
    with Rig() as rig:
        spinning = rig.batch(0, "spin", {})
        napping = rig.batch(1, "nap", {"seconds": 60.0})
        began = time.monotonic()
        rig.cancel_later(1, lambda: time.sleep(0.02))
        rig.cancel_later(0, lambda: time.sleep(0.3))
        ends, _ = rig.run(napping, spinning)
        assert time.monotonic() - began >= 0.3
        assert is_cancelled(ends[0]) and is_cancelled(ends[1])


def test_a_tool_that_cancels_all_tasks_loses_no_call_Q7():
    with Rig() as rig:
        calls = [rig.batch(0, "cancel_all", {})] + [rig.batch(lane, "who", {}) for lane in range(1, 5)]
        ends, _ = rig.run(*calls)
        assert ends[0] is None and len(ends) == 5
        for lane in range(1, 5):
            assert ends[lane] == [True, ""]


def test_what_is_above_the_limit_is_given_back_Q7():
    with Rig() as rig:
        rig.words[3][_page.LIMIT] = 0
        ends, messages = rig.run(rig.batch(3, "who", {}), rig.batch(4, "who", {}))
        assert set(ends) == {4}
        (report,) = [x for x in messages if x.revoked_from]
        assert (report.lanes, report.revoked_from, report.size) == ([3], 1, [])
        assert rig.words[3][_page.CLAIMED] == 0


def test_the_page_says_what_was_claimed_and_done_and_is_executed_W9():
    with Rig() as rig:
        rig.run(rig.batch(0, "who", {}))
        assert [rig.words[0][x] for x in (_page.CLAIMED, _page.DONE, _page.IN_STEP)] == [1, 1, 0]
        spinning = rig.batch(0, "spin", {})
        seen = []

        def look():
            until = time.monotonic() + 20
            while not rig.words[0][_page.IN_STEP] and time.monotonic() < until:
                time.sleep(0.001)
            seen.append(rig.words[0][_page.IN_STEP])

        rig.cancel_later(0, look)
        rig.run(spinning)
        assert seen == [1] and rig.words[0][_page.IN_STEP] == 0


def test_a_message_does_not_grow_without_bound_W2():
    with Rig() as rig:
        calls = [rig.batch(lane, "large", {"size": 400_000}) for lane in range(8)]
        ends, messages = rig.run(*calls)
        assert {len(x) for x in ends.values()} == {400_000}
        assert max(sum(x.size) for x in messages) < 2_000_000 and len(messages) > 1


def test_a_stop_ends_what_serves_and_no_hook_R7():
    with Rig() as rig:

        async def hook():
            rig.lanes.stop()
            await asyncio.sleep(0.02)
            return "ended"

        assert rig.lanes.hooks.run(hook()) == "ended"
        rig.lanes.serve()
        assert rig.lanes.hooks.run(hook()) == "ended"


@pytest.mark.parametrize("calls", [0, 3])
def test_a_stop_before_or_while_it_serves_ends_it_R7(calls):
    with Rig() as rig:
        rig.lanes.feed([rig.batch(lane, "nap", {"seconds": 0.05}) for lane in range(calls)])
        if calls == 0:
            rig.lanes.stop()
        else:
            rig.lanes.loop.call_later(0.01, rig.lanes.stop)
        rig.lanes.serve()
        assert sum(len(x.size) for x in rig.lanes.finals()) == calls


def test_what_the_watch_thread_calls_does_not_fail_W9(tmp_path):
    with Rig() as rig, open(tmp_path / "stacks", "w+") as file:
        rig.lanes.loop.close()
        rig.lanes.press()
        rig.lanes.busy.add("no lane at all")
        rig.lanes.write_stacks(file.fileno())


def test_stacks_survive_what_cannot_be_looked_at_W9(tmp_path):
    class Odd:
        def __await__(self):
            return self

        def __iter__(self):
            return self

        def __next__(self):
            return None

        def __getattr__(self, name):
            raise ValueError if "frame" in name else AttributeError

    async def wait():
        await Odd()

    coroutine = wait()
    coroutine.send(None)
    assert "in wait\n" in _loop_stacks.text_of("task", coroutine)
    coroutine.close()

    def texts():
        yield "before"
        raise ValueError

    with open(tmp_path / "stacks", "w") as file:
        _loop_stacks.write(file.fileno(), texts())
    assert (tmp_path / "stacks").read_text() == "before"
