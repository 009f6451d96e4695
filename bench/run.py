#!/usr/bin/python3
"""Runs the measurements of docs/performance.md, interleaved, and prints their medians.

    run.py --build FOLDER [IDS...] [--rounds N] [--seconds S] [--json FILE]

Fails if a reply was wrong or a measurement could not be made, never because of a time.
"""

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

from rounds import ADAPTER, ASYNC_ADAPTER, MATRIX_ADAPTER, NUMPY_ADAPTER, Bench, Failed, ratio, run

# Each returns (rows {name: figures}, ratios [(what, value, target)]).


def pf1(bench):
    rows = bench.interleaved(
        {
            "snakepit": bench.ours("round_trip", bench.seconds),
            "a: bare reactor": bench.ours("bare_round_trip", bench.seconds),
            "b: Pool.apply": bench.peer("pool_round_trip", bench.seconds),
            "c: ProcessPoolExecutor": bench.peer("executor_round_trip", bench.seconds),
            "d: raw Unix socket": bench.peer("socket_round_trip", bench.seconds),
        }
    )
    p50 = {name: x["p50_us"] for name, x in rows.items()}
    return rows, [
        ("p50 / a", ratio(p50["snakepit"], p50["a: bare reactor"]), "<= 1.6"),
        ("p50 / b", ratio(p50["snakepit"], p50["b: Pool.apply"]), ""),
        ("p50 / c", ratio(p50["snakepit"], p50["c: ProcessPoolExecutor"]), "<= 1.2"),
        ("p50 / d", ratio(p50["snakepit"], p50["d: raw Unix socket"]), ""),
    ]


def pf2(bench):
    commands = {}
    for kind in ("raw", "json"):
        commands[f"snakepit {kind}, one by one"] = bench.ours(
            "outstanding", kind, "single", bench.seconds
        )
        commands[f"snakepit {kind}, in bulk"] = bench.ours("outstanding", kind, "bulk", bench.seconds)
        commands[f"a: bare reactor {kind}"] = bench.ours("bare_outstanding", kind, bench.seconds)
        commands[f"b: Pool.apply_async {kind}"] = bench.peer("pool_outstanding", kind, bench.seconds)
        commands[f"c: ProcessPoolExecutor {kind}"] = bench.peer(
            "executor_outstanding", kind, bench.seconds
        )
    rows = bench.interleaved(commands)
    rate = {name: x["calls_per_second"] for name, x in rows.items()}
    targets = {"raw, one by one": 6, "raw, in bulk": 12, "json, one by one": 3, "json, in bulk": 5}
    ratios = []
    for what, target in targets.items():
        kind = what.split(",")[0]
        ours = rate[f"snakepit {what}"]
        ratios.append((f"{what} / b", ratio(ours, rate[f"b: Pool.apply_async {kind}"]), f">= {target}"))
        ratios.append((f"{what} / c", ratio(ours, rate[f"c: ProcessPoolExecutor {kind}"]), ""))
    return rows, ratios


def pf3(bench):
    commands = {}
    loads = {
        "closed": "closed loop",
        "open": "open loop",
        "closed-priorities": "closed loop, priorities at random",
        "open-priorities": "open loop, priorities at random",
        "short": "without long ones",
    }
    for load, name in loads.items():
        seeds = iter(range(1, bench.rounds + 1))
        commands[name] = lambda load=load, seeds=seeds: run(
            bench.ours("mixed", load, 2 * float(bench.seconds), next(seeds))
        )
    rows = bench.interleaved(commands)
    ratios = []
    for name in ("closed loop", "open loop"):
        x = rows[name]
        bound = 1.25 * x["perfect_p99_us"] + 2000
        ratios.append((f"{name}: p99 / (1.25 x perfect + 2 ms)", x["short_p99_us"] / bound, "<= 1"))
    closed, opened = rows["closed loop"], rows["open loop"]
    ratios.append(("closed loop: throughput / perfect", closed["throughput_share"], ">= 0.9"))
    ratios.append(("open loop: short calls behind another beside a free lane", opened["waits_behind"], "0"))
    ratios.append(("open loop: also those on their way, nothing running", opened["idle_waits"], ""))
    mixed, mixed_open = (rows[f"{x} loop, priorities at random"] for x in ("closed", "open"))
    ratios.append(("closed loop with priorities: throughput / perfect", mixed["throughput_share"], ">= 0.9"))
    ratios.append(("open loop with priorities: short calls behind another", mixed_open["waits_behind"], "0"))
    alone = rows["without long ones"]["idle_waits"]
    ratios.append(("the same without long ones, which is the machine's own", alone, ""))
    return rows, ratios


def has_numpy():
    probe = ["/usr/bin/python3", "-c", "import numpy"]
    return subprocess.run(probe, stderr=subprocess.DEVNULL).returncode == 0


