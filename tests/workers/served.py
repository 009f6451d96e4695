"""Tools that a daemon serves in tests."""

import ctypes
import os
import pathlib
import subprocess
import time


def work(number: int, seconds: float = 0.0) -> int:
    """The square of a number, after a while."""
    time.sleep(seconds)
    return number * number


def process() -> int:
    return os.getpid()


def wait_for(file: str, started: str = "") -> str:
    """Sleeps until there is a file."""
    if started:
        pathlib.Path(started).touch()
    while not os.path.exists(file):
        time.sleep(0.01)
    return "came"


def hold_gil(started: str, seconds: float) -> float:
    """Sleeps in C without letting go of Python's lock."""
    pathlib.Path(started).touch()
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))
    return seconds


def crash() -> None:
    """Reads from address 0."""
    ctypes.string_at(0)


def leave_orphan() -> int:
    """A process that outlives the worker, in a session of its own."""
    return subprocess.Popen(["sleep", "1000"], start_new_session=True).pid


def raise_error(message: str) -> None:
    raise ValueError(message)
