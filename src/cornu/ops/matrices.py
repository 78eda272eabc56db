"""Diagonals and triangles of matrices, and products that are no `matmul`."""

from __future__ import annotations

import numpy as np

from cornu.graph import config
from cornu.graph.spec import standardize_dtype
from cornu.graph.trace import convert
from cornu.ops.numpy import mean, moveaxis, ravel
from cornu.ops.primitives.elementwise import (
    add,
    maximum,
    minimum,
    multiply,
    not_equal,
    power,
    sqrt,
    subtract,
    where,
)
from cornu.ops.primitives.indexing import take
from cornu.ops.primitives.linear import dot, dot_general, matmul, tensordot
from cornu.ops.primitives.reductions import sum
from cornu.ops.primitives.shapes import (
    concatenate,
    expand_dims,
    flip,
    pad,
    reshape,
    transpose,
)
from cornu.ops.public import (
    canonical_axis,
    cast_to,
    ends_early,
    floating,
    promote,
    promote_floating,
    public,
    result_type,
)

__all__ = [
    "cdist",
    "corrcoef",
    "correlate",
    "cross",
    "diag",
    "diagflat",
    "diagonal",
    "diff",
    "inner",
    "kron",
    "trace",
    "trapezoid",
    "tri",
    "tril",
    "triu",
    "vander",
    "vdot",
]


def _no_matrix(function, x):
    return ValueError(
        f"[{function}] a tensor of shape {x.shape} was given.\n"
        "Expected matrices: at least two axes.\nAdd an axis with ops.expand_dims."
    )


# Diagonals


@ends_early
@public
def diagonal(x, offset=0, axis1=0, axis2=1):
    """The diagonals of the matrices that two axes make, along a new last axis.

    Args:
        x: tensor of at least two axes.
        offset: which diagonal; above 0 those above the main one.
        axis1: the axis of the rows.
        axis2: the axis of the columns.

    Raises:
        ValueError: when there are no such two axes.
    """
    x = convert(x)
    if x.ndim < 2:
        raise _no_matrix("diagonal", x)
    a, b = (canonical_axis(i, x.ndim) for i in (axis1, axis2))
    if a == b:
        raise ValueError(
            f"[diagonal] axis1={axis1} and axis2={axis2} are one axis of {x.shape}.\n"
            "Expected two different ones.\nFor example axis1=-2, axis2=-1."
        )
    x = moveaxis(x, (a, b), (-2, -1))
    rows, columns = x.shape[-2:]
    first, second = max(0, -offset), max(0, offset)
    n = max(0, min(rows - first, columns - second))
    places = (np.arange(n) + first) * columns + np.arange(n) + second
    flat = reshape(x, (*x.shape[:-2], rows * columns))
    return take(flat, places.astype(np.int32), axis=-1)


@ends_early
@public
def diag(x, k=0):
    """The k-th diagonal of a matrix, or the matrix that a vector is the diagonal of.

    Raises:
        ValueError: for tensors of more than two axes.

    Example:

    >>> diag([1, 2], 1).tolist()
    [[0, 1, 0], [0, 0, 2], [0, 0, 0]]
    """
    x = convert(x)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ValueError(
            f"[diag] a tensor of shape {x.shape} was given.\n"
            "Expected one axis (a diagonal) or two (a matrix).\n"
            "Use ops.diagonal for matrices along other axes."
        )
    n, size = x.shape[0], x.shape[0] + abs(k)
    # Each element, then `size` zeros: in rows of `size` they stand on the diagonal.
    line = reshape(pad(expand_dims(x, 1), ((0, 0), (0, size))), (n * (size + 1),))
    start = k if k >= 0 else -k * size
    after = size * size - start - n * (size + 1)
    return reshape(pad(line, ((start, after),)), (size, size))


@public
def diagflat(x, k=0):
    """The matrix whose k-th diagonal is all elements of `x` in order."""
    return diag(ravel(x), k)


@public
def trace(x, offset=0, axis1=0, axis2=1):
    """The sum of the diagonal of the matrices that two axes make."""
    return sum(diagonal(x, offset, axis1, axis2), axis=-1)


def tri(N, M=None, k=0, dtype=None):
    """Ones at and below the k-th diagonal of an N x M matrix, zeros elsewhere."""
    return convert(np.tri(N, M, k, dtype=standardize_dtype(dtype or config.floatx())))


