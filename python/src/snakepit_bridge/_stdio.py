"""Keeps stdout and stderr usable whatever a tool does to them."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
from typing import Any, Dict, List, TextIO, Tuple

#: Duplicates live above the descriptors that programs expect to get.
_LOWEST_DUPLICATE = 64


def _identity(fd: int) -> Tuple[int, int]:
    found = os.fstat(fd)
    return found.st_dev, found.st_ino


class Stdio:
    """Duplicates of descriptors 1 and 2, and the two text streams on them.

    A closed or replaced stream or descriptor is put back by `mend`. Whatever a program does to
    `sys.stdout` before `accept` is taken as its wish.
    """

    def __init__(self) -> None:
        self._saved: Dict[int, int] = {}
        self._identities: Dict[int, Tuple[int, int]] = {}
        for fd in (1, 2):
            try:
                self._saved[fd] = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _LOWEST_DUPLICATE)
                self._identities[fd] = _identity(fd)
            except OSError:
                continue  # it was closed from the beginning
        self._mending = threading.Lock()
        self._wanted: List[Any] = [self._adopt(sys.stdout, 1), self._adopt(sys.stderr, 2)]
        sys.stdout, sys.stderr = self._wanted

    def _adopt(self, stream: Any, fd: int) -> Any:
        """Python's own stream, but in lines, and without a character that it cannot write."""
        if stream is None:
            return self._open(fd)
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
        return stream

    def _open(self, fd: int) -> TextIO:
        """A text stream of our own on a descriptor; closing it does not close the descriptor."""
        return open(
            fd,
            "w",
            buffering=1,
            encoding="utf-8",
            errors="backslashreplace",
            closefd=False,
        )

    @property
    def stderr_duplicate(self) -> int:
        """For those who write when all else is broken."""
        return self._saved.get(2, 2)

    def accept(self) -> None:
        """Takes what stands in `sys` now as what has to be there."""
        for index, stream in enumerate((sys.stdout, sys.stderr)):
            if stream is not None and not getattr(stream, "closed", True):
                self._wanted[index] = stream

    def is_well(self) -> bool:
        """Whether there is nothing to mend, as far as can be said in a quarter of a microsecond."""
        out, err = self._wanted
        try:
            os.get_inheritable(1)
            os.get_inheritable(2)
            return (
                sys.stdout is out and sys.stderr is err and not out.closed and not err.closed
            )
        except (OSError, AttributeError):
            return False

    def mend(self) -> None:
        """Puts back what was closed or replaced. Any thread, but not in a signal's handler."""
        with self._mending:
            for fd, saved in self._saved.items():
                try:
                    if _identity(fd) == self._identities[fd]:
                        continue
                except OSError:
                    pass
                os.dup2(saved, fd)
            for index in (0, 1):
                if self._wanted[index].closed:
                    self._wanted[index] = self._open(index + 1)
            sys.stdout, sys.stderr = self._wanted

    def flush(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                continue  # closed, or nobody reads it any more
