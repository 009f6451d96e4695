"""`python -m snakepit_bridge check`: what an adapter offers, and what may go wrong with it."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from typing import Any, Dict, List

from . import _loader
from ._errors import BridgeError
from ._tools import ToolSpec


def report(spec: str) -> Dict[str, Any]:
    """Loads an adapter, without making or initializing it. Raises BridgeError."""
    threads_before = threading.active_count()
    with contextlib.redirect_stdout(sys.stderr):  # what the adapter prints is no part of the report
        loaded = _loader.load(spec)
    started = threading.active_count() - threads_before
    notes = []
    if started > 0:
        notes.append(f"its import starts {started} thread(s); do that in initialize")
    return {
        "adapter": loaded.name,
        "thread_safe": loaded.thread_safe,
        "tools": [_tool(tool) for tool in loaded.tools],
        "pitfalls": notes,
    }


def _tool(tool: ToolSpec) -> Dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "schema": tool.schema,
        "raw": tool.raw,
        "idempotent": tool.idempotent,
        "interrupt": tool.interrupt,
        "thread_safe": not tool.alone,
        "thread_sensitive": tool.thread_sensitive,
        "async": tool.is_async,
        "batch": tool.batch
        and {"max_size": tool.batch.max_size, "max_delay_us": tool.batch.max_delay_us},
        "pitfalls": tool.notes,
    }


def as_text(found: Dict[str, Any]) -> str:
    safe = ", thread safe" if found["thread_safe"] else ""
    lines = [f"{found['adapter']}: {len(found['tools'])} tool(s){safe}"]
    lines += [f"  pitfall: {note}" for note in found["pitfalls"]]
    for tool in found["tools"]:
        flags = [x for x in ("raw", "idempotent", "async") if tool[x]]
        flags += [] if tool["interrupt"] else ["not interrupted"]
        flags += [] if tool["thread_safe"] else ["one at a time"]
        flags += ["on the main thread"] if tool["thread_sensitive"] else []
        if tool["batch"]:
            delay = tool["batch"]["max_delay_us"] / 1000
            flags.append(f"up to {tool['batch']['max_size']} calls at once, within {delay:g}ms")
        lines += ["", f"{tool['name']}{' (' + ', '.join(flags) + ')' if flags else ''}"]
        if tool["description"]:
            lines.append(f"  {tool['description']}")
        lines += _parameters(tool["schema"])
        lines += [f"  pitfall: {note}" for note in tool["pitfalls"]]
    return "\n".join(lines)


def _parameters(schema: Dict[str, Any]) -> List[str]:
    lines = []
    for name, rule in schema["properties"].items():
        must = "" if name in schema.get("required", ()) else ", optional"
        lines.append(f"  {name}{must}: {json.dumps(rule, ensure_ascii=False)}")
    if schema.get("additionalProperties"):
        lines.append("  and any others")
    return lines


def main(spec: str, as_json: bool) -> int:
    """Prints the report; 0, or 1 if the adapter cannot be loaded."""
    try:
        found = report(spec)
    except BridgeError as error:
        failure = error.failure
        if as_json:
            what = {
                "category": failure.category,
                "reason": failure.reason,
                "message": failure.message,
                "details": failure.details,
            }
            print(json.dumps({"error": what}))
        else:
            print(f"error: {failure.message}", file=sys.stderr)
        return 1
    print(json.dumps(found) if as_json else as_text(found))
    return 0
