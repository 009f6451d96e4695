"""Runs Python functions ("tools") for C++ programs, in worker processes of Snakepit.

An adapter is a class with tools, or a plain module of functions::

    from snakepit_bridge import Adapter, tool

    class Greeter(Adapter):
        @tool
        def greet(self, name: str) -> str:
            return f"hello {name}"
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 9):
    raise ImportError(f"snakepit_bridge needs Python 3.9 or later, this is {sys.version.split()[0]}")

from ._version import __version__
from .adapter import Adapter, BaseAdapter, ThreadSafeAdapter, tool
from .codec import Marker
from .context import CallContext, Cancelled, current

__all__ = [
    "Adapter",
    "BaseAdapter",
    "CallContext",
    "Cancelled",
    "Marker",
    "ThreadSafeAdapter",
    "__version__",
    "current",
    "tool",
]
