"""Let `import keras` in the user's code give Cornu.

The alias answers the user's own files only. What is installed in site-packages keeps
its own view (real TensorFlow imports real Keras while it loads), so no entry of
`sys.modules` is touched: the import statement itself is asked who calls.
"""

from __future__ import annotations

import builtins
import os
import sysconfig
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_SITE = str(Path(__file__).parent / "site")
_OWN = str(Path(__file__).parents[1]) + os.sep
_LIBRARIES = tuple(
    os.path.realpath(path) + os.sep
    for key, path in sysconfig.get_paths().items()
    if key in ("stdlib", "platstdlib", "purelib", "platlib")
)
# What Keras keeps elsewhere.
_MOVED = {"keras": "cornu.compat.keras", "keras.backend": "cornu.compat.backend"}

_import = builtins.__import__


def install() -> None:
    """Serve `keras` and `tensorflow.keras` from here on, in child processes too."""
    if builtins.__import__ is not _import_for_users:
        builtins.__import__ = _import_for_users
    # A child process, however it is started, finds `sitecustomize` on this path.
    paths = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    if _SITE not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([_SITE, *paths])


def uninstall() -> None:
    """Undo `install`."""
    builtins.__import__ = _import
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    rest = os.pathsep.join(p for p in paths if p and p != _SITE)
    if rest:
        os.environ["PYTHONPATH"] = rest
    else:
        os.environ.pop("PYTHONPATH", None)


def _import_for_users(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    """The import statement; `keras` means Cornu where the user's code asks."""
    head = name.partition(".")[0]
    if level or head not in ("keras", "tensorflow") or not _is_user_code(globals):
        return _import(name, globals, locals, fromlist or (), level)
    if head == "tensorflow":
        return _tensorflow(name, globals, locals, fromlist or ())
    module = _load(name, fromlist or ())
    return module if fromlist else _load("keras", ())


def _load(name: str, fromlist: Sequence[str]) -> Any:
    """A module of Keras, by Cornu's module of that name."""
    own = _MOVED.get(name) or "cornu" + name.removeprefix("keras")
    try:
        # With a fromlist, the import system returns the module itself.
        return _import(own, None, None, fromlist or ("__name__",), 0)
    except ModuleNotFoundError as error:
        if error.name is None or not own.startswith(error.name):
            raise
        raise ModuleNotFoundError(
            f"No module named {name!r}: `keras` is Cornu here, which has no such "
            "module.\nExpected a module of the public Keras API.\n"
            "Import what you need from keras, keras.layers, keras.models, ...",
            name=name,
        ) from None


def _tensorflow(name: str, globals: Any, locals: Any, fromlist: Sequence[str]) -> Any:
    """`tensorflow.keras` is `keras`; everything else is the installed TensorFlow's."""
    parts = name.split(".")
    if parts[1:2] == ["keras"]:
        module = _load(".".join(parts[1:]), fromlist)
        return module if fromlist else _with_keras("tensorflow", ())
    if name == "tensorflow" and "keras" in fromlist:
        others = [each for each in fromlist if each != "keras"]
        return _with_keras("tensorflow", others)
    return _import(name, globals, locals, fromlist, 0)


def _with_keras(name: str, others: Sequence[str]) -> types.ModuleType:
    """A stand-in for TensorFlow that holds Keras and what else was asked for."""
    module = types.ModuleType(name, "TensorFlow's name for Keras, served by Cornu.")
    module.keras = _load("keras", ())  # pyright: ignore[reportAttributeAccessIssue]
    if others:
        real = _import(name, None, None, others, 0)
        for each in others:
            setattr(module, each, getattr(real, each))
    return module


def _is_user_code(globals: Mapping[str, Any] | None) -> bool:
    file = (globals or {}).get("__file__")
    if not isinstance(file, str):
        return True  # typed at a prompt, or executed from a string
    path = os.path.realpath(file)
    installed = "site-packages" in path or "dist-packages" in path
    return not installed and not path.startswith((_OWN, *_LIBRARIES))
