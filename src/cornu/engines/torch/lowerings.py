# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
"""What each operation is in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from cornu.engines.library import Lowerings, by_name, into, with_param
from cornu.graph import Node

# Functions that can write into memory that is there already (`out=`)
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "negative": torch.neg,
    "absolute": torch.abs,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "round_to_even": torch.round,
    "trunc": torch.trunc,
    "exp": torch.exp,
    "exp2": torch.exp2,
    "expm1": torch.expm1,
    "log": torch.log,
    "log2": torch.log2,
    "log10": torch.log10,
    "log1p": torch.log1p,
    "sqrt": torch.sqrt,
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "arcsin": torch.asin,
    "arccos": torch.acos,
    "arctan": torch.atan,
    "tanh": torch.tanh,
    "arcsinh": torch.asinh,
    "arccosh": torch.acosh,
    "arctanh": torch.atanh,
    "sigmoid": torch.sigmoid,
    "erf": torch.erf,
    "erfc": torch.erfc,
    "erfinv": torch.erfinv,
    "signbit": torch.signbit,
    "logical_not": torch.logical_not,
    "logical_and": torch.logical_and,
    "logical_or": torch.logical_or,
    "bitwise_not": torch.bitwise_not,
    "bitwise_and": torch.bitwise_and,
    "bitwise_or": torch.bitwise_or,
    "bitwise_xor": torch.bitwise_xor,
    "bitwise_left_shift": torch.bitwise_left_shift,
    "bitwise_right_shift": torch.bitwise_right_shift,
    "add": torch.add,
    "subtract": torch.sub,
    "multiply": torch.mul,
    "true_divide": torch.true_divide,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "gcd": torch.gcd,
    "arctan2": torch.atan2,
    "hypot": torch.hypot,
    "logaddexp": torch.logaddexp,
    "logaddexp2": torch.logaddexp2,
    "nextafter": torch.nextafter,
    "equal": torch.eq,
    "not_equal": torch.ne,
    "less": torch.lt,
    "less_equal": torch.le,
    "greater": torch.gt,
    "greater_equal": torch.ge,
    "where": torch.where,
}
LOWERINGS: Lowerings = by_name(
    {
        **FUNCTIONS,
        "to_dense": lambda x: x,
        "identity": lambda x: x,
        "stop_gradient": lambda x: x,
        "isfinite": torch.isfinite,
    }
)

LOWERINGS |= with_param(
    {
        "reshape": (torch.reshape, "shape"),
        "transpose": (torch.permute, "axes"),
        "broadcast_to": (torch.broadcast_to, "shape"),
        "flip": (torch.flip, "axes"),
    }
)
lowering = into(LOWERINGS)


def dtype_of(name: str) -> torch.dtype:
    return getattr(torch, name)


def on_cpu(x) -> bool:
    """Whether a look at its elements costs little, and an error comes at once."""
    return x.device.type == "cpu"


# Element by element, where the ends of the range or integers need care


@lowering("constant")
def _constant(engine, node: Node) -> Any:
    return engine.from_numpy(node.params["value"].array)


@lowering("cast")
def _cast(engine, node: Node, x) -> Any:
    return x.to(dtype_of(node.params["dtype"]))


@lowering("sign")
def _sign(engine, node: Node, x) -> Any:
    y = torch.sign(x)  # of NaN it is 0
    return torch.where(torch.isnan(x), x, y) if x.is_floating_point() else y


@lowering("cbrt")
def _cbrt(engine, node: Node, x) -> Any:
    y = torch.sign(x) * x.abs().pow(1 / 3)
    # A step of Newton's, as 1/3 has been rounded.
    better = y - (y - x / (y * y)) / 3
    return torch.where(torch.isfinite(x) & (x != 0), better, x)


_BITS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def kept(mask, x) -> Any:
    """x where the mask says so, and 0 elsewhere, by products of whole numbers.

    On a CPU they are ten times as fast as `torch.where`, and 0 times NaN is 0.
    """
    bits = _BITS[x.dtype.itemsize]
    return (mask.to(bits) * x.view(bits)).view(x.dtype)


def chosen(mask, a, b) -> Any:
    """The same for any b: by the bits in which they differ."""
    bits = _BITS[a.dtype.itemsize]
    other = b.view(bits)
    return ((a.view(bits) ^ other) * mask.to(bits) ^ other).view(a.dtype)


@lowering("ldexp")
def _ldexp(engine, node: Node, x, n) -> Any:
    # In three parts, none of which is out of range where the result is not.
    info = torch.finfo(x.dtype)
    most = 2 * int(math.log2(info.max)) + round(-math.log2(info.eps)) + 2
    n = n.clamp(-most, most)
    part = n // 3
    for k in (part, part, n - 2 * part):
        x = x * torch.pow(2.0, k.to(torch.float64)).to(x.dtype)
    return x


@lowering("power")
def _power(engine, node: Node, a, b) -> Any:
    if a.is_floating_point():
        return torch.pow(a, b)
    inverse = torch.where(b % 2 == 0, a.abs(), a).where(a.abs() == 1, 0)
    return torch.where(b < 0, inverse, torch.pow(a, b.clamp(min=0)))


@lowering("sinh", "cosh")
def _hyperbolic(engine, node: Node, x) -> Any:
    y = getattr(torch, node.op.name)(x)
    if x.dtype == torch.float64:
        return y
    # In float32 PyTorch's overflow before they must.
    half = _half(x)
    large = half / 2 * half
    large = torch.copysign(large, x) if node.op.name == "sinh" else large
    return torch.where(x.abs() > 80, large, y)


@lowering("i0")
def _i0(engine, node: Node, x) -> Any:
    return _half(x) * torch.special.i0e(x) * _half(x)


def _half(x) -> Any:
    return torch.exp(x.abs() / 2)


@lowering("mod", "fmod")
def _rest(engine, node: Node, a, b) -> Any:
    function = torch.fmod if node.op.name == "fmod" else torch.remainder
    if not a.is_floating_point():
        return _over(function, a, b)
    # Where the quotient overflows PyTorch gives NaN: first by a multiple of b.
    most = math.frexp(torch.finfo(a.dtype).max)[1] - 1
    multiple = torch.where(b.abs() < 1, b * 2.0**most, math.inf)
    return function(torch.fmod(a, multiple), b)


@lowering("floor_divide")
def _floor_divide(engine, node: Node, a, b) -> Any:
    if not a.is_floating_point():
        return _over(torch.floor_divide, a, b)
    return torch.floor_divide(a, b)


def _over(function: Callable[..., Any], a, b) -> Any:
    """A division of integers, which gives 0 where the divisor is 0, as in NumPy."""
    zero = b == 0
    return torch.where(zero, 0, function(a, torch.where(zero, 1, b))).to(a.dtype)


@lowering("view")
def _view(engine, node: Node, x) -> Any:
    dtype, shape = dtype_of(node.params["dtype"]), node.outputs[0].shape
    if not x.numel():
        return x.new_empty(shape, dtype=dtype)
    return x.contiguous().reshape(x.shape or (1,)).view(dtype).reshape(shape)


# Shapes


@lowering("concatenate")
def _concatenate(engine, node: Node, *xs) -> Any:
    return torch.cat(xs, node.params["axis"])


@lowering("pad")
def _pad(engine, node: Node, x) -> Any:
    return padded(x, node.params["pads"], node.params["value"])


def padded(x, pads, value: float = 0) -> Any:
    # PyTorch has the last axis first.
    flat = [n for pair in reversed(pads) for n in pair]
    return F.pad(x, flat, value=value) if any(flat) else x


@lowering("slice")
def _slice(engine, node: Node, x) -> Any:
    return x[_slices(node)]


@lowering("slice_grad")
def _slice_grad(engine, node: Node, g) -> Any:
    y = g.new_zeros(node.params["shape"])
    y[_slices(node)] = g
    return y


def _slices(node: Node) -> tuple[slice, ...]:
    p = node.params
    return tuple(map(slice, p["starts"], p["stops"], p["steps"]))


# What PyTorch lacks is done by NumPy, as the definition has it


@lowering("unique")
def by_meaning(engine, node: Node, *values) -> Any:
    arrays, meaning = [engine.to_numpy(v) for v in values], node.op.numpy
    assert meaning is not None
    with np.errstate(all="ignore"):
        found = meaning(*arrays, **node.params)
    if isinstance(found, tuple):
        return tuple(engine.from_numpy(np.asarray(y)) for y in found)
    return engine.from_numpy(np.asarray(found))


# By index. On a CPU one that is out of range is an error. Elsewhere it gives NaN (of
# integers, the largest number), and the check of the loss finds it: there the error
# would come late, and end all that runs on the device.


def _places(indices, size: int) -> Any:
    indices = indices.reshape(-1).long()
    return torch.where(indices < 0, indices + size, indices)


def _checked(places, size: int, axis: int) -> tuple[Any, Any]:
    """Places that exist; elsewhere than on a CPU, which of them did before."""
    if not on_cpu(places):
        return places.clamp(0, max(size - 1, 0)), (places >= 0) & (places < size)
    outside = (places < 0) | (places >= size)
    if outside.any():
        raise IndexError(
            f"index {int(places[outside][0])} is out of bounds for axis {axis} with "
            f"size {size}"
        )
    return places, None


@lowering("gather")
def _gather(engine, node: Node, x, indices) -> Any:
    axis = node.params["axis"]
    size = x.shape[axis]
    places, exist = _checked(_places(indices, size), size, axis)
    y = torch.index_select(x, axis, places)
    if exist is not None:
        lost = math.nan if x.is_floating_point() else _largest(x.dtype)
        y = torch.where(_along(exist, axis, x.ndim), y, lost)
    return y.reshape(node.outputs[0].shape)


def _largest(dtype: torch.dtype) -> int:
    return 1 if dtype == torch.bool else torch.iinfo(dtype).max


def _along(mask, axis: int, ndim: int) -> Any:
    """A mask of slices, to broadcast beside all elements of them."""
    return mask.reshape(*[1] * axis, -1, *[1] * (ndim - axis - 1))


@lowering("scatter_add")
def _scatter_add(engine, node: Node, x, indices, updates) -> Any:
    axis = node.params["axis"]
    size = x.shape[axis]
    places, exist = _checked(_places(indices, size), size, axis)
    shape = (*x.shape[:axis], len(places), *x.shape[axis + 1 :])
    updates = updates.reshape(shape)
    if exist is not None:
        updates = torch.where(_along(exist, axis, x.ndim), updates, 0)
    y = x.clone(memory_format=torch.contiguous_format)
    return y.index_add_(axis, places, updates)


@lowering("scatter_reduce")
def _scatter_reduce(engine, node: Node, x, indices, updates) -> Any:
    how, size = node.params["how"], x.shape[0]
    places, exist = _checked(_places(indices, size), size, 0)
    if exist is not None:
        places = torch.where(exist, places, size)  # a row more, which is dropped
        x = torch.cat([x, x.new_zeros((1, *x.shape[1:]))])
    y = _reduced(x, places, updates, how)
    return y if exist is None else y[:-1]


def _reduced(x, places, updates, how: str) -> Any:
    if how == "set":  # of several rows for one place the last one stays
        order = torch.arange(1, len(places) + 1, device=x.device)
        last = torch.zeros(x.shape[0], dtype=order.dtype, device=x.device)
        last = last.scatter_reduce(0, places, order, "amax")
        rows = torch.cat([x[:1], updates])[last]
        return torch.where(_along(last > 0, 0, x.ndim), rows, x)
    name = {"max": "amax", "min": "amin", "mul": "prod"}[how]
    index = _along(places, 0, x.ndim).expand(updates.shape)
    return x.scatter_reduce(0, index, updates, name)


@lowering("sort")
def _sort(engine, node: Node, x) -> Any:
    return torch.sort(x, dim=node.params["axis"], stable=True).values


@lowering("argsort")
def _argsort(engine, node: Node, x) -> Any:
    return torch.sort(x, dim=node.params["axis"], stable=True).indices.int()


@lowering("searchsorted")
def _searchsorted(engine, node: Node, sequence, values) -> Any:
    return torch.searchsorted(
        sequence.contiguous(),
        values.contiguous(),
        side=node.params["side"],
        out_int32=True,
    )


# Along axes


@lowering("reduce_sum")
def _reduce_sum(engine, node: Node, x) -> Any:
    axis, keepdims = node.params["axis"], node.params["keepdims"]
    if x.dtype == torch.bool:
        return torch.any(x, axis, keepdims) if axis else x.clone()
    # Of no axes PyTorch takes all.
    return torch.sum(x, axis, keepdims, dtype=x.dtype) if axis else x.clone()


@lowering("reduce_prod")
def _reduce_prod(engine, node: Node, x) -> Any:
    axis, keepdims = node.params["axis"], node.params["keepdims"]
    for a in sorted(axis, reverse=True):
        x = torch.prod(x, a, keepdims, dtype=x.dtype)
    return x


@lowering("reduce_max", "reduce_min")
def _reduce_extreme(engine, node: Node, x) -> Any:
    axis, keepdims = node.params["axis"], node.params["keepdims"]
    function = torch.amax if node.op.name == "reduce_max" else torch.amin
    return function(x, axis, keepdims) if axis else x.clone()


@lowering("argmax", "argmin")
def _arg(engine, node: Node, x) -> Any:
    x = x.byte() if x.dtype == torch.bool else x
    return getattr(torch, node.op.name)(x, node.params["axis"]).int()


@lowering("cumsum")
def _cumsum(engine, node: Node, x) -> Any:
    axis, reverse = node.params["axis"], node.params["reverse"]
    x = torch.flip(x, (axis,)) if reverse else x
    y = torch.cumsum(x, axis, dtype=x.dtype)
    return torch.flip(y, (axis,)) if reverse else y


@lowering("cumprod")
def _cumprod(engine, node: Node, x) -> Any:
    return torch.cumprod(x, node.params["axis"], dtype=x.dtype)


# Products


@lowering("dot_general")
def _dot_general(engine, node: Node, a, b) -> Any:
    (ca, cb), (ba, bb) = node.params["contract"], node.params["batch"]
    dtype = a.dtype
    if dtype == torch.bool:
        a, b = a.int(), b.int()
    if not ba and len(ca) == 1 and a.ndim == b.ndim == 2:
        y = torch.mm(a.t() if ca[0] == 0 else a, b.t() if cb[0] == 1 else b)
        return y.to(dtype)
    left, right = _matrices(a, ba, ca), _matrices(b, bb, cb).transpose(-1, -2)
    return torch.matmul(left, right).reshape(node.outputs[0].shape).to(dtype)


def _matrices(x, batch, contract) -> Any:
    """x with the batch axes, one of all free axes, and one of those summed over.

    It is a view where the axes stand in one of two orders.
    """
    free = [i for i in range(x.ndim) if i not in contract and i not in batch]
    groups = [x.shape[i] for i in batch]
    rows = math.prod(x.shape[i] for i in free)
    inner = math.prod(x.shape[i] for i in contract)
    turned = [*batch, *contract, *free]
    if turned == sorted(turned):
        return x.reshape(*groups, inner, rows).transpose(-1, -2)
    return x.permute((*batch, *free, *contract)).reshape(*groups, rows, inner)


# Random bits, as the definition makes them


@lowering("random_bits")
def _random_bits(engine, node: Node, key) -> Any:
    shape = node.params["shape"]
    n = math.prod(shape)
    half = (n + 1) // 2
    # Signed words wrap around like unsigned ones; only shifts to the right differ.
    words = key.view(torch.int32)
    ks = [words[0], words[1], words[0] ^ words[1] ^ 0x1BD11BDA]
    bits = torch.empty(2 * half, dtype=torch.int32, device=key.device)
    x0, x1 = bits[:half], bits[half:]
    torch.arange(half, out=x0)
    x0 += ks[0]
    x1[:] = ks[1]
    turned = torch.empty_like(x0)
    for i in range(5):
        for r in ((13, 15, 26, 6), (17, 29, 16, 24))[i % 2]:
            x0 += x1
            torch.bitwise_right_shift(x1, 32 - r, out=turned)
            turned &= (1 << r) - 1
            x1 <<= r
            x1 |= turned
            x1 ^= x0
        x0 += ks[(i + 1) % 3]
        x1 += ks[(i + 2) % 3] + (i + 1)
    bits = (bits >> 1) & 0x7FFFFFFF
    return bits[:n].reshape(shape)


# Sub-graphs


@lowering("scan")
def _scan(engine, node: Node, *values) -> Any:
    p = node.params
    n, m, body = p["n_carry"], p["n_xs"], engine.body(p["body"])
    carry, rest = list(values[:n]), values[n + m :]
    xs = [x.unbind(0) for x in values[n : n + m]]
    stacks: list[list[Any]] = [[] for _ in node.outputs[n:]]
    for t in reversed(range(p["length"])) if p["reverse"] else range(p["length"]):
        outs = body(*carry, *[x[t] for x in xs], *rest)
        carry = outs[:n]
        for stack, y in zip(stacks, outs[n:], strict=True):
            stack.append(y)
    if p["reverse"]:
        stacks = [stack[::-1] for stack in stacks]
    return (*carry, *map(engine.stacked, stacks, node.outputs[n:]))


@lowering("cond")
def _cond(engine, node: Node, pred, *operands) -> Any:
    return tuple(engine.body(node.params["on_true" if pred else "on_false"])(*operands))


@lowering("while_loop")
def _while_loop(engine, node: Node, *values) -> Any:
    p, n = node.params, node.params["n_carry"]
    condition, body = engine.body(p["condition"]), engine.body(p["body"])
    carry, rest, steps = values[:n], values[n:], 0
    while (p["limit"] is None or steps < p["limit"]) and condition(*carry, *rest)[0]:
        carry = body(*carry, *rest)
        steps += 1
    return tuple(carry)


@lowering("custom_gradient")
def _custom_gradient(engine, node: Node, *values) -> Any:
    return values[: node.params["n_outputs"]]
