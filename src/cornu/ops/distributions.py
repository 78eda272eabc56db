"""Random numbers of the gamma, beta and binomial distributions.

Marsaglia and Tsang, "A simple method for generating gamma variables" (2000). A fixed
number of proposals is made at once, so that a program can hold them: one of them is
accepted but for once in 10**10. The numbers are made of logarithms, as they may be too
small for floats.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.graph.trace import convert
from cornu.ops.numpy import stack, zeros
from cornu.ops.primitives.control import scan
from cornu.ops.primitives.elementwise import (
    absolute,
    cast,
    exp,
    floor,
    greater,
    greater_equal,
    less,
    less_equal,
    log,
    log1p,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    minimum,
    sqrt,
    where,
)
from cornu.ops.primitives.indexing import take, take_along_axis
from cornu.ops.primitives.reductions import argmax
from cornu.ops.primitives.shapes import broadcast_to, expand_dims, squeeze
from cornu.ops.public import floating
from cornu.ops.random import _float_dtype, _sizes, make_seed, normal, uniform

__all__ = ["SubKeys", "beta", "binomial", "gamma", "log_gamma"]

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
    a, b = (log_gamma(shape, convert(p), dtype, keys) for p in (alpha, beta))
    return 1.0 / (1.0 + exp(b - a))


# Hoermann, "The generation of binomial random variates" (1993). Below a mean of 10 the
# gaps between successes are drawn: more than 60 are there once in 10**27. From there on
# a hat is rejected at most once in 7 times: 20 proposals fail once in 10**16.
_GAPS, _HATS = 60, 20


def binomial(
    shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> Any:
    """How many of so many trials succeed.

    Args:
        shape: shape of the result.
        counts: number of trials: a number or a tensor, which broadcasts.
        probabilities: of success, from 0 to 1: a number or a tensor, which broadcasts.
        dtype: a floating dtype, floatx by default.
        seed: an int, a `SeedGenerator`, or None for the global generator.

    Returns:
        Tensor of that shape and dtype, of whole numbers from 0 to `counts`.

    Raises:
        ValueError: when the dtype is not floating.
    """
    dtype, shape = _float_dtype(dtype, "binomial"), _sizes(shape)
    worked = "float64" if dtype == "float64" else "float32"
    n = broadcast_to(floor(cast(convert(counts), worked)), shape)
    p = broadcast_to(cast(floating(probabilities), worked), shape)
    # The rarer side is drawn.
    often = greater(p, 0.5)
    rare = where(often, 1.0 - p, p)
    few = less(n * rare, 10.0)
    keys = SubKeys(make_seed(seed))
    low = _by_gaps(n, where(few, rare, 0.1), worked, keys)
    high = _by_hats(where(few, 100.0, n), where(few, 0.5, rare), worked, keys)
    k = where(few, low, high)
    k = where(often, n - k, k)
    known = logical_and(greater_equal(p, 0.0), less_equal(p, 1.0))
    return cast(where(logical_and(known, greater_equal(n, 0.0)), k, np.nan), dtype)


def _many(keys: SubKeys, count: int) -> Any:
    return stack([keys.next() for _ in range(count)])


def _by_gaps(n: Any, p: Any, dtype: str, keys: SubKeys) -> Any:
    """The number of successes whose gaps add up to no more than n."""
    failure = log1p(-p)

    def step(carry, key):
        at, k = carry
        u = 1.0 - uniform(n.shape, dtype=dtype, seed=_One(key))
        gap = where(greater(p, 0.0), floor(log(u) / failure) + 1.0, np.inf)
        at = at + gap
        return (at, k + cast(less_equal(at, n), dtype)), None

    start = zeros(n.shape, dtype)
    (_, k), _ = scan(step, (start, start), _many(keys, _GAPS))
    return k


class _One:
    """A generator of one key, in the body of a loop."""

    def __init__(self, key: Any) -> None:
        self.next = lambda ordered=True: key


def _stirling(k: Any) -> Any:
    """What log(k!) is more than Stirling's formula for k + 1."""
    table = convert(np.asarray(_STIRLING).astype(k.dtype))
    square = (k + 1.0) * (k + 1.0)
    series = (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1.0)
    return where(less(k, 10.0), take(table, cast(minimum(k, 9.0), "int32")), series)


_STIRLING = (
    0.0810614667953272,
    0.0413406959554092,
    0.0276779256849983,
    0.02079067210376509,
    0.0166446911898211,
    0.0138761288230707,
    0.0118967099458917,
    0.0104112652619720,
    0.00925546218271273,
    0.00833056343336287,
)


def _by_hats(n: Any, p: Any, dtype: str, keys: SubKeys) -> Any:
    """Proposals below a hat over the distribution, of which the first that fits stays
    (algorithm BTRS)."""
    spread = sqrt(n * p * (1.0 - p))
    b = spread * 2.53 + 1.15
    a = b * 0.0248 + p * 0.01 - 0.0873
    odds, top = p / (1.0 - p), floor((n + 1.0) * p)
    alpha = (5.1 / b + 2.83) * spread
    height = (top + 0.5) * log((top + 1.0) / (odds * (n - top + 1.0)))
    height = height + _stirling(top) + _stirling(n - top)

    def step(carry, pair):
        found, done = carry
        u = uniform(n.shape, dtype=dtype, seed=_One(pair[0])) - 0.5
        v = 1.0 - uniform(n.shape, dtype=dtype, seed=_One(pair[1]))
        us = 0.5 - absolute(u)
        k = floor((a * 2.0 / us + b) * u + n * p + 0.5)
        inside = logical_and(greater_equal(k, 0.0), less_equal(k, n))
        sure = logical_and(greater_equal(us, 0.07), less_equal(v, 0.92 - 4.2 / b))
        j = minimum(maximum(k, 0.0), n)
        limit = height + (n + 1.0) * log((n - top + 1.0) / (n - j + 1.0))
        limit = limit + (j + 0.5) * log(odds * (n - j + 1.0) / (j + 1.0))
        limit = limit - _stirling(j) - _stirling(n - j)
        below = less_equal(log(v * alpha / (a / (us * us) + b)), limit)
        good = logical_and(inside, logical_or(sure, below))
        found = where(logical_or(done, logical_not(good)), found, k)
        return (found, logical_or(done, good)), None

    pairs = stack([_many(keys, _HATS), _many(keys, _HATS)], 1)
    start = (top, zeros(n.shape, "bool"))
    (found, _), _ = scan(step, start, pairs)
    return found
