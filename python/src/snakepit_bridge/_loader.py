"""From the text that names an adapter to its tools, and every way in which that can fail.

`package.module:Class`, `package.module`, `/path/file.py:Class`, `/path/file.py`. A module without a
class stands for, in this order: its functions marked with `@tool`; the one Adapter class that it
defines; its public functions. Functions marked and a class, or two classes, are ambiguous and refused.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from types import ModuleType
from typing import Any, Dict, List, NamedTuple, NoReturn, Optional, Union

from . import _errors, _tools
from ._errors import BridgeError, Failure, fit
from .adapter import Adapter


class Loaded(NamedTuple):
    """An adapter that was imported but not made."""

    #: Name of the class, or of the module.
    name: str
    target: Union[type, ModuleType]
    tools: List[_tools.ToolSpec]

    @property
    def thread_safe(self) -> bool:
        """Whether the adapter says that its tools may run at the same time."""
        return getattr(self.target, "thread_safe", False) is True


def fail(
    spec: str,
    phase: str,
    text: str,
    *,
    error: Optional[BaseException] = None,
    reason: str = "worker_start_failed",
    retry: bool = False,
    **details: str,
) -> NoReturn:
    """Raises the BridgeError of a start that failed. `retry`: whether a second try may succeed."""
    python = _errors.describe(error) if error is not None else None
    facts: Dict[str, str] = {"adapter": spec, "phase": phase, **details}
    message = _errors.fit(f"adapter {spec!r}: {text}")
    raise BridgeError(Failure(reason, message, facts, python, retry)) from error


_preloaded: Dict[str, Loaded] = {}


def preload(spec: str) -> None:
    """Loads an adapter in a template, for the workers forked from it. Raises BridgeError."""
    _preloaded[spec] = load(spec)


def load(spec: str) -> Loaded:
    """Imports an adapter and reads its tools. Raises BridgeError."""
    if spec in _preloaded:
        return _preloaded[spec]
    place, class_name = _split(spec)
    is_file = place.endswith(".py") or "/" in place
    module = _import_file(spec, place) if is_file else _import_module(spec, place)
    target = _choose(spec, module, class_name)
    try:
        if isinstance(target, ModuleType):
            return Loaded(module.__name__, module, _tools.of_module(module))
        name = f"{module.__name__}:{target.__qualname__}"
        return Loaded(name, target, _tools.of_class(target))
    except _tools.ToolError as error:
        fail(spec, "tools", str(error), reason=error.reason)


def make(spec: str, loaded: Loaded) -> Any:
    """The adapter object: the class called without arguments, or the module itself."""
    if isinstance(loaded.target, ModuleType):
        return loaded.target
    try:
        return loaded.target()
    except BaseException as error:
        fail(spec, "create", f"{loaded.name}() {_raised(error)}", error=error, retry=True)


def fail_unsafe(spec: str, loaded: Loaded) -> NoReturn:
    """Of an adapter that was given to a pool of profile `thread` and says nothing of threads."""
    is_class = isinstance(loaded.target, type)
    where = f"the class {loaded.target.__name__}" if is_class else f"the module {loaded.name}"
    also = ", or derive it from snakepit_bridge.ThreadSafeAdapter" if is_class else ""
    fail(
        spec,
        "thread_safe",
        "the pool's profile is `thread`, which runs its tools at the same time in one process, and"
        f" it does not say that they may. If they may, put `thread_safe = True` into {where}{also}"
        " (`@tool(thread_safe=False)` then marks tools that may not); if not, use"
        " `profile: process`",
    )


def check_for_loop(spec: str, loaded: Loaded) -> None:
    """Fails if the adapter has tools that a pool of profile `async` would run beside its loop, and does
    not say that they may overlap, or tools that are given many calls at once, which a loop is not."""
    groups = [x.name for x in loaded.tools if x.batch is not None]
    if groups:
        names = ", ".join(groups[:5]) + (", ..." if len(groups) > 5 else "")
        fail(
            spec,
            "batch",
            "the pool's profile is `async`, where each call is a coroutine of its own, and there are tools"
            f" that want many calls as one list ({names}). Take `batch=` away, or use `profile: process`"
            " or `thread`",
            tools=names,
        )
    plain = [x.name for x in loaded.tools if not x.is_async and not x.thread_sensitive]
    if loaded.thread_safe or not plain:
        return
    names = ", ".join(plain[:5]) + (", ..." if len(plain) > 5 else "")
    is_class = isinstance(loaded.target, type)
    where = f"the class {loaded.target.__name__}" if is_class else f"the module {loaded.name}"
    fail(
        spec,
        "thread_safe",
        "the pool's profile is `async`, which runs plain functions on threads beside its event loop, at"
        f" the same time as others, and it does not say that they may ({names}). Make them `async"
        f" def`, or if they may, put `thread_safe = True` into {where}; `@tool(thread_sensitive=True)`"
        " has one run on the loop, where it holds up all others; else use `profile: process`",
        tools=names,
    )


def call_hook(spec: str, adapter: Any, name: str, run: Any) -> None:
    """Calls `initialize` or `after_fork` if there is one. `run` runs a coroutine to its end."""
    hook = getattr(adapter, name, None)
    if hook is None:
        return
    try:
        result = hook()
        if inspect.iscoroutine(result):
            run(result)
    except BaseException as error:
        fail(spec, name, f"{name} {_raised(error)}", error=error, retry=True)


def _split(spec: str) -> "tuple[str, str]":
    place, colon, class_name = spec.partition(":")
    if not place or (colon and not all(x.isidentifier() for x in class_name.split("."))):
        fail(spec, "spec", "want module, module:Class, /path/file.py or /path/file.py:Class")
    return place, class_name


def _import_module(spec: str, name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        fail(spec, "spec", f"{name!r} is no name of a module")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name + ".").startswith(error.name + "."):
            fail(spec, "import", f"there is no module {error.name!r}", error=error)
        _fail_import(spec, error)
    except BaseException as error:
        _fail_import(spec, error)


def _import_file(spec: str, place: str) -> ModuleType:
    path = os.path.abspath(os.path.expanduser(place))
    if not os.path.isfile(path):
        fail(spec, "import", f"there is no file {path}")
    # As for a script: the modules beside it can be imported.
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = _module_name(path)
    made = importlib.util.spec_from_file_location(name, path)
    if made is None or made.loader is None:
        fail(spec, "import", f"{path} is no Python file: want a name that ends in .py")
    module = importlib.util.module_from_spec(made)
    sys.modules[name] = module
    try:
        made.loader.exec_module(module)
    except BaseException as error:
        sys.modules.pop(name, None)
        _fail_import(spec, error)
    return module


def _module_name(path: str) -> str:
    """The file's own name, unless that means another module already."""
    stem = os.path.splitext(os.path.basename(path))[0]
    try:
        known = importlib.util.find_spec(stem) if stem.isidentifier() else None
    except (ImportError, ValueError):
        known = None
    same = known is not None and known.origin and os.path.abspath(known.origin) == path
    return stem if same and stem not in sys.modules else f"snakepit_adapter_{stem}"


