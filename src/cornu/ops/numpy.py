"""Functions in the manner of NumPy, composed of primitives."""

from __future__ import annotations

import builtins
import math
from itertools import pairwise

import numpy as np

from cornu.graph import config
from cornu.graph.spec import is_float, standardize_dtype
from cornu.graph.tensor import FUNCTIONS
from cornu.graph.trace import convert
from cornu.ops.primitives.elementwise import (
    absolute,
    add,
    cast,
    equal,
    isfinite,
    logical_and,
    logical_not,
    maximum,
    minimum,
    multiply,
    not_equal,
    round_to_even,
    sqrt,
    true_divide,
    where,
)
from cornu.ops.primitives.indexing import take
from cornu.ops.primitives.linear import dot_general
from cornu.ops.primitives.reductions import max, min, sum
from cornu.ops.primitives.shapes import (
    broadcast_to,
    concatenate,
    expand_dims,
    reshape,
    squeeze,
    static_slice,
    transpose,
)
from cornu.ops.public import (
    canonical_axes,
    canonical_axis,
    cast_to,
    floating,
    of_symbols,
    promote,
    public,
    recordable,
)

__all__ = [
    "abs",
    "add_n",
    "all",
    "any",
    "arange",
    "array",
    "average",
    "clip",
    "convert_to_numpy",
    "convert_to_tensor",
    "count_nonzero",
    "divide",
    "divide_no_nan",
    "eye",
    "full",
    "full_like",
    "identity",
    "isinf",
    "isnan",
    "mean",
    "moveaxis",
    "ndim",
    "norm",
    "one_hot",
    "ones",
    "ones_like",
    "outer",
    "ravel",
    "reciprocal",
    "repeat",
    "round",
    "rsqrt",
    "shape",
    "size",
    "split",
    "square",
    "stack",
    "std",
    "swapaxes",
    "tile",
    "var",
    "zeros",
    "zeros_like",
]


@public
def convert_to_tensor(x, dtype=None, sparse=None, ragged=None):
    """`x` as a tensor: Python floats become floatx, Python ints int32.

    Args:
        x: tensor, array (which is copied), number or nested list.
        dtype: dtype name, by default the value's own.
        sparse: only None or False: tensors are dense.
        ragged: only None or False: rows have one length.

    Raises:
        TypeError: for objects that are no numbers.
        ValueError: for lists whose rows differ in length.
    """
    if sparse:
        raise ValueError(
            "convert_to_tensor(sparse=True) is not supported.\n"
            "Expected dense data.\nCall .toarray() first."
        )
    if ragged:
        raise ValueError(
            "convert_to_tensor(ragged=True) is not supported.\n"
            "Expected rows of one length.\nPad them with utils.pad_sequences first."
        )
    if isinstance(x, np.ndarray) and x.flags.writeable:
        x = x.copy()  # what the caller writes into it later is no concern of the tensor
    return convert(x, None if dtype is None else standardize_dtype(dtype))


@public
def array(x, dtype=None):
    """`x` as a tensor: Python floats become floatx, Python ints int32."""
    return convert_to_tensor(x, dtype)


def convert_to_numpy(x):
    """`x` as a NumPy array, the caller's own."""
    return np.array(convert(x).__array__())


@of_symbols(lambda x: x.shape)
@public
def shape(x):
    """The shape as a tuple of ints, also under trace.

    Of a symbolic tensor the sizes that are open are None.
    """
    return tuple(convert(x).shape)


@public
def ndim(x):
    """The number of axes."""
    return convert(x).ndim


@of_symbols(lambda x: _size(x) if None in x.shape else math.prod(x.shape))
@public
def size(x):
    """The number of elements.

    Of a symbolic tensor of open size it is a symbolic tensor itself.
    """
    return math.prod(convert(x).shape)


@recordable
def _size(x):
    return convert(np.asarray(math.prod(x.shape), np.int32))


# Made from nothing


def _full(shape, value, dtype):
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    dtype = config.floatx() if dtype is None else standardize_dtype(dtype)
    return broadcast_to(convert(np.asarray(value, dtype)), [int(n) for n in shape])


@public
def zeros(shape, dtype=None):
    """Zeros of a shape; floatx unless `dtype` says otherwise."""
    return _full(shape, 0, dtype)


