"""A pytest plugin: the folders that `tmp_path` gives are gone when the tests are over."""

import shutil
import tempfile

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.option.basetemp = tempfile.mkdtemp(prefix="snakepit-test-")


def pytest_unconfigure(config):
    shutil.rmtree(config.option.basetemp, ignore_errors=True)
