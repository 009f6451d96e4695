"""`snakepit map`: order, errors, files, interruptions [F6] [E4]."""

import fcntl
import json
import os
import signal
import struct
import subprocess
import termios

import pytest
from host import ADAPTERS, LIMIT, MISBEHAVE, ROOT, SNAKEPIT, eventually


def waiting_in(fd):
    """Bytes in a pipe."""
    return struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0]


def numbers(n):
    return "".join(f'{{"n": {i}}}\n' for i in range(n))


def negated(n):
    return "".join(f"{-i}\n" for i in range(n))


def test_results_stand_in_the_order_of_the_input(host):
    """[F6]"""
    got = host.map("count_down", "-n", "3", stdin=numbers(5000))
    assert (got.code, got.err) == (0, "")
    assert got.out == negated(5000)


def test_unordered_has_the_same_results(host):
    """[F6]"""
    got = host.map("count_down", "-n", "3", "--unordered", stdin=numbers(5000))
    assert got.code == 0
    assert sorted(got.out.splitlines()) == sorted(negated(5000).splitlines())


def test_a_line_that_is_no_object_is_the_only_required_parameter(host):
    """[E4]"""
    got = host.map("count_down", stdin="1\n 2 \n")
    assert got.lines == [-1, -2]
    assert host.map("nothing", stdin="1\n").lines[0]["error"]["category"] == "validation"


def test_no_input_no_output(host):
    """[E4]"""
    assert host.map("count_down").out == ""
    assert host.map("count_down", stdin="\n \n").out == ""


def test_text_is_passed_through_as_it_is(host):
    """[E4]"""
    host.file("same.py", "def size(x): return len(x) if isinstance(x, (str, list, bytes)) else x\n")
    text = '{"x": "\\u00e9"}\n{"x": {"$": ["base64", "aGVsbG8="]}}\n{"x": 1.0}\r\n{"x":[1,2]}'
    got = host.run("map", "./same.py", "size", stdin=text)
    assert got.lines == [1, 5, 1.0, 2], got


def test_broken_lines_are_records_in_their_places(host):
    """[E4]"""
    lines = ['{"n": 0}', '{"n": ', "", '{"n": "x"}', '{"m": 1}', "nonsense", '{"n": 3}']
    got = host.map("count_down", stdin="\n".join(lines) + "\n")
    assert got.code == 1
    first, *bad, last = got.lines
    assert (first, last) == (0, -3)
    assert [x["line"] for x in bad] == [2, 4, 5, 6]
    assert {x["error"]["category"] for x in bad} == {"validation"}
    assert "4 of 6 items failed" in got.err and "line 2" in got.err


def test_skip_leaves_them_out(host):
    """[E4]"""
    text = '{"n": 0}\n{"n": 1, "fail_at": 1}\n{"n": 2}\n'
    got = host.map("count_down", "--on-error", "skip", stdin=text)
    assert (got.code, got.lines) == (1, [0, -2])


def test_stop_ends_before_the_first_error(host):
    """[E4]"""
    text = "".join(f'{{"n": {i}, "fail_at": 1000}}\n' for i in range(3000))
    got = host.map("count_down", "--on-error", "stop", stdin=text)
    assert got.code == 1
    assert got.out == negated(1000)
    assert "not 1000" in got.err


def test_max_errors_ends_it(host):
    """[E4]"""
    got = host.map("count_down", "--max-errors", "3", stdin="{}\n" * 1000)
    assert got.code == 1
    assert len(got.lines) == 3


def test_an_unknown_tool_is_said_once(host):
    """[E4]"""
    got = host.map("nonsense", stdin="{}\n" * 1000)
    assert (got.code, got.out) == (1, "")
    assert got.err.count("\n") == 1


def test_the_summary_as_json(host):
    """[E4]"""
    got = host.map("count_down", "--json", stdin='{"n": 1}\n{}\n')
    summary = json.loads(got.err)
    assert (summary["items"], summary["errors"], summary["retries"]) == (2, 1, 0)


