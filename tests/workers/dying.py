"""Tools that end their worker, or have it ended, each in a way of its own."""

import ctypes
import os
import re
import signal
import sys
import time

from snakepit_bridge import tool


@tool
def segfault() -> None:
    ctypes.string_at(0)


@tool
def leave(code: int) -> None:
    print("leaving now", file=sys.stderr)
    os._exit(code)


@tool
def abort() -> None:
    os.abort()


@tool
def overflow() -> None:
    """Of the C stack, not of Python's."""
    sys.setrecursionlimit(1 << 30)
    value = None
    for _ in range(1 << 20):
        value = [value]
    repr(value)


@tool
def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@tool
def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


@tool
def spin() -> None:
    while True:
        pass


@tool
def nap() -> None:
    time.sleep(1000)


@tool(interrupt=False)
def stubborn() -> None:
    nap_for_ever()


def nap_for_ever() -> None:
    time.sleep(1000)


@tool
def search() -> None:
    """A regular expression without an end, which keeps the GIL."""
    re.match("(a+)+$", "a" * 60 + "b")


@tool
def hold() -> None:
    ctypes.PyDLL(None).sleep(1000)


@tool
def use_memory(megabytes: int) -> int:
    hold = bytearray(megabytes << 20)
    for i in range(0, len(hold), 4096):
        hold[i] = 1
    return len(hold)
