"""The worker process: `python -m snakepit_bridge.worker`, started by a Snakepit host.

Threads: the main thread loads the adapter and runs the tools; a thread of grpcio answers the control
stream; one watches the side socket, whose end is the host's end, and the signals. In a pool of profile
`thread` each lane runs its tools on a thread of grpcio, and the main thread those that want it. In one of
profile `async` the main thread runs an event loop with the calls of all lanes.
"""

from __future__ import annotations

import _thread
import inspect
import logging
import os
import signal
import socket
import sys
import threading
from hmac import compare_digest
from types import FrameType
from typing import Any, Iterator, List, NoReturn, Optional, Union

from . import _inheritance, _loader, _page, _process, _refusal, _shortage, _stacks
from ._async import LaneLoop
from ._ending import Ending
from ._errors import BridgeError, Failure, fit
from ._inheritance import Inheritance, InheritanceError
from ._lane import Lane
from ._loop_lanes import LoopLanes, Packers
from ._stdio import Stdio
from ._thread_lane import MainThread, ThreadLane
from ._transport import Greeting, Hello, TransportError
from ._version import PROTOCOL_MAJOR, __version__
from ._watch import NUDGE, Watch

INTERRUPT_SIGNAL = signal.SIGRTMIN + 1
TERM_GRACE = 1.0
#: Between threads that all run Python: one that waits for a signal's or a lane's turn gets it soon.
SWITCH_INTERVAL = 0.001


