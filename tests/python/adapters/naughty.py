"""Tools that do to the process what tools should not."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time

from snakepit_bridge import Adapter, tool


class Naughty(Adapter):
    @tool
    def ok(self, x: int = 1) -> int:
        return x

    @tool
    def say(self, text: str, err: bool = False) -> None:
        print(text, file=sys.stderr if err else sys.stdout)

    @tool
    def close_stream(self, name: str):
        getattr(sys, name).close()

    @tool
    def close_fd(self, fd: int):
        os.close(fd)

    @tool
    def close_all(self):
        os.closerange(0, 1000)

    @tool
    def close_fd_and_open_a_file(self, fd: int):
        os.close(fd)
        self.file = open(os.devnull, "w")
        return self.file.fileno()

    @tool
    def replace_stream(self, name: str):
        setattr(sys, name, None)

    @tool
    def redirect(self, fd: int):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, fd)
        os.close(null)

    @tool
    def write_to_fd(self, fd: int, text: str):
        os.write(fd, text.encode())

    @tool
    def from_child(self, text: str):
        subprocess.run(["echo", text], check=True)

    @tool
    def leave_now(self, code: int):
        os._exit(code)

    @tool
    def crash(self, number: int):
        os.kill(os.getpid(), number)
        time.sleep(60)

    @tool
    def fork_and_come_back(self, how: str):
        pid = os.fork()
        if pid == 0:
            if how == "exit":
                sys.exit(7)
            if how == "raise":
                raise ValueError("in the child")
            return "from the child"
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    @tool
    def leave_thread(self):
        threading.Thread(target=time.sleep, args=(60,)).start()

    @tool
    def signal_itself(self, name: str):
        os.kill(os.getpid(), getattr(signal, name))
        return "still here"

    @tool
    def log(self, text: str):
        logging.getLogger("x").info(text)
        return logging.getLogger().level

    @tool
    def exhaust_descriptors(self):
        held = []
        try:
            while True:
                held.append(os.dup(0))
        except OSError:
            return len(held) > 3
        finally:
            for fd in held:
                os.close(fd)

    @tool
    def big(self, size: int):
        return "x" * size

    @tool
    def change_directory(self, path: str):
        os.chdir(path)
