"""Runs the test files that need neither gRPC nor protobuf with the Python that runs this.

Usage: PYTHONPATH=... python run_portable.py
"""

import importlib
import inspect
import pathlib
import sys
import tempfile
import traceback

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE / "mini_pytest"), str(HERE)]
FILES = [
    "test_codec",
    "test_schema",
    "test_adapter",
    "test_loader",
    "test_lane",
    "test_batching",
    "test_journal",
    "test_interrupt",
    "test_thread_interrupt",
    "test_testing",
    "test_loop",
]

import pytest  # noqa: E402


def run(function, arguments):
    """Whether it was run and not skipped."""
    try:
        if "tmp_path" in inspect.signature(function).parameters:
            with tempfile.TemporaryDirectory() as folder:
                function(tmp_path=pathlib.Path(folder), **arguments)
        else:
            function(**arguments)
    except pytest.Skipped:
        return False
    return True


def main():
    for name in ("grpc", "google.protobuf"):
        sys.modules[name] = None  # importing one of them is an error, here of all places
    done = failed = 0
    for name in FILES:
        module = importlib.import_module(name)
        for title, function in list(vars(module).items()):
            if not title.startswith("test_"):
                continue
            for arguments in getattr(function, "rows", [{}]):
                try:
                    done += run(function, arguments)
                except BaseException:
                    failed += 1
                    print(f"FAILED {name}::{title} {str(arguments)[:200]}")
                    traceback.print_exc(limit=-5)
    print(f"{sys.version.split()[0]}: {done} done, {failed} failed")
    return 1 if failed or done < 400 else 0


sys.exit(main())
