"""A lane on a thread of its own: where and when each of its tools runs.

A tool runs on the lane's thread, at the same time as those of other lanes, but for two kinds: one that is
not thread safe waits for its turn, which one lane of the worker has at a time; one that is thread
sensitive is handed to the main thread. While a call waits it can be cancelled, and its run has not
begun: the wait is no part of its run time.
"""

from __future__ import annotations

import functools
import threading
from time import monotonic_ns, thread_time_ns
from typing import Any, Callable, List, Optional, TypeVar

from . import _page, context
from ._arguments import bind
from ._async import LaneLoop
from ._interrupt import Interrupts
from ._lane import Finals, Lane, Limits, leave_fork
from ._thread_interrupt import ThreadInterrupts
from ._tools import ToolSpec
from .context import Cancelled

R = TypeVar("R")
Job = Callable[[], None]

#: How often, in seconds, a call that waits looks whether it is still wanted.
LOOK = 0.02


class ThreadLane(Lane[R]):
    """A lane whose `run` is called on one thread, always the same, that is not the main thread."""

    def __init__(
        self,
        words: memoryview,
        main: "MainThread",
        turn: threading.Lock,
        limits: Limits,
        pack: Callable[[Finals], R],
        serialize: Callable[[R], bytes],
        is_well: Callable[[], bool] = lambda: True,
        mend: Callable[[], None] = lambda: None,
    ) -> None:
        """turn: of the worker, for tools that are not thread safe."""
        self.threads = ThreadInterrupts(words)
        super().__init__(words, limits, pack, serialize, is_well, mend, self.threads)
        self._main = main
        self._turn = turn
        self._waited = [0]

    def add(self, spec: ToolSpec, adapter: Any) -> None:
        call = getattr(adapter, spec.attribute)
        if spec.thread_sensitive:
            call = self._on_main(call, spec)
        elif spec.is_async:
            call = self.loop.wrap(call)  # ended by its task's own way
        elif spec.interrupt:
            call = self.threads.guard(call)
        if spec.alone:
            call = self._in_turn(call)
        self._tools[spec.number] = bind(spec, call)

    def after_fork(self) -> None:
        """In a process that a tool has forked."""
        self.forked = True
        self.threads.after_fork()

    def give_up(self) -> bool:
        """Whether the call that waits is not wanted any more; it counts as interrupted then."""
        if self._words[_page.CANCEL] != self._seq:
            return False
        self.threads.hit = self._seq
        return True

    def note_wait(self, nanoseconds: int) -> None:
        """The call has waited so long."""
        assert self._waited is not None
        self._waited[0] += nanoseconds

    def _announce(self) -> None:
        self.threads.enter_thread()
        context.set_own_source(self._current)

    def _in_turn(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def in_turn(**arguments: Any) -> Any:
            if not self._turn.acquire(blocking=False):
                self._await_turn()
            try:
                return call(**arguments)
            finally:
                self._turn.release()

        return in_turn

    def _await_turn(self) -> None:
        begun = monotonic_ns()
        while not self._turn.acquire(timeout=LOOK):
            if self.give_up():
                raise Cancelled()
        self.note_wait(monotonic_ns() - begun)

    def _on_main(self, call: Callable[..., Any], spec: ToolSpec) -> Callable[..., Any]:
        target = self._main.loop.wrap(call) if spec.is_async else call

        @functools.wraps(call)
        def on_main(**arguments: Any) -> Any:
            visit = _Visit(self, self._main, target, arguments, spec.interrupt)
            self._main.post(visit.run)
            return visit.wait()

        return on_main


class MainThread:
    """The main thread of a worker whose lanes have threads of their own.

    post: hands it something to do. Any thread.
    """

    def __init__(self, post: Callable[[Job], None], words: memoryview) -> None:
        self.post = post
        self.interrupts = Interrupts(words)
        #: For async tools that are thread sensitive, and for the adapter's hooks.
        self.loop = LaneLoop(self.interrupts)

    def install(self, signal_number: int) -> None:
        """Lets a signal interrupt what runs here. Main thread only."""
        self.interrupts.install(signal_number, _Visit.attempt.__code__)


class _Visit:
    """One call of a lane on the main thread."""

    def __init__(
        self,
        lane: "ThreadLane[Any]",
        main: MainThread,
        call: Callable[..., Any],
        arguments: Any,
        interrupt: bool,
    ) -> None:
        self._lane = lane
        self._main = main
        self._call = call
        self._arguments = arguments
        self._interrupt = interrupt
        self._ended = threading.Lock()
        self._ended.acquire()
        #: Whoever takes it off decides: the main thread to begin, or the lane to give up.
        self._chance = [None]
        self._began = 0
        self._cpu = 0
        self._result: Any = None
        self._error: Optional[BaseException] = None

    def wait(self) -> Any:
        """On the lane's thread: the result, or raises what the tool raised."""
        posted = monotonic_ns()
        while not self._ended.acquire(timeout=LOOK):
            if self._began == 0 and self._lane.give_up() and _take(self._chance):
                raise Cancelled()
        self._lane.note_wait(max(0, self._began - posted))
        self._lane.meter.elsewhere += self._cpu
        error, self._error = self._error, None
        if error is not None:
            raise error
        return self._result

    def run(self) -> None:
        """On the main thread. Raises nothing."""
        if not _take(self._chance):
            return
        lane, interrupts = self._lane, self._main.interrupts
        self._began = monotonic_ns()
        context.set_own_source(lane._current)
        interrupts.turn_to(lane._words)
        cpu = thread_time_ns()
        self.attempt(interrupts, lane._seq)
        self._cpu = thread_time_ns() - cpu
        context.set_own_source(None)
        if lane.forked:
            leave_fork(self._error)
        if interrupts.hit == lane._seq:
            lane.threads.hit = lane._seq
        self._ended.release()

    def attempt(self, interrupts: Interrupts, seq: int) -> None:
        """Arms, calls, disarms: as `Lane._invoke` does, a signal never raises in this very frame."""
        try:
            interrupts.armed = seq if self._interrupt else 0
            self._result = interrupts.enter(seq, self._call, self._arguments)
            interrupts.armed = 0
        except BaseException as error:
            interrupts.armed = 0
            self._error = error


def _take(chance: List[None]) -> bool:
    """Takes off what only one can have. A single step for Python, so it needs no lock."""
    try:
        chance.pop()
    except IndexError:
        return False
    return True
