"""Normalizations: of batches, of layers and groups, and by the root mean square."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from cornu.graph import config
from cornu.graph.messages import refuse_unknown, warn_user
from cornu.graph.trace import bind
from cornu.ops.elements import saturate_cast
from cornu.ops.families import composite, unbroadcast
from cornu.ops.numpy import add_n, mean, rsqrt, square, var
from cornu.ops.primitives.elementwise import absolute, cast, maximum, sqrt
from cornu.ops.primitives.reductions import sum
from cornu.ops.primitives.shapes import broadcast_to, reshape, squeeze
from cornu.ops.public import (
    canonical_axes,
    canonical_axis,
    cast_to,
    floating,
    promote,
    public,
    result_type,
)

__all__ = [
    "batch_normalization",
    "layer_normalization",
    "moments",
    "normalize",
    "rms_normalization",
]


# By statistics of the tensor itself


def _constant_along(weights, axes):
    return all(weights.shape[a] == 1 for a in axes)


@composite("standardize_grad")
def standardize_grad_op(g, x, mid, variance, *weights, axes, epsilon, scale, center):
    """The gradient of standardize by x, scale and offset, from that by its result."""
    # With c = x - mean and h the cotangent of c / deviation, the gradient by x is
    # (h - mean(h) - c * mean(h * c) / variance) / deviation.
    gamma, statistics = weights[0] if scale else x, mid.shape
    count = float(builtins.max(1, math.prod(x.shape[a] for a in axes)))
    centered, inverse = x - mid, rsqrt(variance + epsilon)
    h, factor = g, inverse
    if scale and _constant_along(gamma, axes):
        factor = inverse * gamma
    elif scale:
        h = g * gamma
    slope = unbroadcast(h * centered, statistics) * square(inverse) / count
    level = unbroadcast(h, statistics) / count
    found = [(h - level - centered * slope) * factor]
    if scale and _constant_along(gamma, axes):
        by_gamma = unbroadcast(g * centered, statistics) * inverse
        found.append(unbroadcast(by_gamma, gamma.shape))
    elif scale:
        found.append(unbroadcast(g * (centered * inverse), gamma.shape))
    if center:
        found.append(unbroadcast(g, weights[-1].shape))
    return tuple(found)


def _standardize_gradient(g, ins, outs, *, axes, **params):
    x, (of_y, of_mean, of_variance) = ins[0], g
    count = float(builtins.max(1, math.prod(x.shape[a] for a in axes)))
    made = []

    def from_y(i):
        if not made:  # all of them by one operation, if any is wanted
            inputs = (of_y, x, *outs[1:], *ins[1:])
            found = bind(standardize_grad_op, inputs, {"axes": axes, **params})
            made.extend(found if isinstance(found, tuple | list) else [found])
        return made[i]

    def by_x():
        parts = [] if of_y is None else [from_y(0)]
        if of_mean is not None:
            parts.append(broadcast_to(of_mean / count, x.shape))
        if of_variance is not None:
            parts.append((x - outs[1]) * (of_variance * (2.0 / count)))
        return add_n(parts)

    rest = [lambda i=i: from_y(i) for i in range(1, len(ins))]
    return [by_x, *(each if of_y is not None else None for each in rest)]


@composite("standardize", gradient=_standardize_gradient)
def standardize_op(x, *weights, axes, epsilon, scale, center):
    """x with mean 0 and variance 1 over some axes, scaled and moved; both numbers."""
    mid = mean(x, axes, keepdims=True)
    centered = x - mid
    variance = mean(square(centered), axes, keepdims=True)
    inverse = rsqrt(variance + epsilon)
    if not scale:
        y = centered * inverse
    elif _constant_along(weights[0], axes):
        y = centered * (inverse * weights[0])
    else:
        y = centered * inverse * weights[0]
    return (y + weights[-1] if center else y), mid, variance


def standardize(x, axes, gamma=None, beta=None, epsilon=1e-3):
    """A tensor with mean 0 and variance 1 over some axes, scaled and moved.

    What batch, layer and group normalization have in common, in one piece.

    Args:
        x: floating tensor.
        axes: the axes, not negative.
        gamma: factor, of as many axes as `x`, which broadcasts; None for 1.
        beta: what is added, likewise; None for 0.
        epsilon: added to the variance.

    Returns:
        Tensor of the shape of `x`, and the mean and the variance with the `axes` of
        size 1.
    """
    weights = [w for w in (gamma, beta) if w is not None]
    params = {"axes": tuple(axes), "epsilon": float(epsilon)}
    params |= {"scale": gamma is not None, "center": beta is not None}
    return bind(standardize_op, (x, *weights), params)


def _wide(x):
    """A floating tensor of at least 32 bits, in which half precision is summed."""
    x = floating(x)
    return cast_to(x, result_type(x.dtype, "float32"))


def _along(weights, x, axes):
    """Weights of the shape of some axes of `x`, or of one that broadcasts, with as many
    axes as `x`.

    Raises:
        ValueError: when they have another shape.
    """
    if weights is None:
        return None
    weights = cast(weights, x.dtype)
    sizes = tuple(x.shape[i] for i in axes)
    if weights.shape == sizes:
        wanted = tuple(n if i in axes else 1 for i, n in enumerate(x.shape))
    else:
        wanted = (1,) * (x.ndim - weights.ndim) + weights.shape
    fits = all(n in (1, m) for n, m in zip(wanted, x.shape, strict=False))
    if len(wanted) != x.ndim or not fits:
        raise ValueError(
            f"Weights of shape {weights.shape} were given to normalize a tensor of "
            f"shape {x.shape} over the axes {tuple(axes)}.\n"
            f"Expected the shape {sizes}, or one that broadcasts to the tensor.\n"
            "Pass gamma, beta or scale with the sizes of these axes."
        )
    return weights if wanted == weights.shape else reshape(weights, wanted)


@public
def layer_normalization(
    x, gamma=None, beta=None, axis: Any = -1, epsilon=None, **kwargs
):
    """(x - mean) / sqrt(variance + epsilon) over some axes (Ba et al., 2016).

    Args:
        x: tensor; half precision is computed in float32.
        gamma: factor, of the sizes of the axes; None for 1.
        beta: what is added, likewise; None for 0.
        axis: axis or axes.
        epsilon: added to the variance; `epsilon()` by default.
        rms_scaling: (keyword) divide only, without taking the mean off: what an older
            Keras took for RMS normalization, and warns of.

    Returns:
        Tensor of the shape and dtype of `x`.

    Raises:
        ValueError: when there is no such axis, or weights do not broadcast.

    Example:

    >>> from cornu import ops
    >>> ops.layer_normalization([1.0, 3.0]).tolist()
    [-1.0, 1.0]
    """
    rms_scaling = kwargs.pop("rms_scaling", False)
    refuse_unknown("layer_normalization", kwargs, ["rms_scaling"])
    values = _wide(x)
    axes = canonical_axes(axis, values.ndim)
    epsilon = config.epsilon() if epsilon is None else epsilon
    gamma, beta = _along(gamma, values, axes), _along(beta, values, axes)
    if rms_scaling:
        warn_user(
            "layer_normalization was given rms_scaling=True, which divides by the "
            "standard deviation, and is deprecated.\n"
            "Expected rms_normalization, which divides by the root mean square.\n"
            "Write ops.rms_normalization(x, gamma), or layers.RMSNormalization().",
            UserWarning,
        )
        y = values * rsqrt(var(values, axes, keepdims=True) + epsilon)
        y = y if gamma is None else y * gamma
    else:
        y = standardize(values, axes, gamma, beta, epsilon)[0]
    return cast_to(y, floating(x).dtype)


@composite("rms_normalization")
def rms_normalization_op(x, *scale, axes, epsilon):
    """x divided by its root mean square over some axes, and scaled."""
    y = x * rsqrt(mean(square(x), axes, keepdims=True) + epsilon)
    return y * scale[0] if scale else y


@public
def rms_normalization(x, scale=None, axis: Any = -1, epsilon=None):
    """x / sqrt(mean(x * x) + epsilon) over some axes (Zhang and Sennrich, 2019).

    Args:
        x: tensor; half precision is computed in float32.
        scale: factor, of the sizes of the axes; None for 1.
        axis: axis or axes.
        epsilon: added to the mean square; `epsilon()` by default.

    Returns:
        Tensor of the shape and dtype of `x`.

    Raises:
        ValueError: when there is no such axis, or the scale does not broadcast.

    Example:

    >>> from cornu import ops
    >>> ops.rms_normalization([3.0, -3.0], epsilon=0.0).tolist()
    [1.0, -1.0]
    """
    values = _wide(x)
    axes = canonical_axes(axis, values.ndim)
    epsilon = config.epsilon() if epsilon is None else epsilon
    weights = [] if scale is None else [_along(scale, values, axes)]
    params = {"axes": axes, "epsilon": float(epsilon)}
    y = bind(rms_normalization_op, (values, *weights), params)
    return cast_to(y, floating(x).dtype)


# By statistics that are given


@composite("batch_normalization")
def batch_normalization_op(x, mean, variance, *weights, axis, epsilon, scale, offset):
    """(x - mean) / sqrt(variance + epsilon), scaled and moved, channel by channel."""
    factor = rsqrt(variance + epsilon)
    if scale:
        factor = factor * weights[0]
    shift = -(mean * factor)
    if offset:
        shift = shift + weights[-1]
    shape = tuple(n if i == axis else 1 for i, n in enumerate(x.shape))
    return x * reshape(factor, shape) + reshape(shift, shape)


@public
def batch_normalization(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, channel by channel.

    Args:
        x: tensor.
        mean: tensor of shape (channels,).
        variance: tensor of shape (channels,).
        axis: the axis of the channels.
        offset: tensor of shape (channels,), or None for 0.
        scale: tensor of shape (channels,), or None for 1.
        epsilon: added to the variance.

    Returns:
        Tensor of the shape of `x`.

    Raises:
        ValueError: when there is no such axis, or a vector has another length.

    Example:

    >>> from cornu import ops
    >>> x = [[1.0], [3.0]]
    >>> ops.batch_normalization(x, [2.0], [4.0], axis=-1, epsilon=0.0).tolist()
    [[-0.5], [0.5]]
    """
    vectors = {"mean": mean, "variance": variance, "scale": scale, "offset": offset}
    vectors = {k: v for k, v in vectors.items() if v is not None}
    values, *rest = promote(floating(x), *vectors.values())
    axis = canonical_axis(axis, values.ndim)
    for name, vector in zip(vectors, rest, strict=True):
        if vector.shape != (values.shape[axis],):
            raise ValueError(
                f"[batch_normalization] {name} has shape {vector.shape}, and x has "
                f"shape {values.shape}.\n"
                f"Expected ({values.shape[axis]},): a number for each place along axis "
                f"{axis}.\nCheck axis=, or reshape {name}."
            )
    params = {"axis": axis, "epsilon": float(epsilon)}
    params |= {"scale": scale is not None, "offset": offset is not None}
    return bind(batch_normalization_op, (values, *rest), params)


