"""`snakepit doctor` says what is missing [W4] [E4]."""

import pytest
from host import ADAPTERS


def by_name(got):
    return {x["name"].split(" /")[0]: x for x in got.json["checks"]}


def test_a_good_machine_and_adapter(host):
    """[W4]"""
    got = host.run("doctor", ADAPTERS / "hello.py", "--json")
    assert got.code == 0, got
    assert got.json["ok"] is True
    checks = by_name(got)
    names = {"kernel", "run directory", "processes", "open files", "memory", "interpreter", "grpcio"}
    assert names | {"protobuf", "bridge package", "adapter"} <= set(checks)
    assert all(x["result"] != "fail" for x in checks.values())
    text = host.run("doctor", ADAPTERS / "hello.py")
    assert text.code == 0
    assert text.out.splitlines()[0].startswith("ok ")


@pytest.mark.parametrize(
    "source, says",
    [
        ("def f(:\n", "broken.py"),
        ("import no_such_module_anywhere\n", "no_such_module_anywhere"),
        ("raise RuntimeError('no weights')\n", "no weights"),
        ("import os\nos._exit(9)\n", "while it was loaded it exited with code 9"),
        ("import os\nos._exit(0)\n", "while it was loaded it exited with code 0"),
        ("import os\nos.abort()\n", "it died by signal 6"),
    ],
)
def test_an_adapter_that_does_not_load(host, source, says):
    """[W4]"""
    host.file("broken.py", source)
    got = host.run("doctor", "./broken.py", "--json")
    assert got.code == 1
    check = by_name(got)["adapter"]
    assert check["result"] == "fail"
    assert says in check["found"]
    assert check["advice"]


@pytest.mark.parametrize("says, result", [("", "fail"), ("thread_safe = True\n", "ok")])
def test_an_adapter_for_threads_must_say_that_it_is_safe(host, says, result):
    """[W5]"""
    host.file("plain.py", says + "def double(x: int) -> int:\n    return 2 * x\n")
    path = host.file("threads.yaml", "pools: [{name: a, adapter: ./plain.py, profile: thread}]\n")
    got = host.run("doctor", "-c", path, "--json")
    check = by_name(got)["adapter ./plain.py"]
    assert check["result"] == result, check
    assert ("thread_safe = True" in check["advice"]) == (result == "fail")


@pytest.mark.parametrize(
    "says, result",
    [
        ("def double(x: int) -> int:\n    return 2 * x\n", "fail"),
        ("async def double(x: int) -> int:\n    return 2 * x\n", "ok"),
        ("thread_safe = True\ndef double(x: int) -> int:\n    return 2 * x\n", "ok"),
    ],
)
def test_plain_tools_beside_a_loop_must_be_said_to_be_safe(host, says, result):
    """[W5]"""
    host.file("plain.py", says)
    path = host.file("loop.yaml", "pools: [{name: a, adapter: ./plain.py, profile: async}]\n")
    got = host.run("doctor", "-c", path, "--json")
    check = by_name(got)["adapter ./plain.py"]
    assert check["result"] == result, check
    assert ("async def" in check["found"]) == (result == "fail")


def test_an_adapter_that_never_loads(host):
    """[W4]"""
    path = host.file(
        "hangs.yaml", "pools: [{name: default, adapter: ./hangs.py, start: {timeout: 1s}}]\n"
    )
    host.file("hangs.py", "import time\ntime.sleep(1000)\n")
    got = host.run("doctor", "-c", path, "--json")
    assert got.code == 1, got
    assert "in time" in by_name(got)["adapter ./hangs.py"]["found"]


def test_no_such_interpreter(host):
    """[W4]"""
    host.set(PYTHON__EXECUTABLE="/no/such/python")
    got = host.run("doctor", "--json")
    assert got.code == 1
    check = by_name(got)["interpreter"]
    assert check["result"] == "fail" and "/no/such/python" in check["found"]


def test_a_run_directory_that_others_may_enter(host):
    """[S1] [W4]"""
    host.run_dir.chmod(0o755)
    got = host.run("doctor", "--json")
    assert got.code == 1
    assert by_name(got)["run directory"]["result"] == "fail"


def test_a_run_directory_whose_name_is_too_long(host):
    """[W4]"""
    host.set(INSTANCE__RUN_DIR=str(host.folder / ("x" * 120)))
    got = host.run("doctor")
    assert got.code == 1
    assert "instance.run_dir" in got.out


def test_few_descriptors_are_a_warning(host):
    """[E4]"""
    host.set(POOLS__default__WORKERS="20")
    path = host.file("pool.yaml", f"pools: [{{name: default, adapter: {ADAPTERS}/hello.py}}]\n")
    import resource

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))

    got = host.run("doctor", "-c", path, "--json", preexec_fn=few)
    assert by_name(got)["open files"]["result"] == "warn", got
    assert got.code == 0


def test_a_state_directory_that_cannot_be_made(host):
    """[R2] [RL-11] a warning, since workers start all the same"""
    host.set(INSTANCE__STATE_DIR=host.file("file", "") + "/state")
    got = host.run("doctor", "--json")
    (check,) = [x for x in got.json["checks"] if x["name"] == "state directory"]
    assert check["result"] == "warn" and "ENOTDIR" in check["found"] and check["advice"]