def _raised(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"called sys.exit({error.code!r})"
    python = _errors.of_exception(error)
    return f"raised {python.message}"


def _fail_import(spec: str, error: BaseException) -> NoReturn:
    if isinstance(error, SyntaxError):
        place = f"{error.filename}, line {error.lineno}"
        fail(
            spec,
            "import",
            f"syntax error in {place}: {error.msg}",
            error=error,
            file=str(error.filename),
            line=str(error.lineno),
        )
    frames = _errors.describe(error).frames
    frames = [x for x in frames if not x.file.startswith("<frozen ")]
    where = f" ({frames[-1].file}, line {frames[-1].line})" if frames else ""
    fail(spec, "import", f"importing it {_raised(error)}{where}", error=error)


def _choose(spec: str, module: ModuleType, class_name: str) -> Union[type, ModuleType]:
    own = [
        x
        for x in vars(module).values()
        if isinstance(x, type) and issubclass(x, Adapter) and x.__module__ == module.__name__
    ]
    names = ", ".join(x.__qualname__ for x in own)
    if class_name:
        return _class_of(spec, module, class_name, names)
    marked = _tools.marked_functions(module)
    if (own and marked) or len(own) > 1:
        what = f"the adapter classes {names}" if len(own) > 1 else f"the adapter class {names}"
        also = f" and the tools {', '.join(marked)}" if marked else ""
        fail(spec, "class", f"it has {what}{also}; say which: {spec}:{own[0].__qualname__}")
    return own[0] if own and not marked else module


def _class_of(spec: str, module: ModuleType, class_name: str, names: str) -> type:
    found: Any = module
    for part in class_name.split("."):
        found = getattr(found, part, None)
    has = f"it has {names}" if names else "it has no adapter class"
    if found is None:
        fail(spec, "class", f"module {module.__name__!r} has no class {class_name!r}; {has}")
    if not (isinstance(found, type) and issubclass(found, Adapter)):
        fail(spec, "class", f"{class_name!r} is not a subclass of snakepit_bridge.Adapter; {has}")
    return found


def libraries() -> "dict[str, str]":
    """Versions of what is loaded and matters."""
    known = {"grpcio": "grpc", "protobuf": "google.protobuf", "numpy": "numpy"}
    found = {}
    for library, module in known.items():
        version = getattr(sys.modules.get(module), "__version__", None)
        if isinstance(version, str):
            found[library] = fit(version, 64)
    return found
