"""Preparing data, under the names of `keras.preprocessing`."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["Dataset", "TensorSpec", "sequence", "text"]

# On first use: text is prepared without them.
_HOMES = {"Dataset": "dataset", "TensorSpec": "elements"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        module = importlib.import_module(f"cornu.preprocessing.{_HOMES[name]}")
        return getattr(module, name)
    if name in __all__:
        return importlib.import_module(f"cornu.preprocessing.{name}")
    raise AttributeError(f"module 'cornu.preprocessing' has no attribute {name!r}")
