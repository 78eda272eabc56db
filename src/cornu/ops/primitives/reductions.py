"""Primitives that make one number of many: sums, products, extremes, running sums."""

from __future__ import annotations

import numpy as np

from cornu.graph.gradients import vector_jacobian
from cornu.graph.op import Op
from cornu.graph.spec import Spec
from cornu.graph.trace import bind, convert
from cornu.ops.families import (
    NOT_FLOAT,
    keep_reduced_axes,
    reduced_shape,
    reduction,
)
from cornu.ops.primitives.elementwise import cast, equal, maximum, minimum
from cornu.ops.public import canonical_axes, canonical_axis, public

__all__ = ["argmax", "argmin", "cumprod", "cumsum", "max", "min", "prod", "sum"]


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
    """Small integers and booleans are summed in 32 bits, as in Keras."""
    x = convert(x)
    if x.dtype in ("uint8", "uint16"):
        return cast(x, "uint32")
    return cast(x, "int32") if x.dtype in ("bool", "int8", "int16") else x


def _running(x, dtype):
    """What running sums and products are of: booleans are counted in int32."""
    x = convert(x)
    return cast(x, dtype or ("int32" if x.dtype == "bool" else x.dtype))


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
_prod = reduction(
    "reduce_prod",
    "prod",
    prod_numpy,
    _product_gradient,
    "The product of the elements.",
    convert_input=_countable,
)
_max = reduction(
    "reduce_max",
    "max",
    max_numpy,
    _spread_over_ties,
    "The largest element.",
    identity=False,
)
_min = reduction(
    "reduce_min",
    "min",
    min_numpy,
    _spread_over_ties,
    "The smallest element.",
    identity=False,
)


@public
def prod(x, axis=None, keepdims=False, dtype=None):
    """The product of the elements.

    Args:
        x: tensor of any shape.
        axis: axis or axes to reduce over; None means all.
        keepdims: whether reduced axes stay, with size 1.
        dtype: dtype to multiply in, by default that of a sum.

    Returns:
        Tensor without the reduced axes (or with size 1 there).

    Raises:
        ValueError: when there is no such axis.
    """
    y = _prod(x if dtype is None else cast(x, dtype), axis, keepdims)
    return y if dtype is None else cast(y, dtype)


@public
def max(x, axis=None, keepdims=False, initial=None):
    """The largest element.

    Args:
        x: tensor of any shape.
        axis: axis or axes to reduce over; None means all.
        keepdims: whether reduced axes stay, with size 1.
        initial: a number that the result is not below; what no elements give.

    Returns:
        Tensor without the reduced axes (or with size 1 there).

    Raises:
        ValueError: when there is no such axis, or no element and no `initial`.
    """
    if initial is None:
        return _max(x, axis, keepdims)
    return _not_beyond(_max, maximum, x, axis, keepdims, initial)


@public
def min(x, axis=None, keepdims=False, initial=None):
    """The smallest element.

    Args:
        x: tensor of any shape.
        axis: axis or axes to reduce over; None means all.
        keepdims: whether reduced axes stay, with size 1.
        initial: a number that the result is not above; what no elements give.

    Returns:
        Tensor without the reduced axes (or with size 1 there).

    Raises:
        ValueError: when there is no such axis, or no element and no `initial`.
    """
    if initial is None:
        return _min(x, axis, keepdims)
    return _not_beyond(_min, minimum, x, axis, keepdims, initial)


def _not_beyond(reduce, choose, x, axis, keepdims, initial):
    x, limit = convert(x), cast(initial, convert(x).dtype)
    axes = canonical_axes(axis, x.ndim)
    if any(x.shape[a] == 0 for a in axes):
        return _broadcast_to(limit, reduced_shape(x.shape, axes, keepdims))
    return choose(reduce(x, axes, keepdims), limit)


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
        dtype: dtype of the result, by default that of `x`, and int32 of booleans.

    Returns:
        Tensor of the shape of `x` (flat where `axis` is None).
    """
    from cornu.ops.primitives.shapes import reshape

    x = _running(x, dtype)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    return bind(
        cumsum_op, (x,), {"axis": canonical_axis(axis, x.ndim), "reverse": False}
    )


def cumprod_numpy(x, *, axis):
    """Running products along an axis."""
    return np.cumprod(x, axis=axis, dtype=x.dtype)


def _running_products(x, *, axis):
    """The same by doubling: element i is that of i - 1, i - 2, i - 4 ... and itself.

    Nothing but multiplications: derivatives are right at zeros too.
    """
    from cornu.ops.primitives.shapes import concatenate, static_slice

    def part(start, stop):
        index = [slice(None)] * x.ndim
        index[axis] = slice(start, stop)
        return static_slice(x, tuple(index))

    n, reach = x.shape[axis], 1
    while reach < n:
        later = part(reach, n) * part(0, n - reach)
        x = concatenate([part(0, reach), later], axis)
        reach *= 2
    return x


cumprod_op = Op(
    "cumprod",
    infer=lambda x, *, axis: x,
    numpy=cumprod_numpy,
    expansion=_running_products,
    gradient=lambda g, ins, out, *, axis: vector_jacobian(
        lambda x: _running_products(x, axis=axis), ins, [g]
    ),
    doc="Running products along an axis.",
    core=False,
)


@public
def cumprod(x, axis=None, dtype=None):
    """Running products along an axis.

    Args:
        x: tensor.
        axis: axis to multiply along; None goes through all elements in order.
        dtype: dtype of the result, by default that of `x`, and int32 of booleans.

    Returns:
        Tensor of the shape of `x` (flat where `axis` is None).
    """
    from cornu.ops.primitives.shapes import reshape

    x = _running(x, dtype)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    return bind(cumprod_op, (x,), {"axis": canonical_axis(axis, x.ndim)})
