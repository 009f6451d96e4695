"""Leaves children behind, in a session of their own, as a daemon would."""

import os
import subprocess
import time


def leave(count: int = 1) -> list:
    """Starts children that outlive the worker's group; their pids."""
    null = subprocess.DEVNULL
    command = ["sleep", "1000"]
    return [
        subprocess.Popen(command, start_new_session=True, stdin=null, stdout=null, stderr=null).pid
        for _ in range(count)
    ]


def leave_and_wait(path: str) -> None:
    """The same for one child, whose pid is in the file; then never ends."""
    pid = leave()[0]
    with open(path + ".new", "w") as file:
        file.write(f"{pid} {os.getpid()}")
    os.rename(path + ".new", path)
    time.sleep(1000)
