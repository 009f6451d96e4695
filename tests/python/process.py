"""A worker process as docs/wire.md wants it started, without gRPC."""

import contextlib
import mmap
import os
import pathlib
import secrets
import select
import signal
import socket
import sys
import tempfile
import threading
import time
from fcntl import F_ADD_SEALS, F_DUPFD_CLOEXEC, F_SEAL_GROW, F_SEAL_SHRINK, F_SETFL, fcntl

from snakepit_bridge._pb import worker_pb2 as pb

SECTION = 4096 + 65536
CLAIMED, DONE, STARTED, LIMIT, CANCEL, ACKED = 8, 9, 10, 16, 17, 18
INTERRUPT = signal.SIGRTMIN + 1
BRIDGE = str(pathlib.Path(pb.__file__).parent.parent.parent)
HERE = pathlib.Path(__file__).parent
TIMEOUT = 20.0


def eventually(question, timeout=TIMEOUT):
    """The one wait of these tests: asks until the answer is true."""
    deadline = time.monotonic() + timeout
    while not (answer := question()):
        assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(0.002)
    return answer


class Output:
    """One of the worker's output pipes, read by a thread."""

    def __init__(self):
        read, self.write_fd = os.pipe()
        self._read = os.fdopen(read, "rb", 0)
        self._data = b""
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self):
        while data := self._read.read(65536):
            self._data += data

    def close_write_end(self):
        os.close(self.write_fd)

    @property
    def text(self):
        return self._data.decode("utf-8", "replace")

    def finish(self):
        self._thread.join(TIMEOUT)
        self._read.close()
        return self.text


class Process:
    """A worker process with its side socket, page and output; no gRPC yet."""

    def __init__(self, *, token=None, python=sys.executable, environment=None, command=None, path=None, lanes=1):
        self.token = secrets.token_bytes(32) if token is None else token
        self.folder = tempfile.TemporaryDirectory(prefix="sp")
        self.path = path or os.path.join(self.folder.name, "1.sock")
        self.stdout, self.stderr = Output(), Output()
        self.side, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.side.settimeout(TIMEOUT)
        page_fd = os.memfd_create("lanes", os.MFD_ALLOW_SEALING)
        os.ftruncate(page_fd, lanes * SECTION)
        fcntl(page_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW)
        self._mapped = mmap.mmap(page_fd, lanes * SECTION)
        every = memoryview(self._mapped).cast("Q")
        self.pages = [every[i * SECTION // 8 : (i + 1) * SECTION // 8] for i in range(lanes)]
        every.release()
        for words in self.pages:
            words[0] = 0x31304E4C5449504E
            words[LIMIT] = words[ACKED] = (1 << 64) - 1
        self.words = self.pages[0]
        lifetime, self.lifetime = os.pipe()
        token_read, token_write = os.pipe()
        os.write(token_write, self.token)
        os.close(token_write)
        self.stacks = os.memfd_create("stacks")
        fcntl(self.stacks, F_SETFL, os.O_APPEND)
        null = os.open(os.devnull, os.O_RDONLY)
        wanted = [
            null,
            self.stdout.write_fd,
            self.stderr.write_fd,
            theirs.fileno(),
            page_fd,
            lifetime,
            token_read,
            self.stacks,
            null,
        ]
        high = [fcntl(fd, F_DUPFD_CLOEXEC, 20) for fd in wanted]
        argv = command or [python, "-m", "snakepit_bridge.worker", "run=test", "pool=test"]
        complete = {
            **os.environ,
            "PYTHONPATH": f"{BRIDGE}:{HERE}",
            "SNAKEPIT_RUN_ID": "test",
            "SNAKEPIT_SOCKET": self.path,
            **(environment or {}),
        }
        self.pid = self.begin(argv, complete, high)
        self._pidfd = self.open_pidfd()
        self.status = None
        self.stdout.close_write_end()
        self.stderr.close_write_end()
        for fd in [*high, null, page_fd, lifetime, token_read]:
            os.close(fd)
        theirs.close()

    def begin(self, argv, environment, fds):
        """Starts it; its pid."""
        actions = [(os.POSIX_SPAWN_DUP2, fd, i) for i, fd in enumerate(fds)]
        return os.posix_spawn(argv[0], argv, environment, file_actions=actions, setsid=True)

    def open_pidfd(self):
        return os.pidfd_open(self.pid)

    def signal(self, number):
        signal.pidfd_send_signal(self._pidfd, number)

    def is_pending(self, number):
        """Whether it has yet to take such a signal. Real-time signals queue: one who sends them faster
        than they are handled leaves no step to anything else."""
        with open(f"/proc/{self.pid}/status") as status:
            pending = next(line for line in status if line.startswith("ShdPnd:"))
        return int(pending.split()[1], 16) >> (number - 1) & 1

    def assert_lives(self):
        if not self.is_alive():
            end = self.wait()
            time.sleep(0.2)  # for what it said last
            raise AssertionError(f"ended with {end}: {self.stderr.text}")

    def wait(self, timeout=TIMEOUT):
        """The exit code, negative for a signal."""
        if self.status is None:
            assert select.select([self._pidfd], [], [], timeout)[0], f"no end: {self.stderr.text}"
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status

    def is_alive(self):
        return not select.select([self._pidfd], [], [], 0)[0]

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()
        os.close(self._pidfd)
        self.side.close()
        os.close(self.lifetime)
        os.close(self.stacks)
        self.stdout.finish()
        self.stderr.finish()
        for words in self.pages:
            words.release()
        self._mapped.close()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
