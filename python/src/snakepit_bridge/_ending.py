"""Every way in which a worker ends.

A worker never ends by leaving `main`: the interpreter would then wait for the threads of grpcio, and
those for a tool that may never return.
"""

from __future__ import annotations

import _thread
import atexit
import os
import sys
import threading
import time
import traceback
from typing import Callable, NoReturn

from ._stdio import Stdio

#: The worker could not start, or something of ours is broken.
EXIT_BROKEN = 70
#: Of the grace time that the host gives; the rest is for our way out.
_SHARE = 0.9
#: Of the same, how much is for calls on other threads than the main one: they may be the ones that
#: never end, and `cleanup` is to run all the same.
_CALLS_SHARE = 0.6
#: A host that dies closes one descriptor after the other, and may be held up in between.
_LAST_PATIENCE = 0.2


class Ending:
    """Ends the process. Any thread may call."""

    def __init__(self, stdio: Stdio) -> None:
        self._stdio = stdio
        self._lock = threading.Lock()
        self._stopping = False
        self._calls_until = 0.0

    @property
    def is_stopping(self) -> bool:
        return self._stopping

    def begin(self, grace: float) -> bool:
        """Begins a shutdown: whatever happens, the process ends within `grace` seconds. False if it
        had begun before."""
        with self._lock:
            if self._stopping:
                return False
            self._calls_until = time.monotonic() + grace * _CALLS_SHARE
            self._stopping = True
        _thread.start_new_thread(self._end_after, (grace * _SHARE,))
        return True

    def patience(self) -> float:
        """For how many more seconds calls on other threads are awaited; after `begin`."""
        return max(0.0, self._calls_until - time.monotonic())

    def _end_after(self, seconds: float) -> None:
        time.sleep(seconds)
        self._say(f"snakepit: shutdown did not end within {seconds:g} s; exiting all the same\n")
        os._exit(0)

    def finish(self, cleanup: Callable[[], None]) -> NoReturn:
        """The orderly end, on the main thread, after `begin`."""
        for step in (cleanup, atexit._run_exitfuncs):
            try:
                step()
            except BaseException:
                self._stdio.mend()
                traceback.print_exc()
        self._stdio.flush()
        os._exit(0)

    def at_once(self) -> NoReturn:
        """The host is gone: nobody waits for anything. The end of the lifetime pipe may be to come
        still: then the kernel ends the whole group, which it cannot once this process, the last that
        has the pipe, is gone."""
        time.sleep(_LAST_PATIENCE)
        os._exit(0)

    def crash(self) -> NoReturn:
        """Something outside of any tool raised what is being handled now."""
        try:
            self._say("snakepit: the worker itself failed, please report this:\n")
            self._say(traceback.format_exc())
        finally:
            os._exit(EXIT_BROKEN)

    def refuse(self) -> NoReturn:
        """The start has failed and that was said."""
        self._stdio.flush()
        os._exit(EXIT_BROKEN)

    def _say(self, text: str) -> None:
        """To stderr, past all Python streams: one may be locked by a thread that hangs."""
        try:
            os.write(self._stdio.stderr_duplicate, text.encode("utf-8", "backslashreplace"))
        except OSError:
            pass

    def say_start_error(self, message: str, cause: "BaseException | None") -> None:
        """Tells people why the start failed; the host puts it into its error."""
        try:
            self._stdio.mend()
            if cause is not None and not isinstance(cause, SystemExit):
                traceback.print_exception(type(cause), cause, cause.__traceback__)
            print(f"snakepit: {message}", file=sys.stderr)
        except BaseException:
            self._say(f"snakepit: {message}\n")
