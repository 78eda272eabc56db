"""Data sets to learn on: found on this computer, downloaded once, or drawn."""

from __future__ import annotations

import importlib
from typing import Any

from cornu.datasets.lookup import DatasetUnavailable

_MODULES = (
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "imdb",
    "mnist",
    "reuters",
    "synthetic_digits",
)

__all__ = ["DatasetUnavailable", *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"cornu.datasets.{name}")
    if name.startswith("__"):
        raise AttributeError(name)
    from cornu.graph.messages import nearest

    raise AttributeError(
        f"cornu.datasets has no {name!r}.\nExpected one of its data sets.\n"
        f"{nearest(name, __all__)}"
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
