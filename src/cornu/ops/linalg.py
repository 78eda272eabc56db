"""Linear algebra: the public module `keras.ops.linalg`.

Matrices are the last two axes; the axes before them run together.
"""

from __future__ import annotations

import numpy as np

from cornu.graph.trace import bind
from cornu.ops.control import jvp
from cornu.ops.families import broadcast_shape, composite
from cornu.ops.numpy import norm
from cornu.ops.primitives import linalg as primitive
from cornu.ops.primitives.elementwise import (
    cast,
    greater,
    greater_equal,
    logical_and,
    multiply,
    where,
)
from cornu.ops.primitives.indexing import known_array
from cornu.ops.primitives.linear import matmul
from cornu.ops.primitives.reductions import max as largest
from cornu.ops.primitives.reductions import sum as total
from cornu.ops.primitives.shapes import broadcast_to, expand_dims, squeeze
from cornu.ops.public import exact_sizes, floating, promote_floating, public

__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eigh",
    "inv",
    "jvp",
    "logdet",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
]


def _matrices(x, function, square=False):
    x = floating(x)
    if x.ndim < 2 or (square and x.shape[-1] != x.shape[-2]):
        raise ValueError(
            f"[{function}] a tensor of shape {x.shape} was given.\n"
            f"Expected {'square ' if square else ''}matrices: "
            f"{'(..., n, n)' if square else '(..., m, n)'}.\n"
            "Reshape it, or use ops.pinv and ops.lstsq for what is not square."
        )
    return x


def _told(y, given, message):
    """`y`, unless it is at hand and is no number though the matrices are.

    In a program it is NaN: then training tells where that began.
    """
    data = [d for v in (y, *given) if (d := known_array(v)) is not None]
    if len(data) == 1 + len(given):
        bad, *sources = (not np.isfinite(d).all() for d in data)
        if bad and not any(sources):
            raise ValueError(message)
    return y


_SINGULAR = (
    "[{}] a matrix is singular: its rows depend on each other.\n"
    "Expected an invertible matrix.\n"
    "Use ops.lstsq or ops.pinv, or add a little to the diagonal."
)
_INDEFINITE = (
    "[cholesky] a matrix is not positive definite.\n"
    "Expected a symmetric matrix with positive eigenvalues.\n"
    "Add a little to the diagonal, for example 1e-6 * ops.eye(n)."
)


# Systems of equations


def _system(a, b, function):
    """Both in one dtype and with equal leading axes; whether b held vectors."""
    a, b = promote_floating(a, b)
    a = _matrices(a, function, square=True)
    n = a.shape[-1]
    vectors = b.ndim == a.ndim - 1 or b.ndim == 1
    if vectors:
        b = expand_dims(b, -1)
    if b.ndim < 2 or b.shape[-2] != n:
        raise ValueError(
            f"[{function}] a has the shape {a.shape} and b {b.shape}.\n"
            f"Expected b of shape (..., {n}) or (..., {n}, k).\n"
            "Each row of a is one equation, and needs one number of b."
        )
    lead = broadcast_shape(a.shape[:-2], b.shape[:-2], function)
    a = broadcast_to(a, (*lead, *a.shape[-2:]))
    return a, broadcast_to(b, (*lead, *b.shape[-2:])), vectors


@exact_sizes
@public
def solve(a, b):
    """The x with a @ x = b.

    Args:
        a: tensor of shape (..., n, n).
        b: tensor of shape (..., n) or (..., n, k).

    Returns:
        Tensor of the shape of `b`.

    Raises:
        ValueError: when shapes do not fit, or a matrix is singular. (Inside a compiled
            program the result is NaN then.)

    Example:

    >>> solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0]).tolist()
    [1.0, 0.5]
    """
    a, b, vectors = _system(a, b, "solve")
    x = _told(primitive.solve(a, b), (a, b), _SINGULAR.format("solve"))
    return squeeze(x, -1) if vectors else x


@exact_sizes
@public
def solve_triangular(a, b, lower=False):
    """The x with a @ x = b for a triangle; the other half of `a` is not looked at.

    Args:
        a: tensor of shape (..., n, n).
        b: tensor of shape (..., n) or (..., n, k).
        lower: whether it is the lower triangle.

    Returns:
        Tensor of the shape of `b`.

    Raises:
        ValueError: when shapes do not fit.
    """
    a, b, vectors = _system(a, b, "solve_triangular")
    x = primitive.solve_triangular(a, b, bool(lower))
    return squeeze(x, -1) if vectors else x


