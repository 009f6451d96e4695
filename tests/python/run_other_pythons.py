"""Runs run_portable.py with every Python from 3.9 to 3.13 on this machine but the one that runs this.

Exit code 77, which means skipped, if there is none.
"""

import glob
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
MINORS = range(9, 14)


def candidates():
    for minor in MINORS:
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            yield os.path.join(folder, f"python3.{minor}")
        pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
        yield from sorted(glob.glob(f"{pyenv}/versions/3.{minor}.*/bin/python3.{minor}"))


def found():
    """One interpreter a version, by its own word; what does not start is passed over."""
    ask = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
    known = {"%d.%d" % sys.version_info[:2]: None}
    for path in candidates():
        if not os.access(path, os.X_OK):
            continue
        answer = subprocess.run([path, "-c", ask], capture_output=True, text=True)
        version, _, executable = answer.stdout.strip().partition(" ")
        if answer.returncode == 0 and version:
            known.setdefault(version, executable)
    return [x for x in known.values() if x]


def main():
    interpreters = found()
    if not interpreters:
        print("SKIPPED: no other Python from 3.9 to 3.13 on this machine")
        return 77
    failed = [
        python
        for python in interpreters
        if subprocess.run([python, "-B", str(HERE / "run_portable.py")]).returncode != 0
    ]
    print(f"{len(interpreters)} other Pythons, failed: {failed or 'none'}")
    return 1 if failed else 0


sys.exit(main())
