"""Random numbers of the gamma and beta distributions, drawn by logarithms.

Marsaglia and Tsang, "A simple method for generating gamma variables" (2000). A fixed
number of proposals is made at once, so that a program can hold them: one of them is
accepted but for once in 10**10.
"""

from __future__ import annotations

from typing import Any

from cornu.graph.tree import map_structure
from cornu.ops.primitives.elementwise import (
    cast,
    exp,
    greater,
    less,
    log,
    logical_and,
    where,
)
from cornu.ops.primitives.indexing import take_along_axis
from cornu.ops.primitives.reductions import argmax
from cornu.ops.primitives.shapes import broadcast_to, expand_dims, squeeze
from cornu.ops.public import floating
from cornu.ops.random import _float_dtype, _sizes, make_seed, normal, uniform

__all__ = ["SubKeys", "beta", "gamma", "log_gamma"]

_PROPOSALS = 8


class SubKeys:
    """A sequence of keys that follow from one key, without a state of its own.

    Args:
        key: uint32 tensor of shape (2,), of a `SeedGenerator`.
    """

    def __init__(self, key: Any) -> None:
        from cornu.ops.primitives.random import random_bits

        self._first, self._count = cast(random_bits(key, (2,)), "uint32"), 0

    def next(self, ordered: bool = True) -> Any:
        """The next key."""
        import numpy as np

        self._count += 1
        return self._first + np.array([0, self._count], np.uint32)


def log_gamma(shape: Any, alpha: Any, dtype: str, seed: Any) -> Any:
    """Logarithms of numbers of a gamma distribution, which may be too small for floats.

    Args:
        shape: shape of the result.
        alpha: number or tensor, which broadcasts: the parameter of its shape, > 0.
        dtype: a floating dtype.
        seed: an int, a `SeedGenerator`, or None for the global generator.
    """
    shape = _sizes(shape)
    keys = SubKeys(make_seed(seed))
    alpha = cast(floating(alpha), dtype)
    # Gamma(alpha) is Gamma(alpha + 1) times a power of a uniform number.
    d = broadcast_to(alpha, shape) + (1.0 - 1.0 / 3.0)
    c = 1.0 / (d * 9.0) ** 0.5
    x = normal((_PROPOSALS, *shape), dtype=dtype, seed=keys)
    v = (1.0 + c * x) ** 3
    possible = greater(v, 0.0)
    v = where(possible, v, 1.0)
    u = 1.0 - uniform((_PROPOSALS, *shape), dtype=dtype, seed=keys)  # never 0
    limit = x * x * 0.5 + d - d * v + d * log(v)
    first = argmax(cast(logical_and(possible, less(log(u), limit)), "int32"), axis=0)
    v = squeeze(take_along_axis(v, expand_dims(first, 0), axis=0), 0)
    u = 1.0 - uniform(shape, dtype=dtype, seed=keys)
    return log(d) + log(v) + log(u) / alpha


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Numbers of a gamma distribution of scale 1.

    Args:
        shape: shape of the result.
        alpha: the parameter of its shape, > 0; it is also the mean.
        dtype: a floating dtype, floatx by default.
        seed: an int, a `SeedGenerator`, or None for the global generator.

    Returns:
        Tensor of that shape and dtype.

    Raises:
        ValueError: when the dtype is not floating.
    """
    return exp(log_gamma(shape, alpha, _float_dtype(dtype, "gamma"), seed))


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Numbers from 0 to 1 of a beta distribution.

    Args:
        shape: shape of the result.
        alpha: first parameter, > 0; large ones draw towards 1.
        beta: second parameter, > 0; large ones draw towards 0.
        dtype: a floating dtype, floatx by default.
        seed: an int, a `SeedGenerator`, or None for the global generator.

    Returns:
        Tensor of that shape and dtype.

    Raises:
        ValueError: when the dtype is not floating.
    """
    dtype = _float_dtype(dtype, "beta")
    keys = SubKeys(make_seed(seed))
    a, b = map_structure(lambda p: log_gamma(shape, p, dtype, keys), (alpha, beta))
    return 1.0 / (1.0 + exp(b - a))