def pf5(bench):
    """From nothing until each of 16 workers has answered a call."""
    adapters = {"light": ADAPTER, "numpy": NUMPY_ADAPTER}
    if not has_numpy():
        print("PF5: without the rows of numpy: /usr/bin/python3 has none")
        del adapters["numpy"]
    commands = {}
    for kind, adapter in adapters.items():
        for mode in ("template", "exec"):
            commands[f"{kind}, {mode}"] = bench.ours("start", 16, mode, adapter=adapter)
        commands[f"{kind}, ProcessPoolExecutor"] = bench.peer("executor_start", kind, 16)
    found = bench.interleaved(commands)
    rows, ratios = {}, []
    for kind in adapters:
        template, fresh, peer = (
            found[f"{kind}, {x}"] for x in ("template", "exec", "ProcessPoolExecutor")
        )
        up = template["from_template_ms"]
        rows[f"{kind}: template, its own start included"] = {"ready_ms": template["ready_ms"]}
        rows[f"{kind}: from a template that is up"] = {"ready_ms": up}
        rows[f"{kind}: exec"] = fresh
        rows[f"{kind}: ProcessPoolExecutor, spawn"] = peer
        whole = template["ready_ms"]
        ratios.append((f"{kind}: template / exec", ratio(whole, fresh["ready_ms"]), "<= 0.5"))
        ratios.append((f"{kind}: template that is up / exec", ratio(up, fresh["ready_ms"]), "<= 0.25"))
        ratios.append((f"{kind}: template / executor", ratio(whole, peer["ready_ms"]), ""))
        if kind == "light":
            ratios.append(("light: template that is up, ms", up, "about 150"))
    return rows, ratios


def pf6(bench):
    counts = (16, 64)
    rows = bench.interleaved(
        {
            f"{n} workers, {mode}": bench.ours("memory", n, mode)
            for n in counts
            for mode in ("template", "exec")
        }
    )
    ratios = []
    for n in counts:
        template, fresh = rows[f"{n} workers, template"], rows[f"{n} workers, exec"]
        for figure, what, target in (
            ("worker_mib", "a worker", "<= 0.5"),
            ("all_per_worker_mib", "with its part of the template", ""),
        ):
            value = ratio(template[figure], fresh[figure])
            ratios.append((f"{n} workers: {what}, template / exec", value, target))
    return rows, ratios


def pf7(bench):
    return bench.interleaved({"start from the template": bench.ours("recovery", 5)}), []


def pf8(bench):
    per_lane = 128  # the same share of batches for every number of lanes
    commands = {"one at a time": bench.cost(1, 1, 1, 3000)}
    for workers, lanes in ((1, 1), (4, 1), (16, 1), (64, 1), (64, 4)):
        total = per_lane * workers * lanes
        commands[f"{workers * lanes} x {per_lane} outstanding"] = bench.cost(workers, lanes, total, 100_000)
    for outstanding in (1000, 100_000):
        commands[f"1 lane, {outstanding} outstanding"] = bench.cost(1, 1, outstanding, 100_000)
    for workers in (1, 16):
        name = f"{workers} x {per_lane} outstanding, 10,000 sessions"
        commands[name] = bench.cost(workers, 1, per_lane * workers, 100_000, 10_000)
    rows = bench.interleaved(commands)
    base = rows[f"1 x {per_lane} outstanding"]
    ratios = [
        (f"{name}: CPU / 1 x {per_lane}", x["host_cpu_us"] / base["host_cpu_us"], "<= 1.25")
        for name, x in rows.items()
        if name != "one at a time" and x is not base
    ]
    return rows, ratios


def pf9(bench):
    rows = bench.interleaved({"16 workers, 30 s": bench.ours("idle", 16, 30)}, rounds=1)
    (x,) = rows.values()
    return rows, [
        ("host, % of a core", x["host_percent"], "< 0.5"),
        ("worker, % of a core", x["worker_percent"], "< 0.1"),
    ]


def pf12(bench):
    """How far the calls of one worker overlap: sleeps on threads and on a loop, and matrix products."""
    lanes, coroutines = 4, 1000
    seconds = float(bench.seconds)
    commands = {
        "thread, 4 lanes, sleep": bench.ours("overlap", "thread", lanes, 10 * lanes, seconds / 10),
        "async, 1000 lanes, sleep": bench.ours(
            "overlap", "async", coroutines, coroutines, seconds, adapter=ASYNC_ADAPTER
        ),
    }
    numpy = "thread, 4 lanes, numpy"
    if has_numpy():
        commands[numpy] = bench.ours("speedup", lanes, 100, adapter=MATRIX_ADAPTER)
    else:
        print("PF12: without the row of numpy: /usr/bin/python3 has none")
    rows = bench.interleaved(commands)
    ratios = [
        (f"{name}: overlap / {n}", rows[name]["overlap"] / n, ">= 0.9")
        for name, n in (("thread, 4 lanes, sleep", lanes), ("async, 1000 lanes, sleep", coroutines))
    ]
    if numpy in rows:
        cores = min(lanes, len(os.sched_getaffinity(0)))
        ratios.append((f"{numpy}: overlap / {cores}", rows[numpy]["overlap"] / cores, ">= 0.8"))
    return rows, ratios


def batching(bench):
    rows = bench.interleaved({"5 ms an invocation": bench.ours("batching", bench.seconds)})
    (x,) = rows.values()
    gain = x["costly_together_per_second"] / x["costly_per_second"]
    return rows, [("128 outstanding: in groups of 32 / one by one", gain, "")]


