import pathlib
import sys

import pytest

from host import Host

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
pytest_plugins = ["leave_nothing"]


@pytest.fixture
def host():
    """The command with a run directory, a home and a temporary folder of its own; nothing must be
    left of what it started."""
    with Host() as it:
        yield it
        it.check_nothing_is_left()
