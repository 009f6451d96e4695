"""Every way in which a real worker ends."""

import ctypes
import fcntl
import os
import signal
import time

import pytest

from host import CLAIMED, Failed, Process, Worker, eventually


def started(name, **kwargs):
    return Worker(f"adapters.endings:{name}", **kwargs)


def test_shutdown_runs_cleanup_and_atexit_and_exits_with_0_R7():
    with started("Ends") as worker:
        worker.start().shutdown(10_000)
        assert worker.wait() == 0
        assert worker.stdout.finish() == "cleaned up\nat exit\n"
        assert worker.stderr.finish() == ""


def test_shutdown_lets_the_running_call_end_and_gives_back_the_rest_R7():
    with started("Ends") as worker:
        worker.start()
        first = worker.submit("nap", {"seconds": 1.5}, {"seconds": 0})
        eventually(lambda: worker.words[CLAIMED] == first)
        worker.shutdown(10_000)
        results = worker.results()
        assert (list(results.size), results.data, results.revoked_from) == ([8], b'"rested"', first + 1)
        assert worker.wait() == 0 and "cleaned up" in worker.stdout.finish()


def test_shutdown_at_the_same_time_as_calls_loses_none_Q7():
    """Each call has its result, or was not begun."""
    for delay in (0.0, 0.0005, 0.002, 0.005):
        with started("Ends") as worker:
            worker.start()
            numbers = [worker.submit("nap", {"seconds": 0}) for _ in range(50)]
            time.sleep(delay)
            worker.shutdown(10_000)
            found = {}
            while (results := worker.results()) is not None:
                found.update((results.first_seq + i, 1) for i in range(len(results.size)))
            assert worker.wait() == 0
            assert set(found) == set(numbers[: worker.words[CLAIMED]])


def test_shutdown_before_any_stream_of_work_R7():
    with started("Ends") as worker:
        worker.dial().hello()
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0 and "cleaned up" in worker.stdout.finish()


def test_sigterm_is_a_shutdown_R7():
    with started("Ends") as worker:
        worker.start().signal(signal.SIGTERM)
        assert worker.wait() == 0
        assert "cleaned up" in worker.stdout.finish()


def test_sigterm_before_hello_ends_an_idle_process_R7():
    with Process() as process:
        assert process.side.recv(100) == b"listening"
        process.signal(signal.SIGTERM)
        assert process.wait() == 0


@pytest.mark.parametrize("name, tool", [("Hangs", None), ("Ends", "spin"), ("Ends", "nap")])
def test_shutdown_is_bounded_whatever_hangs_R7(name, tool):
    with started(name) as worker:
        worker.start()
        if tool is not None:
            seq = worker.submit(tool, {"seconds": 60} if tool == "nap" else {})
            eventually(lambda: worker.words[CLAIMED] == seq)
        begin = time.monotonic()
        worker.shutdown(500)
        assert worker.wait() == 0
        assert time.monotonic() - begin < 10
        assert "did not end within" in worker.stderr.finish()


def test_sigterm_while_the_adapter_starts_is_bounded_R7():
    with started("SlowStart") as worker:
        worker.dial()
        request = worker.hello_later()
        eventually(lambda: "starting" in worker.stdout.text)
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
        request.cancel()


@pytest.mark.parametrize(
    "name, word", [("Fails", "ValueError: cleanup failed"), ("Exits", "SystemExit: 5")]
)
def test_a_cleanup_that_raises_is_reported_and_the_end_goes_on_R7(name, word):
    with started(name) as worker:
        worker.start().shutdown(10_000)
        assert worker.wait() == 0
        assert word in worker.stderr.finish() and "at exit" in worker.stdout.finish()


def test_cleanup_may_be_async_R7():
    with started("Later") as worker:
        worker.start().shutdown(10_000)
        assert worker.wait() == 0 and "cleaned up later" in worker.stdout.finish()


def stuck_in(worker, tool, **arguments):
    worker.start()
    seq = worker.submit(tool, arguments)
    eventually(lambda: worker.words[CLAIMED] == seq)
    assert worker.heartbeat(1) == 1


@pytest.mark.parametrize("tool, arguments", [("nap", {"seconds": 60}), ("spin", {})])
@pytest.mark.parametrize("what", ["side", "work", "control", "channel"])
def test_the_end_of_the_host_ends_a_stuck_worker_without_cleanup_W2(what, tool, arguments):
    with started("Ends") as worker:
        stuck_in(worker, tool, **arguments)
        {
            "side": worker.side.close,
            "work": worker.works[0].cancel,
            "control": worker.end_control_stream,
            "channel": worker.channel.close,
        }[what]()
        assert worker.wait() == 0
        assert "cleaned up" not in worker.stdout.finish()


