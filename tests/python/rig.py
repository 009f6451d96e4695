"""A lane on a page of its own, with tools for every case, and a clock that stands still."""

import asyncio
import enum
import json

from snakepit_bridge import Adapter, Cancelled, _lane, _page, _tools, current, tool
from snakepit_bridge._batch import Batch
from snakepit_bridge._lane import Lane, Limits


class Color(enum.Enum):
    RED = "red"


class Bad(Exception):
    def __str__(self):
        raise RuntimeError("no text")


class Tools(Adapter):
    words = None
    lane = None

    def __init__(self):
        self.seen = []

    @tool
    def echo(self, x=None):
        self.seen.append(x)
        return x

    @tool
    def fail(self, kind: str):
        raise {
            "value": ValueError("bad value"),
            "exit": SystemExit(3),
            "keyboard": KeyboardInterrupt(),
            "generator": GeneratorExit(),
            "base": BaseException("base"),
            "stop": StopIteration(1),
            "memory": MemoryError(),
            "cancelled": Cancelled(),
            "bad": Bad(),
            "long": ValueError("x" * 100_000),
            "surrogate": ValueError("\ud800"),
        }[kind]

    @tool
    def recurse(self, x: int = 0):
        return self.recurse(x + 1)

    @tool
    def chained(self):
        try:
            {}["k"]
        except KeyError as error:
            raise ValueError("outer") from error

    @tool
    def circle(self):
        a, b = ValueError("a"), ValueError("b")
        a.__cause__, b.__cause__ = b, a
        raise a

    @tool
    def give(self, what: str):
        return {
            "set": {1},
            "path": {"items": [1, 2, 3, float("nan")]},
            "large": "x" * 2000,
            "bytes": {"b": b"\0\1", "c": [bytearray(b"2")]},
            "text": "abc",
            "dollar": {"$": 1},
        }[what]

    @tool
    def raw(self, data: bytes):
        return data[::-1]

    @tool(raw=True)
    def raw_text(self, data):
        return {"text": "no bytes", "large": b"x" * 2000, "view": memoryview(b"ok")}[data.decode()]

    @tool
    def lower_limit(self, to: int):
        self.words[_page.LIMIT] = to

    @tool
    def stop(self):
        self.lane.stopping = True

    @tool
    def typed(self, color: Color):
        return color.name

    @tool
    def context(self):
        c = current()
        return [c.tool, c.attempt, c.session, c.correlation_id, c.traceparent, c.deadline is None]

    @tool
    def page(self):
        return [self.words[i] for i in (_page.CLAIMED, _page.DONE)]

    @tool
    async def later(self, x):
        await asyncio.sleep(0)
        return x

    @tool
    async def leave_task(self):
        async def other():
            raise SystemExit(9)

        asyncio.ensure_future(other()).add_done_callback(lambda task: task.exception())
        await asyncio.sleep(60)

    @tool
    async def cancel_itself(self):
        asyncio.current_task().cancel()
        await asyncio.sleep(60)

    @tool
    def tick(self, ms: float):
        CLOCK.now += round(ms * 1_000_000)


class Clock:
    """Stands still, so that no final gets old by chance."""

    now = 10**9

    def __call__(self):
        return self.now


CLOCK = Clock()
SPECS = {x.name: x for x in _tools.of_class(Tools)}
PROBE = 1


class Rig:
    """A lane on a page of its own."""

    def __init__(self, **kwargs):
        self.words = _page.words(_page.private_page(), 0)
        self.adapter = Tools()
        self.lane = Lane(
            self.words, Limits(1000, 100), lambda finals: finals, lambda finals: b"one", **kwargs
        )
        self.adapter.words, self.adapter.lane = self.words, self.lane
        for spec in SPECS.values():
            self.lane.add(spec, self.adapter)
        self.next = 1

    def batch(self, *calls, **fields):
        """Calls are (tool, arguments)."""
        numbers = [SPECS[name].number if name in SPECS else name for name, _ in calls]
        made = Batch(
            first_seq=self.next,
            count=len(calls),
            tool=numbers,
            args=json.dumps([arguments for _, arguments in calls]).encode(),
            **fields,
        )
        self.next += len(calls)
        return made

    def run(self, *calls, **fields):
        return self.drain(self.batch(*calls, **fields))

    def drain(self, batch):
        real, _lane.monotonic_ns = _lane.monotonic_ns, CLOCK
        try:
            return list(self.lane.run(batch))
        finally:
            _lane.monotonic_ns = real

    def one(self, name, /, **arguments):
        (finals,) = self.run((name, arguments))
        return outcomes(finals)[0]


def outcomes(finals):
    """Value or Failure of each final."""
    found = []
    for index, data in enumerate(finals.parts):
        failure = finals.failures.get(index)
        assert finals.size[index] == len(data) and (not failure or data == b"")
        found.append(failure or json.loads(data))
    return found
