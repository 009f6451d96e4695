"""What the tests of heartbeats and probes call."""

import _thread
import ctypes
import os
import signal
import threading
import time

from snakepit_bridge import tool

#: Calls functions of C without letting go of Python's lock.
_C = ctypes.PyDLL(None)


@tool
def pid() -> int:
    return os.getpid()


@tool(interrupt=False)
def hold_lock(seconds: float) -> int:
    """Keeps Python's lock in C, as an extension that does not let go of it."""
    _C.usleep(int(seconds * 1e6))
    return os.getpid()


@tool
def hold_lock_for_ever() -> None:
    """The same, and no signal ends it: a deadlock in C."""
    mutex = ctypes.create_string_buffer(128)
    _C.pthread_mutex_lock(mutex)
    _C.pthread_mutex_lock(mutex)


@tool
def spin(seconds: float) -> int:
    """Keeps its thread busy, in Python."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return os.getpid()


@tool
def stop() -> int:
    """The process is stopped in the middle of the call."""
    os.kill(os.getpid(), signal.SIGSTOP)
    return os.getpid()


@tool
def hold_lock_later(seconds: float) -> int:
    """The lock is held after the call, too, by a thread of the tool's."""

    def hold() -> None:
        time.sleep(0.1)
        _C.usleep(int(seconds * 1e6))

    threading.Thread(target=hold, daemon=True).start()
    return os.getpid()


@tool
def ruin_main_thread() -> int:
    """The main thread, which runs the calls, is caught in a signal's handler soon after the call."""

    def stay(_number: int, _frame: object) -> None:
        time.sleep(1000)

    def send() -> None:
        time.sleep(0.1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    signal.signal(signal.SIGUSR1, stay)
    _thread.start_new_thread(send, ())
    return os.getpid()
