"""The journal of a lane: finals are noted in shared memory as they are made, so that the host has them
whatever becomes of this process, and need not wait for the stream while a long call runs.

A ring of entries, each a header and the final's bytes, 8 bytes aligned, never split: an entry that does
not fit before the end of the ring begins at its start. An entry with the number 0 is such a gap. The
layout stands in `actors/core/journal.hpp`.
"""

from __future__ import annotations

from collections import deque
from struct import Struct
from typing import Deque, Tuple

from ._page import ACKED, JOURNAL_OFFSET, JOURNAL_SIZE, JOURNAL_START, JOURNAL_WRITTEN

#: Number, size and kind, run time in microseconds.
_HEADER = Struct("=QII")
_MAX_US = (1 << 32) - 1
#: What packs a whole entry, by the size of its data; for the short ones.
_ENTRY = [Struct(f"=QII{size}s").pack_into for size in range(128)]

#: How much of the ring is used again and again by a lane that rewinds.
REWIND = 2048

#: The bytes are the result itself.
PLAIN = 0
#: The bytes are a serialized `Results` with this one final in it.
MESSAGE = 1 << 31


class Journal:
    """One thread: the lane's."""

    def __init__(self, words: memoryview) -> None:
        self._words = words
        self._ring = words.cast("B")[JOURNAL_OFFSET : JOURNAL_OFFSET + JOURNAL_SIZE]
        # Bytes ever written, and those of them that are kept.
        self._written = words[JOURNAL_WRITTEN]
        self._start = words[JOURNAL_START]
        # Places in the ring: of the next entry, and where the room for it ends.
        self._at = self._written % JOURNAL_SIZE
        self._end = self._at
        self._marks: Deque[Tuple[int, int]] = deque()

    def note(self, seq: int, data: bytes, run_us: int, kind: int = PLAIN) -> bool:
        """Notes the final of a call; False: there is no room for it before more is acknowledged."""
        size = len(data)
        at = self._at
        after = at + ((size + 23) & ~7)
        if after > self._end:
            if not self._make_room((size + 23) & ~7):
                return False
            at = self._at
            after = at + ((size + 23) & ~7)
        if run_us > _MAX_US:
            run_us = _MAX_US
        if size < len(_ENTRY):
            _ENTRY[size](self._ring, at, seq, size | kind, run_us, data)
        else:
            _HEADER.pack_into(self._ring, at, seq, size | kind, run_us)
            self._ring[at + 16 : at + 16 + size] = data
        self._at = after
        self._written += after - at
        # Last: the host reads up to this.
        self._words[JOURNAL_WRITTEN] = self._written
        return True

    def mark(self, seq: int) -> None:
        """What was noted so far may be written over when `seq` is acknowledged."""
        self._marks.append((seq, self._written))

    def rewind(self) -> None:
        """Goes on at the ring's start if much of the ring was written. Only for who knows that all that
        was noted is acknowledged. So short finals that come one at a time dirty little memory, which
        counts where there are many lanes."""
        if self._at <= REWIND:
            return
        self._written = -(-self._written // JOURNAL_SIZE) * JOURNAL_SIZE
        self._words[JOURNAL_START] = self._start = self._written
        self._words[JOURNAL_WRITTEN] = self._written
        self._at, self._end = 0, JOURNAL_SIZE
        self._marks.clear()

    def _make_room(self, needed: int) -> bool:
        acked = self._words[ACKED]
        marks = self._marks
        start = self._start
        while marks and marks[0][0] <= acked:
            start = marks.popleft()[1]
        if start != self._start:
            # First: whoever reads what is written over now, sees it by this.
            self._words[JOURNAL_START] = self._start = start
        at = self._written % JOURNAL_SIZE
        gap = JOURNAL_SIZE - at if needed > JOURNAL_SIZE - at else 0
        free = JOURNAL_SIZE - (self._written - start)
        if gap + needed > free:
            return False
        if gap:
            if gap >= _HEADER.size:
                _HEADER.pack_into(self._ring, at, 0, 0, 0)
            self._written += gap
            self._words[JOURNAL_WRITTEN] = self._written
            at, free = 0, free - gap
        self._at = at
        self._end = min(JOURNAL_SIZE, at + free)
        return True
