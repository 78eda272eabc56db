"""Middles, quantiles and counts; and what ignores NaN."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from cornu.graph.spec import is_float
from cornu.graph.trace import convert
from cornu.ops.numpy import all, any, isnan, ravel, square, zeros
from cornu.ops.primitives.elementwise import (
    cast,
    ceil,
    equal,
    floor,
    less_equal,
    logical_not,
    maximum,
    multiply,
    sqrt,
    where,
)
from cornu.ops.primitives.indexing import (
    known_array,
    scatter_add,
    sort,
    take,
    take_along_axis,
)
from cornu.ops.primitives.reductions import (
    argmax,
    argmin,
    cumprod,
    cumsum,
    max,
    min,
    prod,
    sum,
)
from cornu.ops.primitives.shapes import concatenate, expand_dims, reshape, transpose
from cornu.ops.public import canonical_axes, floating, of_open_size, public
from cornu.ops.search import searchsorted
from cornu.ops.spacing import linspace

__all__ = [
    "bincount",
    "histogram",
    "median",
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanpercentile",
    "nanprod",
    "nanquantile",
    "nanstd",
    "nansum",
    "nanvar",
    "percentile",
    "ptp",
    "quantile",
]

# Quantiles

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(x, q, axis, method, keepdims, without_nan):
    if method not in _METHODS:
        raise ValueError(
            f"[quantile] method={method!r} is unknown.\n"
            f"Expected {', '.join(map(repr, _METHODS))}.\n"
            "Leave it away for a straight line between two elements."
        )
    x = floating(x)
    axes = canonical_axes(axis, x.ndim)
    rows, kept = _rows(x, axes)
    if not rows.shape[-1]:
        raise ValueError(
            f"[quantile] the axes {axes} of shape {x.shape} are empty.\n"
            "Expected at least one element: nothing has no middle.\n"
            "Check for empty data first."
        )
    in_order, shape = sort(rows), np.shape(q) if _is_data(q) else convert(q).shape
    nan = isnan(rows)
    if without_nan:
        count = sum(cast(logical_not(nan), x.dtype), axis=-1, keepdims=True)
        at = multiply(ravel(cast(q, x.dtype)), maximum(count - 1.0, 0.0))
    elif _is_data(q):
        at = np.ravel(np.asarray(q, "float64")) * (rows.shape[-1] - 1)
    else:
        at = ravel(cast(q, x.dtype)) * float(rows.shape[-1] - 1)
    y = _between(in_order, at, method)
    if not without_nan:
        y = where(any(nan, axis=-1, keepdims=True), math.nan, y)
    # The axis of q goes to the front.
    last = y.ndim - 1
    y = transpose(y, (last, *range(last)))
    sizes = [1 if i in axes else n for i, n in enumerate(x.shape)] if keepdims else kept
    return reshape(y, (*shape, *sizes))


def _is_data(q):
    return isinstance(q, (int, float, list, tuple, np.ndarray, np.generic))


def _rows(x, axes):
    """What is reduced as one last axis, and the shape of the rest."""
    rest = [i for i in range(x.ndim) if i not in axes]
    kept = [x.shape[i] for i in rest]
    n = math.prod(x.shape[a] for a in axes)
    return reshape(transpose(x, (*rest, *axes)), (*kept, n)), kept


def _between(rows, at, method):
    """Elements of sorted rows at places that may be between two of them."""
    if isinstance(at, np.ndarray):
        low, high = np.floor(at), np.ceil(at)
        weight: Any = convert((at - low).astype(rows.dtype))
    else:
        low, high = floor(at), ceil(at)
        weight = at - low
    pick = take_along_axis if np.ndim(at) > 1 or len(at.shape) > 1 else take
    below = pick(rows, cast(low, "int32"), axis=-1)
    above = pick(rows, cast(high, "int32"), axis=-1)
    if method == "lower":
        return below
    if method == "higher":
        return above
    if method == "midpoint":
        return where(equal(low, high), below, (below + above) * 0.5)
    if method == "nearest":
        return where(less_equal(weight, 0.5), below, above)
    # An infinity beside a finite number is not touched where its weight is 0.
    mixed = below * (1.0 - weight) + above * weight
    return where(equal(weight, 0.0), below, mixed)


@public
def quantile(x, q, axis=None, method="linear", keepdims=False):
    """The number that a part of all elements is below.

    Args:
        x: tensor; whole numbers become floatx.
        q: the part, from 0 to 1: a number or a tensor of them.
        axis: axis or axes that are looked along; None takes all elements.
        method: what to do between two elements: 'linear' for a straight line, 'lower',
            'higher', 'midpoint' or 'nearest'.
        keepdims: whether these axes stay, with size 1.

    Returns:
        Tensor of the shape of `q`, then of `x` without these axes. It is NaN where
        one of the elements is.

    Raises:
        ValueError: for another method, and for no elements.

    Example:

    >>> quantile([1.0, 2.0, 3.0, 5.0], [0.5, 1.0]).tolist()
    [2.5, 5.0]
    """
    return _quantile(x, q, axis, method, keepdims, False)


def _hundredth(q):
    return np.asarray(q, "float64") / 100 if _is_data(q) else convert(q) / 100.0


@public
def percentile(x, q, axis=None, method="linear", keepdims=False):
    """The number that q of 100 elements are below; see `quantile`."""
    return _quantile(x, _hundredth(q), axis, method, keepdims, False)


@public
def median(x, axis=None, keepdims=False):
    """The middle of the sorted elements, or the mean of the two that are there."""
    return _quantile(x, 0.5, axis, "midpoint", keepdims, False)


@public
def nanquantile(x, q, axis=None, method="linear", keepdims=False):
    """`quantile` of those elements that are not NaN."""
    return _quantile(x, q, axis, method, keepdims, True)


@public
def nanpercentile(x, q, axis=None, method="linear", keepdims=False):
    """`percentile` of those elements that are not NaN."""
    return _quantile(x, _hundredth(q), axis, method, keepdims, True)


@public
def nanmedian(x, axis=None, keepdims=False):
    """`median` of those elements that are not NaN."""
    return _quantile(x, 0.5, axis, "midpoint", keepdims, True)


# Without NaN


def _filled(x, value):
    """`x` with a number for NaN; whole numbers have none."""
    x = convert(x)
    return where(isnan(x), value, x) if is_float(x.dtype) else x


@public
def nansum(x, axis=None, keepdims=False):
    """The sum of those elements that are not NaN."""
    return sum(_filled(x, 0.0), axis, keepdims)


@public
def nanprod(x, axis=None, keepdims=False):
    """The product of those elements that are not NaN."""
    return prod(_filled(x, 1.0), axis, keepdims)


@public
def nancumsum(x, axis=None, dtype=None):
    """Running sums that leave NaN out."""
    return _running(cumsum, _filled(x, 0.0), axis, dtype)


@public
def nancumprod(x, axis=None, dtype=None):
    """Running products that leave NaN out."""
    return _running(cumprod, _filled(x, 1.0), axis, dtype)


def _running(function, x, axis, dtype):
    """`function` along an axis, which may be given as a tuple of one or of none."""
    if not isinstance(axis, (tuple, list)):
        return function(x, axis, dtype)
    if len(axis) > 1:
        raise ValueError(
            f"[{function.__name__}] axis={axis} was given.\n"
            "Expected one axis: what runs on runs in one direction.\n"
            "Apply it twice, once along each axis."
        )
    return function(x, axis[0], dtype) if axis else cast(x, dtype or x.dtype)


def _extreme(reduce, worst, x, axis, keepdims):
    x = convert(x)
    if not is_float(x.dtype):
        return reduce(x, axis, keepdims)
    found = reduce(_filled(x, worst), axis, keepdims)
    return where(all(isnan(x), axis, keepdims), math.nan, found)


@public
def nanmax(x, axis=None, keepdims=False):
    """The largest of those elements that are not NaN; NaN where all are."""
    return _extreme(max, -math.inf, x, axis, keepdims)


@public
def nanmin(x, axis=None, keepdims=False):
    """The smallest of those elements that are not NaN; NaN where all are."""
    return _extreme(min, math.inf, x, axis, keepdims)


def _place(find, worst, x, axis, keepdims):
    x = convert(x)
    if not is_float(x.dtype):
        return find(x, axis, keepdims)
    found = find(_filled(x, worst), axis, keepdims)
    return where(all(isnan(x), axis, keepdims), -1, found)


@public
def nanargmax(x, axis=None, keepdims=False):
    """The index of the largest element that is not NaN; -1 where all are."""
    return _place(argmax, -math.inf, x, axis, keepdims)


@public
def nanargmin(x, axis=None, keepdims=False):
    """The index of the smallest element that is not NaN; -1 where all are."""
    return _place(argmin, math.inf, x, axis, keepdims)


@public
def nanmean(x, axis=None, keepdims=False):
    """The mean of those elements that are not NaN; NaN where all are."""
    x = floating(x)
    count = sum(cast(logical_not(isnan(x)), x.dtype), axis, keepdims)
    return nansum(x, axis, keepdims) / count


@public
def nanvar(x, axis=None, keepdims=False):
    """The variance of those elements that are not NaN; NaN where all are."""
    x = floating(x)
    there = logical_not(isnan(x))
    # Left out before it is squared: NaN times the gradient 0 would be NaN.
    apart = where(there, x - nanmean(x, axis, keepdims=True), 0.0)
    count = sum(cast(there, x.dtype), axis, keepdims)
    return sum(square(apart), axis, keepdims) / count


@public
def nanstd(x, axis=None, keepdims=False):
    """The standard deviation of those elements that are not NaN; NaN where all are."""
    return sqrt(nanvar(x, axis, keepdims))


# Spread and counts


@public
def ptp(x, axis=None, keepdims=False):
    """How far the largest element is from the smallest ("peak to peak")."""
    return max(x, axis, keepdims) - min(x, axis, keepdims)


@public
def bincount(x, weights=None, minlength=0, sparse=False):
    """How often each whole number from 0 on is there.

    Args:
        x: whole numbers from 0 on, of one axis, or of two to count row by row.
        weights: what each counts, by default 1.
        minlength: least number of counts.
        sparse: only False.

    Returns:
        Tensor with a last axis of max(x) + 1 counts: int32, or of the dtype of the
        weights.

    Raises:
        ValueError: inside a compiled program, where the size of the result would depend
            on the data; for negative numbers, other shapes and sparse=True.

    Example:

    >>> bincount([0, 2, 2]).tolist()
    [1, 0, 2]
    """
    x = convert(x)
    data = known_array(x)
    if data is None:
        kind = "int32" if weights is None else convert(weights).dtype
        counts = of_open_size((*x.shape[:-1], None), kind)
        if counts is not None:
            return counts
        raise ValueError(
            "[bincount] the numbers are not known while a program is traced, and so is "
            "the number of counts.\nExpected data at hand.\n"
            "Write ops.sum(ops.one_hot(x, n), axis=-2) with the number of classes."
        )
    if sparse or x.ndim not in (1, 2) or is_float(x.dtype) or (data < 0).any():
        raise ValueError(
            f"[bincount] got {x.dtype} of shape {x.shape}, sparse={sparse}.\n"
            "Expected whole numbers from 0 on, one or two axes, and sparse=False.\n"
            "Shift or cast them before."
        )
    n = int(builtins.max(int(data.max()) + 1 if data.size else 0, minlength))
    counted = None if weights is None else convert(weights)
    rows = data.reshape(-1, data.shape[-1])
    places = (rows + np.arange(len(rows))[:, None] * n).astype(np.int32).ravel()
    kind = "int32" if counted is None else counted.dtype
    ones = convert(np.ones(data.size, kind)) if counted is None else ravel(counted)
    y = (
        scatter_add(zeros((len(rows) * n,), kind), places, ones)
        if n
        else zeros(0, kind)
    )
    return reshape(y, (*data.shape[:-1], n))


@public
def histogram(x, bins=10, range=None):
    """How many elements are in each of some bins of equal width.

    Args:
        x: tensor of one axis.
        bins: number of bins.
        range: (lowest, highest) limit; by default the smallest and largest element.
            What is outside is not counted.

    Returns:
        The counts, of shape (bins,), and the limits, of shape (bins + 1,). Each bin
        holds its lower limit, the last one its upper limit too.

    Raises:
        ValueError: for other shapes, and limits that are no range.
    """
    x = floating(x)
    low_high = tuple(range) if range else None
    good = isinstance(bins, int) and bins > 0 and x.ndim == 1
    good = good and (low_high is None or len(low_high) == 2)
    if not good or (low_high and not low_high[0] <= low_high[1]):
        raise ValueError(
            f"[histogram] shape {x.shape}, bins={bins!r} and range={range!r} were "
            "given.\nExpected one axis, a positive whole number, and (low, high).\n"
            "Flatten with ops.ravel before."
        )
    if low_high:
        low, high = map(float, low_high)
        same = low == high
        limits = linspace(low - 0.5 * same, high + 0.5 * same, bins + 1, dtype=x.dtype)
    else:
        low, high = (min(x), max(x)) if x.shape[0] else (convert(0.0), convert(1.0))
        margin = cast(equal(low, high), x.dtype) * 0.5
        low, high = low - margin, high + margin
        steps = np.arange(bins + 1)
        part = convert((steps / bins).astype(x.dtype))
        limits = low * (1.0 - part) + high * part
        limits = concatenate([limits[:-1], expand_dims(high, 0)], 0)
    place = searchsorted(limits, x, side="right")
    place = where(equal(x, limits[-1]), bins, place)
    counts = scatter_add(zeros((bins + 2,), x.dtype), place, x * 0.0 + 1.0)
    return counts[1 : bins + 1], limits