@public
def ones(shape, dtype=None):
    """Ones of a shape; floatx unless `dtype` says otherwise."""
    return _full(shape, 1, dtype)


@public
def full(shape, fill_value, dtype=None):
    """One value everywhere; floatx unless `dtype` says otherwise."""
    value = convert(fill_value, dtype and standardize_dtype(dtype))
    value = value if dtype else cast(value, config.floatx())
    return broadcast_to(value, shape)


@public
def zeros_like(x, dtype=None):
    """Zeros of the shape and dtype of `x`."""
    x = convert(x)
    return _full(x.shape, 0, dtype or x.dtype)


@public
def ones_like(x, dtype=None):
    """Ones of the shape and dtype of `x`."""
    x = convert(x)
    return _full(x.shape, 1, dtype or x.dtype)


@public
def full_like(x, fill_value, dtype=None):
    """One value in the shape and dtype of `x`."""
    x = convert(x)
    return full(x.shape, fill_value, dtype or x.dtype)


def arange(start, stop=None, step=None, dtype=None):
    """Evenly spaced numbers from `start` up to (not including) `stop`.

    Args:
        start: the first; or `stop`, where only one number is given, and 0 is the first.
        stop: the limit.
        step: their distance, 1 by default.
        dtype: dtype name; int32 by default, floatx where a number has a fraction.
    """
    step = 1 if step is None else step
    if stop is None:
        start, stop = 0, start
    if dtype is None:
        whole = isinstance(start + stop + step, (int, np.integer))
        dtype = "int32" if whole else config.floatx()
    return convert(np.arange(start, stop, step, dtype=standardize_dtype(dtype)))


def eye(N, M=None, k=0, dtype=None):
    """Ones on the k-th diagonal of an N x M matrix, zeros elsewhere."""
    return convert(np.eye(N, M, k, dtype=standardize_dtype(dtype or config.floatx())))


def identity(n, dtype=None):
    """The n x n matrix with ones on its diagonal, zeros elsewhere."""
    return eye(n, dtype=dtype)


# Element-wise


@public
def abs(x):
    """The absolute value of x."""
    return absolute(x)


divide = true_divide


@public
def divide_no_nan(x1, x2):
    """x1 / x2, and 0 where x2 is 0."""
    x1, x2 = promote(x1, x2)
    zero = equal(x2, 0)
    return where(zero, 0.0, x1 / where(zero, 1.0, x2))


@public
def square(x):
    """x * x."""
    x = convert(x)
    x = cast(x, "int32") if x.dtype == "bool" else x
    return multiply(x, x)


@public
def rsqrt(x):
    """1 / sqrt(x)."""
    return 1.0 / sqrt(x)


@public
def reciprocal(x):
    """1 / x."""
    return 1.0 / floating(x)


@public
def clip(x, x_min, x_max):
    """x, but not below x_min nor above x_max."""
    return minimum(maximum(x, x_min), x_max)


@public
def round(x, decimals=0):
    """x to so many decimal places; halves go to the even neighbour."""
    x = convert(x)
    if not is_float(x.dtype) and decimals >= 0:
        return x
    scale = 10.0**decimals
    y = round_to_even(floating(x) * scale) / scale if decimals else round_to_even(x)
    return cast(y, x.dtype)


@public
def isnan(x):
    """Whether x is NaN."""
    x = convert(x)
    return not_equal(x, x)


@public
def isinf(x):
    """Whether x is inf or -inf."""
    return logical_and(logical_not(isfinite(x)), logical_not(isnan(x)))


@public
def add_n(tensors):
    """The sum of tensors of one shape."""
    total = tensors[0]
    for each in tensors[1:]:
        total = add(total, each)
    return total


# Reductions


def _count(shape, axes):
    return math.prod(shape[a] for a in axes)


@public
def mean(x, axis=None, keepdims=False):
    """The mean over some axes (all, where `axis` is None); integers become floatx."""
    x = floating(x)
    axes = canonical_axes(axis, x.ndim)
    total = sum(_wide(x), axis=axes, keepdims=keepdims)
    return cast_to(total / float(_count(x.shape, axes)), x.dtype)


def _wide(x):
    """`x` in float32 at least: a sum of half-precision numbers soon overflows."""
    return cast_to(x, "float32") if x.dtype in ("float16", "bfloat16") else x


