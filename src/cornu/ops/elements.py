"""Element-wise functions that are composed, and questions about elements."""

from __future__ import annotations

import builtins
import math

import numpy as np

from cornu.graph.eager import is_native
from cornu.graph.op import Op
from cornu.graph.spec import Spec, is_float, standardize_dtype
from cornu.graph.tensor import TensorBase
from cornu.graph.trace import bind, convert
from cornu.graph.variable import Variable
from cornu.ops.numpy import all, any, isnan, ravel, zeros, zeros_like
from cornu.ops.primitives.elementary import gcd, signbit
from cornu.ops.primitives.elementwise import (
    absolute,
    bitwise_left_shift,
    bitwise_not,
    bitwise_right_shift,
    cast,
    copy,
    equal,
    floor_divide,
    greater,
    isfinite,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    minimum,
    multiply,
    not_equal,
    sin,
    subtract,
    where,
)
from cornu.ops.primitives.reductions import max, min
from cornu.ops.primitives.shapes import expand_dims
from cornu.ops.public import floating, promote, public

__all__ = [
    "allclose",
    "amax",
    "amin",
    "angle",
    "bitwise_invert",
    "conj",
    "conjugate",
    "deg2rad",
    "dtype",
    "empty",
    "empty_like",
    "fabs",
    "fmax",
    "fmin",
    "heaviside",
    "imag",
    "is_tensor",
    "isclose",
    "isin",
    "isneginf",
    "isposinf",
    "isreal",
    "lcm",
    "left_shift",
    "logical_xor",
    "nan_to_num",
    "rad2deg",
    "real",
    "right_shift",
    "saturate_cast",
    "select",
    "sinc",
    "view",
]

# Other names

bitwise_invert = bitwise_not
left_shift = bitwise_left_shift
right_shift = bitwise_right_shift


@public
def amax(x, axis=None, keepdims=False):
    """The largest element over some axes."""
    return max(x, axis, keepdims)


@public
def amin(x, axis=None, keepdims=False):
    """The smallest element over some axes."""
    return min(x, axis, keepdims)


@public
def fabs(x):
    """The absolute value of x, as a float."""
    return absolute(floating(x))


@public
def empty(shape, dtype=None):
    """A tensor that is to be filled; its elements are zeros."""
    return zeros(shape, dtype)


@public
def empty_like(x, dtype=None):
    """A tensor like `x` that is to be filled; its elements are zeros."""
    return zeros_like(x, dtype)


# Dtypes


def is_tensor(x):
    """Whether `x` is a tensor: concrete, traced or symbolic."""
    if not isinstance(x, TensorBase):
        return is_native(x)
    return not isinstance(x, Variable)


@public
def dtype(x):
    """The name of the dtype of `x`."""
    return convert(x).dtype


@public
def saturate_cast(x, dtype):
    """Convert to another dtype; what that cannot hold becomes its largest or smallest.

    Args:
        x: tensor.
        dtype: dtype name.

    Example:

    >>> saturate_cast([-1.0, 256.5], "uint8").tolist()
    [0, 255]
    """
    x, wanted = convert(x), standardize_dtype(dtype)
    if x.dtype == "bool":
        return cast(x, wanted)
    limits = zip(_limits(wanted), _limits(x.dtype), strict=True)
    (low, own_low), (high, own_high) = limits
    low, high = builtins.max(low, own_low), builtins.min(high, own_high)
    bounds = np.asarray([low, high]).astype(x.dtype)
    if is_float(x.dtype) and not is_float(wanted):
        # A limit that was rounded up is beyond the range again.
        inside = [int(bounds[0]) >= low, int(bounds[1]) <= high]
        bounds = np.where(inside, bounds, np.nextafter(bounds, bounds.dtype.type(0)))
    return cast(minimum(maximum(x, bounds[0]), bounds[1]), wanted)


