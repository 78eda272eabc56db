# pyright: reportMissingImports=false, reportMissingModuleSource=false
"""What each operation is in TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from cornu.engines.base import Claim
from cornu.engines.library import (
    LibraryEngine,
    Lowerings,
    by_name,
    into,
    is_zero,
    with_param,
)
from cornu.graph import Node
from cornu.graph.trace import bind, trace

LOWERINGS: Lowerings = by_name(
    {
        "to_dense": tf.identity,
        "identity": tf.identity,
        "stop_gradient": tf.identity,
        "negative": tf.negative,
        "absolute": lambda x: tf.identity(x) if _no_sign(x) else tf.abs(x),
        "sign": lambda x: tf.cast(_truth(x), x.dtype) if _no_sign(x) else tf.sign(x),
        "floor": tf.floor,
        "ceil": tf.math.ceil,
        "round_to_even": tf.round,
        "trunc": lambda x: tf.where(x < 0, tf.math.ceil(x), tf.floor(x)),
        "exp": tf.exp,
        "exp2": lambda x: tf.pow(tf.constant(2, x.dtype), x),
        "expm1": tf.math.expm1,
        "log": tf.math.log,
        "log2": lambda x: tf.math.log(x) / math.log(2),
        "log10": lambda x: tf.math.log(x) / math.log(10),
        "log1p": tf.math.log1p,
        "sqrt": tf.sqrt,
        "cbrt": lambda x: tf.sign(x) * tf.pow(tf.abs(x), 1 / 3),
        "sin": tf.sin,
        "cos": tf.cos,
        "tan": tf.tan,
        "arcsin": tf.asin,
        "arccos": tf.acos,
        "arctan": tf.atan,
        "sinh": tf.sinh,
        "cosh": tf.cosh,
        "tanh": tf.tanh,
        "arcsinh": tf.asinh,
        "arccosh": tf.acosh,
        "arctanh": tf.atanh,
        "sigmoid": tf.sigmoid,
        # Of float64, its own gives NaN where the square is too large.
        "erf": lambda x: tf.math.erf(tf.clip_by_value(x, -10, 10)),
        "erfc": tf.math.erfc,
        "erfinv": tf.math.erfinv,
        "i0": lambda x: _half(x) * tf.math.bessel_i0e(x) * _half(x),
        "logical_not": lambda x: tf.logical_not(_truth(x)),
        "logical_and": lambda a, b: tf.logical_and(_truth(a), _truth(b)),
        "logical_or": lambda a, b: tf.logical_or(_truth(a), _truth(b)),
        "subtract": tf.subtract,
        "multiply": tf.multiply,
        "true_divide": tf.truediv,
        "maximum": tf.maximum,
        "minimum": tf.minimum,
        "arctan2": tf.atan2,
        "equal": tf.equal,
        "not_equal": tf.not_equal,
    }
)

LOWERINGS |= with_param(
    {
        "reshape": (tf.reshape, "shape"),
        "transpose": (tf.transpose, "axes"),
        "broadcast_to": (tf.broadcast_to, "shape"),
        "flip": (tf.reverse, "axes"),
        "cast": (tf.cast, "dtype"),
    }
)
lowering = into(LOWERINGS)


def expanded(engine: LibraryEngine, node: Node, *values: Any) -> Any:
    """A case that TensorFlow has no kernel for: by the expansion of the operation."""
    specs = [v.spec for v in node.inputs]
    graph = trace(lambda *xs: bind(node.op, xs, node.params), specs, node.op.name)
    without = LibraryEngine()
    without.name = engine.name
    without.lowerings = {k: v for k, v in LOWERINGS.items() if k != node.op.name}
    found = without.body(without.prepared(graph))(*values)
    return found[0] if len(found) == 1 else tuple(found)


# What grappler joins with the convolution or product before it, in this form alone


@lowering("add")
def _add(engine, node: Node, a, b) -> Any:
    if a.shape.rank == 1 and (b.shape.rank or 0) > 1:
        a, b = b, a
    bias = a.dtype.is_floating and b.shape.rank == 1 and (a.shape.rank or 0) > 1
    if bias and a.shape[-1] == b.shape[0]:
        return tf.nn.bias_add(a, b)
    return tf.add(a, b)


CLAIMS = {
    "relu": Claim(
        lambda node: node.outputs[0].dtype in ("float16", "float32", "float64"),
        lambda engine, node, x: tf.nn.relu(x),
    )
}


# Element by element, where the ends of the range or integers need care


def _half(x) -> Any:
    return tf.exp(tf.abs(x) / 2)


def _no_sign(x) -> bool:
    return x.dtype == tf.bool or x.dtype.is_unsigned


def _truth(x) -> Any:
    return x if x.dtype == tf.bool else x != tf.zeros((), x.dtype)


@lowering("constant")
def _constant(engine, node: Node) -> Any:
    return tf.constant(node.params["value"].array)


def kept(mask, x) -> Any:
    """x where the mask says so, and 0 elsewhere.

    By products of whole numbers: they take half as long as `tf.where`, and 0 times NaN
    is 0.
    """
    bits = {4: tf.int32, 8: tf.int64}.get(x.dtype.size)
    if bits is None or not x.dtype.is_floating:
        return tf.where(mask, x, tf.zeros((), x.dtype))
    return tf.bitcast(tf.bitcast(x, bits) * tf.cast(mask, bits), x.dtype)


@lowering("where")
def _where(engine, node: Node, mask, a, b) -> Any:
    return kept(mask, a) if is_zero(node.inputs[2]) else tf.where(mask, a, b)


@lowering("isfinite")
def _isfinite(engine, node: Node, x) -> Any:
    return tf.math.is_finite(x) if x.dtype.is_floating else tf.ones_like(x, tf.bool)


@lowering("signbit")
def _signbit(engine, node: Node, x) -> Any:
    if x.dtype.is_floating:
        x = tf.bitcast(x, f"int{8 * x.dtype.size}")
    return tf.zeros_like(x, tf.bool) if _no_sign(x) else x < 0


@lowering("less", "less_equal", "greater", "greater_equal")
def _compare(engine, node: Node, a, b) -> Any:
    if a.dtype == tf.bool:
        a, b = tf.cast(a, tf.uint8), tf.cast(b, tf.uint8)
    return getattr(tf, node.op.name)(a, b)


_LOGICAL = {
    "and": tf.logical_and,
    "or": tf.logical_or,
    "xor": tf.not_equal,
    "not": tf.logical_not,
}


@lowering("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not")
def _bitwise(engine, node: Node, *xs) -> Any:
    name = node.op.name.removeprefix("bitwise_")
    if xs[0].dtype == tf.bool:
        return _LOGICAL[name](*xs)
    return getattr(tf.bitwise, "invert" if name == "not" else node.op.name)(*xs)


@lowering("bitwise_left_shift", "bitwise_right_shift")
def _shift(engine, node: Node, a, b) -> Any:
    # Of all bits and more, C leaves it open: nothing is left but the sign.
    zero, most = tf.zeros((), a.dtype), tf.constant(8 * a.dtype.size - 1, a.dtype)
    inside = (b >= zero) & (b <= most)
    right = node.op.name == "bitwise_right_shift"
    function = tf.bitwise.right_shift if right else tf.bitwise.left_shift
    signed = right and not a.dtype.is_unsigned
    beyond = tf.bitwise.right_shift(a, most) if signed else zero
    return tf.where(inside, function(a, tf.where(inside, b, zero)), beyond)


@lowering("power")
def _power(engine, node: Node, a, b) -> Any:
    if a.dtype.is_floating:
        return tf.pow(a, b)
    zero, one = tf.zeros((), a.dtype), tf.ones((), a.dtype)
    odd = b % 2 != zero
    inverse = tf.where(tf.abs(a) == one, tf.where(odd, a, one), zero)
    return tf.where(b < zero, inverse, tf.pow(a, tf.maximum(b, zero)))


@lowering("mod", "floor_divide", "fmod")
def _divide_with_rest(engine, node: Node, a, b) -> Any:
    name = node.op.name
    if not a.dtype.is_floating:
        # Of integers, NumPy gives 0 where the divisor is 0.
        zero = tf.zeros((), a.dtype)
        divisor = tf.where(b == zero, tf.ones((), b.dtype), b)
        functions = {"mod": tf.math.floormod, "floor_divide": tf.math.floordiv}
        # Without signs both rests are the same.
        unsigned = tf.math.floormod if a.dtype.is_unsigned else tf.truncatemod
        function = functions.get(name, unsigned)
        return tf.where(b == zero, zero, function(a, divisor))
    if name == "mod":
        return tf.math.floormod(a, b)
    rest = tf.truncatemod(a, b)
    if name == "fmod":
        return rest
    # What the rest leaves is a multiple of the divisor, but for rounding.
    whole = tf.round((a - rest) / b)
    below = (rest != 0) & ((rest < 0) != (b < 0))
    return tf.where(b == 0, a / b, tf.where(below, whole - 1, whole))


@lowering("gcd")
def _gcd(engine, node: Node, a, b) -> Any:
    a, b = tf.abs(a), tf.abs(b)
    shape, zero = node.outputs[0].shape, tf.zeros((), a.dtype)

    def step(a, b) -> Any:
        rest = tf.math.floormod(a, tf.where(b == zero, tf.ones((), b.dtype), b))
        return tf.where(b == zero, a, b), tf.where(b == zero, zero, rest)

    state = tf.broadcast_to(a, shape), tf.broadcast_to(b, shape)
    return tf.while_loop(lambda a, b: tf.reduce_any(b != zero), step, state)[0]


@lowering("hypot")
def _hypot(engine, node: Node, a, b) -> Any:
    a, b = tf.abs(a), tf.abs(b)
    large, small = tf.maximum(a, b), tf.minimum(a, b)
    ratio = tf.math.divide_no_nan(small, large)
    infinite = tf.math.is_inf(a) | tf.math.is_inf(b)
    length = large * tf.sqrt(ratio * ratio + 1)
    return tf.where(infinite, tf.constant(np.inf, a.dtype), length)


@lowering("logaddexp", "logaddexp2")
def _logaddexp(engine, node: Node, a, b) -> Any:
    base = 1.0 if node.op.name == "logaddexp" else math.log(2)
    large, same = tf.maximum(a, b), a == b  # infinities, too
    apart = tf.where(same, tf.zeros((), a.dtype), -tf.abs(a - b))
    return large + tf.math.log1p(tf.exp(apart * base)) / base


@lowering("ldexp")
def _ldexp(engine, node: Node, x, n) -> Any:
    y = tf.cast(x, tf.float64)
    n = tf.cast(tf.clip_by_value(n, -2200, 2200), tf.int64)
    # 2**n in three parts, none of which is too large or too small.
    for part in (n // 3, n // 3, n - 2 * (n // 3)):
        y = y * tf.bitcast(tf.bitwise.left_shift(part + 1023, np.int64(52)), tf.float64)
    return tf.cast(y, x.dtype)


@lowering("nextafter")
def _nextafter(engine, node: Node, a, b) -> Any:
    if a.dtype.size >= 4:
        return tf.math.nextafter(a, b)
    # The next number has the next bits; from 0 on to both sides.
    bits, zero, one = tf.bitcast(a, tf.int16), tf.zeros((), a.dtype), np.int16(1)
    away = (b > a) == (a > zero)
    least = tf.where(b > zero, one, np.int16(-32767))
    moved = tf.where(a == zero, least, tf.where(away, bits + one, bits - one))
    moved = tf.bitcast(moved, a.dtype)
    return tf.where(a == b, b, tf.where((a != a) | (b != b), a + b, moved))


@lowering("view")
def _view(engine, node: Node, x) -> Any:
    dtype = tf.as_dtype(node.params["dtype"])
    if dtype.size > x.dtype.size:
        x = tf.reshape(x, (*x.shape[:-1], -1, dtype.size // x.dtype.size))
    return tf.reshape(tf.bitcast(x, dtype), node.outputs[0].shape)


# Shapes


@lowering("concatenate")
def _concatenate(engine, node: Node, *xs) -> Any:
    return tf.concat(xs, node.params["axis"])


@lowering("pad")
def _pad(engine, node: Node, x) -> Any:
    return padded(x, node.params["pads"], node.params["value"])


def padded(x, pads: Sequence[tuple[int, int]], value: Any = 0) -> Any:
    if any(lo < 0 or hi < 0 for lo, hi in pads):
        sizes = zip(x.shape, pads, strict=True)
        x = x[tuple(slice(max(0, -lo), n + min(0, hi)) for n, (lo, hi) in sizes)]
    pads = [(max(0, lo), max(0, hi)) for lo, hi in pads]
    if not any(map(any, pads)):
        return tf.identity(x)
    value = np.asarray(value).astype(x.dtype.as_numpy_dtype)
    if x.dtype == tf.bool:
        return tf.cast(
            tf.pad(tf.cast(x, tf.uint8), pads, constant_values=value), x.dtype
        )
    return tf.pad(x, pads, constant_values=value)


@lowering("slice")
def _slice(engine, node: Node, x) -> Any:
    p = node.params
    return sliced(x, p["starts"], p["stops"], p["steps"])


def sliced(x, starts, stops, steps) -> Any:
    """Every step-th element, per axis: by index, which copies whole rows at once."""
    parts = list(map(slice, starts, stops, steps))
    for axis, part in enumerate(parts):
        if part.step > 1:
            x = tf.gather(x, np.arange(x.shape[axis], dtype=np.int32)[part], axis=axis)
            parts[axis] = slice(None)
    return x[tuple(parts)]


@lowering("slice_grad")
def _slice_grad(engine, node: Node, g) -> Any:
    p = node.params
    return put(g, p["shape"], p["starts"], p["stops"], p["steps"])


def put(g, shape, starts, stops, steps) -> Any:
    if not shape:
        return tf.identity(g)
    return tf.raw_ops.StridedSliceGrad(
        shape=shape, begin=starts, end=stops, strides=steps, dy=g
    )


# By index. One that is out of range raises; see `_index_error`.


def _from_start(indices, n: int) -> Any:
    return tf.where(indices < 0, indices + n, indices)


@lowering("gather")
def _gather(engine, node: Node, x, indices) -> Any:
    axis = node.params["axis"]
    return tf.gather(x, _from_start(indices, x.shape[axis]), axis=axis)


@lowering("scatter_add")
def _scatter_add(engine, node: Node, x, indices, updates) -> Any:
    if 0 in updates.shape:
        return tf.identity(x)
    axis = node.params["axis"]
    lead, rest = x.shape[:axis], x.shape[axis + 1 :]
    updates = tf.reshape(updates, (*lead, -1, *rest))
    order = [axis, *(i for i in range(x.shape.rank) if i != axis)]
    indices = tf.reshape(_from_start(indices, x.shape[axis]), (-1, 1))
    if axis == 0:
        return tf.tensor_scatter_nd_add(x, indices, updates)
    x, updates = tf.transpose(x, order), tf.transpose(updates, order)
    back = [order.index(i) for i in range(x.shape.rank)]
    return tf.transpose(tf.tensor_scatter_nd_add(x, indices, updates), back)


@lowering("scatter_reduce")
def _scatter_reduce(engine, node: Node, x, indices, updates) -> Any:
    how, n = node.params["how"], x.shape[0]
    indices = _from_start(indices, n)
    if 0 in updates.shape:
        return tf.identity(x)
    if how == "mul":
        return x * tf.math.unsorted_segment_prod(updates, indices, n)
    if how == "set":  # in an order of our own: the last one stays
        order = tf.range(indices.shape[0])
        last = tf.tensor_scatter_nd_max(tf.fill([n], -1), indices[:, None], order)
        found = tf.gather(updates, tf.maximum(last, 0))
        hit = tf.reshape(last >= 0, (n, *[1] * (x.shape.rank - 1)))
        return tf.where(hit, found, x)
    scatter = getattr(tf, f"tensor_scatter_nd_{how}")
    return scatter(x, indices[:, None], updates)


def _order(x, axis: int) -> Any:
    """Indices that sort; equals keep their order, and NaN stands last."""
    if x.dtype == tf.bool or x.dtype.size < 4:
        x = tf.cast(x, tf.float32 if x.dtype.is_floating else tf.int32)
    if x.dtype.is_floating:
        # Bits of numbers from 0 on are in order, as integers are; the others turn.
        whole = tf.int32 if x.dtype.size == 4 else tf.int64
        bits = tf.bitcast(tf.where(x == 0, tf.zeros((), x.dtype), x), whole)
        turned = tf.bitwise.bitwise_xor(bits, tf.constant(whole.max, whole))
        bits = tf.where(bits < 0, turned, bits)
        x = tf.where(tf.math.is_nan(x), tf.constant(whole.max, whole), bits)
    return tf.argsort(x, axis=axis, stable=True)


def _by_order(x, order, axis: int) -> Any:
    last = [*(i for i in range(x.shape.rank) if i != axis), axis]
    back = [last.index(i) for i in range(x.shape.rank)]
    x, order = tf.transpose(x, last), tf.transpose(order, last)
    y = tf.gather(x, order, axis=-1, batch_dims=x.shape.rank - 1)
    return tf.transpose(y, back)


@lowering("sort")
def _sort(engine, node: Node, x) -> Any:
    axis = node.params["axis"]
    return _by_order(x, _order(x, axis), axis)


@lowering("argsort")
def _argsort(engine, node: Node, x) -> Any:
    return _order(x, node.params["axis"])


@lowering("unique")
def _unique(engine, node: Node, x) -> Any:
    axis, size = node.params["axis"], node.params["size"]
    n = x.shape[axis]
    if n == 0:
        zeros = tf.zeros(size, tf.int32)
        return zeros, tf.zeros(0, tf.int32), zeros
    first = [axis, *(i for i in range(x.shape.rank) if i != axis)]
    count = math.prod(x.shape) // n
    rows = tf.reshape(tf.transpose(x, first), (n, count))
    columns = tf.transpose(rows)

    def by_column(i, order) -> Any:
        column = tf.gather(columns[count - 1 - i], order)
        return i + 1, tf.gather(order, _order(column, 0))

    _, order = tf.while_loop(lambda i, _: i < count, by_column, (0, tf.range(n)))
    rows = tf.gather(rows, order)
    new = tf.reduce_any(rows[1:] != rows[:-1], axis=1)
    group = tf.concat([[0], tf.cumsum(tf.cast(new, tf.int32))], 0)
    inverse = tf.tensor_scatter_nd_update(tf.zeros(n, tf.int32), order[:, None], group)
    counts = tf.math.unsorted_segment_sum(tf.ones_like(group), group, max(n, size))
    index = tf.math.unsorted_segment_min(order, group, max(n, size))
    index = tf.where(counts > 0, index, index[0])
    return index[:size], inverse, counts[:size]


# Along axes


@lowering("reduce_sum", "reduce_prod", "reduce_max", "reduce_min")
def _reduce(engine, node: Node, x) -> Any:
    name, p = node.op.name, node.params
    if x.dtype == tf.bool:
        any_or_all = {"sum": "any", "prod": "all", "max": "any", "min": "all"}
        name = "reduce_" + any_or_all[name.removeprefix("reduce_")]
    return getattr(tf, name)(x, axis=p["axis"], keepdims=p["keepdims"])


@lowering("argmax", "argmin")
def _arg(engine, node: Node, x) -> Any:
    axis = node.params["axis"]
    found = getattr(tf, node.op.name)(x, axis, output_type=tf.int32)
    if not x.dtype.is_floating:
        return found
    lost = tf.math.is_nan(x)  # the first of them is the extreme
    first = tf.argmax(tf.cast(lost, tf.uint8), axis, output_type=tf.int32)
    return tf.where(tf.reduce_any(lost, axis), first, found)


@lowering("cumsum", "cumprod")
def _running(engine, node: Node, x) -> Any:
    function = getattr(tf.math, node.op.name)
    return function(x, node.params["axis"], reverse=node.params.get("reverse", False))


# Products


@lowering("dot_general")
def _dot_general(engine, node: Node, a, b) -> Any:
    (ca, cb), (ba, bb) = node.params["contract"], node.params["batch"]
    if not ba and len(ca) == 1 and a.shape.rank == b.shape.rank == 2:
        return tf.matmul(a, b, transpose_a=ca[0] == 0, transpose_b=cb[0] == 1)
    left, rows = _as_matrices(a, ba, ca)
    right, columns = _as_matrices(b, bb, cb)
    # The axes that are summed over come last in both.
    y = tf.matmul(left, right, transpose_b=True)
    return tf.reshape(y, (*(a.shape[i] for i in ba), *rows, *columns))


def _as_matrices(x, batch, contract) -> Any:
    """The batch axes, one of all free axes, and one of all to be summed over."""
    free = [i for i in range(x.shape.rank) if i not in (*batch, *contract)]
    order = [*batch, *free, *contract]
    lead, rows, inner = ([x.shape[i] for i in axes] for axes in (batch, free, contract))
    x = x if order == sorted(order) else tf.transpose(x, order)
    return tf.reshape(x, (*lead, math.prod(rows), math.prod(inner))), rows


# Random bits, as the definition makes them


@lowering("random_bits")
def _random_bits(engine, node: Node, key) -> Any:
    shape = node.params["shape"]
    n = math.prod(shape)
    half = (n + 1) // 2
    ks = [key[0], key[1], tf.bitwise.bitwise_xor(key[0], key[1])]
    ks[2] = tf.bitwise.bitwise_xor(ks[2], np.uint32(0x1BD11BDA))
    x0 = tf.cast(tf.range(half), tf.uint32) + ks[0]
    x1 = tf.fill([half], ks[1])
    for i in range(5):
        for r in ((13, 15, 26, 6), (17, 29, 16, 24))[i % 2]:
            x0 = x0 + x1
            left = tf.bitwise.left_shift(x1, np.uint32(r))
            right = tf.bitwise.right_shift(x1, np.uint32(32 - r))
            x1 = tf.bitwise.bitwise_xor(tf.bitwise.bitwise_or(left, right), x0)
        x0 = x0 + ks[(i + 1) % 3]
        x1 = x1 + (ks[(i + 2) % 3] + np.uint32(i + 1))
    bits = tf.reshape(tf.concat([x0, x1], 0)[:n], shape)
    return tf.cast(tf.bitwise.right_shift(bits, np.uint32(1)), tf.int32)


# Where TensorFlow has no kernel for a dtype, one that has the values computes for it

_UNSIGNED = {tf.uint8: tf.int32, tf.uint16: tf.int32, tf.uint32: tf.int64}
_UNSIGNED |= {tf.uint64: tf.int64}  # which wraps around in the same way
_BOOL = {tf.bool: tf.int32}
_SMALL = {tf.float16: tf.float32, tf.bfloat16: tf.float32}
_WHOLE = {tf.int8: tf.int32, tf.int16: tf.int32, **_UNSIGNED, **_BOOL}
_INSTEAD = (
    (("negative", "power"), _UNSIGNED),
    (("gcd",), _UNSIGNED | _BOOL),
    (("add", "multiply", "maximum", "minimum"), _BOOL),
    (("cumsum", "cumprod", "scatter_add", "scatter_reduce"), _BOOL),
    (("mod", "floor_divide"), _SMALL | _BOOL),
    (("fmod",), _SMALL | _BOOL | {tf.int8: tf.int32, tf.int16: tf.int32}),
    (("erfc", "erfinv", "i0"), _SMALL),
    (("dot_general",), _WHOLE),
)


def _through(function: Any, instead: dict[Any, Any]) -> Any:
    def lowered(engine, node: Node, *xs) -> Any:
        if xs[0].dtype not in instead:
            return function(engine, node, *xs)
        dtype, wide = xs[0].dtype, instead[xs[0].dtype]
        xs = [tf.cast(x, wide) if x.dtype == dtype else x for x in xs]
        return tf.cast(function(engine, node, *xs), dtype)

    return lowered


for _names, _way in _INSTEAD:
    LOWERINGS |= {name: _through(LOWERINGS[name], _way) for name in _names}
