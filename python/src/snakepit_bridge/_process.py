"""What Python's standard library lacks of Linux's processes."""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import select
import signal
import struct
from typing import NamedTuple

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_P_PID = 1
_F_SETSIG = 10
_CLD_EXITED = 1
_SYS_WAITID = {"x86_64": 247, "aarch64": 95, "riscv64": 95}.get(platform.machine())
_LIBC = ctypes.CDLL(None, use_errno=True)


class End(NamedTuple):
    """How a process ended; resources are 0 where they cannot be had."""

    code: int
    signal: int
    user_us: int = 0
    system_us: int = 0
    max_rss_kib: int = 0


def follow_parent(number: int) -> None:
    """The kernel sends this process a signal when the thread that made it ends."""
    if _LIBC.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(number), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def arm(fd: int) -> None:
    """The end of the pipe's other side ends the whole group, by the kernel."""
    fcntl.fcntl(fd, fcntl.F_SETOWN, -os.getpid())
    fcntl.fcntl(fd, _F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(fd, fcntl.F_SETFL, os.O_ASYNC)


def arm_to_wake(fd: int) -> None:
    """Instead of ending the group, as the host armed it before exec, the end of the pipe's other side
    only makes this process go on if it is stopped."""
    fcntl.fcntl(fd, _F_SETSIG, signal.SIGCONT)


def has_ended(fd: int) -> bool:
    """Whether the pipe's other side is gone."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return any(events & (select.POLLHUP | select.POLLERR) for _, events in poll.poll(0))


def start_time(pid: "int | str" = "self") -> int:
    """Field 22 of /proc/PID/stat: clock ticks since boot."""
    return int(_stat(pid)[19])


def _stat(pid: "int | str") -> "list[bytes]":
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()


def how_it_ended(pid: int) -> End:
    """Of a child that has ended. Does not reap it."""
    if _SYS_WAITID is not None:
        # siginfo_t: signo, errno, code, padding, pid, uid, status; rusage: two times, then max RSS.
        info, usage = ctypes.create_string_buffer(128), ctypes.create_string_buffer(144)
        options = ctypes.c_long(os.WEXITED | os.WNOWAIT)
        found = _LIBC.syscall(
            ctypes.c_long(_SYS_WAITID), ctypes.c_long(_P_PID), ctypes.c_long(pid), info, options, usage
        )
        if found == 0:
            _, _, code, _, _, _, status = struct.unpack_from("7i", info)
            times = struct.unpack_from("5l", usage)
            user, system = (times[i] * 1_000_000 + times[i + 1] for i in (0, 2))
            return _end(code, status, user, system, times[4])
    result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert result is not None
    return _end(result.si_code, result.si_status)


def _end(code: int, status: int, *resources: int) -> End:
    return End(status, 0, *resources) if code == _CLD_EXITED else End(0, status, *resources)


def name_thread(name: str) -> None:
    """What the kernel calls the calling thread, 15 characters at most."""
    _LIBC.prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()[:15]))


def rename(command_line: "list[str]") -> None:
    """What `ps` and `top` show. As much as fits into the place that there is; never fails."""
    try:
        begin, end = map(int, _stat("self")[45:47])
        text = b"\0".join(x.encode("utf-8", "surrogateescape") for x in command_line)
        room = end - begin
        ctypes.memmove(begin, text[: room - 1].ljust(room, b"\0"), room)
        _LIBC.prctl(_PR_SET_NAME, ctypes.c_char_p(os.path.basename(command_line[0]).encode()[:15]))
    except (OSError, ValueError, IndexError):
        pass
