"""Workers that cannot start: the error names why, with what they wrote, and nothing hangs [W4]."""

import resource
import time

import pytest

CASES = {
    "syntax error": ("def f(:\n", ["SyntaxError", "broken.py"]),
    "import error": ("import no_such_module_anywhere\ndef f(): pass\n", ["no_such_module_anywhere"]),
    "exception in import": ("1 / 0\ndef f(): pass\n", ["ZeroDivisionError"]),
    "exit in import": ("import sys\nsys.exit(5)\n", ["sys.exit(5)"]),
    "hard exit in import": ("import os\nos._exit(5)\n", ["5"]),
    "crash in import": ("import os\nos.abort()\n", ["SIGABRT"]),
    "no tools": ("x = 1\n", ["no tools"]),
    "exception in initialize": (
        "from snakepit_bridge import Adapter, tool\n"
        "class A(Adapter):\n"
        "    def initialize(self):\n"
        "        raise RuntimeError('no weights')\n"
        "    @tool\n"
        "    def f(self): pass\n",
        ["RuntimeError", "no weights"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_broken_adapter_is_exit_3_and_named(host, name):
    """[W4] [P3]"""
    source, says = CASES[name]
    host.file("broken.py", source)
    begin = time.monotonic()
    got = host.run("call", "./broken.py", "f")
    assert got.code == 3, got
    assert got.out == ""
    for word in says:
        assert word in got.err, got
    assert time.monotonic() - begin < 60
    as_json = host.run("call", "./broken.py", "f", "--json")
    assert as_json.code == 3
    assert as_json.error["category"] in ("pool", "worker", "timeout")


def test_no_such_class(host):
    """[W4]"""
    host.file("good.py", "def f(): pass\n")
    got = host.run("call", "./good.py:Missing", "f")
    assert got.code == 3
    assert "Missing" in got.err


@pytest.mark.parametrize("adapter", ["no.such.module", "./none.py", "no_such_module:Class"])
def test_no_such_module(host, adapter):
    """[W4]"""
    got = host.run("call", adapter, "f")
    assert got.code == 3
    assert adapter.partition(":")[0].strip("./").partition(".")[0] in got.err


def test_no_such_interpreter(host):
    """[W4]"""
    host.set(PYTHON__EXECUTABLE="/no/such/python")
    host.file("good.py", "def f(): pass\n")
    got = host.run("call", "./good.py", "f")
    assert got.code == 3, got
    assert "/no/such/python" in got.err


def test_an_interpreter_that_is_none(host):
    """[W4]"""
    host.set(PYTHON__EXECUTABLE="/bin/true")
    host.file("good.py", "def f(): pass\n")
    got = host.run("call", "./good.py", "f")
    assert got.code == 3, got
    assert "/bin/true" in got.err or "exit" in got.err


def test_an_interpreter_without_grpcio(host):
    """[W4]"""
    bare = host.work / "bare"
    (bare / "bin").mkdir(parents=True)
    (bare / "bin" / "python").symlink_to("/usr/bin/python3")
    (bare / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    host.set(PYTHON__VENV=str(bare))
    host.file("good.py", "def f(): pass\n")
    got = host.run("call", "./good.py", "f")
    assert got.code == 3, got
    assert "grpc" in got.err
    doctor = host.run("doctor")
    assert doctor.code == 1
    assert "grpcio" in doctor.out


def test_an_import_that_never_ends(host):
    """[W4] [W10]"""
    host.set(POOLS__default__START__TIMEOUT="1s", POOLS__default__RESTART__START_FAILURES="1")
    host.file("hangs.py", "import time\nprint('loading', flush=True)\ntime.sleep(1000)\n")
    got = host.run("call", "./hangs.py", "f", "--json")
    assert got.code == 3, got
    assert got.error["reason"] in ("start_timeout", "pool_failed")


def test_the_last_words_of_a_worker_are_shown(host):
    """[W4]"""
    host.file(
        "dies.py", "import os, sys\nprint('the disk is on fire', file=sys.stderr, flush=True)\nos._exit(9)\n"
    )
    for options in (["--quiet"], []):
        got = host.run("call", "./dies.py", "f", *options)
        assert got.code == 3
        assert got.err.count("the disk is on fire") == 1


def test_map_reports_a_start_that_failed_and_leaves_the_output_alone(host):
    """[W4]"""
    host.file("broken.py", "def f(:\n")
    output = host.file("out.jsonl", "precious\n")
    got = host.run("map", "./broken.py", "f", "--output", output, stdin="{}\n")
    assert got.code == 3
    assert open(output).read() == "precious\n"


def test_too_few_descriptors_are_an_error_and_not_the_end_of_the_host(host):
    """[W4] gRPC aborts the process when it gets none."""

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))

    got = host.call("add", "a=1", preexec_fn=few)
    assert (got.code, got.out) == (3, ""), got
    assert "too few descriptors are left" in got.err and "ulimit -n" in got.err


def test_a_call_says_once_why_no_worker_starts(host):
    """[W4] [E4]"""
    host.set(PYTHON__EXECUTABLE="/no/python")
    got = host.call("count_down", "n=1")
    assert got.code == 3
    assert got.err.count("/no/python") == 1, got
    host.set(LOG__LEVEL="info")
    assert "worker did not start" in host.call("count_down", "n=1").err