@public
def var(x, axis=None, keepdims=False):
    """The variance over some axes: the mean square distance from the mean."""
    x = floating(x)
    wide = _wide(x)
    spread = mean(square(wide - mean(wide, axis, keepdims=True)), axis, keepdims)
    return cast_to(spread, x.dtype)


@public
def std(x, axis=None, keepdims=False):
    """The standard deviation over some axes."""
    return sqrt(var(x, axis, keepdims))


@public
def average(x, axis=None, weights=None):
    """The mean over some axes, weighted by `weights` if they are given."""
    if weights is None:
        return mean(x, axis)
    x, weights = promote(x, weights)
    if weights.shape != x.shape and axis is not None:
        place = canonical_axis(axis, x.ndim)
        weights = reshape(
            weights, tuple(n if i == place else 1 for i, n in enumerate(x.shape))
        )
    weights = broadcast_to(floating(weights), x.shape)
    return sum(x * weights, axis) / sum(weights, axis)


@public
def any(x, axis=None, keepdims=False):
    """Whether some element is not zero."""
    return not_equal(sum(cast(not_equal(x, 0), "int32"), axis, keepdims), 0)


@public
def all(x, axis=None, keepdims=False):
    """Whether no element is zero."""
    return equal(sum(cast(equal(x, 0), "int32"), axis, keepdims), 0)


@public
def count_nonzero(x, axis=None):
    """How many elements are not zero."""
    return sum(cast(not_equal(x, 0), "int32"), axis)


@public
def norm(x, ord=None, axis=None, keepdims=False):
    """The norm of vectors along one axis, or of matrices over two, as in NumPy.

    Args:
        x: tensor.
        ord: None for the Euclidean norm. Of vectors: any number, or inf or -inf for
            the largest or smallest absolute value. Of matrices: 'fro' (as None); 1 or
            inf for the largest sum of absolute values of a column or of a row, 2 for
            the largest singular value (with a minus for the smallest), and 'nuc' for
            the sum of all singular values.
        axis: an axis, or two; None takes all, and all elements as one vector where
            `ord` is None.
        keepdims: whether reduced axes stay, with size 1.

    Raises:
        ValueError: for another `ord`, or one that does not fit the number of axes.
    """
    x = floating(x)
    axes = canonical_axes(axis, x.ndim)
    size = absolute(x)
    order = math.inf if ord == "inf" else ord
    if order is None or (order == "fro" and len(axes) == 2):
        return sqrt(sum(square(x), axes, keepdims))
    if len(axes) == 1 and isinstance(order, (int, float)):
        if order == 2:
            return sqrt(sum(square(x), axes, keepdims))
        if order in (math.inf, -math.inf):
            return (max if order > 0 else min)(size, axes, keepdims)
        if order == 0:
            return sum(cast(not_equal(x, 0), x.dtype), axes, keepdims)
        if order == 1:
            return sum(size, axes, keepdims)
        return sum(size**order, axes, keepdims) ** (1.0 / order)
    if len(axes) == 2 and order in (1, -1, math.inf, -math.inf):
        rows, columns = axes if axis is None else [a % x.ndim for a in axis]
        inner, outer = (rows, columns) if order in (1, -1) else (columns, rows)
        choose = max if order > 0 else min
        chosen = choose(sum(size, inner, keepdims=True), outer, keepdims=True)
        return chosen if keepdims else squeeze(chosen, axes)
    if len(axes) == 2 and order in (2, -2, "nuc"):
        values = FUNCTIONS["svd"](moveaxis(x, axes, (-2, -1)), compute_uv=False)
        choose = sum if order == "nuc" else max if order > 0 else min
        return expand_dims(choose(values, -1), axes) if keepdims else choose(values, -1)
    raise ValueError(
        f"[norm] ord={ord!r} is not supported over the axes {axes} of {x.shape}.\n"
        "Expected None; for one axis a number; for two 'fro', 'nuc', 1, 2 or inf.\n"
        "Flatten with ops.reshape for the norm of all elements as one vector."
    )


# Shapes


@public
def stack(x, axis=0):
    """Join tensors of one shape along a new axis."""
    tensors = promote(*x)
    return concatenate([expand_dims(t, axis) for t in tensors], axis)