def test_input_and_output_are_files(host):
    """[E4]"""
    source = host.file("in.jsonl", numbers(1000))
    target = host.file("out.jsonl", "something old\n" * 5000)
    got = host.map("count_down", "--input", source, "--output", target)
    assert (got.code, got.out) == (0, "")
    assert open(target).read() == negated(1000)
    same = host.map("count_down", "--input", source, "--output", source)
    assert same.code == 2
    assert open(source).read() == numbers(1000)


def test_resume_continues_where_whole_lines_end(host):
    """[E4]"""
    source = host.file("in.jsonl", numbers(1000))
    target = host.file("out.jsonl", negated(400) + "-4")
    got = host.map("count_down", "--input", source, "--output", target, "--resume")
    assert got.code == 0, got
    assert open(target).read() == negated(1000)
    again = host.map("count_down", "--input", source, "--output", target, "--resume")
    assert again.code == 0
    assert open(target).read() == negated(1000)


def test_resume_refuses_an_output_that_is_longer_than_the_input(host):
    """[E4]"""
    source = host.file("in.jsonl", numbers(10))
    target = host.file("out.jsonl", negated(11))
    got = host.map("count_down", "--input", source, "--output", target, "--resume")
    assert got.code == 1
    assert open(target).read() == negated(11)


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_it_ends_with_a_whole_line_and_can_be_resumed(host, number, code):
    """[E4] [Q4]"""
    go = host.work / "go"
    adapter = host.file(
        "held.py",
        "import os, time\ndef count_down(n: int) -> int:\n"
        f"    while n == 150000 and not os.path.exists({str(go)!r}):\n        time.sleep(0.01)\n    return -n\n",
    )
    source = host.file("in.jsonl", "".join(f'{{"n": {i}}}\n' for i in range(200000)))
    target = host.work / "out.jsonl"
    it = host.start("map", adapter, "count_down", "--input", source, "--output", target)
    assert eventually(60, lambda: target.exists() and target.stat().st_size > 1000)
    it.send_signal(number)
    it.communicate(timeout=30)
    assert it.returncode == code
    written = target.read_text()
    assert negated(200000).startswith(written) and written.endswith("\n")
    assert len(written) < len(negated(200000))
    go.touch()
    got = host.run("map", adapter, "count_down", "--input", source, "--output", target, "--resume")
    assert got.code == 0
    assert target.read_text() == negated(200000)


def test_interrupted_while_a_tool_sleeps(host):
    """[E4] [Q4]"""
    it = host.start("map", MISBEHAVE, "sleep", "-n", "1", stdin=subprocess.PIPE)
    it.stdin.write(b'{"seconds": 0}\n{"seconds": 1000}\n')
    it.stdin.flush()
    assert it.stdout.readline() == b"0\n"
    it.send_signal(signal.SIGINT)
    it.communicate(timeout=30)
    assert it.returncode == 130


def test_interrupted_while_nobody_reads_its_output(host):
    """[E4] [Q4]"""
    source = host.file("in.jsonl", numbers(100000))
    it = host.start("map", MISBEHAVE, "count_down", "--input", source)
    seen = [0]

    def stuck():
        seen.append(waiting_in(it.stdout.fileno()))
        return seen[-1] > 0 and seen[-1] == seen[-20:][0] and len(seen) > 20

    assert eventually(60, stuck)
    it.send_signal(signal.SIGINT)
    assert it.wait(timeout=LIMIT) == 130
    written, _ = it.communicate(timeout=LIMIT)
    assert written and negated(100000).encode().startswith(written)


def test_head_ends_it_quietly(host):
    """[E4]"""
    source = host.file("in.jsonl", numbers(100000))
    it = host.start("map", MISBEHAVE, "count_down", "--input", source)
    head = [it.stdout.readline() for _ in range(3)]
    it.stdout.close()
    assert it.stderr.read() == b""
    it.stderr.close()
    assert it.wait(timeout=LIMIT) == 141
    assert head == [b"0\n", b"-1\n", b"-2\n"]


