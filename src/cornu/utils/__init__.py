"""Helpers for arrays, data and models, under the names that Keras gives them."""

from __future__ import annotations

import importlib
from typing import Any

from cornu.serialization import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from cornu.training.py_dataset import PyDataset
from cornu.utils.numerical import normalize, to_categorical
from cornu.utils.session import clear_session, set_random_seed

__all__ = [
    "CustomObjectScope",
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "model_to_dot",
    "normalize",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "to_categorical",
]

Sequence = PyDataset  # its name in Keras 2

# On first use: they need models, which most who want a helper do not draw.
_DRAWING = ("model_to_dot", "plot_model")
_OLD_MODULES = ("np_utils", "vis_utils")  # of Keras 1 and 2


def __getattr__(name: str) -> Any:
    if name == "pad_sequences":
        return importlib.import_module("cornu.preprocessing.sequence").pad_sequences
    if name in _DRAWING:
        return getattr(importlib.import_module("cornu.models.drawing"), name)
    if name in _OLD_MODULES:
        return importlib.import_module(f"cornu.utils.{name}")
    raise AttributeError(f"module 'cornu.utils' has no attribute {name!r}")