@public
def split(x, indices_or_sections, axis=0):
    """Cut a tensor along an axis, into equal parts or at given places."""
    x = convert(x)
    axis = canonical_axis(axis, x.ndim)
    n = x.shape[axis]
    if isinstance(indices_or_sections, int):
        parts = indices_or_sections
        if n % parts:
            raise ValueError(
                f"[split] axis {axis} of shape {x.shape} cannot be cut into {parts} "
                f"equal parts.\nExpected a divisor of {n}.\n"
                "Give the places to cut at as a list instead."
            )
        places = [n // parts * i for i in range(parts + 1)]
    else:
        places = [0, *(int(i) for i in indices_or_sections), n]
    index = [slice(None)] * x.ndim
    out = []
    for start, stop in pairwise(places):
        index[axis] = slice(start, stop)
        out.append(static_slice(x, tuple(index)))
    return out


@public
def ravel(x):
    """All elements along one axis."""
    return reshape(x, (-1,))


@public
def swapaxes(x, axis1, axis2):
    """Exchange two axes."""
    x = convert(x)
    order = list(range(x.ndim))
    a, b = (canonical_axis(axis, x.ndim) for axis in (axis1, axis2))
    order[a], order[b] = b, a
    return transpose(x, order)


@public
def moveaxis(x, source, destination):
    """Move axes to other places; the rest keep their order."""
    x = convert(x)
    sources = [source] if isinstance(source, int) else list(source)
    targets = [destination] if isinstance(destination, int) else list(destination)
    if len(sources) != len(targets):
        raise ValueError(
            f"[moveaxis] {len(sources)} axes were given to move to {len(targets)} "
            "places.\nExpected one place per axis.\n"
            "For example moveaxis(x, [0, 1], [-1, 0])."
        )
    sources = [canonical_axis(a, x.ndim) for a in sources]
    targets = [canonical_axis(a, x.ndim) for a in targets]
    order = [i for i in range(x.ndim) if i not in sources]
    for target, axis in sorted(zip(targets, sources, strict=True)):
        order.insert(target, axis)
    return transpose(x, order)


@public
def repeat(x, repeats, axis=None):
    """Each slice along an axis so many times in a row."""
    x = convert(x)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    axis = canonical_axis(axis, x.ndim)
    before, n, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    if isinstance(repeats, int):
        wide = broadcast_to(expand_dims(x, axis + 1), (*before, n, repeats, *after))
        return reshape(wide, (*before, n * repeats, *after))
    return take(x, np.repeat(np.arange(n, dtype=np.int32), repeats), axis=axis)


@public
def tile(x, repeats):
    """The whole tensor so many times along each axis."""
    x = convert(x)
    times = (repeats,) if isinstance(repeats, int) else tuple(repeats)
    n = builtins.max(len(times), x.ndim)
    times = (1,) * (n - len(times)) + times
    shape = (1,) * (n - x.ndim) + tuple(x.shape)
    between = [m for pair in zip((1,) * n, shape, strict=True) for m in pair]
    wide = [m for pair in zip(times, shape, strict=True) for m in pair]
    y = broadcast_to(reshape(x, between), wide)
    return reshape(y, tuple(t * s for t, s in zip(times, shape, strict=True)))


@public
def outer(x1, x2):
    """All products of an element of x1 and one of x2, of shape (size 1, size 2)."""
    a, b = promote(x1, x2)
    return dot_general(reshape(a, (-1,)), reshape(b, (-1,)), ((), ()))


@public
def one_hot(x, num_classes, axis=-1, dtype=None, sparse=False):
    """1 at the index that x names and 0 elsewhere; zeros for indices out of range.

    Args:
        x: tensor of whole numbers.
        num_classes: size of the new axis.
        axis: its place.
        dtype: dtype of the result, floatx by default.
        sparse: only False.

    Raises:
        ValueError: when `sparse` is asked for.
    """
    if sparse:
        raise ValueError(
            "one_hot(sparse=True) is not supported.\nExpected sparse=False.\n"
            "Keep the indices, and use a loss that takes them."
        )
    x = cast(x, "int32")
    axis = canonical_axis(axis, x.ndim + 1)
    shape = tuple(num_classes if i == axis else 1 for i in range(x.ndim + 1))
    classes = np.arange(num_classes, dtype=np.int32).reshape(shape)
    return cast(equal(expand_dims(x, axis), classes), dtype or config.floatx())
