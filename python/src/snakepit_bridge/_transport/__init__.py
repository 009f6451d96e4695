"""The way between worker and host.

`grpc_sync` is the one transport there is; the rest of the package talks to it through the names here
and imports it in one place, so that a native one can take its place.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple, Protocol, Union

from .._errors import Failure
from .._lane import Limits
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
    limits: Limits


class Greeting(NamedTuple):
    """The answer of a worker that has started: `snakepit.worker.v1.HelloReply`."""

    pid: int
    start_time: int
    python_version: str
    libraries: Dict[str, str]
    adapter: str
    tools: List[ToolSpec]
    features: List[str]


class Service(Protocol):
    """What a transport serves."""

    def may_enter(self, token: bytes) -> bool:
        """Whether a stream with this token is our host's. Any thread."""

    def hello(self, hello: Hello) -> Union[Greeting, Failure]:
        """Main thread, once."""

    def run(self, batch: Any) -> Iterator[Any]:
        """Runs a batch on the main thread. Each value, made by `pack`, is sent before the next is
        asked for."""

    def is_stopping(self) -> bool:
        """Whether no further batch is to be run. Any thread."""

    def shutdown(self, grace: float) -> None:
        """The host wants the worker's end within so many seconds. Any thread."""

    def set_log_level(self, level: str) -> None:
        """Any thread."""

    def stream_ended(self) -> None:
        """A stream is over. Any thread."""
