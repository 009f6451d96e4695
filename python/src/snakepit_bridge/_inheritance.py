"""What the host leaves to a new worker: descriptors and environment. docs/wire.md, "Start"."""

from __future__ import annotations

import os
import socket
from typing import NamedTuple

from . import _page

SIDE_FD, PAGE_FD, LIFETIME_FD, TOKEN_FD, STACKS_FD, FOLDER_FD = 3, 4, 5, 6, 7, 8
DESCRIPTORS = 9
TOKEN_SIZE = 32


class InheritanceError(Exception):
    """Not started as a worker has to be; the text says what is wrong."""


class Inheritance(NamedTuple):
    side: socket.socket
    page: memoryview
    token: bytes
    socket_path: str


def take_side_socket() -> socket.socket:
    """Raises InheritanceError."""
    try:
        side = socket.socket(fileno=SIDE_FD)
    except OSError as error:
        raise InheritanceError(
            f"descriptor {SIDE_FD} is no socket ({error.strerror}); workers are started by a"
            " Snakepit host, not by hand"
        ) from None
    side.set_inheritable(False)
    return side


def take(side: socket.socket) -> Inheritance:
    """Takes over all that is left. Raises InheritanceError."""
    try:
        for fd in (PAGE_FD, TOKEN_FD, FOLDER_FD):
            os.set_inheritable(fd, False)
        os.set_inheritable(LIFETIME_FD, True)
        token = _read_token()
        page = _page.map_page(PAGE_FD)
        os.close(PAGE_FD)
    except (OSError, ValueError) as error:
        raise InheritanceError(f"a descriptor from the host is not what it should be: {error}")
    path = os.environ.get("SNAKEPIT_SOCKET", "")
    if not path:
        raise InheritanceError("SNAKEPIT_SOCKET is not set")
    return Inheritance(side, page, token, path)


def _read_token() -> bytes:
    with open(TOKEN_FD, "rb") as pipe:
        token = pipe.read(TOKEN_SIZE + 1)
    if len(token) != TOKEN_SIZE:
        raise ValueError(f"the token has {len(token)} bytes, not {TOKEN_SIZE}")
    return token
