"""What workers with limits are asked."""

import os
import resource

from snakepit_bridge import tool


@tool
def whoami():
    return {
        "user": os.getuid(),
        "group": os.getgid(),
        "home": os.environ.get("HOME", ""),
        "name": os.environ.get("USER", ""),
        "files": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "parent": os.getppid(),
    }


@tool
def allocate(size: int) -> int:
    return len(bytearray(size))


@tool(interrupt=False)
def burn():
    while True:
        pass
