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
from cornu.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from cornu.layers.spec import InputSpec
from cornu.registry import Registry
from cornu.serialization import deserialize_keras_object

__all__ = [
    "Activation",
    "Add",
    "Average",
    "Concatenate",
    "Dense",
    "Dot",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "InputSpec",
    "Lambda",
    "Layer",
    "Maximum",
    "Minimum",
    "Multiply",
    "Reshape",
    "Subtract",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]

REGISTRY = Registry("layer", "keras.layers")
REGISTRY.enter(
    *(
        each
        for each in (globals().get(name) for name in __all__)
        if isinstance(each, type) and issubclass(each, Layer)
    )
)


def serialize(layer: Any) -> Any:
    """The dictionary from which `deserialize` makes the layer again."""
    return REGISTRY.serialize(layer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The layer of a `serialize` dictionary, with new weights.

    Args:
        config: the dictionary.
        custom_objects: name -> class of the user's own.

    Raises:
        ValueError: for unknown names, offering the nearest.
    """
    return deserialize_keras_object(config, custom_objects)


def __getattr__(name: str) -> Any:
    from cornu.graph.messages import nearest

    raise AttributeError(
        f"Cornu has no layer {name!r} (yet).\n"
        f"Expected one of: {', '.join(__all__)}.\n"
        f"{nearest(name, __all__)} Or write it yourself, by subclassing Layer."
    )
