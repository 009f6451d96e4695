"""What `meson install` puts in place runs."""

import os
import pathlib
import subprocess

import pytest
from host import ADAPTERS, SNAKEPIT

BUILD = pathlib.Path(SNAKEPIT).parents[2]
ROOT = pathlib.Path(__file__).resolve().parents[2]
BRIDGE = BUILD / "python" / "bridge"


@pytest.fixture
def installed(host):
    """The folder into which everything was installed."""
    target = host.work / "installed"
    command = ["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", target]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return target


def files_in(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_python_side_is_installed_whole_where_the_command_looks(host, installed):
    """[E2]"""
    (package,) = installed.rglob("snakepit_bridge")
    assert files_in(package) == files_in(BRIDGE / "snakepit_bridge")
    (command,) = installed.rglob("bin/snakepit")
    place = "/" + str(package.parent.relative_to(installed))
    assert place.encode() + b"\0" in command.read_bytes()
    got = subprocess.run(
        [command, "call", ADAPTERS / "hello.py", "greet", "name=World"],
        env={**host.environment, "SNAKEPIT_BRIDGE_PATH": str(package.parent)},
        capture_output=True,
    )
    assert (got.stdout, got.stderr) == (b'"Hello, World!"\n', b"")


def test_the_headers_are_installed_with_what_is_generated(installed):
    """[E2]"""
    headers = {path.name for path in installed.rglob("include/snakepit/*")}
    source = ROOT / "actors" / "include" / "snakepit"
    assert headers == {path.name for path in source.glob("*.hpp")} | {"reasons.hpp", "event_kind.hpp"}


SERVICE = """
project('service', 'cpp', default_options: 'cpp_std=c++20')
executable('service', 'main.cpp', dependencies: dependency('snakepit', fallback: 'snakepit'))
"""


def test_a_project_that_takes_it_as_a_subproject_builds_what_it_needs(host):
    """[E2] The compiler does not run: it would take as long as the build itself."""
    (host.work / "subprojects").mkdir()
    os.symlink(ROOT, host.work / "subprojects" / "snakepit")
    host.file("meson.build", SERVICE)
    host.file("main.cpp", (ROOT / "examples" / "execute.cpp").read_bytes())
    environment = {**host.environment, "TMPDIR": str(host.work)}
    for command in (["meson", "setup", "build"], ["ninja", "-C", "build", "-n", "service"]):
        got = subprocess.run(
            command, cwd=host.work, env=environment, capture_output=True, text=True
        )
        assert got.returncode == 0, got.stdout
    assert "bridge_package" in got.stdout
    tests = "subprojects/snakepit/tests"
    assert not (host.work / "build" / tests).exists()
    assert "Linking target service" in got.stdout