@pytest.mark.parametrize("what", ["side", "work", "control", "work stream"])
def test_the_end_of_the_host_ends_an_idle_worker_W2(what):
    with started("Ends") as worker:
        worker.start()
        assert worker.heartbeat(1) == 1 and worker.call("nap", seconds=0)
        {
            "side": worker.side.close,
            "work": worker.works[0].cancel,
            "control": worker.control.cancel,
            "work stream": worker.end_work_stream,
        }[what]()
        assert worker.wait() == 0
        assert "cleaned up" not in worker.stdout.finish()


def test_the_end_of_the_host_ends_a_worker_that_was_never_spoken_to_W2():
    with Process() as process:
        assert process.side.recv(100) == b"listening"
        process.side.close()
        assert process.wait() == 0


def test_a_worker_whose_host_dies_leaves_the_end_of_its_group_to_the_kernel_R5():
    """Who left at the first sign would take the lifetime pipe, and with it its group's end, along."""
    for _ in range(20):
        with Process() as process:
            assert process.side.recv(100) == b"listening"
            pidfd_getfd, lifetime, set_signal = 438, 5, 10
            fd = ctypes.CDLL(None).syscall(pidfd_getfd, process._pidfd, lifetime, 0)
            fcntl.fcntl(fd, fcntl.F_SETOWN, -process.pid)
            fcntl.fcntl(fd, set_signal, signal.SIGKILL)
            fcntl.fcntl(fd, fcntl.F_SETFL, os.O_ASYNC)
            os.close(fd)
            began = time.monotonic()
            process.side.close()
            time.sleep(0.05)  # the host is held up between two descriptors
            os.close(process.lifetime)
            held_up = time.monotonic() - began
            process.lifetime = os.open(os.devnull, os.O_RDONLY)
            end = process.wait()
            if held_up < 0.15:  # or we were, for longer than it waits
                break
    assert end == -signal.SIGKILL


def test_unknown_packets_on_the_side_socket_are_ignored_W2():
    with started("Ends") as worker:
        worker.start()
        for packet in (b"region 1", b"", b"nonsense", b"\xff" * 1000):
            worker.side.send(packet)
        assert worker.call("nap", seconds=0) == "rested"


def test_a_tool_that_leaves_by_os_exit_ends_the_worker_W9():
    with Worker("adapters.naughty:Naughty") as worker:
        worker.start().submit("leave_now", {"code": 3})
        assert worker.wait() == 3
        assert worker.results() is None


def test_a_tool_that_closes_all_descriptors_ends_the_worker_W2():
    with Worker("adapters.naughty:Naughty") as worker:
        worker.start().submit("close_all", {})
        worker.wait()
        assert worker.results() is None


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_tool_that_crashes_shows_its_stack_W9(number):
    with Worker("adapters.naughty:Naughty") as worker:
        worker.start().submit("crash", {"number": int(number)})
        assert worker.wait() == -number
        stacks = os.pread(worker.stacks, 65536, 0)
        assert (b"in crash" in stacks) == (number != signal.SIGKILL)


def test_a_process_forked_by_a_tool_never_gets_at_the_lane_Q7():
    with Worker("adapters.naughty:Naughty") as worker:
        worker.start()
        for how, code in (("return", 0), ("exit", 7), ("raise", 1)):
            first = worker.submit("fork_and_come_back", {"how": how}, {"how": how})
            finals = worker.finals(2)
            assert list(finals.values()) == [code, code], how
            assert worker.words[CLAIMED] == first + 1
        eventually(lambda: "ValueError: in the child" in worker.stderr.text)


def test_a_thread_of_a_tool_does_not_keep_the_worker_R7():
    with Worker("adapters.naughty:Naughty") as worker:
        worker.start().call("leave_thread")
        worker.shutdown(5000)
        assert worker.wait() == 0


def test_sigint_is_no_business_of_a_worker_Y2():
    with Worker("adapters.naughty:Naughty") as worker:
        worker.start()
        worker.signal(signal.SIGINT)
        assert worker.call("signal_itself", name="SIGINT") == "still here"
        assert not isinstance(worker.call("ok"), Failed)
