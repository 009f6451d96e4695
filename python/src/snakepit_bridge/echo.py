"""An adapter that only answers: for `snakepit bench`, and to try a pool without code of one's own."""

from __future__ import annotations

from typing import Any

from .adapter import tool

thread_safe = True


@tool(idempotent=True)
def echo(x: Any) -> Any:
    """Returns what it gets."""
    return x
