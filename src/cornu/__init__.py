"""Cornu: deep learning with the Keras API, on a data-flow graph that you can read.

`import cornu as keras` is a drop-in. Everything loads on first use, so that importing
this package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_MODULES = (
    "activations",
    "callbacks",
    "compat",
    "config",
    "constraints",
    "datasets",
    "distribution",
    "dtype_policies",
    "engines",
    "graph",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "regularizers",
    "saving",
    "utils",
)
_HOMES = {
    "backend": "cornu.compat",
    "DTypePolicy": "cornu.graph.policy",
    "Function": "cornu.models.function",
    "GradientTape": "cornu.graph",
    "Initializer": "cornu.initializers",
    "Input": "cornu.layers",
    "InputSpec": "cornu.layers",
    "KerasTensor": "cornu.graph.symbolic",
    "Layer": "cornu.layers",
    "Loss": "cornu.losses",
    "Metric": "cornu.metrics",
    "Model": "cornu.models",
    "Operation": "cornu.operation",
    "Optimizer": "cornu.optimizers",
    "Regularizer": "cornu.regularizers",
    "Sequential": "cornu.models",
    "Tensor": "cornu.graph",
    "Variable": "cornu.graph",
    "name_scope": "cornu.graph.variable",
}

__all__ = ["__version__", *_MODULES, *_HOMES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"cornu.{name}")
    home = _HOMES.get(name)
    if home is None:
        from cornu.graph.messages import nearest

        raise AttributeError(
            f"Cornu has no {name!r}.\nExpected one of the names of the Keras API.\n"
            f"{nearest(name, __all__)}"
        )
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
