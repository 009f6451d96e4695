import pytest

from host import Host


@pytest.fixture
def host():
    """The command with a run directory, a home and a temporary folder of its own; nothing must be
    left of what it started."""
    with Host() as it:
        yield it
        it.check_nothing_is_left()