@exact_sizes
@public
def inv(x):
    """The inverse of square matrices.

    Raises:
        ValueError: when a matrix is not square, or singular. (Inside a compiled program
            the result is NaN then.)
    """
    x = _matrices(x, "inv", square=True)
    y = primitive.solve(x, primitive.eye_like(x))
    return _told(y, (x,), _SINGULAR.format("inv"))


def _cutoff(s, rcond):
    """Which singular values count: those above `rcond` times the largest."""
    top = largest(s, axis=-1, keepdims=True)
    return logical_and(greater(s, 0.0), greater_equal(s, top * rcond))


@public
def lstsq(a, b, rcond=None):
    """The x for which a @ x is nearest to b; of several the shortest.

    Args:
        a: tensor of shape (m, n).
        b: tensor of shape (m,) or (m, k).
        rcond: singular values below this part of the largest count as 0; by default the
            precision times the larger of m and n.

    Returns:
        Tensor of shape (n,) or (n, k).

    Raises:
        ValueError: when shapes do not fit.
    """
    a, b = promote_floating(a, b)
    a = _matrices(a, "lstsq")
    if a.ndim != 2 or b.ndim not in (1, 2) or b.shape[0] != a.shape[0]:
        raise ValueError(
            f"[lstsq] a has the shape {a.shape} and b {b.shape}.\n"
            "Expected (m, n), and (m,) or (m, k).\n"
            "Each row of a is one equation, and needs one number of b."
        )
    rcond = _precision(a) * max(a.shape) if rcond is None else rcond
    u, s, vh = svd(a, full_matrices=False)
    counts = _cutoff(s, rcond)
    inverse = where(counts, 1.0 / where(counts, s, 1.0), 0.0)
    columns = b if b.ndim == 2 else expand_dims(b, -1)
    along = matmul(primitive.swapped(u), columns)
    x = matmul(primitive.swapped(vh), multiply(expand_dims(inverse, -1), along))
    return x if b.ndim == 2 else squeeze(x, -1)


def _precision(x):
    return float(np.finfo("float32" if x.dtype == "bfloat16" else x.dtype).eps)


def _pinv_gradient(g, ins, y, *, rcond):
    """Golub and Pereyra (1973)."""
    (x,) = ins
    y_t, g_t = primitive.swapped(y), primitive.swapped(g)
    result = -matmul(y_t, matmul(g, y_t))
    # (1 - x y) g.T y y.T and y.T y g.T (1 - y x)
    part = matmul(g_t, matmul(y, y_t))
    result = result + part - matmul(x, matmul(y, part))
    part = matmul(y_t, matmul(y, g_t))
    return (result + part - matmul(matmul(part, y), x),)


@composite("pinv", gradient=_pinv_gradient)
def pinv_op(x, *, rcond):
    """The pseudo-inverse, by singular values above `rcond` times the largest."""
    params = {"full": False}
    u, s, vh = bind(primitive.svd_op, (x,), params)
    counts = greater(s, largest(s, axis=-1, keepdims=True) * rcond)
    inverse = where(counts, 1.0 / where(counts, s, 1.0), 0.0)
    left = multiply(primitive.swapped(vh), expand_dims(inverse, -2))
    return matmul(left, primitive.swapped(u))


@public
def pinv(x, rcond=None):
    """The pseudo-inverse of matrices (Moore's and Penrose's).

    Args:
        x: tensor of shape (..., m, n).
        rcond: singular values below this part of the largest count as 0; by default
            ten times the precision times the larger of m and n.

    Returns:
        Tensor of shape (..., n, m).

    Raises:
        ValueError: when there are no two axes.
    """
    x = _matrices(x, "pinv")
    if rcond is None:
        rcond = 10.0 * max(x.shape[-2:]) * _precision(x)
    return bind(pinv_op, (x,), {"rcond": float(rcond)})


@public
def matrix_rank(x, tol=None):
    """The number of singular values that are not small.

    Args:
        x: tensor of shape (..., m, n).
        tol: the limit; by default the precision times the larger of m and n times the
            largest singular value.

    Returns:
        int32 tensor.

    Raises:
        ValueError: when there are no two axes.
    """
    x = _matrices(x, "matrix_rank")
    s = svd(x, compute_uv=False)
    if tol is None:
        limit = largest(s, axis=-1, keepdims=True) * (max(x.shape[-2:]) * _precision(x))
    else:
        limit = expand_dims(cast(tol, s.dtype), -1)
    return total(cast(greater(s, limit), "int32"), axis=-1)


