"""Tools that want more than a worker may have."""

import os
import resource

from snakepit_bridge import tool


@tool
def limits():
    kinds = {"data": resource.RLIMIT_DATA, "files": resource.RLIMIT_NOFILE}
    kinds |= {"cpu": resource.RLIMIT_CPU, "core": resource.RLIMIT_CORE}
    return {name: resource.getrlimit(kind) for name, kind in kinds.items()}


@tool
def nice():
    return os.nice(0)


@tool
def allocate(size: int):
    return len(bytearray(size))


@tool
def open_many(count: int):
    opened = []
    try:
        while len(opened) < count:
            opened.append(os.open("/dev/null", os.O_RDONLY))
        return len(opened)
    finally:
        for fd in opened:
            os.close(fd)


@tool(interrupt=False)
def burn():
    while True:
        pass


@tool
def privileges():
    with open("/proc/self/status") as file:
        return next(line.split()[1] for line in file if line.startswith("NoNewPrivs"))
