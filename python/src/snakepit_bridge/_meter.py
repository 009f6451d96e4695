"""What runs take besides time: processor time of the thread, memory of the process.

To ask the system takes some microseconds, ten times as many where its code has left the caches. So it is
asked where a run was long enough to afford it, and before runs only while long ones are to be expected,
or seldom. Short runs are told by what share of its time the thread has lately spent on a processor.
"""

from __future__ import annotations

import os
from time import thread_time_ns
from typing import Any, Dict, NamedTuple, Optional

#: From here on, in microseconds, a run is measured by itself.
COSTLY_US = 1_000
#: From here on, in nanoseconds, memory is looked at after a run.
HEAVY_NS = 10_000_000
#: Runs that together took less, in nanoseconds, are not told.
SHARED_NS = 100_000
#: How old may be, before a run, what was read of the processor, and of memory.
RENEW_NS = 20_000_000
FRESH_NS = 100_000_000
#: For how many times its length others are expected after a costly run, and how long at most: what was
#: read is always new then.
EXPECT_TIMES = 10
EXPECT_NS = 100_000_000

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Cost(NamedTuple):
    #: Nanoseconds.
    cpu: int
    #: Bytes; None: it was not measured.
    growth: Optional[int]


class Meter:
    """Of one lane, on its thread. Times are those of `monotonic_ns`."""

    __slots__ = (
        "elsewhere",
        "_begun",
        "_cpu",
        "_read_at",
        "_busy",
        "_rate",
        "_rated_at",
        "_is_sample",
        "_short",
        "_mark",
        "_seen",
        "_expected",
        "_due",
        "_resident",
        "_looked_at",
        "_costs",
    )

    def __init__(self) -> None:
        #: Processor time that calls of the lane have taken on other threads, in nanoseconds.
        self.elsewhere = 0
        #: When the message at hand began.
        self._begun = 0
        #: What was read last of the thread's processor time, and when.
        self._cpu = 0
        self._read_at = 0
        #: Its share of all time, as it was seen over a while, and of the time of short runs.
        self._busy = 0.0
        self._rate = 1.0
        self._rated_at = 0
        #: Whether the message at hand shows that share: it was read just before it, and there are only
        #: short runs in it.
        self._is_sample = False
        #: Time of its short runs, up to `_mark`.
        self._short = 0
        self._mark = 0
        #: Its finals up to the last costly one.
        self._seen = 0
        #: Until when costly runs are expected.
        self._expected = 0
        #: When a message that begins is to be preceded by a look.
        self._due = 0
        self._resident = 0
        self._looked_at = 0
        self._costs: Dict[int, Cost] = {}

    def begin(self, now: int) -> None:
        """A message begins; what was taken until now is no call's."""
        self._begun = self._mark = now
        self._seen = 0
        if now >= self._due:
            self._renew(now)

    def skip(self, nanoseconds: int) -> None:
        """The call that has just ended has waited so long, which was no part of its run."""
        self._begun += nanoseconds
        self._mark += nanoseconds
        self._read_at += nanoseconds

    def note(self, seq: int, run_us: int, now: int, index: int) -> None:
        """A run that is measured by itself has just ended, the message's final of this index."""
        run = run_us * 1000
        began = now - run
        self._short += max(0, began - self._mark)
        # What passed since it was read: short runs of this message, or also other things.
        rate = self._busy
        if self._read_at >= self._begun:
            rate = 0.0 if index == self._seen else self._rate
        before = int(rate * max(0, began - self._read_at))
        cpu = min(max(0, self._read(now) - before), run)
        self._mark, self._seen, self._is_sample, self._due = now, index + 1, False, now
        self._expected = max(self._expected, now + min(EXPECT_TIMES * run, EXPECT_NS))
        growth = None
        if run >= HEAVY_NS:
            resident = self._resident
            self._look(now)
            if resident and self._resident:
                growth = self._resident - resident
        self._costs[seq] = Cost(cpu, growth)

    def close(self, out: Any, now: int) -> Any:
        """Completes `_lane.Finals` that are to be sent; `begin` follows."""
        if self._is_sample:
            self._is_sample = False
            if now > self._begun and now - self._rated_at >= RENEW_NS:
                self._rate = min(1.0, self._read(now) / (now - self._begun))
                self._rated_at = now
        short = self._short + now - self._mark
        if short >= SHARED_NS:
            out.cpu_ns = int(self._rate * short)
        if self._short:
            self._short = 0
        if self._costs:
            end = out.first_seq + len(out.size)
            mine = [one for one in self._costs if one < end]
            out.costs = {seq - out.first_seq: self._costs.pop(seq) for seq in mine}
        return out

    def _renew(self, now: int) -> None:
        if now - self._looked_at >= FRESH_NS:
            self._look(now)
        self._read(now)
        self._is_sample = True
        self._due = now if now < self._expected else now + RENEW_NS

    def _read(self, now: int) -> int:
        """What was taken since it was read last."""
        before, self._cpu = self._cpu, thread_time_ns() + self.elsewhere
        used = max(0, self._cpu - before)
        span, self._read_at = now - self._read_at, now
        if span >= RENEW_NS // 2:
            self._busy = min(1.0, used / span)
        return used

    def _look(self, now: int) -> None:
        self._resident, self._looked_at = resident(), now


def resident() -> int:
    """Bytes that this process has in memory; 0: the system does not say."""
    try:
        file = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return int(os.read(file, 128).split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0
    finally:
        os.close(file)
