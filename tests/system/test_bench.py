"""`snakepit bench`: what it measures, and how it ends when the tool fails [E4]."""

import signal

from host import LIMIT, MISBEHAVE, eventually


def check_figures(found):
    one, many = found["one_at_a_time"], found["throughput"]
    assert one["calls"] > 0
    assert 0 < one["p50_us"] <= one["p90_us"] <= one["p99_us"]
    assert many["calls"] > 0
    expected = many["calls"] / many["seconds"]
    assert abs(many["calls_per_second"] - expected) <= 0.01 * expected + 1


def test_without_an_adapter_it_measures_an_echo(host):
    """[E4]"""
    got = host.run("bench", "--json", "--seconds", "0.2", "-n", "2")
    assert (got.code, got.err) == (0, ""), got
    assert (got.json["tool"], got.json["workers"]) == ("echo", 2)
    assert got.json["throughput"]["outstanding"] == 512
    check_figures(got.json)


def test_it_measures_the_tool_that_is_named(host):
    """Ten milliseconds each: two workers cannot do more than two hundred a second. [E4]"""
    got = host.run(
        *("bench", MISBEHAVE, "sleep", "seconds=0.01", "-n", "2"),
        *("--outstanding", "8", "--seconds", "0.5", "--json"),
    )
    assert got.code == 0, got
    check_figures(got.json)
    assert got.json["one_at_a_time"]["p50_us"] >= 10_000
    assert got.json["throughput"]["calls_per_second"] <= 200
    assert got.json["throughput"]["outstanding"] == 8


def test_more_may_be_outstanding_than_the_queue_takes_by_default(host):
    """[E4]"""
    got = host.run("bench", "--json", "--seconds", "0.2", "-n", "1", "--outstanding", "3000")
    assert got.code == 0, got
    check_figures(got.json)


def test_people_get_a_few_lines(host):
    """[E4]"""
    got = host.run("bench", MISBEHAVE, "echo", "[1, 2]", "-n", "1", "--seconds", "0.1", "-q")
    assert got.code == 0, got
    first, second, third = got.out.splitlines()
    assert first == f"`echo` of {MISBEHAVE}, 1 worker"
    assert second.startswith("one at a time:  p50 ")
    assert third.startswith("512 outstanding: ") and third.endswith(" calls/s")


STEPS = ("caller_to_pool", "pool_to_worker", "worker_to_wire", "wire_and_python", "result_to_caller")


def test_the_steps_of_a_call_add_up_to_the_whole(host):
    """Medians of parts are not parts of a median, so about. [E4]"""
    for _ in range(5):
        got = host.run(
            *("bench", MISBEHAVE, "sleep", "seconds=0.01", "-n", "2", "--steps"),
            *("--outstanding", "2", "--seconds", "0.5", "--json"),
        )
        assert (got.code, got.err) == (0, ""), got
        check_figures(got.json)
        found = got.json["steps"]
        assert found["calls"] > 0
        assert found["calls"] + found["left_out"] <= 50
        medians = [found[x]["p50_us"] for x in STEPS]
        assert min(medians) >= 0
        # A busy machine holds up another step of each call.
        if 0.7 * found["p50_us"] <= sum(medians) <= 1.3 * found["p50_us"] and medians[0] < 10_000:
            break
    assert 0.7 * found["p50_us"] <= sum(medians) <= 1.3 * found["p50_us"]
    assert abs(sum(found[x]["share"] for x in STEPS) - 1) < 0.01
    # The tool sleeps in one of them, and that one is where it is said to be.
    assert found["wire_and_python"]["p50_us"] >= found["tool"]["p50_us"] >= 10_000
    assert found["caller_to_pool"]["p50_us"] < 10_000


def test_steps_are_measured_only_if_asked_for(host):
    """[E4]"""
    got = host.run("bench", "--json", "--seconds", "0.1", "-n", "1")
    assert "steps" not in got.json


def test_people_get_a_line_for_each_step(host):
    """Of a call that takes longer than the time for all of them, too. [E4]"""
    got = host.run(
        *("bench", MISBEHAVE, "sleep", "seconds=0.2", "-n", "1", "--steps"),
        *("--outstanding", "1", "--seconds", "0.01"),
    )
    assert got.code == 0, got
    _, _, _, head, *steps = got.out.splitlines()
    assert head.startswith("step by step:  p50 ") and head.endswith(", with events (1 calls)")
    assert [x.split("  ")[1].strip() for x in steps if x.endswith("%")] == [
        "caller -> pool",
        "pool -> worker",
        "worker -> wire",
        "wire, Python, wire back",
        "result -> caller",
    ]
    assert [x for x in steps if not x.endswith("%")][0].startswith("    of which the tool")


def test_a_tool_that_fails_is_not_measured(host):
    """[E4]"""
    got = host.run("bench", MISBEHAVE, "raise_error", "-n", "1", "--json")
    assert got.code == 1
    assert got.error["reason"] == "python_exception"


def test_a_failure_with_many_outstanding_ends_it(host):
    """[E4]"""
    # Warming up and calling one at a time take 1.2 s.
    host.file(
        "tired.py",
        "import time\n"
        "end = []\n"
        "def f():\n"
        "    end.append(time.monotonic() + 1.5) if not end else None\n"
        "    return 1 // int(time.monotonic() < end[0])\n",
    )
    got = host.run("bench", "./tired.py", "f", "-n", "1", "--json", "--seconds", "1")
    assert got.code == 1
    assert got.error["python"]["type"] == "ZeroDivisionError"


def test_wrong_usage_is_said(host):
    """[E4]"""
    got = host.run("bench", MISBEHAVE)
    assert (got.code, got.out) == (2, "")
    assert "which tool" in got.err
    assert host.run("bench", MISBEHAVE, "none", "-q").code == 1
    assert host.run("bench", "--seconds", "0").code == 2


def test_an_interrupt_ends_it(host):
    """[R7]"""
    it = host.start("bench", "--seconds", "3600", "-n", "1")
    try:
        assert eventually(LIMIT, lambda: host.workers())
        it.send_signal(signal.SIGINT)
        out, _ = it.communicate(timeout=LIMIT)
    finally:
        it.kill()
    assert (it.returncode, out) == (130, b"")
