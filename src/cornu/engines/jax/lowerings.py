"""What each operation is in JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cornu.engines.library import Lowerings, by_name, into, taps_of, with_param
from cornu.graph import Node

# Those that JAX calls as NumPy and we do.
_ALIKE = """
    negative sign floor ceil trunc exp exp2 expm1 log log2 log10 log1p sqrt cbrt sin
    cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh isfinite
    signbit logical_not logical_and logical_or bitwise_not bitwise_and bitwise_or
    bitwise_xor add subtract multiply true_divide maximum minimum fmod gcd arctan2
    hypot logaddexp logaddexp2 ldexp nextafter equal not_equal less less_equal
    greater greater_equal where
"""
LOWERINGS: Lowerings = by_name(
    {
        **{name: getattr(jnp, name) for name in _ALIKE.split()},
        "to_dense": lambda x: x,
        "identity": lambda x: x,
        "stop_gradient": lambda x: x,
        "absolute": jnp.abs,
        "round_to_even": jnp.rint,
        "sigmoid": lax.logistic,
        "erf": lax.erf,
        "erfc": lax.erfc,
        "erfinv": lax.erf_inv,
        "i0": lambda x: _half(x) * jax.scipy.special.i0e(x) * _half(x),
        "bitwise_left_shift": jnp.left_shift,
        "bitwise_right_shift": jnp.right_shift,
        "rdft": lambda x: _parts(jnp.fft.rfft(x)),
        "det": jnp.linalg.det,
        "slogdet": lambda x: tuple(jnp.linalg.slogdet(x)),
        "cholesky": lambda x: jnp.linalg.cholesky((x + _turned(x)) / 2),
        "lu_factor": lambda x: tuple(lax.linalg.lu(x)),
        "eigh": lambda x: tuple(jnp.linalg.eigh((x + _turned(x)) / 2)),
    }
)

LOWERINGS |= with_param(
    {
        "reshape": (jnp.reshape, "shape"),
        "transpose": (jnp.transpose, "axes"),
        "broadcast_to": (jnp.broadcast_to, "shape"),
        "flip": (jnp.flip, "axes"),
        "sort": (jnp.sort, "axis"),
    }
)
lowering = into(LOWERINGS)


# Element by element, where the ends of the range or integers need care


def _half(x) -> Any:
    return jnp.exp(jnp.abs(x) / 2)


@lowering("constant")
def _constant(engine, node: Node) -> Any:
    return jnp.asarray(node.params["value"].array)


@lowering("cast")
def _cast(engine, node: Node, x) -> Any:
    return x.astype(node.params["dtype"])


@lowering("power")
def _power(engine, node: Node, a, b) -> Any:
    if jnp.issubdtype(a.dtype, jnp.floating):
        return jnp.power(a, b)
    one = jnp.abs(a) == 1
    inverse = jnp.where(one, jnp.where(b % 2 == 0, 1, a), 0)
    return jnp.where(b < 0, inverse, jnp.power(a, jnp.maximum(b, 0))).astype(a.dtype)


@lowering("mod", "floor_divide")
def _divide_with_rest(engine, node: Node, a, b) -> Any:
    function = jnp.mod if node.op.name == "mod" else jnp.floor_divide
    if jnp.issubdtype(a.dtype, jnp.floating):
        return function(a, b)
    # Of integers, NumPy gives 0 where the divisor is 0.
    return jnp.where(b == 0, 0, function(a, jnp.where(b == 0, 1, b))).astype(a.dtype)


@lowering("view")
def _view(engine, node: Node, x) -> Any:
    dtype = node.params["dtype"]
    wide, narrow = np.dtype(x.dtype).itemsize, np.dtype(dtype).itemsize
    if narrow > wide:
        x = x.reshape(*x.shape[:-1], -1, narrow // wide)
    y = lax.bitcast_convert_type(x, dtype)
    return y.reshape(node.outputs[0].shape)


# Shapes


@lowering("concatenate")
def _concatenate(engine, node: Node, *xs) -> Any:
    return jnp.concatenate(xs, axis=node.params["axis"])


@lowering("pad")
def _pad(engine, node: Node, x) -> Any:
    value = jnp.asarray(node.params["value"], x.dtype)
    return lax.pad(x, value, [(low, high, 0) for low, high in node.params["pads"]])


@lowering("slice")
def _slice(engine, node: Node, x) -> Any:
    return x[_slices(node)]


@lowering("slice_grad")
def _slice_grad(engine, node: Node, g) -> Any:
    return jnp.zeros(node.params["shape"], g.dtype).at[_slices(node)].set(g)


def _slices(node: Node) -> tuple[slice, ...]:
    p = node.params
    return tuple(map(slice, p["starts"], p["stops"], p["steps"]))


# By index. One that is out of range gives NaN (of integers, the largest number): a
# compiled program cannot raise, and the check of the loss finds it.


@lowering("gather")
def _gather(engine, node: Node, x, indices) -> Any:
    return jnp.take(x, indices, axis=node.params["axis"])


@lowering("scatter_add")
def _scatter_add(engine, node: Node, x, indices, updates) -> Any:
    where = (slice(None),) * node.params["axis"] + (indices,)
    return x.at[where].add(updates)


@lowering("scatter_reduce")
def _scatter_reduce(engine, node: Node, x, indices, updates) -> Any:
    return getattr(x.at[indices], node.params["how"])(updates)


@lowering("argsort")
def _argsort(engine, node: Node, x) -> Any:
    return jnp.argsort(x, axis=node.params["axis"], stable=True).astype(jnp.int32)


@lowering("searchsorted")
def _searchsorted(engine, node: Node, sequence, values) -> Any:
    side = node.params["side"]
    return jnp.searchsorted(sequence, values, side=side).astype(jnp.int32)


@lowering("unique")
def _unique(engine, node: Node, x) -> Any:
    axis, size = node.params["axis"], node.params["size"]
    # As many as there may be: where each is found must not be cut off.
    most = x.size if axis is None else x.shape[axis]
    _, index, inverse, counts = jnp.unique(
        x, True, True, True, axis, equal_nan=False, size=most
    )
    number = jnp.arange(size)
    there = (number < most) & (counts[jnp.minimum(number, most - 1)] > 0)
    picked = jnp.where(there, index[jnp.minimum(number, most - 1)], index[0])
    counted = jnp.where(there, counts[jnp.minimum(number, most - 1)], 0)
    return tuple(a.astype(jnp.int32) for a in (picked, inverse.reshape(-1), counted))


# Along axes


@lowering("reduce_sum", "reduce_prod", "reduce_max", "reduce_min")
def _reduce(engine, node: Node, x) -> Any:
    name, p = node.op.name.removeprefix("reduce_"), node.params
    if x.dtype == jnp.bool_:
        name = {"sum": "any", "prod": "all", "max": "any", "min": "all"}[name]
        return getattr(jnp, name)(x, axis=p["axis"], keepdims=p["keepdims"])
    more = {"dtype": x.dtype} if name in ("sum", "prod") else {}
    return getattr(jnp, name)(x, axis=p["axis"], keepdims=p["keepdims"], **more)


@lowering("argmax", "argmin")
def _arg(engine, node: Node, x) -> Any:
    return getattr(jnp, node.op.name)(x, axis=node.params["axis"]).astype(jnp.int32)


@lowering("cumsum")
def _cumsum(engine, node: Node, x) -> Any:
    axis, reverse = node.params["axis"], node.params["reverse"]
    x = jnp.flip(x, axis) if reverse else x
    y = jnp.cumsum(x, axis=axis, dtype=x.dtype)
    return jnp.flip(y, axis) if reverse else y


@lowering("cumprod")
def _cumprod(engine, node: Node, x) -> Any:
    return jnp.cumprod(x, axis=node.params["axis"], dtype=x.dtype)


# Products and windows


@lowering("dot_general")
def _dot_general(engine, node: Node, a, b) -> Any:
    dims = node.params["contract"], node.params["batch"]
    return lax.dot_general(
        a, b, dims, precision="highest", preferred_element_type=a.dtype
    )


def _conv(x, w, strides, padding, dilation, groups) -> Any:
    n = x.ndim - 2
    places = "".join(chr(ord("a") + i) for i in range(n))
    return lax.conv_general_dilated(
        x,
        w,
        strides,
        padding,
        rhs_dilation=dilation,
        dimension_numbers=(f"N{places}C", f"{places}IO", f"N{places}C"),
        feature_group_count=groups,
        precision="highest",
    )


def _conv_params(node: Node) -> list[Any]:
    return [node.params[k] for k in ("strides", "padding", "dilation", "groups")]


@lowering("conv")
def _convolve(engine, node: Node, x, w) -> Any:
    return _conv(x, w, *_conv_params(node))


@lowering("conv_input_grad")
def _conv_input_grad(engine, node: Node, g, w) -> Any:
    spec = node.outputs[0].spec
    x = jax.ShapeDtypeStruct(spec.shape, spec.dtype)
    return jax.linear_transpose(lambda x: _conv(x, w, *_conv_params(node)), x)(g)[0]


@lowering("conv_kernel_grad")
def _conv_kernel_grad(engine, node: Node, x, g) -> Any:
    spec = node.outputs[0].spec
    w = jax.ShapeDtypeStruct(spec.shape, spec.dtype)
    return jax.linear_transpose(lambda w: _conv(x, w, *_conv_params(node)), w)(g)[0]


@lowering("window_argmax")
def _window_argmax(engine, node: Node, x, y) -> Any:
    padding = node.params["padding"]
    inside = np.pad(np.ones(x.shape[1:-1], bool), padding)[None, ..., None]
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    taps = taps_of(node, y.shape[1:-1])
    found = jnp.full(y.shape, len(taps), node.outputs[0].dtype)
    for number, tap in enumerate(taps):
        part = x[tap]
        hit = ((part == y) | (part != part)) & inside[tap]
        found = jnp.where(hit & (found == len(taps)), number, found)
    return found.astype(node.outputs[0].dtype)


@lowering("window_put")
def _window_put(engine, node: Node, g, places) -> Any:
    return _spread(node, g, lambda n: jnp.where(places == n, g, jnp.zeros((), g.dtype)))


@lowering("window_sum_grad")
def _window_sum_grad(engine, node: Node, g) -> Any:
    return _spread(node, g, lambda n: g)


def _spread(node: Node, g, part: Callable[[int], Any]) -> Any:
    sizes, padding = node.params["sizes"], node.params["padding"]
    padded = [n + lo + hi for n, (lo, hi) in zip(sizes, padding, strict=True)]
    x = jnp.zeros((g.shape[0], *padded, g.shape[-1]), g.dtype)
    for number, tap in enumerate(taps_of(node, g.shape[1:-1])):
        x = x.at[tap].add(part(number))
    inner = [slice(lo, lo + n) for n, (lo, _) in zip(sizes, padding, strict=True)]
    return x[(slice(None), *inner)]


# Random bits, as the definition makes them


@lowering("random_bits")
def _random_bits(engine, node: Node, key) -> Any:
    shape = node.params["shape"]
    n = int(np.prod(shape, dtype=np.int64))
    half = (n + 1) // 2
    ks = [key[0], key[1], key[0] ^ key[1] ^ np.uint32(0x1BD11BDA)]
    x0 = jnp.arange(half, dtype=jnp.uint32) + ks[0]
    x1 = jnp.full(half, ks[1], jnp.uint32)
    for i in range(5):
        for r in ((13, 15, 26, 6), (17, 29, 16, 24))[i % 2]:
            x0 = x0 + x1
            x1 = ((x1 << np.uint32(r)) | (x1 >> np.uint32(32 - r))) ^ x0
        x0 = x0 + ks[(i + 1) % 3]
        x1 = x1 + ks[(i + 2) % 3] + np.uint32(i + 1)
    bits = jnp.concatenate([x0, x1])[:n].reshape(shape)
    return (bits >> np.uint32(1)).astype(jnp.int32)


# Sub-graphs


@lowering("scan")
def _scan(engine, node: Node, *values) -> Any:
    p = node.params
    n, m = p["n_carry"], p["n_xs"]
    body, rest = engine.body(p["body"]), values[n + m :]

    def step(carry: Any, xs: Any) -> Any:
        outs = body(*carry, *xs, *rest)
        return tuple(outs[:n]), tuple(outs[n:])

    carry, stacks = lax.scan(
        step, values[:n], values[n : n + m], p["length"], p["reverse"]
    )
    return (*carry, *stacks)


@lowering("cond")
def _cond(engine, node: Node, pred, *operands) -> Any:
    branches = [engine.body(node.params[k]) for k in ("on_true", "on_false")]
    return tuple(lax.cond(pred, *branches, *operands))


@lowering("while_loop")
def _while_loop(engine, node: Node, *values) -> Any:
    p, n = node.params, node.params["n_carry"]
    condition, body = engine.body(p["condition"]), engine.body(p["body"])
    rest = values[n:]

    def goes_on(state: Any) -> Any:
        steps, carry = state
        found = condition(*carry, *rest)[0]
        return found if p["limit"] is None else found & (steps < p["limit"])

    def step(state: Any) -> Any:
        return state[0] + 1, tuple(body(*state[1], *rest))

    return lax.while_loop(goes_on, step, (0, values[:n]))[1]


@lowering("custom_gradient")
def _custom_gradient(engine, node: Node, *values) -> Any:
    return values[: node.params["n_outputs"]]


# Linear algebra and Fourier transforms


def _turned(x) -> Any:
    return jnp.swapaxes(x, -1, -2)


def _parts(x) -> Any:
    return x.real, x.imag


@lowering("solve")
def _solve(engine, node: Node, a, b) -> Any:
    return jnp.linalg.solve(a, b)


@lowering("solve_triangular")
def _solve_triangular(engine, node: Node, a, b) -> Any:
    return lax.linalg.triangular_solve(a, b, left_side=True, lower=node.params["lower"])


@lowering("cofactor")
def _cofactor(engine, node: Node, x) -> Any:
    u, s, vh = jnp.linalg.svd(x)
    others = jnp.where(np.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]).prod(-1)
    sign = jnp.linalg.det(u) * jnp.linalg.det(vh)
    return (u * others[..., None, :]) @ vh * jnp.round(sign)[..., None, None]


@lowering("qr")
def _qr(engine, node: Node, x) -> Any:
    mode = "complete" if node.params["complete"] else "reduced"
    return tuple(jnp.linalg.qr(x, mode=mode))


@lowering("svd")
def _svd(engine, node: Node, x) -> Any:
    return tuple(jnp.linalg.svd(x, full_matrices=node.params["full"]))


@lowering("dft")
def _dft(engine, node: Node, re, im) -> Any:
    axes, inverse = node.params["axes"], node.params["inverse"]
    x = lax.complex(re, im)
    if inverse:
        return _parts(jnp.fft.ifftn(x, axes=axes, norm="forward"))
    return _parts(jnp.fft.fftn(x, axes=axes))


@lowering("irdft")
def _irdft(engine, node: Node, re, im) -> Any:
    return jnp.fft.irfft(lax.complex(re, im), node.params["length"], norm="forward")
