"""A template process as a host would have it, and workers forked from it."""

import contextlib
import os
import select
import signal
import socket
import sys

from host import BRIDGE, HERE, TIMEOUT, Worker
from process import Output


class Template:
    """`arguments`: what it imports, such as `preload=json`."""

    def __init__(self, *arguments, environment=None):
        self.stdout, self.stderr = Output(), Output()
        self.side, side = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.host, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for x in (self.side, self.host):
            x.settimeout(TIMEOUT)
        lifetime, self.lifetime = os.pipe()
        null = os.open(os.devnull, os.O_RDONLY)
        wanted = [null, self.stdout.write_fd, self.stderr.write_fd, side.fileno(), null, lifetime]
        high = [os.dup(fd) for fd in [*wanted, theirs.fileno(), self.stdout.write_fd, null]]
        high = [_lift(fd) for fd in high]
        argv = [sys.executable, "-m", "snakepit_bridge.template", "run=test", *arguments, " " * 200]
        self.environment = {
            **os.environ,
            "PYTHONPATH": f"{BRIDGE}:{HERE}",
            "SNAKEPIT_RUN_ID": "test",
            **(environment or {}),
        }
        actions = [(os.POSIX_SPAWN_DUP2, fd, i) for i, fd in enumerate(high)]
        self.pid = os.posix_spawn(argv[0], argv, self.environment, file_actions=actions, setsid=True)
        self.pidfd = os.pidfd_open(self.pid)
        self.stdout.close_write_end()
        self.stderr.close_write_end()
        for fd in [*high, null, lifetime]:
            os.close(fd)
        side.close()
        theirs.close()
        self.spawned = 0

    def ready(self):
        packet = self.side.recv(65536)
        assert packet == b"listening", packet
        return self

    def spawn(self, environment, fds, folder="", arguments=("run=test", "slot=1"), limits=(0, 0, 0, 0, 0)):
        """Sends a request; returns the answer's words and descriptors."""
        self.spawned += 1
        texts = [folder, " ".join(map(str, limits)), str(len(arguments)), *arguments]
        texts += [f"{name}={text}" for name, text in environment.items()]
        request = os.memfd_create("request")
        os.write(request, b"".join(os.fsencode(x) + b"\0" for x in texts))
        socket.send_fds(self.host, [f"spawn {self.spawned}".encode()], [request, *fds])
        os.close(request)
        return self.answer()

    def answer(self):
        packet, fds, _, _ = socket.recv_fds(self.host, 4096, 1)
        return packet.decode().split(" "), fds

    def wait(self):
        assert select.select([self.pidfd], [], [], TIMEOUT)[0], f"no end: {self.stderr.text}"
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        os.close(self.pidfd)
        os.close(self.lifetime)
        self.side.close()
        self.host.close()
        self.stdout.finish()
        self.stderr.finish()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _lift(fd):
    import fcntl

    high = fcntl.fcntl(fd, fcntl.F_DUPFD, 20)
    os.close(fd)
    return high


class ForkedWorker(Worker):
    """A worker like any other, but forked from a template."""

    def __init__(self, template, adapter, limits=(0, 0, 0, 0, 0), **kwargs):
        self.template, self.limits = template, limits
        super().__init__(adapter, **kwargs)

    def begin(self, argv, environment, fds):
        words, received = self.template.spawn(environment, fds, limits=self.limits)
        assert words[0] == "spawned", words
        self.number, self.start_time = words[1], int(words[3])
        self._forked_pidfd = received[0]
        return int(words[2])

    def open_pidfd(self):
        return self._forked_pidfd

    def wait(self, timeout=TIMEOUT):
        if self.status is None:
            words, _ = self.template.answer()
            assert words[:2] == ["exited", self.number], words
            self.facts = [int(x) for x in words[2:]]
            self.status = -self.facts[1] if self.facts[1] else self.facts[0]
            self.template.host.send(f"reap {self.number}".encode())
        return self.status

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.signal(signal.SIGKILL)  # it may not lead a group yet
        super().close()