class Worker:
    """Serves one host: the `Service` of a transport."""

    def __init__(
        self, inherited: Inheritance, stdio: Stdio, ending: Ending, forked: bool = False
    ) -> None:
        self._inherited = inherited
        self._stdio = stdio
        self._ending = ending
        self._forked = forked
        self._greeted = False
        self._lanes: List[Lane[Any]] = []
        self._threads: List[ThreadLane[Any]] = []
        self._loop_lanes: Optional[LoopLanes[Any]] = None
        self._hooks_loop: Optional[LaneLoop] = None
        self._adapter: Any = None
        self._transport: Any = None

    @property
    def lanes(self) -> int:
        return _page.lanes_of(self._inherited.page)

    @property
    def has_threads(self) -> bool:
        return bool(self._threads)

    @property
    def loop_lanes(self) -> Optional[LoopLanes[Any]]:
        return self._loop_lanes

    def serve(self) -> NoReturn:
        """Listens, works until the end, and ends the process."""
        # Whatever imports grpcio or protobuf is imported here, so that their absence can be told.
        from ._transport import grpc_sync

        self._transport = grpc_sync.GrpcTransport(self)
        self._transport.listen(self._inherited.socket_path)
        os.close(_inheritance.FOLDER_FD)
        self._inherited.side.send(b"listening")
        if not self._transport.run():
            self._ending.refuse()
        self._ending.finish(self._cleanup)

    def may_enter(self, token: bytes) -> bool:
        return self._greeted and compare_digest(token, self._inherited.token)

    def hello(self, hello: Hello) -> Union[Greeting, Failure]:
        try:
            self._check(hello)
            greeting = self._load(hello)
        except BridgeError as error:
            self._ending.say_start_error(error.failure.message, error.__cause__)
            return error.failure
        except BaseException as error:
            self._ending.say_start_error("the start failed", error)
            return Failure("internal", fit(f"the worker's start failed: {error!r}"))
        self._greeted = True
        return greeting

    def _check(self, hello: Hello) -> None:
        if not compare_digest(hello.token, self._inherited.token):
            _refuse("protocol_error", "Hello came with a token that is not this worker's", "token")
        if hello.protocol_major != PROTOCOL_MAJOR:
            _refuse(
                "protocol_error",
                f"the host speaks protocol {hello.protocol_major}, this bridge {PROTOCOL_MAJOR}",
                "version",
            )
        if hello.version != __version__:
            _refuse(
                "worker_start_failed",
                f"the host is version {hello.version}, snakepit_bridge in"
                f" {os.path.dirname(__file__)} is {__version__}; they must be the same",
                "version",
            )
        if hello.lanes != 1 and not hello.threads and not hello.on_loop:
            text = f"a worker without threads has one lane, not {hello.lanes}"
            _refuse("protocol_error", text, "lanes")
        if hello.lanes != self.lanes:
            text = f"the host wants {hello.lanes} lanes, its page is for {self.lanes}"
            _refuse("protocol_error", text, "lanes")

    def _load(self, hello: Hello) -> Greeting:
        if hello.on_loop:
            loop = self._make_loop(hello)
        else:
            loop = self._make_threads(hello) if hello.threads else self._make_lane(hello)
        spec = hello.adapter
        loaded = _loader.load(spec)
        if hello.threads and not loaded.thread_safe:
            _loader.fail_unsafe(spec, loaded)
        if hello.on_loop:
            _loader.check_for_loop(spec, loaded)
        adapter = _loader.make(spec, loaded)
        if self._forked:
            _loader.call_hook(spec, adapter, "after_fork", loop.run)
        _loader.call_hook(spec, adapter, "initialize", loop.run)
        all_lanes: List[Any] = [self._loop_lanes] if self._loop_lanes else [*self._lanes]
        for lane in all_lanes:
            for tool in loaded.tools:
                lane.add(tool, adapter)
            if hello.chaos is not None:
                hello.chaos.enter(lane, self._inherited.socket_path)
            os.register_at_fork(after_in_child=lane.after_fork)
        self._stdio.accept()
        self._stdio.mend()
        self._adapter, self._hooks_loop = adapter, loop
        return Greeting(
            pid=os.getpid(),
            start_time=_process.start_time(),
            python_version=".".join(map(str, sys.version_info[:3])),
            libraries=_loader.libraries(),
            adapter=loaded.name,
            lanes=self.lanes,
            tools=loaded.tools,
            features=["membarrier"] if _page.register_barrier() else [],
        )

    def _make_lane(self, hello: Hello) -> LaneLoop:
        """The lane of a worker that has one, on the main thread; the loop for the adapter's hooks."""
        from ._transport.messages import results_of, serialize

        words, stdio = _page.words(self._inherited.page, 0), self._stdio
        lane = Lane(words, hello.limits, results_of, serialize, stdio.is_well, stdio.mend)
        lane.install(INTERRUPT_SIGNAL)
        self._lanes = [lane]
        return lane.loop

    def _make_threads(self, hello: Hello) -> LaneLoop:
        """The lanes of a worker that has threads for them."""
        from ._transport.messages import results_of, serialize

        sys.setswitchinterval(SWITCH_INTERVAL)
        page, stdio, turn = self._inherited.page, self._stdio, threading.Lock()
        main = MainThread(self._transport.post, _page.words(page, 0))
        main.install(INTERRUPT_SIGNAL)
        self._threads = [
            ThreadLane(
                _page.words(page, number),
                main,
                turn,
                hello.limits,
                results_of,
                serialize,
                stdio.is_well,
                stdio.mend,
            )
            for number in range(self.lanes)
        ]
        self._lanes = list(self._threads)
        return main.loop

    def _make_loop(self, hello: Hello) -> LaneLoop:
        """The lanes of a worker that has them on one event loop."""
        from ._transport.messages import gathered_of, results_of, serialize

        sys.setswitchinterval(SWITCH_INTERVAL)
        packers = Packers(results_of, gathered_of, serialize)
        lanes: LoopLanes[Any] = LoopLanes(self._inherited.page, hello.limits, packers, self._stdio, self._ending)
        lanes.interrupts.install(INTERRUPT_SIGNAL, NUDGE)
        _stacks.also(lanes.write_stacks)
        self._loop_lanes = lanes
        return lanes.hooks

    def run(self, lane: int, batch: Any) -> Iterator[Any]:
        try:
            yield from self._lanes[lane].run(batch)
        except GeneratorExit:
            raise
        except BaseException:
            self._ending.crash()

    def is_stopping(self) -> bool:
        return self._ending.is_stopping

    def patience(self) -> float:
        return self._ending.patience()

    def press(self) -> None:
        """A signal has come that may mean a call on a thread. On the watch thread."""
        for lane in self._threads:
            lane.threads.press()
        if self._loop_lanes is not None:
            self._loop_lanes.press()

    def shutdown(self, grace: float) -> None:
        if self._ending.begin(grace):
            for lane in self._lanes:
                lane.stopping = True
            if self._loop_lanes is not None:
                self._loop_lanes.stop()
            if self._transport is not None:
                self._transport.wake()

    def set_log_level(self, level: str) -> None:
        number = logging.getLevelName(level.upper())
        if isinstance(number, int):
            logging.getLogger().setLevel(number)

    def stream_ended(self) -> None:
        if not self._ending.is_stopping:
            self._ending.at_once()

    def _cleanup(self) -> None:
        hook = getattr(self._adapter, "cleanup", None)
        if hook is None or self._hooks_loop is None:
            return
        self._stdio.mend()
        result = hook()
        if inspect.iscoroutine(result):
            self._hooks_loop.run(result)

    def on_term(self, _number: int, _frame: Optional[FrameType]) -> None:
        # On another thread: this one may be anywhere, and hold any lock.
        try:
            _thread.start_new_thread(self.shutdown, (TERM_GRACE,))
        except RuntimeError:  # there can be no more threads
            self._ending.at_once()


