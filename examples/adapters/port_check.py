"""Tools that mostly wait, for a pool whose workers run many calls at the same time:

    seq 8000 8100 | snakepit map examples/adapters/port_check.py is_open -n 1 --profile thread --lanes 32
"""

import socket
import threading

from snakepit_bridge import ThreadSafeAdapter, tool


class PortCheck(ThreadSafeAdapter):
    def initialize(self) -> None:
        self.found = set()
        self.lock = threading.Lock()

    @tool
    def is_open(self, port: int, host: str = "127.0.0.1", timeout: float = 2.0) -> bool:
        """Whether something listens there. Many of these wait at the same time."""
        try:
            socket.create_connection((host, port), timeout).close()
        except OSError:
            return False
        with self.lock:  # what lanes share needs a lock ...
            self.found.add((host, port))
        return True

    @tool(thread_safe=False)
    def report(self, path: str) -> int:
        """Writes what was found. ... or the tool says so: two reports never overlap."""
        with self.lock:
            lines = [f"{host}:{port}\n" for host, port in sorted(self.found)]
        with open(path, "w") as file:
            file.writelines(lines)
        return len(lines)
