"""A module of functions that says nothing of threads."""


def ok(x: int) -> int:
    return x