def _limits(name):
    if name == "bool":
        return 0, 1
    if not is_float(name):
        return np.iinfo(name).min, np.iinfo(name).max
    largest = float.fromhex("0x1.fep127") if name == "bfloat16" else np.finfo(name).max
    return -float(largest), float(largest)


def view_numpy(x, *, dtype):
    """The same bytes, read as another dtype."""
    return np.ascontiguousarray(x).reshape(x.shape).view(dtype)


def _infer_view(x: Spec, *, dtype: str) -> Spec:
    old, new = np.dtype(x.dtype).itemsize, np.dtype(dtype).itemsize
    if old == new:
        return Spec(x.shape, dtype)
    if not x.ndim or x.shape[-1] * old % new:
        raise ValueError(
            f"[view] {x} cannot be read as {dtype}.\n"
            f"Expected a last axis of a multiple of {new} bytes.\n"
            "Use ops.cast to convert values."
        )
    return Spec((*x.shape[:-1], x.shape[-1] * old // new), dtype)


view_op = Op(
    "view",
    infer=_infer_view,
    numpy=view_numpy,
    no_gradient="bits that are read as another number are no smooth function",
    doc="The same bytes, read as another dtype.",
    core=False,
)


@public
def view(x, dtype=None):
    """The same bytes, read as another dtype.

    Args:
        x: tensor.
        dtype: dtype name; one with fewer bytes makes the last axis longer.

    Raises:
        ValueError: when the bytes of the last axis make no whole numbers of it.

    Example:

    >>> view(np.float32([1.0]), "int32").tolist()
    [1065353216]
    """
    x = convert(x)
    wanted = x.dtype if dtype is None else standardize_dtype(dtype)
    return x if wanted == x.dtype else bind(view_op, (x,), {"dtype": wanted})


# Every tensor is real: there is no complex dtype


@public
def real(x):
    """The real part of x, which is x: tensors are real."""
    return copy(convert(x))


@public
def imag(x):
    """The imaginary part of x, which is 0: tensors are real."""
    return zeros_like(x)


@public
def conjugate(x):
    """The complex conjugate of x, which is x: tensors are real."""
    return copy(convert(x))


@public
def conj(x):
    """The complex conjugate of x, which is x: tensors are real."""
    return copy(convert(x))


@public
def isreal(x):
    """Whether x has no imaginary part: True everywhere."""
    return equal(zeros_like(x), 0)


@public
def angle(x):
    """The angle of the number x in the plane: 0, or pi for negative ones."""
    x = floating(x)
    # Times x, so that NaN stays; its gradient is 0.
    return where(isnan(x), x, where(signbit(x), math.pi, 0.0).astype(x.dtype))


# Element by element


@public
def deg2rad(x):
    """Degrees as radians."""
    return multiply(floating(x), math.pi / 180.0)


@public
def rad2deg(x):
    """Radians as degrees."""
    return multiply(floating(x), 180.0 / math.pi)


@public
def sinc(x):
    """sin(pi x) / (pi x), and 1 at 0."""
    x = floating(x) * math.pi
    zero = equal(x, 0.0)
    x = where(zero, 1.0, x)
    return where(zero, 1.0, sin(x) / x)


@public
def heaviside(x1, x2):
    """0 for negative x1, 1 for positive ones, and x2 where x1 is 0."""
    x1, x2 = promote(x1, x2)
    x1, x2 = floating(x1), floating(x2)
    step = cast(greater(x1, 0.0), x1.dtype)
    step = where(isnan(x1), x1, step)
    return where(equal(x1, 0.0), x2, step)


@public
def fmax(x1, x2):
    """The larger of x1 and x2, and the other one where one is NaN."""
    a, b = promote(x1, x2)
    return where(logical_or(greater(a, b), isnan(b)), a, b)


@public
def fmin(x1, x2):
    """The smaller of x1 and x2, and the other one where one is NaN."""
    a, b = promote(x1, x2)
    return where(logical_or(less(a, b), isnan(b)), a, b)


@public
def lcm(x1, x2):
    """The least common multiple of whole numbers."""
    a, b = promote(x1, x2)
    a, b = absolute(a), absolute(b)
    divisor = gcd(a, b)
    # Of zeros it is zero; division first, so that nothing overflows on the way.
    return multiply(floor_divide(a, maximum(divisor, 1)), b)


@public
def logical_xor(x1, x2):
    """Whether just one of x1 and x2 holds."""
    return not_equal(_truth(x1), _truth(x2))


def _truth(x):
    x = convert(x)
    return x if x.dtype == "bool" else not_equal(x, 0)


@public
def nan_to_num(x, nan=0.0, posinf=None, neginf=None):
    """Put numbers in the place of NaN and infinities.

    Args:
        x: tensor.
        nan: what stands for NaN.
        posinf: what stands for infinity, by default the largest finite number.
        neginf: what stands for minus infinity, by default the smallest one.
    """
    x = convert(x)
    if not is_float(x.dtype):
        return x
    low, high = _limits(x.dtype)
    x_or_nan = where(isnan(x), nan, x)
    y = where(equal(x, math.inf), high if posinf is None else posinf, x_or_nan)
    return where(equal(x, -math.inf), low if neginf is None else neginf, y)


@public
def select(condlist, choicelist, default=0):
    """Of several tensors, element by element the first whose condition holds.

    Args:
        condlist: list of boolean tensors.
        choicelist: list of as many tensors.
        default: number or tensor for where no condition holds.

    Raises:
        ValueError: when the lists are empty, or not of one length.
    """
    if not condlist or len(condlist) != len(choicelist):
        raise ValueError(
            f"[select] {len(condlist)} conditions and {len(choicelist)} choices were "
            "given.\nExpected as many of each, and at least one.\n"
            "The last word has `default`, where no condition holds."
        )
    *choices, y = promote(*choicelist, default)
    for condition, choice in reversed(list(zip(condlist, choices, strict=True))):
        y = where(condition, choice, y)
    return y


# Questions


@public
def isposinf(x):
    """Whether x is infinity."""
    return equal(floating(x), math.inf)


@public
def isneginf(x):
    """Whether x is minus infinity."""
    return equal(floating(x), -math.inf)


@public
def isclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether |x1 - x2| <= atol + rtol * |x2|, element by element.

    Args:
        x1: tensor.
        x2: tensor.
        rtol: distance allowed per size of x2.
        atol: distance allowed anyway.
        equal_nan: whether NaN is close to NaN.

    Returns:
        Boolean tensor. Infinities are close to themselves only.
    """
    a, b = promote(x1, x2)
    a, b = floating(a), floating(b)
    finite = logical_and(isfinite(a), isfinite(b))
    # Without infinities in it, the difference is a number.
    distance = absolute(
        where(finite, subtract(where(finite, a, 0.0), where(finite, b, 0.0)), 0.0)
    )
    near = less_equal(distance, absolute(where(finite, b, 0.0)) * rtol + atol)
    close = where(finite, near, equal(a, b))
    if equal_nan:
        close = logical_or(close, logical_and(isnan(a), isnan(b)))
    return close


@public
def allclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether all elements are close, as `isclose` says."""
    return all(isclose(x1, x2, rtol, atol, equal_nan))


@public
def isin(x1, x2, assume_unique=False, invert=False):
    """Whether each element of x1 is among those of x2.

    Args:
        x1: tensor of any shape.
        x2: tensor of any shape.
        assume_unique: a hint without meaning here.
        invert: whether to ask if it is not.

    Returns:
        Boolean tensor of the shape of `x1`.
    """
    a, b = promote(x1, x2)
    found = any(equal(expand_dims(a, -1), ravel(b)), axis=-1)
    return logical_not(found) if invert else found
