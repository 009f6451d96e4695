"""Tools that can be looked at while they run, and that crash."""

import ctypes
import faulthandler
import os
import sys
import time


def nap(seconds: float) -> bool:
    """Whether it has lasted as long as it should."""
    begun = time.monotonic()
    time.sleep(seconds)
    return time.monotonic() - begun >= seconds


def nap_in_c(seconds: int) -> int:
    """What is left, which is more than 0 if a signal has come to this thread."""
    return ctypes.CDLL(None).sleep(seconds)


def hold_gil(seconds: int) -> int:
    return ctypes.PyDLL(None).sleep(seconds)


def segfault() -> None:
    ctypes.string_at(0)


def abort() -> None:
    os.abort()


def overflow() -> None:
    """The C stack, not Python's."""
    sys.setrecursionlimit(1 << 30)
    value = None
    for _ in range(1 << 20):
        value = [value]
    repr_all(value)


def repr_all(value: object) -> str:
    return repr(value)


def enable(where: str) -> None:
    if where == "stderr":
        faulthandler.enable()
    else:
        faulthandler.enable(open(where, "w"))  # noqa: SIM115


def disable() -> bool:
    return faulthandler.disable()


def crash_in_child() -> int:
    pid = os.fork()
    if pid == 0:
        ctypes.string_at(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
