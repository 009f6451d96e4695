"""Enough of pytest for the test files that other Pythons run, which rarely have the real one."""

import contextlib
import importlib
import itertools
import re


class Skipped(Exception):
    pass


class _Raised:
    value = None


def skip(why):
    raise Skipped(why)


@contextlib.contextmanager
def raises(kind, match=None):
    raised = _Raised()
    try:
        yield raised
    except kind as error:
        raised.value = error
        assert match is None or re.search(match, str(error)), f"{match!r} is not in {error!s}"
    else:
        raise AssertionError(f"{kind} was not raised")


def importorskip(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        raise Skipped(f"no {name}") from None


class mark:
    @staticmethod
    def parametrize(names, values, ids=None):
        names = [x.strip() for x in names.split(",")]

        def decorate(function):
            rows = [dict(zip(names, x if len(names) > 1 else (x,))) for x in values]
            function.rows = [
                {**a, **b} for a, b in itertools.product(getattr(function, "rows", [{}]), rows)
            ]
            return function

        return decorate
