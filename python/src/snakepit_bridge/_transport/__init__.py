"""The way between worker and host.

`grpc_sync` is the one transport there is; the rest of the package talks to it through the names here
and imports it in one place, so that a native one can take its place.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Protocol, Union

from .._chaos import Chaos
from .._errors import Failure
from .._lane import Limits
from .._loop_lanes import LoopLanes
from .._tools import ToolSpec


class TransportError(Exception):
    """The transport cannot work here; the text says why."""


class Hello(NamedTuple):
    """What the host says first: `snakepit.worker.v1.HelloRequest`."""

    token: bytes
    protocol_major: int
    version: str
    adapter: str
    lanes: int
    #: Whether each lane has a thread of its own; else there is one, on the main thread.
    threads: bool
    limits: Limits
    #: Whether all lanes are on one event loop, on the main thread, and share one stream.
    on_loop: bool = False
    #: Faults to make on purpose; None: the worker does as well as it can.
    chaos: Optional[Chaos] = None


class Greeting(NamedTuple):
    """The answer of a worker that has started: `snakepit.worker.v1.HelloReply`."""

    pid: int
    start_time: int
    python_version: str
    libraries: Dict[str, str]
    adapter: str
    lanes: int
    tools: List[ToolSpec]
    features: List[str]


class Service(Protocol):
    """What a transport serves."""

    @property
    def lanes(self) -> int:
        """How many lanes the host will open. From the beginning."""

    @property
    def has_threads(self) -> bool:
        """Whether each lane runs on a thread of its own. From Hello on."""

    @property
    def loop_lanes(self) -> Optional[LoopLanes[Any]]:
        """The lanes that share one event loop and one stream, if they do. From Hello on."""

    def may_enter(self, token: bytes) -> bool:
        """Whether a stream with this token is our host's. Any thread."""

    def hello(self, hello: Hello) -> Union[Greeting, Failure]:
        """Main thread, once."""

    def run(self, lane: int, batch: Any) -> Iterator[Any]:
        """Runs a batch, on the main thread or on the one thread that the lane has. Each value, made
        by `pack`, is sent before the next is asked for."""

    def is_stopping(self) -> bool:
        """Whether no further batch is to be run. Any thread."""

    def patience(self) -> float:
        """Once it stops: for how many more seconds lanes on other threads may go on."""

    def shutdown(self, grace: float) -> None:
        """The host wants the worker's end within so many seconds. Any thread."""

    def set_log_level(self, level: str) -> None:
        """Any thread."""

    def stream_ended(self) -> None:
        """A stream is over. Any thread."""
