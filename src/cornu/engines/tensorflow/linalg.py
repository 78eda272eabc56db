# pyright: reportMissingImports=false, reportMissingModuleSource=false
"""Linear algebra and Fourier transforms in TensorFlow.

Its kernels stop the program where a matrix has no inverse or no root; the definitions
give NaN there. So those matrices are found first, or the steps are written out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from cornu.engines.tensorflow.lowerings import lowering
from cornu.graph import Node


def _wide(*names: str) -> Callable[[Any], Any]:
    """Enter a lowering for float32 and float64; the rest is computed in these."""

    def enter(function: Any) -> Any:
        def wide(engine, node: Node, *xs) -> Any:
            dtype = np.result_type(xs[0].dtype.as_numpy_dtype, np.float32)
            found = function(node, *(tf.cast(x, dtype) for x in xs))
            parts = found if isinstance(found, tuple) else (found,)
            specs = [v.dtype for v in node.outputs]
            parts = tuple(tf.cast(y, d) for y, d in zip(parts, specs, strict=True))
            return parts if isinstance(found, tuple) else parts[0]

        lowering(*names)(wide)
        return function

    return enter


def _turned(x) -> Any:
    return tf.linalg.matrix_transpose(x)


def _symmetric(x) -> Any:
    return (x + _turned(x)) / 2


def _one_by_one(condition, a) -> Any:
    """The matrices where the condition holds, and the unit matrix elsewhere."""
    unit = tf.eye(a.shape[-1], dtype=a.dtype)
    return tf.where(condition[..., None, None], a, unit)


def _nan_unless(condition, x) -> Any:
    return tf.where(condition[..., None, None], x, tf.constant(np.nan, x.dtype))


# Systems of equations and determinants


@_wide("solve")
def _solve(node: Node, a, b) -> Any:
    if 0 in b.shape:
        return tf.identity(b)
    regular = tf.math.is_finite(tf.linalg.slogdet(a)[1])
    return _nan_unless(regular, tf.linalg.solve(_one_by_one(regular, a), b))


@_wide("solve_triangular")
def _solve_triangular(node: Node, a, b) -> Any:
    if 0 in b.shape:
        return tf.identity(b)
    regular = tf.reduce_all(tf.abs(tf.linalg.diag_part(a)) > 0, -1)
    a = _one_by_one(regular, a)
    x = tf.linalg.triangular_solve(a, b, lower=node.params["lower"])
    return _nan_unless(regular, x)


@_wide("det")
def _det(node: Node, x) -> Any:
    return tf.linalg.det(x)


@_wide("slogdet")
def _slogdet(node: Node, x) -> Any:
    return tuple(tf.linalg.slogdet(x))


@_wide("cofactor")
def _cofactor(node: Node, x) -> Any:
    s, u, v = tf.linalg.svd(x)
    unit = np.eye(x.shape[-1], dtype=bool)
    others = tf.where(unit, tf.ones((), s.dtype), s[..., None, :])
    others: Any = tf.reduce_prod(others, -1)
    sign = tf.round(tf.linalg.det(u) * tf.linalg.det(v))
    y = tf.matmul(u * others[..., None, :], v, transpose_b=True)
    return y * sign[..., None, None]


# Factors


@_wide("cholesky")
def _cholesky(node: Node, x) -> Any:
    """Column by column: where there is no root, NaN comes of it."""
    a, n = _symmetric(x), x.shape[-1]

    def column(j, factor) -> Any:
        row = factor[..., j, :, None]
        rest = a[..., :, j] - tf.matmul(factor, row)[..., 0]
        rest = rest / tf.sqrt(rest[..., j, None])
        rest: Any = tf.where(tf.range(n) >= j, rest, tf.zeros((), a.dtype))
        return j + 1, tf.where((tf.range(n) == j), rest[..., None], factor)

    _, factor = tf.while_loop(
        lambda j, _: j < n, column, (tf.constant(0), tf.zeros_like(a))
    )
    found = tf.reduce_all(tf.math.is_finite(factor), (-2, -1))
    return _nan_unless(found, factor)


@_wide("lu_factor")
def _lu_factor(node: Node, x) -> Any:
    """Gauss's elimination, with the largest element of a column as its pivot."""
    (m, n), lead = x.shape[-2:], x.shape[:-2]
    count, k = math.prod(lead), min(m, n)
    lu = tf.reshape(x, (count, m, n))
    rows, columns = tf.range(m), tf.range(n)

    def step(i, lu, pivots, order) -> Any:
        size = tf.where(rows < i, tf.constant(-1, lu.dtype), tf.abs(lu[:, :, i]))
        p = tf.argmax(size, 1, output_type=tf.int32)[:, None]
        swap = tf.where(rows == i, p, tf.where(rows == p, i, rows))
        lu = tf.gather(lu, swap, axis=1, batch_dims=1)
        order = tf.gather(order, swap, axis=1, batch_dims=1)
        pivot, zero = lu[:, i, i, None], tf.zeros((), lu.dtype)
        part = tf.where(pivot != 0, lu[:, :, i] / pivot, lu[:, :, i])
        part: Any = tf.where(rows > i, part, zero)
        right: Any = tf.where(columns > i, lu[:, i], zero)
        kept = tf.where((rows > i)[:, None] & (columns == i), part[..., None], lu)
        taken = tf.where(tf.range(k) == i, p, pivots)
        return i + 1, kept - part[..., None] * right[:, None], taken, order

    state = (
        tf.constant(0),
        lu,
        tf.zeros((count, k), tf.int32),
        tf.broadcast_to(rows, (count, m)),
    )
    _, lu, pivots, order = tf.while_loop(lambda i, *_: i < k, step, state)
    return (
        tf.reshape(lu, x.shape),
        tf.reshape(pivots, (*lead, k)),
        tf.reshape(order, (*lead, m)),
    )


@_wide("qr")
def _qr(node: Node, x) -> Any:
    return tuple(tf.linalg.qr(x, full_matrices=node.params["complete"]))


@_wide("eigh")
def _eigh(node: Node, x) -> Any:
    return tuple(tf.linalg.eigh(_symmetric(x)))


@_wide("svd")
def _svd(node: Node, x) -> Any:
    s, u, v = tf.linalg.svd(x, full_matrices=node.params["full"])
    return u, s, _turned(v)


# Fourier transforms


def _parts(x) -> Any:
    return tf.math.real(x), tf.math.imag(x)


@_wide("rdft")
def _rdft(node: Node, x) -> Any:
    return _parts(tf.signal.rfft(x))


@_wide("dft")
def _dft(node: Node, re, im) -> Any:
    # The other direction is that of the conjugate numbers.
    im = -im if node.params["inverse"] else im
    x, last = tf.complex(re, im), re.shape.rank - 1
    for axis in node.params["axes"]:
        order = list(range(last + 1))
        order[axis], order[last] = order[last], order[axis]
        x = tf.transpose(tf.signal.fft(tf.transpose(x, order)), order)
    re, im = _parts(x)
    return re, -im if node.params["inverse"] else im


@_wide("irdft")
def _irdft(node: Node, re, im) -> Any:
    n = node.params["length"]
    return tf.signal.irfft(tf.complex(re, im), [n]) * n
