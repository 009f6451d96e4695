#!/usr/bin/env python3
"""Copies the bridge package and the generated modules to one folder, so that Python can import it.

Usage: assemble.py SOURCE_PACKAGE TARGET_FOLDER worker_pb2.py _reasons.py STAMP DEPFILE
"""

import pathlib
import shutil
import sys

source, target, worker_pb2, reasons, stamp, depfile = map(pathlib.Path, sys.argv[1:])
package = target / source.name
wanted = {}
for path in sorted(source.rglob("*")):
    if path.is_file() and "__pycache__" not in path.parts:
        wanted[package / path.relative_to(source)] = path
wanted[package / "_pb" / "worker_pb2.py"] = worker_pb2
wanted[package / "_reasons.py"] = reasons

for old in sorted(package.rglob("*")) if package.exists() else []:
    if old.is_file() and "__pycache__" not in old.parts and old not in wanted:
        old.unlink()
for new, path in wanted.items():
    new.parent.mkdir(parents=True, exist_ok=True)
    data = path.read_bytes()
    if not new.exists() or new.read_bytes() != data:
        # Put in place whole: a worker may be importing it.
        scratch = new.with_name(f".{new.name}.new")
        scratch.write_bytes(data)
        scratch.replace(new)

stamp.write_text("")
folders = [source, *(p for p in source.rglob("*") if p.is_dir() and p.name != "__pycache__")]
inputs = [*wanted.values(), *folders]


def quoted(path):
    return str(path).replace("\\", "\\\\").replace(" ", "\\ ").replace("#", "\\#").replace("$", "$$")


depfile.write_text(f"{quoted(stamp)}: {' '.join(map(quoted, inputs))}\n")
