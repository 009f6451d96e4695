"""The lanes of a worker of profile `async`: one event loop on the main thread, a task for each call.

All lanes share one stream: a thread feeds the loop with what comes, another one sends the finals that have
been made meanwhile, as many in one message as there are.

Where a tool runs: `async def` as a coroutine on the loop; a plain function on a thread beside the loop,
for which the adapter says that it is thread safe; a plain one that is thread sensitive on the loop, where
it holds up all others. Tools that are not thread safe wait for one lock. What a call has waited for the lock or
a thread is no part of its run time.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from time import monotonic_ns
from typing import Any, Callable, Dict, Generic, Iterable, Iterator, List, NamedTuple, Optional, Set, TypeVar

from . import _loop_stacks, _page
from ._arguments import PROBE, PROBE_TOOL, Tool, bind
from ._async import LaneLoop
from ._ending import Ending
from ._interrupt import Interrupts
from ._lane import LOOK_NS, Finals, Limits, leave_fork
from ._loop_interrupt import LoopInterrupts, Step, keep_out, run_step, running
from ._loop_lane import Final, Gathered, LoopLane
from ._stdio import Stdio
from ._tools import ToolSpec

R = TypeVar("R")

#: Of plain tools, in all lanes.
MOST_THREADS = 256
#: What one message of finals holds at most, but for one that is larger by itself.
MOST_FINALS = 1024
MOST_BYTES = 1 << 20


class Packers(NamedTuple):
    """Make the message that carries the finals of one lane, or of several, and its bytes."""

    pack: Callable[[Finals], Any]
    pack_gathered: Callable[[Gathered], Any]
    serialize: Callable[[Any], bytes]


class LoopLanes(Generic[R]):
    """All lanes of a worker.

    For the main thread, but for `feed`, `finals`, `press`, `stop` and `write_stacks`.
    """

    def __init__(
        self,
        page: memoryview,
        limits: Limits,
        packers: Packers,
        stdio: Stdio,
        ending: Ending,
    ) -> None:
        #: Runs the adapter's hooks, on the loop that will be the tools', too.
        self.hooks = LaneLoop(Interrupts(_page.words(page, 0)))
        self.loop = self.hooks.ready_loop()
        self.interrupts = LoopInterrupts(self.loop, self._cancel_wanted)
        self.limits = limits
        self.tools: Dict[int, Tool] = {PROBE: PROBE_TOOL}
        self.crash = ending.crash
        self.stopping = False
        #: Whether this is a child that a tool has forked.
        self.forked = False
        #: Where finals wait for being sent; None: there will be no more.
        self._out: "SimpleQueue[Optional[Final]]" = SimpleQueue()
        #: Lanes that have a call.
        self.busy: Set["LoopLane[R]"] = set()
        self._pack: Callable[[Gathered], R] = packers.pack_gathered
        self._stdio = stdio
        self._look_at = 0
        self._patience = ending.patience
        self._serving = False
        self._ended = False
        self._turn: Optional[asyncio.Lock] = None
        self._threads: Optional[ThreadPoolExecutor] = None
        self.lanes = [
            LoopLane(self, number, _page.words(page, number), limits, packers.pack, packers.serialize)
            for number in range(_page.lanes_of(page))
        ]

    # -- before the first call ----------------------------------------------------

    def add(self, spec: ToolSpec, adapter: Any) -> None:
        """Makes a tool of the adapter callable. What is bound returns something to await."""
        call = getattr(adapter, spec.attribute)
        if spec.is_async:
            call = self._on_loop(call)
        elif spec.thread_sensitive:
            call = self._at_once(call)
        else:
            call = self._on_thread(call, spec.interrupt)
        if spec.alone:
            call = self._in_turn(call)
        self.tools[spec.number] = bind(spec, call)

    def meddle(
        self,
        around: Callable[[Callable[..., Any]], Callable[..., Any]],
        pack: Callable[[Callable[[Any], R]], Callable[[Any], R]],
    ) -> None:
        """Puts something around each tool, but for the probe, and around what packs finals."""
        for number, tool in self.tools.items():
            if number != PROBE:
                self.tools[number] = tool._replace(call=around(tool.call))
        self._pack = pack(self._pack)

    def after_fork(self) -> None:
        """In a process that a tool has forked."""
        self.forked = True
        for lane in self.lanes:
            lane.forked = True
            lane.threads.after_fork()
        # What runs next on the loop, also before callbacks and tasks that the bridge has not made.
        try:
            leave = asyncio.Handle(self.leave_if_forked, [], self.loop)
            getattr(self.loop, "_ready").appendleft(leave)
        except AttributeError:  # a loop of another make: it ends where the bridge's own code comes next
            self.loop.call_soon(self.leave_if_forked)

    # -- the loop -------------------------------------------------------------------

    def serve(self) -> None:
        """Runs calls until `stop`, and a little longer."""
        self._serving = True
        while not self._ended:
            try:
                self.loop.run_forever()
                self.leave_if_forked()  # its code has stopped the loop
            except BaseException as error:  # a task that a tool has made raised SystemExit: it is the task's
                if self.forked:
                    leave_fork(error)
        self._serving = False
        self._out.put(None)

    def converse(self, messages: Iterable[Any]) -> Iterator[R]:
        """Runs the calls of the messages; the finals that are to be sent, until the end. One thread."""
        threading.Thread(
            target=self._read, args=(messages,), name="snakepit-read", daemon=True
        ).start()
        return self.finals()

    def _read(self, messages: Iterable[Any]) -> None:
        try:
            for message in messages:
                self.feed(list(message.others) or [message])
        except Exception:
            pass  # the end of the stream, too

    def feed(self, batches: List[Any]) -> None:
        """Gives the lanes their calls. Any thread."""
        self.loop.call_soon_threadsafe(self._accept, batches, monotonic_ns())

    def finals(self) -> Iterator[R]:
        """What is to be sent, until the end. One thread."""
        while True:
            gathered = Gathered()
            for x in self._take():
                if gathered.size and (x is None or x.run_us < 0 or gathered.bytes >= MOST_BYTES):
                    yield self._pack(gathered)
                    gathered = Gathered()
                if x is None:
                    return
                if x.run_us < 0:
                    yield self._report(x)
                else:
                    gathered.add(x)
            if gathered.size:
                yield self._pack(gathered)

    def _take(self) -> List[Optional[Final]]:
        """What has been made and not been sent; waits for the first."""
        taken = [self._out.get()]
        try:
            while len(taken) < MOST_FINALS:
                taken.append(self._out.get_nowait())
        except Empty:
            pass
        return taken

    def _report(self, x: Final) -> R:
        finals = Gathered()
        finals.lanes, finals.revoked_from = [x.lane], x.seq
        return self._pack(finals)

    def press(self) -> None:
        """A signal has come that may mean a call. On the watch thread."""
        for lane in list(self.busy):
            if lane.visit is not None:
                lane.threads.press()
        self.interrupts.press()

    def stop(self) -> None:
        """No further call is begun; `serve` returns when those that run have ended or had their time.
        Any thread."""
        self.stopping = True
        self.loop.call_soon_threadsafe(self._stop_later)

    def write_stacks(self, fd: int) -> None:
        """Where the coroutines of calls stand that are not being executed. Any thread."""
        _loop_stacks.write(fd, self._stacks())

    def _stacks(self) -> Iterator[str]:
        lanes = sorted(list(self.busy), key=lambda lane: not lane.is_wanted_off())
        for lane in lanes[: _loop_stacks.MOST_CALLS]:
            yield lane.stack()

    def send(self, x: Final) -> None:
        """The end of a call, or a report. Any thread."""
        self._out.put(x)

    def look_after_streams(self, now: int) -> None:
        """Puts stdout and stderr back if a tool broke them; looks once a millisecond at most."""
        if now >= self._look_at:
            self._look_at = now + LOOK_NS
            if not self._stdio.is_well():
                self._stdio.mend()

    def note_end(self, lane: "LoopLane[R]") -> None:
        """The lane has no call any more."""
        self.busy.discard(lane)
        if self.stopping and not self.busy:
            self._stop_now()

    def leave_if_forked(self) -> None:
        """On the loop: in the child of a fork it would run what is the parent's a second time."""
        if self.forked:
            leave_fork(RuntimeError("the child of os.fork() must not go on with the event loop of its pool"))

    def _accept(self, batches: List[Any], received: int) -> None:
        self.leave_if_forked()
        try:
            for batch in batches:
                self.lanes[batch.lane].accept(batch, received)
        except BaseException:
            self.crash()

    def _cancel_wanted(self) -> None:
        self.leave_if_forked()
        for lane in list(self.busy):
            lane.cancel_if_wanted()

    def _stop_later(self) -> None:
        if self.busy:
            self.loop.call_later(self._patience(), self._stop_now)
        else:
            self._stop_now()

    def _stop_now(self) -> None:
        if not self._ended:
            self._ended = True
            if self._serving:  # else it is a hook of the adapter's that is being run
                self.loop.stop()

    # -- where tools run --------------------------------------------------------------

    def _on_loop(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def on_loop(**arguments: Any) -> Any:
            lane = _lane_here()
            lane.coroutine = made = call(**arguments)
            return Step(made, lane.words, self) if asyncio.iscoroutine(made) else made

        return on_loop

    def _at_once(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        async def at_once(**arguments: Any) -> Any:
            self.leave_if_forked()
            return run_step(call, arguments, _lane_here().words, self)

        return keep_out(at_once)

    def _on_thread(self, call: Callable[..., Any], interrupt: bool) -> Callable[..., Any]:
        @functools.wraps(call)
        async def on_thread(**arguments: Any) -> Any:
            self.leave_if_forked()
            if self._threads is None:
                most = min(len(self.lanes), MOST_THREADS)
                self._threads = ThreadPoolExecutor(most, thread_name_prefix="snakepit-tool")
            return await _lane_here().visit_thread(self._threads, call, arguments, interrupt)

        return keep_out(on_thread)

    def _in_turn(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        async def in_turn(**arguments: Any) -> Any:
            if self._turn is None:
                self._turn = asyncio.Lock()
            begun = monotonic_ns()
            async with self._turn:
                _lane_here().waited += monotonic_ns() - begun
                return await call(**arguments)

        return keep_out(in_turn)


def _lane_here() -> LoopLane[Any]:
    """The lane of the call that runs here."""
    call = running.get()
    assert call is not None
    lane: LoopLane[Any] = call.lane
    return lane
