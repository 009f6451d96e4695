"""Runs async tools, each to its end, on an event loop that the lane keeps."""

from __future__ import annotations

import asyncio
import functools
from typing import Any, Callable, Optional

from ._interrupt import Interrupts


class LaneLoop:
    """The event loop of a lane, made for its first async tool."""

    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts
        self._loop: Optional[asyncio.AbstractEventLoop] = None

    def run(self, coroutine: Any) -> Any:
        """The result of a coroutine."""
        interrupts = self._interrupts
        interrupts.held = True  # a task made but not yet known here would run in the next call
        try:
            loop = self.ready_loop()
            task = loop.create_task(coroutine)
            interrupts.task = task
        finally:
            interrupts.held = False
        if interrupts.look():
            task.cancel()
        try:
            return loop.run_until_complete(task)
        finally:
            try:
                # SystemExit in another task ends the loop before this one has ended.
                while not task.done():
                    task.cancel()
                    loop.run_until_complete(asyncio.wait([task]))
            finally:
                interrupts.task = None

    def ready_loop(self) -> asyncio.AbstractEventLoop:
        """The loop, made if there is none."""
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """An async function as one that returns when it has ended."""

        @functools.wraps(function)
        def call(**arguments: Any) -> Any:
            return self.run(function(**arguments))

        return call
