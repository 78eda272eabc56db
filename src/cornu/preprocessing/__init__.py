"""Preparing data, under the names of `keras.preprocessing`."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["sequence", "text"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f"cornu.preprocessing.{name}")
    raise AttributeError(f"module 'cornu.preprocessing' has no attribute {name!r}")
