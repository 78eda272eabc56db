"""Keras, old and new: `import keras` served by Cornu, and the functions of `K`."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["backend", "hook", "keras"]


def __getattr__(name: str) -> Any:
    # On first use: a script that plots loads no more than it did under Python itself.
    if name in __all__:
        return importlib.import_module(f"cornu.compat.{name}")
    raise AttributeError(f"module 'cornu.compat' has no attribute {name!r}")
