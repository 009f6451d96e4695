"""What the package needs, and what it gives to type checkers [Y7]."""

import ast
import pathlib
import subprocess
import sys

import pytest

from host import BRIDGE

PACKAGE = pathlib.Path(BRIDGE) / "snakepit_bridge"

WITHOUT_GRPC = """
import sys
sys.modules["grpc"] = sys.modules["google"] = None  # makes importing them an ImportError
import snakepit_bridge.codec
from snakepit_bridge import Adapter, testing, tool

class Doubler(Adapter):
    @tool
    def double(self, n: int) -> int:
        return 2 * n

with testing.run(Doubler) as doubler:
    assert doubler.call("double", n=21) == 42
    try:
        doubler.call("double", n="x")
    except testing.CallFailed as error:
        assert error.reason == "schema_mismatch", error
    else:
        raise AssertionError("the schema was not checked")
"""


def imported(path):
    """The top-level packages that a file imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0]


@pytest.mark.skipif(sys.version_info < (3, 10), reason="it has no list of the standard library")
def test_only_grpcio_and_protobuf_are_needed():
    """[Y7]"""
    needed = {name for path in PACKAGE.rglob("*.py") for name in imported(path)}
    assert needed - set(sys.stdlib_module_names) == {"grpc", "google"}


def test_adapters_can_be_tested_without_grpcio():
    """[Y7]"""
    command = [sys.executable, "-B", "-c", WITHOUT_GRPC]
    got = subprocess.run(command, env={"PYTHONPATH": str(BRIDGE)}, capture_output=True, text=True)
    assert (got.returncode, got.stderr) == (0, "")


def test_type_checkers_are_told_that_it_is_typed():
    """[Y7]"""
    assert (PACKAGE / "py.typed").exists()
