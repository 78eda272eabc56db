"""Primitives that make one number of many: sums, products, extremes, running sums."""

from __future__ import annotations

import numpy as np

from cornu.graph.gradients import vector_jacobian
from cornu.graph.op import Op
from cornu.graph.spec import Spec
from cornu.graph.trace import bind, convert
from cornu.ops.families import NOT_FLOAT, keep_reduced_axes, reduction
from cornu.ops.primitives.elementwise import cast, equal
from cornu.ops.public import canonical_axis, public

__all__ = ["argmax", "argmin", "cumsum", "max", "min", "prod", "sum"]


def sum_numpy(x, *, axis, keepdims):
    """The sum over some axes."""
    return np.sum(x, axis=axis, keepdims=keepdims, dtype=x.dtype)


def prod_numpy(x, *, axis, keepdims):
    """The product over some axes."""
    return np.prod(x, axis=axis, keepdims=keepdims, dtype=x.dtype)


def max_numpy(x, *, axis, keepdims):
    """The largest element over some axes."""
    return np.max(x, axis=axis, keepdims=keepdims)


def min_numpy(x, *, axis, keepdims):
    """The smallest element over some axes."""
    return np.min(x, axis=axis, keepdims=keepdims)


def _countable(x):
    """Small integers and booleans are summed in int32, as in Keras."""
    x = convert(x)
    small = ("bool", "int8", "int16", "uint8", "uint16")
    return cast(x, "int32") if x.dtype in small else x


def _broadcast_to(x, shape):
    from cornu.ops.primitives.shapes import broadcast_to

    return broadcast_to(x, shape)


def _spread_over_ties(g, x, y, axis):
    # Equal extremes share the gradient evenly, as in JAX.
    hits = cast(equal(x, y), g.dtype)
    return hits * (g / sum(hits, axis=axis, keepdims=True))


def _product_by_halves(x, axis):
    """The product with kept axes, of half by half: nothing but multiplications."""
    from cornu.ops.primitives.shapes import concatenate, static_slice

    def part(start, stop):
        index = [slice(None)] * x.ndim
        index[a] = slice(start, stop)
        return static_slice(x, tuple(index))

    for a in axis:
        while (n := x.shape[a]) > 1:
            half = n // 2
            pairs = part(0, half) * part(half, 2 * half)
            x = concatenate([pairs, part(2 * half, n)], a) if n % 2 else pairs
    return x


def _product_gradient(g, x, y, axis):
    # y / x would divide by zeros; a product of halves is right at any of them, and so
    # are its higher derivatives.
    if 0 in x.shape:
        return x
    return vector_jacobian(lambda v: _product_by_halves(v, axis), [x], [g])[0]


sum = reduction(
    "reduce_sum",
    "sum",
    sum_numpy,
    lambda g, x, y, axis: _broadcast_to(g, x.shape),
    "The sum of the elements.",
    convert_input=_countable,
)
prod = reduction(
    "reduce_prod",
    "prod",
    prod_numpy,
    _product_gradient,
    "The product of the elements.",
    convert_input=_countable,
)
max = reduction(
    "reduce_max",
    "max",
    max_numpy,
    _spread_over_ties,
    "The largest element.",
    identity=False,
)
min = reduction(
    "reduce_min",
    "min",
    min_numpy,
    _spread_over_ties,
    "The smallest element.",
    identity=False,
)


def argmax_numpy(x, *, axis):
    """The index of the largest element along an axis, the first of equals."""
    return np.argmax(x, axis=axis).astype(np.int32)


def argmin_numpy(x, *, axis):
    """The index of the smallest element along an axis, the first of equals."""
    return np.argmin(x, axis=axis).astype(np.int32)


def _infer_arg(x: Spec, *, axis: int) -> Spec:
    if x.shape[axis] == 0:
        raise ValueError(
            f"[argmax] axis {axis} of shape {x.shape} is empty.\n"
            "Expected at least one element to choose from.\n"
            "Check for empty data first."
        )
    return Spec(x.shape[:axis] + x.shape[axis + 1 :], "int32")


argmax_op = Op(
    "argmax",
    infer=_infer_arg,
    numpy=argmax_numpy,
    no_gradient=NOT_FLOAT,
    doc="The index of the largest element along an axis, the first of equals.",
)
argmin_op = Op(
    "argmin",
    infer=_infer_arg,
    numpy=argmin_numpy,
    no_gradient=NOT_FLOAT,
    doc="The index of the smallest element along an axis, the first of equals.",
)


def _arg(op, x, axis, keepdims):
    from cornu.ops.primitives.shapes import reshape

    x = convert(x)
    if axis is None:
        flat = bind(op, (reshape(x, (-1,)),), {"axis": 0})
        return reshape(flat, (1,) * x.ndim) if keepdims else flat
    axis = canonical_axis(axis, x.ndim)
    index = bind(op, (x,), {"axis": axis})
    return keep_reduced_axes(index, x.shape, (axis,)) if keepdims else index


@public
def argmax(x, axis=None, keepdims=False):
    """Index of the largest element, the first of equals.

    Args:
        x: tensor.
        axis: axis to look along; None looks through all elements in order.
        keepdims: whether the axis stays, with size 1.

    Returns:
        int32 tensor.
    """
    return _arg(argmax_op, x, axis, keepdims)


@public
def argmin(x, axis=None, keepdims=False):
    """Index of the smallest element, the first of equals.

    Args:
        x: tensor.
        axis: axis to look along; None looks through all elements in order.
        keepdims: whether the axis stays, with size 1.

    Returns:
        int32 tensor.
    """
    return _arg(argmin_op, x, axis, keepdims)


def cumsum_numpy(x, *, axis, reverse):
    """Running sums along an axis, from its end if `reverse`."""
    if reverse:
        return np.flip(np.cumsum(np.flip(x, axis), axis=axis, dtype=x.dtype), axis)
    return np.cumsum(x, axis=axis, dtype=x.dtype)


cumsum_op = Op(
    "cumsum",
    infer=lambda x, *, axis, reverse: x,
    numpy=cumsum_numpy,
    gradient=lambda g, ins, out, *, axis, reverse: (
        bind(cumsum_op, (g,), {"axis": axis, "reverse": not reverse}),
    ),
    doc="Running sums along an axis.",
)


@public
def cumsum(x, axis=None, dtype=None):
    """Running sums along an axis.

    Args:
        x: tensor.
        axis: axis to sum along; None sums through all elements in order.
        dtype: dtype of the result, by default that of a sum.

    Returns:
        Tensor of the shape of `x` (flat where `axis` is None).
    """
    from cornu.ops.primitives.shapes import reshape

    x = _countable(x) if dtype is None else cast(x, dtype)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    return bind(
        cumsum_op, (x,), {"axis": canonical_axis(axis, x.ndim), "reverse": False}
    )