def map_file(snakepit, source, target):
    """Runs `snakepit map`; peak is the largest resident size of any one of its processes."""
    command = [snakepit, "map", ADAPTER, "echo", "-n", "2", "-q", "-i", source, "-o", target]
    begin = time.perf_counter()
    it = subprocess.Popen(command)
    _, status, usage = os.wait4(it.pid, 0)
    it.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begin
    if it.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit {it.returncode}")
    with open(source, "rb") as lines:
        count = sum(1 for _ in lines)
    return {"items_per_second": count / seconds, "peak_mib": usage.ru_maxrss / 1024}


def check_mapped(target, count):
    with open(target) as lines:
        for i, line in enumerate(lines):
            if line != f"{i}\n":
                raise Failed(f"{target}: line {i + 1} is {line!r}")
        if i + 1 != count:
            raise Failed(f"{target}: {i + 1} lines, want {count}")


def pf13(bench):
    rows = {}
    with tempfile.TemporaryDirectory(prefix="snakepit-bench-") as folder:
        for count in (10_000, 1_000_000):
            source, target = f"{folder}/{count}.jsonl", f"{folder}/out.jsonl"
            with open(source, "w") as out:
                out.writelines(f'{{"x": {i}}}\n' for i in range(count))

            def checked(measure, source=source, target=target, count=count):
                found = measure(source, target)
                check_mapped(target, count)
                os.unlink(target)
                return found

            ours = lambda a, b: map_file(str(bench.snakepit), a, b)  # noqa: E731
            theirs = lambda a, b: run(bench.peer("pool_map", a, b))  # noqa: E731
            commands = {
                f"snakepit map, {count}": lambda checked=checked, how=ours: checked(how),
                f"Pool.imap, {count}": lambda checked=checked, how=theirs: checked(how),
            }
            rows |= bench.interleaved(commands)
    rate = {name: x["items_per_second"] for name, x in rows.items()}
    peak = {name: x["peak_mib"] for name, x in rows.items()}
    large, small = "snakepit map, 1000000", "snakepit map, 10000"
    return rows, [
        ("1 M items: items/s / imap", ratio(rate[large], rate["Pool.imap, 1000000"]), ">= 1.0"),
        ("10 k items: items/s / imap", ratio(rate[small], rate["Pool.imap, 10000"]), ""),
        ("peak memory, 1 M / 10 k", ratio(peak[large], peak[small]), "flat"),
    ]


ALL = {
    "PF1": ("round trip of echo, one at a time", pf1),
    "PF2": ("calls/s with 512 outstanding", pf2),
    "PF3": ("two lanes, one call in a hundred takes 50 ms", pf3),
    "PF5": ("from nothing until each of 16 workers has answered", pf5),
    "PF6": ("memory of an idle worker (PSS)", pf6),
    "PF7": ("crash to the first answer of the replacement", pf7),
    "PF8": ("host's cost of a call", pf8),
    "PF9": ("idle", pf9),
    "PF12": ("how far the calls of one worker overlap", pf12),
    "PF13": ("snakepit map", pf13),
    "BATCHING": ("a tool that gathers calls", batching),
}


def number(x):
    return f"{x:,.1f}" if x >= 10 or x == int(x) else f"{x:.3g}"


def show(name, title, rows, ratios):
    print(f"{name}: {title}")
    figures = list(next(iter(rows.values())))
    width = max(map(len, rows))
    print(f"  {'':{width}}" + "".join(f"  {x:>16}" for x in figures))
    for row, found in rows.items():
        print(f"  {row:{width}}" + "".join(f"  {number(found[x]):>16}" for x in figures))
    for what, value, target in ratios:
        print(f"  {what}: {value:.2f}" + (f"   (target {target})" if target else ""))
    print(flush=True)


def measure(bench, ids):
    found = {}
    for name in ids:
        title, how = ALL[name]
        rows, ratios = how(bench)
        show(name, title, rows, ratios)
        found[name] = {
            "title": title,
            "figures": rows,
            "ratios": [{"what": w, "value": v, "target": t} for w, v, t in ratios],
        }
    return found


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("ids", nargs="*", metavar="ID", help=", ".join(ALL) + " [all]")
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement [5]")
    parser.add_argument("--seconds", type=float, default=1, help="length of a timed round [1]")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to this file, too")
    given = parser.parse_args()
    ids = [x.upper() for x in given.ids] or list(ALL)
    if unknown := [x for x in ids if x not in ALL]:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(ALL)}")
    if given.rounds < 1 or given.seconds <= 0:
        parser.error("--rounds and --seconds must be positive")
    bench = Bench(given.build.resolve(), given.rounds, given.seconds)
    try:
        found = measure(bench, ids)
    except Failed as why:
        print(f"\nbench: {why}", file=sys.stderr)
        return 1
    if given.json:
        machine = {"processors": os.cpu_count(), "system": platform.platform(), "rounds": given.rounds}
        given.json.write_text(json.dumps({"machine": machine, "found": found}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
