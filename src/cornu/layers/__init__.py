"""Layers: functions with weights."""

from __future__ import annotations

from typing import Any

from cornu.layers.core import (
    Activation,
    Dense,
    Dropout,
    Flatten,
    Input,
    InputLayer,
    Lambda,
    Reshape,
)
from cornu.layers.layer import Layer
from cornu.layers.spec import InputSpec

__all__ = [
    "Activation",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "InputSpec",
    "Lambda",
    "Layer",
    "Reshape",
]


def __getattr__(name: str) -> Any:
    from cornu.graph.messages import nearest

    raise AttributeError(
        f"Cornu has no layer {name!r} (yet).\n"
        f"Expected one of: {', '.join(__all__)}.\n"
        f"{nearest(name, __all__)} Or write it yourself, by subclassing Layer."
    )