@public
def tril(x, k=0):
    """Matrices with zeros above the k-th diagonal.

    Args:
        x: tensor of at least two axes.
        k: which diagonal; above 0 those above the main one.

    Raises:
        ValueError: when there are no two axes.

    Example:

    >>> tril([[1, 2], [3, 4]]).tolist()
    [[1, 0], [3, 4]]
    """
    x = convert(x)
    if x.ndim < 2:
        raise _no_matrix("tril", x)
    return where(np.tri(x.shape[-2], x.shape[-1], k, dtype=bool), x, _zero(x))


@public
def triu(x, k=0):
    """Matrices with zeros below the k-th diagonal."""
    x = convert(x)
    if x.ndim < 2:
        raise _no_matrix("triu", x)
    return where(np.tri(x.shape[-2], x.shape[-1], k - 1, dtype=bool), _zero(x), x)


def _zero(x):
    return convert(np.zeros((), x.dtype))


@public
def vander(x, N=None, increasing=False):
    """The powers of each element of a vector, one row each: the matrix of Vandermonde.

    Args:
        x: tensor of one axis.
        N: number of powers, by default that of the elements.
        increasing: whether the powers go from 0 upwards, not down to 0.
    """
    x = convert(x)
    n = x.shape[0] if N is None else int(N)
    powers = np.arange(n, dtype=np.int32)
    powers = powers if increasing else powers[::-1]
    return power(expand_dims(x, 1), convert(powers.astype(x.dtype)))


# Products


@public
def inner(x1, x2):
    """Product summed over the last axes of both."""
    a, b = promote(x1, x2)
    if not a.ndim or not b.ndim:
        return multiply(a, b)
    return tensordot(a, b, ((a.ndim - 1,), (b.ndim - 1,)))


@public
def vdot(x1, x2):
    """The sum of the products of all elements in order."""
    return dot(ravel(x1), ravel(x2))


@public
def kron(x1, x2):
    """Kronecker's product: each element of x1 times the whole of x2, as blocks."""
    a, b = promote(x1, x2)
    n = max(a.ndim, b.ndim)
    a, b = (reshape(t, (1,) * (n - t.ndim) + tuple(t.shape)) for t in (a, b))
    pairs = multiply(
        expand_dims(a, tuple(range(1, 2 * n, 2))),
        expand_dims(b, tuple(range(0, 2 * n, 2))),
    )
    return reshape(pairs, tuple(i * j for i, j in zip(a.shape, b.shape, strict=True)))


