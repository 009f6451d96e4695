"""The template: `python -m snakepit_bridge.template`, started by a Snakepit host.

A warm interpreter with one thread that forks workers. Imports the bridge and what it was told to,
makes no gRPC object, and serves the template socket; docs/wire.md, "Template".
"""

from __future__ import annotations

import errno
import faulthandler
import gc
import importlib
import os
import select
import signal
import socket
import sys
from types import FrameType
from typing import Dict, List, NoReturn, Optional

from . import _fork, _loader, _process, _refusal
from ._errors import BridgeError, Failure, fit
from ._inheritance import DESCRIPTORS, FOLDER_FD, LIFETIME_FD, SIDE_FD, TOKEN_FD

#: Takes the place of a worker's token pipe.
SOCKET_FD = TOKEN_FD
EXIT_BROKEN = 70
#: Whom a packet is for, and what rides along: the request and a worker's descriptors.
_MAX_PACKET = 4096
_REQUEST_FDS = 1 + DESCRIPTORS


class Template:
    """Forks workers on request and tells of their ends."""

    def __init__(self, host: socket.socket) -> None:
        self._host = host
        self._poll = select.poll()
        #: By pid: the number that the host gave, and the pidfd.
        self._numbers: Dict[int, int] = {}
        self._pidfds: Dict[int, int] = {}
        #: Ended, reported, and not yet given up by the host.
        self._zombies: Dict[int, int] = {}

    def serve(self) -> NoReturn:
        signal.signal(signal.SIGTERM, self._on_term)
        self._poll.register(self._host, select.POLLIN)
        self._poll.register(LIFETIME_FD, 0)
        while True:
            for fd, events in self._poll.poll():
                if fd == self._host.fileno():
                    self._on_host()
                elif fd == LIFETIME_FD:
                    self.end()
                else:
                    self._on_end(next(pid for pid, x in self._pidfds.items() if x == fd))

    def _on_term(self, _number: int, _frame: Optional[FrameType]) -> None:
        self.end()

    def end(self) -> NoReturn:
        """The host is gone, or wants this to end: nothing stays."""
        for pid in list(self._pidfds):
            _kill_group(pid)
        try:
            while True:
                os.waitpid(-1, 0)  # whoever inherits them may not care to
        except ChildProcessError:
            os._exit(0)

    def _on_host(self) -> None:
        packet, fds, flags, _ = socket.recv_fds(self._host, _MAX_PACKET, _REQUEST_FDS)
        for fd in fds:
            os.set_inheritable(fd, False)
        try:
            if not packet:
                self.end()
            words = packet.decode().split()
            if words[0] == "spawn":
                self._spawn_or_say_why(int(words[1]), fds, bool(flags & socket.MSG_CTRUNC))
            elif words[0] == "reap":
                self._reap(int(words[1]))
        finally:
            for fd in fds:
                os.close(fd)

    def _spawn_or_say_why(self, number: int, fds: List[int], cut: bool) -> None:
        """Short of something, such as descriptors, this one worker is not started."""
        try:
            if cut or len(fds) != _REQUEST_FDS:
                raise OSError(errno.EMFILE, "")
            self._spawn(number, fds)
        except OSError as error:
            self._host.send(f"failed {number} {error.errno or errno.EIO} fork".encode())

    def _spawn(self, number: int, fds: List[int]) -> None:
        why = _fork.why_not()
        if why:
            self._host.send(f"unfit {number} {fit(why, 1024)}".encode())
            return
        request = _fork.read_request(fds[0])
        sys.stdout.flush()
        sys.stderr.flush()
        # A handler of ours must not run in the child, where the workers are not its own.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        template = os.getpid()
        try:
            pid = os.fork()
            if pid == 0:
                strangers = [self._host.fileno(), *self._pidfds.values(), *fds]
                _fork.become_worker(request, fds[1:], strangers, template)
            pidfd = _pidfd_of(pid)
            self._numbers[pid] = number
            self._pidfds[pid] = pidfd
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self._poll.register(pidfd, select.POLLIN)
        start_time = _process.start_time(pid)
        socket.send_fds(self._host, [f"spawned {number} {pid} {start_time}".encode()], [pidfd])

    def _on_end(self, pid: int) -> None:
        """In this order: its number is its own until it is reaped, and with that its group's."""
        how = _process.how_it_ended(pid)
        _kill_group(pid)
        number = self._numbers.pop(pid)
        pidfd = self._pidfds.pop(pid)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        self._zombies[number] = pid
        facts = (how.code, how.signal, how.user_us, how.system_us, how.max_rss_kib)
        self._host.send(" ".join(map(str, ("exited", number, *facts))).encode())

    def _reap(self, number: int) -> None:
        pid = self._zombies.pop(number, None)
        if pid is not None:
            os.waitpid(pid, 0)


def _pidfd_of(pid: int) -> int:
    """Of a child of this process; ends and reaps the child if there can be none."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        _kill_group(pid)
        os.waitpid(pid, 0)
        raise


def _kill_group(pid: int) -> None:
    for kill in (os.killpg, os.kill):  # it may not lead a group yet
        try:
            kill(pid, signal.SIGKILL)
        except OSError:
            continue


def _preload(names: List[str]) -> None:
    """Raises BridgeError, or whatever the module raises."""
    from ._transport import grpc_sync  # noqa: F401  what every worker needs

    for name in names:
        kind, _, what = name.partition("=")
        if kind == "adapter":
            _loader.preload(what)
        elif kind == "preload":
            importlib.import_module(what)


def _give_up(side: socket.socket, text: str) -> NoReturn:
    failure = Failure("worker_start_failed", fit(text), {"phase": "template"}, None, False)
    try:
        sys.stderr.flush()
        side.send(b"refused " + _refusal.serialize(failure))
    finally:
        os._exit(EXIT_BROKEN)


def main() -> NoReturn:
    side = socket.socket(fileno=SIDE_FD)
    host = socket.socket(fileno=SOCKET_FD)
    for fd in range(SIDE_FD, FOLDER_FD + 1):
        os.set_inheritable(fd, False)
    try:
        faulthandler.enable(2)
        _process.follow_parent(signal.SIGTERM)
        _preload(sys.argv[1:])
        why = _fork.why_not()
        if why:
            _give_up(side, why)
    except BridgeError as error:
        _give_up(side, error.failure.message)
    except BaseException as error:
        _give_up(side, f"{type(error).__name__}: {error}")
    gc.collect()
    gc.freeze()
    # With workers it must not die before it has ended their groups.
    _process.arm_to_wake(LIFETIME_FD)
    side.send(b"listening")
    try:
        Template(host).serve()
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        os._exit(EXIT_BROKEN)


if __name__ == "__main__":
    main()
