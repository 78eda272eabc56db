"""Initial values of weights: constant, random, and scaled by the size of a layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.graph.tensor import TensorBase
from cornu.graph.variable import INITIALIZER_LOOKUP
from cornu.initializers.base import Initializer
from cornu.initializers.constant import Constant, Identity, Ones, Zeros
from cornu.initializers.fourier import STFT
from cornu.initializers.random import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    compute_fans,
)
from cornu.registry import Registry

IdentityInitializer = identity = Identity
OrthogonalInitializer = orthogonal = Orthogonal
STFTInitializer = stft = STFT
constant = Constant
zeros = Zeros
ones = Ones
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
random_normal = RandomNormal
random_uniform = RandomUniform
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling

REGISTRY = Registry("initializer", "keras.initializers")
REGISTRY.enter(GlorotUniform, GlorotNormal, HeNormal, HeUniform, LecunNormal)
REGISTRY.enter(LecunUniform, RandomNormal, RandomUniform, TruncatedNormal)
REGISTRY.enter(VarianceScaling, Orthogonal, Zeros, Ones, Constant, Identity)
REGISTRY.enter(normal=RandomNormal, uniform=RandomUniform, zero=Zeros, one=Ones)
REGISTRY.enter(IdentityInitializer=Identity, OrthogonalInitializer=Orthogonal)
REGISTRY.enter(STFT, STFTInitializer=STFT)

__all__ = [
    "STFT",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFTInitializer",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "compute_fans",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]


def serialize(initializer: Any) -> Any:
    """The dictionary from which `deserialize` makes the initializer again."""
    return REGISTRY.serialize(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The initializer of a name or of a `serialize` dictionary.

    Args:
        config: name or dictionary.
        custom_objects: names of the user's own.

    Raises:
        ValueError: for unknown names, offering the nearest.
    """
    return REGISTRY.deserialize(config, custom_objects)


def get(identifier: Any) -> Any:
    """The initializer that an identifier stands for.

    Args:
        identifier: name ("glorot_uniform"), dictionary, class, function of shape and
            dtype, an initializer, an array with the values themselves, or None.

    Returns:
        A function of shape and dtype, or None.

    Raises:
        ValueError: when it stands for nothing, offering the nearest name.

    Example:

    >>> type(get("he_normal")).__name__
    'HeNormal'
    """
    if not isinstance(identifier, (np.ndarray, np.generic, TensorBase)):
        return REGISTRY.get(identifier)

    def values(shape: Any, dtype: Any = None) -> Any:
        if tuple(shape) != tuple(np.shape(identifier)):
            raise ValueError(
                f"An array of shape {tuple(np.shape(identifier))} was given as the "
                f"initializer of a variable of shape {tuple(shape)}.\n"
                "Expected equal shapes.\n"
                "Reshape the array, or use Constant(value), which broadcasts."
            )
        return Constant(identifier)(shape, dtype)

    return values


INITIALIZER_LOOKUP.append(get)
