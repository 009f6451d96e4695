"""The stacks of all threads, written where the host reads them: when it asks, and at a fatal signal.

The host asks the watch thread, which has the GIL while it writes: all stacks stand still. If the GIL cannot be
had, the host sends a signal: faulthandler then writes in C, inside of the handler, without a step of Python.
That is only for then: a stack that changes while it is read there may end the process.

The file is private to this process and its host. What a tool forks has no part in it.
"""

from __future__ import annotations

import faulthandler
import fcntl
import os
import signal
import sys
from typing import Any, Callable, Optional

SIGNAL = signal.SIGRTMIN + 2
#: A tool may close descriptors and get the same numbers for its own files: these are less likely to be
#: given again.
_LOWEST = 64

_enable = faulthandler.enable
_dump = faulthandler.dump_traceback
_fd = -1
#: Writes what is on no thread's stack.
_write_more: Optional[Callable[[int], None]] = None


def install(fd: int) -> None:
    """Takes the descriptor over. Main thread: its stack is the one that survives an overflow."""
    global _fd
    try:
        _fd = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _LOWEST)
    except OSError:  # so many descriptors there cannot be
        _fd = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, fd + 1)
    os.close(fd)
    # A forked worker has lost the handlers that the template had, which faulthandler does not know.
    faulthandler.disable()
    _enable(_fd)
    faulthandler.register(SIGNAL, _fd)
    os.register_at_fork(after_in_child=_leave)
    # By name, since faulthandler remembers one file only: the last call would win without a word.
    setattr(faulthandler, "enable", _enable_theirs)
    setattr(faulthandler, "disable", _disable_theirs)


def write() -> None:
    """Writes the stacks now; they are complete when this returns."""
    if _fd < 0:
        return
    if _write_more is not None:
        _write_more(_fd)  # first: whoever reads takes the last one for the main thread's
    _dump(_fd)


def also(write_more: Callable[[int], None]) -> None:
    """Has something written besides the stacks of threads. It must not fail."""
    global _write_more
    _write_more = write_more


def _enable_theirs(file: Any = None, *args: Any, **kwargs: Any) -> None:
    """What the adapter asks for. Fatal stacks reach the host's report as it is, so standard error needs
    nothing; a file of its own gets them instead, and that is said."""
    target = sys.stderr if file is None else file
    fd = target if isinstance(target, int) else target.fileno()
    if _is_stderr(fd):
        return
    _enable(target, *args, **kwargs)
    text = f"snakepit: the adapter has called faulthandler.enable: stacks of a crash go to descriptor {fd}"
    os.write(2, f"{text}, not into the report of the worker's end\n".encode())


def _disable_theirs() -> bool:
    _enable(_fd)
    return True


def _is_stderr(fd: int) -> bool:
    try:
        return os.path.sameopenfile(fd, 2)
    except OSError:
        return fd == 2


def _leave() -> None:
    """In a process that a tool has forked: its crashes are not the worker's."""
    setattr(faulthandler, "enable", _enable)
    faulthandler.unregister(SIGNAL)
    try:
        _enable(2)
    except (OSError, RuntimeError, ValueError):
        faulthandler.disable()
