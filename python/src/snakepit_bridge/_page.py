"""The worker's view of the lane page; `actors/core/lane_page.hpp` has the layout."""

from __future__ import annotations

import ctypes
import mmap
import platform

MAGIC = 0x31304E4C5449504E
JOURNAL_OFFSET = 4096
JOURNAL_SIZE = 65536
SECTION_SIZE = JOURNAL_OFFSET + JOURNAL_SIZE
NO_LIMIT = (1 << 64) - 1

CLAIMED = 8
DONE = 9
STARTED_NS = 10
JOURNAL_WRITTEN = 11
JOURNAL_START = 12
IN_STEP = 13
LIMIT = 16
CANCEL = 17
ACKED = 18

_WORDS = SECTION_SIZE // 8


class PageError(ValueError):
    """The descriptor is no lane page."""


def words(memory: memoryview, lane: int) -> memoryview:
    """The section of one lane as 64 bit words. Reading and writing one of them is a single access
    of 8 aligned bytes, so the host never sees half a number."""
    return memory.cast("B").cast("Q")[lane * _WORDS : (lane + 1) * _WORDS]


def map_page(fd: int) -> memoryview:
    """Maps the page that the host made. Raises PageError or OSError."""
    mapped = memoryview(mmap.mmap(fd, 0))
    if len(mapped) == 0 or len(mapped) % SECTION_SIZE != 0:
        raise PageError(f"its size is {len(mapped)}, not a multiple of {SECTION_SIZE}")
    if words(mapped, 0)[0] != MAGIC:
        raise PageError("it does not begin with the lane page's magic")
    return mapped


def lanes_of(memory: memoryview) -> int:
    """How many lanes a page has."""
    return len(memory) // SECTION_SIZE


def private_page(lanes: int = 1) -> memoryview:
    """A page that nobody else sees, as the host prepares it; for tests of adapters."""
    memory = memoryview(bytearray(SECTION_SIZE * lanes))
    for lane in range(lanes):
        section = words(memory, lane)
        section[0] = MAGIC
        section[LIMIT] = section[ACKED] = NO_LIMIT
    return memory


_REGISTER_GLOBAL_EXPEDITED = 4
_MEMBARRIER = {"x86_64": 324, "aarch64": 283}


def register_barrier() -> bool:
    """Lets the host make our last writes to the page visible to it without our help: the membarrier
    system call, which reaches only who has registered. False: this system has none."""
    number = _MEMBARRIER.get(platform.machine())
    if number is None:
        return False
    result: int = ctypes.CDLL(None).syscall(number, _REGISTER_GLOBAL_EXPEDITED, 0, 0)
    return result == 0
