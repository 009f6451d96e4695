#!/usr/bin/python3
"""What Snakepit is compared with, in Python: makes one round of one measurement and prints its figures.

    peers.py pool_round_trip SECONDS          multiprocessing.Pool.apply
    peers.py executor_round_trip SECONDS      ProcessPoolExecutor.submit().result()
    peers.py socket_round_trip SECONDS        length-prefixed echo over a Unix socket
    peers.py pool_outstanding raw|json SECONDS
    peers.py executor_outstanding raw|json SECONDS
    peers.py pool_map INPUT OUTPUT            Pool.imap(chunksize=64) from and to JSON Lines
    peers.py executor_start light|numpy N     ProcessPoolExecutor with spawn, until each has answered

Two processes everywhere else. Replies are checked.
"""

import json
import multiprocessing
import os
import resource
import socket
import struct
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor

WORKERS = 2
OUTSTANDING = 512


def echo(x):
    return x


def echo_bytes(data):
    return data


def echo_line(line):
    """What `snakepit map` does with a line, but for the reading and the writing."""
    return echo(**json.loads(line))


def must(good):
    if not good:
        sys.exit("peers.py: a wrong reply")


def round_trips(call, seconds):
    times = []
    warm_until = time.perf_counter() + seconds / 10
    end = warm_until + seconds
    number = 0
    now = 0.0
    while now < end:
        number += 1
        begin = time.perf_counter()
        got = call(number)
        now = time.perf_counter()
        must(got == number)
        if begin >= warm_until:
            times.append((now - begin) * 1e6)
    times.sort()
    at = lambda part: times[min(int(part * len(times)), len(times) - 1)]  # noqa: E731
    return {"p50_us": at(0.5), "p99_us": at(0.99), "calls": len(times)}


def pool_round_trip(seconds):
    with multiprocessing.Pool(WORKERS) as pool:
        return round_trips(lambda n: pool.apply(echo, (n,)), float(seconds))


def executor_round_trip(seconds):
    with ProcessPoolExecutor(WORKERS) as executor:
        return round_trips(lambda n: executor.submit(echo, n).result(), float(seconds))


def read_exactly(end, size):
    data = b""
    while len(data) < size:
        part = end.recv(size - len(data))
        if not part:
            return b""
        data += part
    return data


def read_frame(end):
    head = read_exactly(end, 4)
    return read_exactly(end, struct.unpack("<I", head)[0]) if head else b""


def write_frame(end, data):
    end.sendall(struct.pack("<I", len(data)) + data)


def socket_round_trip(seconds):
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        while data := read_frame(theirs):
            write_frame(theirs, data)
        os._exit(0)
    theirs.close()

    def call(number):
        write_frame(ours, json.dumps({"x": number}).encode())
        return json.loads(read_frame(ours))["x"]

    found = round_trips(call, float(seconds))
    ours.close()
    os.waitpid(child, 0)
    return found


def keep_outstanding(submit, kind, seconds):
    """`submit(function, argument, done)` calls `done(result)` at the end, from any thread."""
    room = threading.Semaphore(OUTSTANDING)
    ended = 0
    lock = threading.Lock()

    def done_for(sent):
        def done(got):
            nonlocal ended
            must_in_thread(got == sent)
            with lock:
                ended += 1
            room.release()

        return done

    function = echo_bytes if kind == "raw" else echo
    number = 0
    begin = None
    before = 0
    start = time.perf_counter()
    while (now := time.perf_counter()) < start + seconds * 1.1:
        if begin is None and now >= start + seconds / 10:
            begin, before, cpu = now, ended, time.process_time()
        room.acquire()
        number += 1
        sent = struct.pack("<Q", number) if kind == "raw" else number
        submit(function, sent, done_for(sent))
    count = ended - before
    found = {
        "calls_per_second": count / (now - begin),
        "host_cpu_us": (time.process_time() - cpu) * 1e6 / count,
    }
    for _ in range(OUTSTANDING):
        room.acquire()
    return found


def must_in_thread(good):
    if not good:
        print("peers.py: a wrong reply", file=sys.stderr, flush=True)
        os._exit(1)


def pool_outstanding(kind, seconds):
    with multiprocessing.Pool(WORKERS) as pool:

        def submit(function, argument, done):
            failed = lambda _: must_in_thread(False)  # noqa: E731
            pool.apply_async(function, (argument,), callback=done, error_callback=failed)

        return keep_outstanding(submit, kind, float(seconds))


def executor_outstanding(kind, seconds):
    with ProcessPoolExecutor(WORKERS) as executor:

        def submit(function, argument, done):
            executor.submit(function, argument).add_done_callback(lambda x: done(x.result()))

        return keep_outstanding(submit, kind, float(seconds))


def pool_map(source, target):
    begin = time.perf_counter()
    count = 0
    with multiprocessing.Pool(WORKERS) as pool, open(source) as lines, open(target, "w") as out:
        for result in pool.imap(echo_line, lines, chunksize=64):
            out.write(json.dumps(result) + "\n")
            count += 1
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"items_per_second": count / seconds, "peak_mib": peak}


met = None  # in a process of `executor_start`: where all of them meet


def begin_meeting(barrier, kind):
    global met
    met = barrier
    if kind == "numpy":
        import numpy  # noqa: F401


def process_id(_):
    """Returns when as many calls run as there are processes: without that the first would answer all."""
    met.wait(60)
    return os.getpid()


def executor_start(kind, workers):
    count = int(workers)
    os.environ["OMP_NUM_THREADS"] = "1"  # as workers of Snakepit have it
    begin = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(count, context, begin_meeting, (context.Barrier(count), kind))
    with executor:
        seen = set(executor.map(process_id, range(count)))
        seconds = time.perf_counter() - begin
    must(len(seen) == count)
    return {"ready_ms": seconds * 1000}


MEASUREMENTS = {
    x.__name__: x
    for x in (
        pool_round_trip,
        executor_round_trip,
        socket_round_trip,
        pool_outstanding,
        executor_outstanding,
        pool_map,
        executor_start,
    )
}

if __name__ == "__main__":
    print(json.dumps(MEASUREMENTS[sys.argv[1]](*sys.argv[2:])))
