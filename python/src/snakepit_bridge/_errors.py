"""Failures as plain values, and how an exception becomes one.

Nothing here may fail because of what an exception contains: its `__str__` may raise, give megabytes or
no valid text, and there may be hardly any memory or stack left.
"""

from __future__ import annotations

import linecache
import os
import traceback
from types import TracebackType
from typing import Dict, List, NamedTuple, Optional

from ._reasons import REASONS

MAX_TEXT = 8192
MAX_LINE = 512
MAX_FRAMES = 64
MAX_CAUSES = 8

_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Frame(NamedTuple):
    file: str
    line: int
    function: str
    text: str


class PythonFailure(NamedTuple):
    """An exception: `snakepit.worker.v1.PythonError`."""

    type: str
    message: str
    frames: List[Frame]
    cause: Optional["PythonFailure"]


class Failure(NamedTuple):
    """One error: `snakepit.worker.v1.Error`."""

    reason: str
    message: str
    details: Dict[str, str] = {}
    python: Optional[PythonFailure] = None
    #: Set where it is known better than by the reason.
    retry: Optional[bool] = None

    @property
    def category(self) -> str:
        return REASONS[self.reason][0]

    @property
    def retryable(self) -> bool:
        return REASONS[self.reason][1] == "always" if self.retry is None else self.retry


class BridgeError(Exception):
    """Carries a `Failure` to where it is reported."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def fit(text: str, limit: int = MAX_TEXT) -> str:
    """The text, cut if it is too long, without what UTF-8 cannot hold."""
    if len(text) > limit:
        text = text[:limit] + "..."
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def type_name(kind: type) -> str:
    """Qualified name of a class; without the module for built-in ones."""
    try:
        module, name = str(kind.__module__), str(kind.__qualname__)
    except BaseException:
        return "unknown"
    return fit(name if module in ("builtins", "__main__") else f"{module}.{name}", MAX_LINE)


def _message(error: BaseException) -> str:
    try:
        return fit(str(error))
    except BaseException as second:
        return f"<its __str__ raised {type_name(type(second))}>"


def _frames(tb: Optional[TracebackType]) -> List[Frame]:
    places = []
    for frame, line in traceback.walk_tb(tb):
        code = frame.f_code
        if not code.co_filename.startswith(_OWN_FOLDER):
            places.append((code.co_filename, line or 0, code.co_name, frame.f_globals))
    half = MAX_FRAMES // 2
    if len(places) > MAX_FRAMES:
        places = places[:half] + places[-half:]
    frames = []
    for file in {place[0] for place in places}:
        linecache.checkcache(file)
    for file, line, function, module_globals in places:
        try:
            text = linecache.getline(file, line, module_globals).strip()
        except BaseException:
            text = ""
        frames.append(
            Frame(fit(file, MAX_LINE), line, fit(function, MAX_LINE), fit(text, MAX_LINE))
        )
    return frames


def _next(error: BaseException) -> Optional[BaseException]:
    if error.__cause__ is not None:
        return error.__cause__
    return None if error.__suppress_context__ else error.__context__


def chain(error: BaseException) -> List[BaseException]:
    """The exception and what caused it, bounded, each once."""
    found: List[BaseException] = []
    following: Optional[BaseException] = error
    while following is not None and len(found) < MAX_CAUSES:
        if any(following is known for known in found):
            break
        found.append(following)
        following = _next(following)
    return found


def describe(error: BaseException) -> PythonFailure:
    """An exception with its frames and causes; frames of this package are left out."""
    described: Optional[PythonFailure] = None
    for one in reversed(chain(error)):
        described = PythonFailure(
            type_name(type(one)), _message(one), _frames(one.__traceback__), described
        )
    assert described is not None
    return described


def of_exception(error: BaseException) -> Failure:
    """The failure `python_exception` for what a tool raised."""
    try:
        python = describe(error)
    except BaseException:
        # Out of memory or stack: a failure without frames is better than none.
        python = PythonFailure(type_name(type(error)), "", [], None)
    text = f"{python.type}: {python.message}" if python.message else python.type
    return Failure("python_exception", text, {}, python)
