"""Tools that end their worker, at times."""

import os

from snakepit_bridge import current, tool


@tool(idempotent=True)
def die_before(run: int) -> int:
    """Ends its worker before that run of the call; the number of the run that came through."""
    attempt = current().attempt
    if attempt < run:
        os.abort()
    return attempt


@tool
def die_once(run: int) -> int:
    """The same, but running it twice may do harm."""
    return die_before(run)


@tool(idempotent=True)
def die() -> None:
    os._exit(7)
