"""Numbers between two limits, evenly spaced or with even ratios."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu.graph import config
from cornu.graph.spec import is_float, standardize_dtype
from cornu.graph.trace import convert
from cornu.ops.families import broadcast_shape
from cornu.ops.numpy import moveaxis
from cornu.ops.primitives.elementwise import (
    absolute,
    cast,
    exp,
    floor,
    log,
    power,
    sign,
)
from cornu.ops.primitives.shapes import broadcast_to, concatenate, expand_dims
from cornu.ops.public import floating, promote, public

__all__ = ["geomspace", "linspace", "logspace"]


@public
def linspace(
    start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0
) -> Any:
    """`num` evenly spaced numbers from `start` to `stop`.

    Args:
        start: number or tensor.
        stop: number or tensor, which broadcasts with `start`.
        num: how many, along a new axis.
        endpoint: whether `stop` is the last of them.
        retstep: whether to give the distance as well.
        dtype: dtype name; by default that of the limits, at least floatx.
        axis: place of the new axis.

    Returns:
        Tensor, or a tuple of it and the distance.

    Raises:
        ValueError: when `num` is negative.
    """
    if num < 0:
        raise ValueError(
            f"[linspace] num={num} was given.\nExpected a whole number from 0 on.\n"
            "Leave it away for 50."
        )
    parts = num - 1 if endpoint else num
    if isinstance(start, (int, float)) and isinstance(stop, (int, float)):
        values = np.linspace(start, stop, num, endpoint=endpoint)
        y = convert(values.astype(standardize_dtype(dtype or config.floatx())))
        gap = convert(
            np.asarray((stop - start) / parts if parts > 0 else np.nan, config.floatx())
        )
        return (y, gap) if retstep else y
    a, b = promote(start, stop)
    a, b = floating(a), floating(b)
    a, b = (
        broadcast_to(v, broadcast_shape(a.shape, b.shape, "linspace")) for v in (a, b)
    )
    along = np.arange(num).reshape((-1,) + (1,) * a.ndim) / max(parts, 1)
    along = convert(along.astype(a.dtype))
    # Both ends weighed, so that the last one is `stop` itself.
    y = expand_dims(a, 0) * (1.0 - along) + expand_dims(b, 0) * along
    y = moveaxis(y, 0, axis)
    gap = (b - a) / float(parts) if parts > 0 else (b - a) * math.nan
    if dtype is not None:
        whole = not is_float(standardize_dtype(dtype))
        y = cast(floor(y) if whole else y, dtype)
    return (y, gap) if retstep else y


@public
def logspace(start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0):
    """`num` numbers from base**start to base**stop, with evenly spaced exponents.

    Args:
        start: first exponent: number or tensor.
        stop: last exponent, which broadcasts with `start`.
        num: how many, along a new axis.
        endpoint: whether base**stop is the last of them.
        base: what the exponents are of.
        dtype: dtype name; by default that of the exponents, at least floatx.
        axis: place of the new axis.
    """
    exponents = linspace(start, stop, num, endpoint, axis=axis)
    y = power(cast(base, exponents.dtype), exponents)
    return y if dtype is None else cast(y, dtype)


@public
def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """`num` numbers from `start` to `stop`, each the same times the one before.

    Args:
        start: number or tensor, not 0.
        stop: number or tensor of the same sign, which broadcasts with `start`.
        num: how many, along a new axis.
        endpoint: whether `stop` is the last of them.
        dtype: dtype name; by default that of the limits, at least floatx.
        axis: place of the new axis.

    Example:

    >>> geomspace(1.0, 8.0, 4).tolist()
    [1.0, 2.0, 4.0, 8.0]
    """
    a, b = promote(start, stop)
    a, b = floating(a), floating(b)
    shape = broadcast_shape(a.shape, b.shape, "geomspace")
    a, b = broadcast_to(a, shape), broadcast_to(b, shape)
    inner = linspace(log(absolute(a)), log(absolute(b)), num, endpoint)
    y = sign(a) * exp(inner)
    # The limits themselves, without what their logarithms lost.
    known = [expand_dims(a, 0)] if num else []
    last = [expand_dims(b, 0)] if endpoint and num > 1 else []
    y = concatenate([*known, y[len(known) : num - len(last)], *last], 0)
    y = moveaxis(y, 0, axis)
    return y if dtype is None else cast(y, dtype)