# By norms, and by hand


@public
def normalize(x, axis=-1, order=2, epsilon=None):
    """x divided by its norm along an axis (which is at least epsilon).

    Args:
        x: tensor.
        axis: the axis.
        order: of the norm: (sum of |x| ** order) ** (1 / order), a positive integer.
        epsilon: the least norm that is divided by; `epsilon()` by default.

    Raises:
        ValueError: for another order.
    """
    if not isinstance(order, (int, np.integer)) or order < 1:
        raise ValueError(
            f"[normalize] order={order!r} was given.\n"
            "Expected a positive whole number.\nWrite order=2 for Euclid's norm."
        )
    x = floating(x)
    epsilon = config.epsilon() if epsilon is None else epsilon
    if order == 2:
        total = sum(square(x), axis=axis, keepdims=True)
        return x / sqrt(maximum(total, epsilon**2))
    total = sum(absolute(x) ** float(order), axis=axis, keepdims=True)
    return x / maximum(total ** (1.0 / order), epsilon)


@public
def moments(x, axes, keepdims=False, synchronized=False):
    """Mean and variance over some axes.

    Raises:
        ValueError: for synchronized=True: there is one device.
    """
    if synchronized:
        raise ValueError(
            "moments(synchronized=True) is not supported.\n"
            "Expected False: the computation runs on one device.\n"
            "Leave the argument away."
        )
    x = floating(x)
    half = x.dtype in ("float16", "bfloat16")
    wide = cast(x, "float32") if half else x
    center = mean(wide, axes, keepdims=True)
    # E[x^2] - E[x]^2 would lose digits; the distance from the mean does not.
    spread = mean(square(wide - center), axes, keepdims)
    center = center if keepdims else squeeze(center, axes)
    if half:  # as in Keras, what is too large becomes the largest number
        return saturate_cast(center, x.dtype), saturate_cast(spread, x.dtype)
    return center, spread