# Determinants


@exact_sizes
@public
def det(x):
    """The determinants of square matrices."""
    return primitive.det(_matrices(x, "det", square=True))


@exact_sizes
@public
def slogdet(x):
    """The sign of the determinants, and the logarithm of their sizes.

    Raises:
        ValueError: when a matrix is not square.

    Example:

    >>> sign, size = slogdet([[0.0, 1.0], [1.0, 0.0]])
    >>> sign.tolist(), size.tolist()
    (-1.0, 0.0)
    """
    return bind(primitive.slogdet_op, (_matrices(x, "slogdet", square=True),), {})


@exact_sizes
@public
def logdet(x):
    """The logarithm of the sizes of the determinants of square matrices."""
    return slogdet(x)[1]


# Factors


@exact_sizes
@public
def cholesky(x, upper=False):
    """The triangle whose product with its transpose is the matrix.

    Args:
        x: tensor of shape (..., n, n), symmetric with positive eigenvalues.
        upper: whether to give the upper triangle U with U.T @ U = x, not the lower
            one L with L @ L.T = x.

    Returns:
        Tensor of the shape of `x`.

    Raises:
        ValueError: when a matrix is not square, or not positive definite. (Inside a
            compiled program the result is NaN then.)
    """
    x = _matrices(x, "cholesky", square=True)
    y = _told(bind(primitive.cholesky_op, (x,), {}), (x,), _INDEFINITE)
    return primitive.swapped(y) if upper else y


@exact_sizes
@public
def cholesky_inverse(x, upper=False):
    """The inverse of the matrix that a Cholesky factor is of.

    Args:
        x: tensor of shape (..., n, n): a triangle of `cholesky`.
        upper: whether it is the upper one.
    """
    x = _matrices(x, "cholesky_inverse", square=True)
    y = primitive.solve_triangular(x, primitive.eye_like(x), not upper)
    y_t = primitive.swapped(y)
    return matmul(y, y_t) if upper else matmul(y_t, y)


@public
def lu_factor(x):
    """The triangles of Gauss's elimination.

    Args:
        x: tensor of shape (..., m, n).

    Returns:
        A tuple: both triangles in one matrix (the lower one has ones on its diagonal),
        and in int32, step by step, the row that the row of that number was exchanged
        with. Its gradient is that of square matrices.
    """
    return tuple(bind(primitive.lu_op, (_matrices(x, "lu_factor"),), {})[:2])


@public
def qr(x, mode="reduced"):
    """Orthonormal columns q and an upper triangle r with q @ r = x.

    Args:
        x: tensor of shape (..., m, n).
        mode: 'reduced' for min(m, n) columns, 'complete' for m.

    Returns:
        The tuple (q, r). Gradients are those of 'reduced' with m >= n.

    Raises:
        ValueError: for another mode.
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(
            f"[qr] mode={mode!r} is unknown.\nExpected 'reduced' or 'complete'.\n"
            "Leave it away for as many columns as the matrix has."
        )
    params = {"complete": mode == "complete"}
    return bind(primitive.qr_op, (_matrices(x, "qr"),), params)


@exact_sizes
@public
def eigh(x):
    """Eigenvalues (ascending) and eigenvectors (as columns) of symmetric matrices.

    Args:
        x: tensor of shape (..., n, n); of others, (x + x.T) / 2 is taken.

    Returns:
        A tuple: eigenvalues of shape (..., n), eigenvectors of shape (..., n, n).
        Gradients of eigenvectors are infinite where eigenvalues are equal.

    Raises:
        ValueError: when a matrix is not square.
    """
    return bind(primitive.eigh_op, (_matrices(x, "eigh", square=True),), {})


@public
def svd(x, full_matrices=True, compute_uv=True):
    """Singular vectors and values: u, s, v with x = u @ diag(s) @ v.

    Args:
        x: tensor of shape (..., m, n).
        full_matrices: whether u has all m columns and v all n rows, not min(m, n).
        compute_uv: whether to give u and v too.

    Returns:
        The tuple (u, s, v), or s alone; s descends. Gradients of u and v need
        full_matrices=False where m and n differ.

    Raises:
        ValueError: when there are no two axes.
    """
    params = {"full": bool(full_matrices and compute_uv)}
    parts = bind(primitive.svd_op, (_matrices(x, "svd"),), params)
    return parts if compute_uv else parts[1]
