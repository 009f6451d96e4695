"""Versions of the package and of the protocol; `actors/` has the same."""

from __future__ import annotations

__version__ = "0.1.0"

PROTOCOL_MAJOR = 1
PROTOCOL_MINOR = 0