def test_a_full_disk_is_said_with_what_was_written(host):
    """[E4]"""
    got = host.map("count_down", "--output", "/dev/full", stdin=numbers(1000))
    assert got.code == 1
    assert got.err == "snakepit: cannot write to /dev/full: No space left on device; 0 lines were written\n"


def test_a_file_at_its_limit_ends_with_a_whole_line(host):
    """[E4]"""
    source = host.file("in.jsonl", numbers(60000))
    target = host.work / "out.jsonl"
    # Not less: the lane page is a file to the kernel, too.
    command = f"ulimit -f 128; trap '' XFSZ; exec {SNAKEPIT} map {MISBEHAVE} count_down -i {source} -o {target}"
    it = subprocess.run(
        ["bash", "-c", command], env=host.environment, cwd=host.work, capture_output=True, timeout=LIMIT
    )
    assert it.returncode == 1
    assert b"File too large" in it.stderr
    written = target.read_text()
    assert written.endswith("\n") and negated(60000).startswith(written)
    assert f"{written.count(chr(10)):,} lines were written".encode() in it.stderr


def test_results_come_while_the_input_is_still_open(host):
    """[E4]"""
    it = host.start("map", MISBEHAVE, "count_down", "-n", "1", stdin=subprocess.PIPE)
    for i in range(3):
        it.stdin.write(b'{"n": %d}\n' % i)
        it.stdin.flush()
        assert int(it.stdout.readline()) == -i
    it.communicate(timeout=30)
    assert it.returncode == 0


def test_what_tools_print_does_not_touch_the_results(host):
    """[W8] [E4]"""
    got = host.map("say", "-n", "1", stdin='{"text": "a"}\n{"text": "b"}\n')
    assert got.out == '"a"\n"b"\n'
    assert "a to stderr" in got.err
    assert host.map("say", "--quiet", stdin='{"text": "a"}\n').err == ""


def test_retries_are_only_for_what_is_retryable(host):
    """[E4]"""
    text = '{"n": 1, "fail_at": 1}\n'
    got = host.map("count_down", "--retries", "3", "--json", stdin=text)
    assert json.loads(got.err)["retries"] == 0
    assert got.lines[0]["error"]["reason"] == "python_exception"


def test_large_results_go_through_a_slow_reader(host):
    """[F6]"""
    it = host.start("map", MISBEHAVE, "large", "-n", "2", stdin=subprocess.PIPE)
    it.stdin.write(b'{"size": 5000000}\n' * 40)
    it.stdin.close()
    lines = 0
    for line in it.stdout:
        assert len(line) == 5000003
        lines += 1
    it.stdout.close()
    it.stderr.close()
    assert (it.wait(timeout=LIMIT), lines) == (0, 40)


def test_the_lanes_of_a_worker_map_at_the_same_time(host):
    """[W5] [E4]"""
    lines = "".join('{"n": 8}\n' for _ in range(8))
    got = host.run(
        *("map", ROOT / "tests" / "public" / "threads.py", "meet"),
        *("-n", "1", "--profile", "thread", "--lanes", "8"),
        stdin=lines,
    )
    assert got.code == 0, got
    assert len(set(got.lines)) == 1 and len(got.lines) == 8


def test_coroutines_of_a_worker_map_at_the_same_time(host):
    """[W5] [E4]"""
    lines = "".join('{"seconds": 2}\n' for _ in range(50))
    got = host.run(
        *("map", ROOT / "tests" / "public" / "coroutines.py", "nap"),
        *("-n", "1", "--profile", "async", "--lanes", "50"),
        stdin=lines,
    )
    assert got.code == 0, got
    assert len(got.lines) == 50 and max(map(int, got.lines)) >= 45


def test_lanes_want_threads(host):
    """[W5] [E3]"""
    got = host.run("map", ADAPTERS / "hello.py", "greet", "--lanes", "2", stdin="")
    assert got.code == 2 and "profile: thread" in got.err
