"""What tests/system/crashes.cpp calls: a tool that notes that it runs, and then may end its worker."""

import ctypes
import os
import signal
import time

from snakepit_bridge import tool

_notes = os.open(os.environ["SNAKEPIT_CRASHES_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)


def _segfault() -> None:
    ctypes.string_at(0)


WAYS = {
    "": lambda: None,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": _segfault,
    "exit": lambda: os._exit(7),
    "abort": os.abort,
    "hang": lambda: time.sleep(1000),
}


@tool(interrupt=False)
def work(id: int, end: str = "") -> int:
    # One write of a few bytes to a file opened for appending: whole, whatever comes next.
    os.write(_notes, f"{id}\n".encode())
    WAYS[end]()
    return id