def _refuse(reason: str, text: str, phase: str) -> NoReturn:
    raise BridgeError(Failure(reason, text, {"phase": phase}, None, False))


def _ignore(_number: int, _frame: Optional[FrameType]) -> None:
    """Not SIG_IGN, which programs started by a tool would inherit."""


def _give_up(side: Optional[socket.socket], ending: Ending, failure: Failure) -> NoReturn:
    ending.say_start_error(failure.message, None)
    if side is not None:
        try:
            side.send(b"refused " + _refusal.serialize(failure))
        except OSError:
            pass  # then stderr has to do
    ending.refuse()


def _start_failure(phase: str, text: str) -> Failure:
    return Failure("worker_start_failed", fit(text), {"phase": phase}, None, False)


def _take_stacks() -> None:
    try:
        _stacks.install(_inheritance.STACKS_FD)
    except OSError as error:
        text = f"descriptor {_inheritance.STACKS_FD} is no file for stacks ({error.strerror})"
        raise InheritanceError(text) from None


def main(forked: bool = False) -> NoReturn:
    stdio = Stdio()
    ending = Ending(stdio)
    side: Optional[socket.socket] = None
    python = f"{sys.executable} (Python {sys.version.split()[0]})"
    try:
        side = _inheritance.take_side_socket()
        _take_stacks()
        inherited = _inheritance.take(side)
        worker = Worker(inherited, stdio, ending, forked)
        _shortage.watch(lambda: _give_up(side, ending, _shortage.NO_THREADS))
        # The default of the interrupt signal ends the process.
        signal.signal(INTERRUPT_SIGNAL, _ignore)
        signal.signal(signal.SIGINT, _ignore)
        signal.signal(signal.SIGTERM, worker.on_term)
        urgent = frozenset((INTERRUPT_SIGNAL, signal.SIGTERM))
        Watch(side, urgent, ending.at_once, worker.press).start()
        worker.serve()
    except InheritanceError as error:
        _give_up(side, ending, _start_failure("inherit", str(error)))
    except TransportError as error:
        _give_up(side, ending, _start_failure("listen", str(error)))
    except ImportError as error:
        text = f"{python} cannot import grpcio and protobuf: {error}"
        _give_up(side, ending, _start_failure("grpc", text))
    except BaseException as error:
        if _shortage.lacks_threads(error):
            _give_up(side, ending, _shortage.NO_THREADS)
        ending.crash()


if __name__ == "__main__":
    main()