@public
def cross(x1, x2, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """The vector product of vectors of 3 (or 2) numbers.

    Args:
        x1: tensor.
        x2: tensor.
        axisa: the axis of x1 that vectors stand along.
        axisb: that of x2.
        axisc: that of the result; two vectors of 2 numbers have none.
        axis: one for all three.

    Raises:
        ValueError: for vectors of another size.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = promote(x1, x2)
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    if not {a.shape[-1], b.shape[-1]} <= {2, 3}:
        raise ValueError(
            f"[cross] vectors of {a.shape[-1]} and {b.shape[-1]} numbers were given.\n"
            "Expected 2 or 3 numbers along the axis.\nCheck axisa, axisb or axis."
        )
    flat = a.shape[-1] == b.shape[-1] == 2
    (ax, ay, *az), (bx, by, *bz) = (
        [t[..., i] for i in range(t.shape[-1])] for t in (a, b)
    )
    z = subtract(multiply(ax, by), multiply(ay, bx))
    if flat:
        return z
    az = az[0] if az else multiply(ax, _zero(ax))
    bz = bz[0] if bz else multiply(bx, _zero(bx))
    x = subtract(multiply(ay, bz), multiply(az, by))
    y = subtract(multiply(az, bx), multiply(ax, bz))
    return moveaxis(concatenate([expand_dims(t, -1) for t in (x, y, z)], -1), -1, axisc)


@public
def correlate(x1, x2, mode="valid"):
    """The products of a sequence with another one that slides along it.

    Args:
        x1: tensor of one axis.
        x2: tensor of one axis.
        mode: 'valid' for places where the shorter one is wholly inside, 'full' for all
            where they meet, 'same' for as many as the longer one has.

    Raises:
        ValueError: for another mode, or tensors that have not one axis.
    """
    a, b = promote_floating(x1, x2)
    if a.ndim != 1 or b.ndim != 1 or mode not in ("valid", "same", "full"):
        raise ValueError(
            f"[correlate] shapes {a.shape} and {b.shape} and mode={mode!r} were given."
            "\nExpected one axis each, and 'valid', 'same' or 'full'.\n"
            "Use ops.conv for more axes."
        )
    turned = a.shape[0] < b.shape[0]
    if turned:
        a, b = b, a
    n, m = a.shape[0], b.shape[0]
    # As in NumPy, the odd one of 'same' is cut off at the end.
    before = {"valid": 0, "full": m - 1, "same": m // 2}[mode]
    after = {"valid": 0, "full": m - 1, "same": (m - 1) // 2}[mode]
    a = pad(a, ((before, after),))
    places = np.arange(n + before + after - m + 1)[:, None] + np.arange(m)
    y = dot_general(take(a, places.astype(np.int32), axis=0), b, ((1,), (0,)))
    return flip(y, 0) if turned else y


@public
def corrcoef(x):
    """The correlations of the rows of a matrix with each other (Pearson's).

    Args:
        x: tensor of shape (variables, observations), or one variable.

    Returns:
        Tensor of shape (variables, variables), of numbers from -1 to 1.
    """
    x = floating(x)
    rows = x if x.ndim == 2 else reshape(x, (1, -1))
    rows = rows - mean(rows, axis=1, keepdims=True)
    products = matmul(rows, transpose(rows)) / float(max(rows.shape[1] - 1, 1))
    spread = sqrt(diagonal(products))
    y = products / expand_dims(spread, 1) / expand_dims(spread, 0)
    y = minimum(maximum(y, -1.0), 1.0)
    return y if x.ndim == 2 else reshape(y, ())


@public
def cdist(x, y):
    """The Euclidean distances of all rows of `x` from all rows of `y`.

    Args:
        x: tensor of shape (..., n, k).
        y: tensor of shape (..., m, k).

    Returns:
        Tensor of shape (..., n, m). Where two rows are equal its gradient is 0.

    Raises:
        ValueError: when rows differ in size, or there are none.
    """
    a, b = promote_floating(x, y)
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-1]:
        raise ValueError(
            f"[cdist] shapes {a.shape} and {b.shape} were given.\n"
            "Expected rows of one size: (..., n, k) and (..., m, k).\n"
            "Add an axis with ops.expand_dims(x, 0) for a single row."
        )
    apart = subtract(expand_dims(a, -2), expand_dims(b, -3))
    total = sum(multiply(apart, apart), axis=-1)
    far = not_equal(total, 0.0)
    return where(far, sqrt(where(far, total, 1.0)), 0.0)


# Differences and areas


def _ends(x, axis):
    n = x.shape[axis]
    index = [slice(None)] * x.ndim
    later, earlier = list(index), list(index)
    later[axis], earlier[axis] = slice(1, n), slice(0, max(n - 1, 0))
    return x[tuple(later)], x[tuple(earlier)]


@public
def diff(a, n=1, axis=-1):
    """What each element is more than the one before it along an axis, n times over.

    Raises:
        ValueError: when n is negative or there is no such axis.

    Example:

    >>> diff([1, 2, 4, 7]).tolist()
    [1, 2, 3]
    """
    x = convert(a)
    if n < 0:
        raise ValueError(
            f"[diff] n={n} was given.\nExpected a whole number from 0 on.\n"
            "Leave it away for differences of neighbours."
        )
    axis = canonical_axis(axis, x.ndim)
    for _ in range(n):
        later, earlier = _ends(x, axis)
        x = not_equal(later, earlier) if x.dtype == "bool" else later - earlier
    return x


@public
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """The area below points along an axis, by trapezoids.

    Args:
        y: tensor: the heights.
        x: where they stand: a tensor of the shape of `y`, or of one axis.
        dx: their distance, where there is no `x`.
        axis: the axis.
    """
    y = floating(y)
    axis = canonical_axis(axis, y.ndim)
    if x is not None:
        x = cast_to(convert(x), result_type(y.dtype, convert(x).dtype))
        if x.ndim == 1:
            shape = tuple(-1 if i == axis else 1 for i in range(y.ndim))
            dx = reshape(diff(x), shape)
        else:
            dx = diff(x, axis=axis)
    later, earlier = _ends(y, axis)
    return sum(add(later, earlier) * dx, axis=axis) * 0.5
