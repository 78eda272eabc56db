"""Engines: each turns a Graph into something that runs.

They register by the entry point `cornu.engines`, Cornu's own as those of other
packages. A package that brings one says in its pyproject.toml:

    [project.entry-points."cornu.engines"]
    mine = "my_package:MyEngine"
"""

from __future__ import annotations

import os
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from cornu.graph.dispatch import DISPATCH
from cornu.graph.messages import nearest, warn_user

__all__ = ["available", "current", "get", "use"]

GROUP = "cornu.engines"
_chosen: list[Any] = []


def available() -> dict[str, EntryPoint]:
    """The engines that are registered, by name; what they need may be missing."""
    return {point.name: point for point in entry_points(group=GROUP)}


@cache
def get(name: str) -> Any:
    """The engine of this name.

    Args:
        name: as it is registered: 'numpy', 'jax', ...

    Raises:
        ValueError: when there is no such engine.
        ImportError: when what it runs on is not installed.
    """
    if name == "numpy":  # without a look at all that is installed
        from cornu.engines.numpy import NumpyEngine

        return NumpyEngine()
    points = available()
    if name not in points:
        raise ValueError(
            f"There is no engine {name!r}.\n"
            f"Expected one of {', '.join(sorted(points))}.\n"
            f"{nearest(name, sorted(points))} Models and files are the same on every "
            "engine."
        )
    try:
        return points[name].load()()
    except ImportError as error:
        raise ImportError(
            f"The engine {name!r} cannot run: {error}.\n"
            "Expected the package that it runs on.\n"
            f"Run `pip install 'cornu[{name}]'`, or choose another engine: "
            "cornu.config.set_backend('numpy')."
        ) from error


def current() -> Any:
    """The engine that programs are made for: 'numpy' unless another was chosen.

    The variable CORNU_ENGINE orders one. KERAS_BACKEND, which scripts set for Keras, is
    a wish: where that engine cannot run, one warning says so, and 'numpy' runs.
    """
    if not _chosen:
        ordered = os.environ.get("CORNU_ENGINE")
        _choose(get(ordered) if ordered else _wished())
    return _chosen[0]


def _choose(engine: Any) -> None:
    _chosen[:] = [engine]
    evaluator = None
    if getattr(engine, "eager", False):
        from cornu.engines.native import evaluator_of

        evaluator = evaluator_of(engine)
    DISPATCH.native = evaluator


def _wished() -> Any:
    wish = os.environ.get("KERAS_BACKEND") or "numpy"
    try:
        return get(wish)
    except (ImportError, ValueError) as error:
        warn_user(
            f"KERAS_BACKEND asks for {wish!r}, and 'numpy' runs. {error}", UserWarning
        )
        return get("numpy")


def use(name: str) -> None:
    """Make programs for this engine from here on.

    Args:
        name: as it is registered.

    Raises:
        ValueError: when there is no such engine.
        ImportError: when what it runs on is not installed.
    """
    _choose(get(name))
