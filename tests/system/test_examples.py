"""The programs in examples/ and the minute's examples of the README [E1]."""

import os
import pathlib
import re
import socket
import subprocess

import pytest
from host import ADAPTERS, LIMIT, ROOT

PROGRAMS = pathlib.Path(os.environ["SNAKEPIT_EXAMPLES"])


def run(host, program, *arguments, stdin="", **options):
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    it = subprocess.run(
        [PROGRAMS / f"example_{program}", *arguments],
        cwd=host.work,
        env={**host.environment, "XDG_RUNTIME_DIR": str(host.run_dir), "XDG_STATE_HOME": str(host.state_dir)},
        input=stdin,
        text=True,
        timeout=LIMIT,
        **options,
    )
    # Programs of one's own do not read SNAKEPIT__...: theirs is $XDG_RUNTIME_DIR/snakepit.
    (host.run_dir / "snakepit").rmdir()
    (host.state_dir / "snakepit").rmdir()
    return it


def test_execute(host):
    """[E1]"""
    it = run(host, "execute", ADAPTERS / "hello.py")
    assert (it.returncode, it.stdout) == (0, "Hello, World!\n"), it.stderr


def test_futures(host):
    """[E1]"""
    it = run(host, "futures", ADAPTERS / "text_analysis.py")
    assert it.returncode == 0, it.stderr
    assert it.stdout.splitlines()[0] == "11 words, 2 sentences, longest word: fine"
    assert len(it.stdout.splitlines()) == 3


def test_callbacks(host):
    """[E1]"""
    it = run(host, "callbacks", ADAPTERS / "hello.py")
    assert it.returncode == 0, it.stderr
    lines = sorted(it.stdout.splitlines())
    assert lines[:2] == ['Ada: "Hello, Ada!"', 'Grace: "Hello, Grace!"']
    assert lines[2].startswith("withdrawn: ")


def test_batch(host):
    """[F6]"""
    it = run(host, "batch", ADAPTERS / "hello.py")
    assert it.returncode == 0, it.stderr
    lines = it.stdout.splitlines()
    assert lines[0].startswith("item 6: schema_mismatch")
    assert lines[1].startswith("9999 succeeded, 1 failed, ") and len(lines) == 2
    assert "9999 done, 0 under way" in it.stderr.splitlines()


def test_bulk(host):
    """[E1] [F6]"""
    it = run(host, "bulk", ADAPTERS / "hello.py")
    assert it.returncode == 0, it.stderr
    assert it.stdout.startswith("100000 of 100000 calls succeeded")


def test_recover(host):
    """[W9] [Q7]"""
    it = run(host, "recover", ADAPTERS / "crashy.py")
    assert it.returncode == 0, it.stderr
    before, error, certificate, after = it.stdout.splitlines()
    assert (before, after) == ("before: 36", "after: 64")
    assert "SIGSEGV" in error
    assert "default/0.0" in certificate or "default/0.1" in certificate


def test_events(host):
    """[T1]"""
    it = run(host, "events", ADAPTERS / "crashy.py")
    assert it.returncode == 0, it.stderr
    names = [line.split()[0] for line in it.stdout.splitlines()]
    life = ["worker.spawned", "worker.ready"]
    assert names == [
        *life,
        "worker.exited",
        "worker.tainted",
        *life,
        "worker.restarted",
        "worker.draining",
        "worker.exited",
    ]
    assert "cause=SIGSEGV" in it.stdout
    assert 'cause="ended by us: shutdown"' in it.stdout


def test_embed_in_caf(host):
    """[E1]"""
    it = run(host, "embed_in_caf", ADAPTERS / "hello.py")
    assert (it.returncode, it.stderr) == (0, "")
    assert it.stdout == '"Hello, Erlang!"\n"Hello, Elixir!"\n'


def test_script(host):
    """[R8]"""
    it = run(host, "script", ADAPTERS / "text_analysis.py", stdin="One two.\nThree.\n")
    assert (it.returncode, it.stdout) == (0, "2 words\n1 words\n"), it.stderr
    it = run(host, "script", ADAPTERS / "hello.py", stdin="It has no such tool.\n")
    assert it.returncode == 2
    assert "unknown_tool" in it.stderr
    it = run(host, "script", "./none.py")
    assert it.returncode == 1
    # Another worker may say so, too, meanwhile.
    assert any(line.startswith("snakepit: pool_failed: ") for line in it.stderr.splitlines()), it.stderr
    assert "none.py" in it.stderr


def test_a_script_whose_pipes_are_closed(host):
    """[R8]"""
    reader, writer = os.pipe()
    os.close(reader)
    quiet = {"stdout": writer, "stderr": writer}
    assert run(host, "script", "./none.py", **quiet).returncode == 1
    os.close(writer)
    # Nobody reads, and nothing fits into the pipe any more.
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    assert run(host, "script", "./none.py", stdout=writer, stderr=writer).returncode == 1
    os.close(reader)
    os.close(writer)


def test_port_check(host):
    """[W5]"""
    threads = ["-n", "1", "--profile", "thread", "--lanes", "4"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        it = host.run("map", ADAPTERS / "port_check.py", "is_open", *threads, stdin=f"{port}\n1\n")
    assert (it.lines, it.code) == ([True, False], 0), it.err
    it = host.call("report", "path=found", *threads, adapter=ADAPTERS / "port_check.py")
    assert (it.json, it.code) == (0, 0), it.err


def test_an_example_says_what_is_wrong(host):
    """[W4]"""
    it = run(host, "execute", "./none.py")
    assert it.returncode == 1
    assert "none.py" in it.stderr


def blocks(language):
    readme = (ROOT / "README.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", readme, re.S)


def test_the_readme_shows_the_programs_that_are_tested(host):
    """[E1]"""
    assert blocks("cpp")[0] == (ROOT / "examples" / "execute.cpp").read_text()
    assert blocks("python")[0] == (ADAPTERS / "hello.py").read_text()


def test_the_commands_of_the_readme_work(host):
    """[E4]"""
    host.file("hello.py", (ADAPTERS / "hello.py").read_text())
    shown = "\n".join(blocks("console"))
    commands = re.findall(r"^\$ (snakepit .*)\n((?:(?!\$ ).*\n)*)", shown, re.M)
    assert commands
    for command, output in commands:
        it = subprocess.run(
            ["bash", "-c", f'snakepit() {{ "$SNAKEPIT" "$@"; }}; {command}'],
            cwd=host.work,
            env={**host.environment, "SNAKEPIT": os.environ["SNAKEPIT"]},
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        assert it.returncode == 0, it.stderr
        if output:
            assert it.stdout == output
