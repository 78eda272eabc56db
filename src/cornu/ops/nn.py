"""Functions of neural networks: activations, crossentropies, dropout.

The formulas, also where they clip and renormalise, are those of Keras 3.
"""

from __future__ import annotations

import math

from cornu.graph import config
from cornu.graph.messages import warn_user
from cornu.graph.trace import bind, convert
from cornu.ops.families import composite
from cornu.ops.numpy import clip, one_hot, split, square
from cornu.ops.primitives.elementwise import (
    absolute,
    cast,
    equal,
    erf,
    exp,
    expm1,
    greater,
    greater_equal,
    less,
    log,
    log1p,
    logical_and,
    maximum,
    minimum,
    sigmoid,
    sign,
    sqrt,
    stop_gradient,
    tanh,
    where,
)
from cornu.ops.primitives.random import random_bits
from cornu.ops.primitives.reductions import max, sum
from cornu.ops.primitives.shapes import squeeze
from cornu.ops.public import (
    canonical_axis,
    floating,
    promote,
    promote_floating,
    public,
)

__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "celu",
    "dropout",
    "elu",
    "exponential",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "mish",
    "relu",
    "relu6",
    "selu",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_categorical_crossentropy",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "swish",
    "tanh_shrink",
    "threshold",
]

# Activations. Those with a gradient of their own have a kink or lose digits otherwise.


@composite("relu", gradient=lambda g, ins, y: (where(greater(y, 0.0), g, 0.0),))
def relu_op(x):
    """max(x, 0); the derivative at 0 is 0."""
    return maximum(x, 0)  # a whole number: integers stay integers


@public
def relu(x):
    """max(x, 0), element by element; the derivative at 0 is 0.

    Args:
        x: tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`; booleans become int32.

    Example:

    >>> from cornu import ops
    >>> ops.relu([-1.0, 0.0, 2.0]).tolist()
    [0.0, 0.0, 2.0]
    """
    x = convert(x)
    return bind(relu_op, (cast(x, "int32") if x.dtype == "bool" else x,), {})


def _relu6_gradient(g, ins, y):
    return (where(logical_and(greater(y, 0.0), less(y, 6.0)), g, 0.0),)


@composite("relu6", gradient=_relu6_gradient)
def relu6_op(x):
    """min(max(x, 0), 6); the derivative at 0 and 6 is 0."""
    return minimum(maximum(x, 0.0), 6.0)


@public
def relu6(x):
    """min(max(x, 0), 6)."""
    return bind(relu6_op, (floating(x),), {})


@public
def leaky_relu(x, negative_slope=0.2):
    """x where x >= 0, negative_slope * x elsewhere."""
    x = floating(x)
    return where(greater_equal(x, 0.0), x, x * negative_slope)


@composite("softplus", gradient=lambda g, ins, y: (g * sigmoid(ins[0]),))
def softplus_op(x):
    """log(1 + exp(x)), without overflow."""
    return maximum(x, 0.0) + log1p(exp(-absolute(x)))


@public
def softplus(x):
    """log(1 + exp(x)), without overflow."""
    return bind(softplus_op, (floating(x),), {})


@public
def softsign(x):
    """x / (1 + |x|)."""
    x = floating(x)
    return x / (absolute(x) + 1.0)


@public
def log_sigmoid(x):
    """log(sigmoid(x)), without overflow."""
    return -softplus(-floating(x))


@public
def silu(x):
    """x * sigmoid(x), also called swish."""
    x = floating(x)
    return x * sigmoid(x)


swish = silu


@public
def elu(x, alpha=1.0):
    """x where x > 0, alpha * (exp(x) - 1) elsewhere."""
    x = floating(x)
    positive = greater(x, 0.0)
    return where(positive, x, expm1(where(positive, 0.0, x)) * alpha)


@public
def selu(x):
    """1.0507 * elu(x, 1.6733): keeps mean 0 and variance 1 (Klambauer et al., 2017)."""
    return elu(x, 1.6732632423543772) * 1.0507009873554805


@public
def celu(x, alpha=1.0):
    """max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))."""
    x = floating(x)
    return maximum(x, 0.0) + expm1(minimum(x, 0.0) / alpha) * alpha


@public
def gelu(x, approximate=True):
    """x times the normal distribution function of x (Hendrycks and Gimpel, 2016).

    Args:
        x: tensor.
        approximate: whether to use the form with tanh.
    """
    x = floating(x)
    if not approximate:
        return x * (erf(x / math.sqrt(2.0)) + 1.0) * 0.5
    inner = (x + x * x * x * 0.044715) * math.sqrt(2.0 / math.pi)
    return x * (tanh(inner) + 1.0) * 0.5


@public
def mish(x):
    """x * tanh(softplus(x)) (Misra, 2019)."""
    x = floating(x)
    return x * tanh(softplus(x))


@public
def hard_sigmoid(x):
    """relu6(x + 3) / 6."""
    return relu6(floating(x) + 3.0) / 6.0


@public
def hard_silu(x):
    """x * hard_sigmoid(x), also called hard_swish."""
    x = floating(x)
    return x * hard_sigmoid(x)


hard_swish = hard_silu


@public
def hard_tanh(x):
    """x cut off at -1 and 1."""
    x = floating(x)
    return where(greater(x, 1.0), 1.0, where(less(x, -1.0), -1.0, x))


@public
def tanh_shrink(x):
    """x - tanh(x)."""
    x = floating(x)
    return x - tanh(x)


@public
def hard_shrink(x, threshold=0.5):
    """x where |x| > threshold, 0 elsewhere."""
    x = floating(x)
    return where(greater(absolute(x), threshold), x, 0.0)


@public
def soft_shrink(x, threshold=0.5):
    """x moved towards 0 by `threshold`, and 0 within it."""
    x = floating(x)
    moved = x - sign(x) * threshold
    return where(greater(absolute(x), threshold), moved, 0.0)


@public
def threshold(x, threshold, default_value):
    """x where x > threshold, default_value elsewhere."""
    x = floating(x)
    return where(greater(x, threshold), x, default_value)


@public
def squareplus(x, b=4):
    """(x + sqrt(x * x + b)) / 2."""
    x = floating(x)
    return (x + sqrt(x * x + float(b))) / 2.0


@public
def sparse_plus(x):
    """0 for x <= -1, (x + 1)**2 / 4 between, x for x >= 1."""
    x = floating(x)
    curve = square(x + 1.0) / 4.0
    return where(less(x, -1.0), 0.0, where(greater(x, 1.0), x, curve))


@public
def sparse_sigmoid(x):
    """0 for x <= -1, (x + 1) / 2 between, 1 for x >= 1."""
    x = floating(x)
    return where(less(x, -1.0), 0.0, where(greater(x, 1.0), 1.0, (x + 1.0) / 2.0))


@public
def glu(x, axis=-1):
    """The first half of an axis times the sigmoid of the second."""
    a, b = split(floating(x), 2, axis)
    return a * sigmoid(b)


@public
def exponential(x):
    """e to the power x."""
    return exp(x)


@public
def linear(x):
    """x itself."""
    return convert(x)


def _softmax_gradient(g, ins, y, *, axis):
    return (bind(softmax_grad_op, (g, y), {"axis": axis}),)


@composite("softmax_grad")
def softmax_grad_op(g, y, *, axis):
    """The gradient of softmax from its result y: y * (g - sum(g * y))."""
    return y * (g - sum(g * y, axis=axis, keepdims=True))


@composite("softmax", gradient=_softmax_gradient)
def softmax_op(x, *, axis):
    """exp(x) divided by its sum along an axis; the largest x is taken off before."""
    e = exp(x - stop_gradient(max(x, axis=axis, keepdims=True)))
    return e / sum(e, axis=axis, keepdims=True)


def _axes(axis, x):
    if axis is None:
        return tuple(range(x.ndim))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    return tuple(sorted(canonical_axis(a, x.ndim) for a in axes))


def weights_of(scores, axis=-1):
    """Softmax without a warning: of one place to look at, all weight is on it."""
    x = floating(scores)
    return bind(softmax_op, (x,), {"axis": _axes(axis, x)})


@public
def softmax(x, axis=-1):
    """Positive numbers with sum 1 along an axis: exp(x) / sum(exp(x)).

    Args:
        x: tensor of at least one axis.
        axis: axis or axes that the numbers sum to 1 along; None takes all.

    Returns:
        Tensor of the shape of `x`. Along an axis of size 1 it is 1 everywhere, and a
        warning says so.

    Raises:
        ValueError: when there is no such axis.
    """
    x = floating(x)
    if isinstance(axis, int) and -x.ndim <= axis < x.ndim and x.shape[axis] == 1:
        warn_user(
            f"softmax over axis {axis} of a tensor of shape {x.shape} is 1 "
            "everywhere.\n"
            "Expected a number for each class along this axis.\n"
            "For two classes and one unit use sigmoid.",
            UserWarning,
        )
    return weights_of(x, axis)


def _log_softmax_gradient(g, ins, y, *, axis):
    return (g - exp(y) * sum(g, axis=axis, keepdims=True),)


@composite("log_softmax", gradient=_log_softmax_gradient)
def log_softmax_op(x, *, axis):
    """The logarithm of softmax, exact where softmax would round to 0."""
    shifted = x - stop_gradient(max(x, axis=axis, keepdims=True))
    return shifted - log(sum(exp(shifted), axis=axis, keepdims=True))


@public
def log_softmax(x, axis=-1):
    """The logarithm of softmax, exact where softmax would round to 0."""
    x = floating(x)
    return bind(log_softmax_op, (x,), {"axis": _axes(axis, x)})


@public
def logsumexp(x, axis=None, keepdims=False):
    """log(sum(exp(x))) over some axes, without overflow."""
    x = floating(x)
    top = stop_gradient(max(x, axis=axis, keepdims=True))
    top = where(equal(absolute(top), math.inf), 0.0, top)
    total = log(sum(exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else squeeze(total, _axes(axis, x))


# Crossentropies


def _log_probabilities(output, from_logits, axis):
    if from_logits:
        return log_softmax(output, axis)
    # Keras renormalises and clips, so that a probability of 0 costs -log(epsilon).
    output = output / sum(output, axis=axis, keepdims=True)
    return log(clip(output, config.epsilon(), 1.0 - config.epsilon()))


@composite("categorical_crossentropy", gradient="composite")
def categorical_crossentropy_op(target, output, *, from_logits, axis):
    """-sum(target * log(output)) along the axis of the classes."""
    log_p = _log_probabilities(output, from_logits, axis)
    return -sum(target * log_p, axis=axis)


@public
def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """Crossentropy of probabilities over classes: -sum(target * log(output)).

    Args:
        target: probabilities (one-hot, for example), of the shape of `output`.
        output: probabilities, which are renormalised and clipped to epsilon; or logits.
        from_logits: whether `output` holds logits.
        axis: the axis of the classes.

    Returns:
        Tensor without the axis of the classes.

    Raises:
        ValueError: when the shapes differ.
    """
    target, output = promote(target, floating(output))
    if target.shape != output.shape or not output.shape:
        raise ValueError(
            f"[categorical_crossentropy] targets of shape {target.shape} were "
            "given for "
            f"outputs of shape {output.shape}.\n"
            "Expected equal shapes: one probability per class.\n"
            "One-hot encode integer labels with to_categorical, or use "
            "sparse_categorical_crossentropy for them."
        )
    axis = canonical_axis(axis, output.ndim)
    params = {"from_logits": bool(from_logits), "axis": axis}
    return bind(categorical_crossentropy_op, (target, output), params)


@composite("sparse_categorical_crossentropy", gradient="composite")
def sparse_categorical_crossentropy_op(target, output, *, from_logits, axis):
    """-log(output) at the index of the true class."""
    log_p = _log_probabilities(output, from_logits, axis)
    hot = one_hot(target, output.shape[axis], axis=axis, dtype=output.dtype)
    return -sum(hot * log_p, axis=axis)


@public
def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """Crossentropy for class indices: -log(output[target]).

    Args:
        target: class indices, of the shape of `output` without the axis of the
            classes (or with size 1 there).
        output: probabilities, which are renormalised and clipped to epsilon; or logits.
        from_logits: whether `output` holds logits.
        axis: the axis of the classes.

    Returns:
        Tensor without the axis of the classes.

    Raises:
        ValueError: when the shapes do not fit.
    """
    target, output = cast(target, "int32"), floating(output)
    if output.shape:
        axis = canonical_axis(axis, output.ndim)
    if target.ndim == output.ndim and target.shape and target.shape[axis] == 1:
        target = squeeze(target, axis)
    rows = tuple(n for i, n in enumerate(output.shape) if i != axis)
    if not output.shape or target.shape != rows:
        raise ValueError(
            f"[sparse_categorical_crossentropy] targets of shape {target.shape} were "
            f"given for outputs of shape {output.shape}.\n"
            "Expected one class index per row: the output's shape without the axis of "
            "the classes.\nUse categorical_crossentropy for one-hot targets."
        )
    params = {"from_logits": bool(from_logits), "axis": axis}
    return bind(sparse_categorical_crossentropy_op, (target, output), params)


@composite("binary_crossentropy", gradient="composite")
def binary_crossentropy_op(target, output, *, from_logits):
    """-(target * log(output) + (1 - target) * log(1 - output))."""
    if from_logits:
        yes, no = log_sigmoid(output), log_sigmoid(-output)
    else:
        p = clip(output, config.epsilon(), 1.0 - config.epsilon())
        yes, no = log(p), log(1.0 - p)
    return -(target * yes + (1.0 - target) * no)


@public
def binary_crossentropy(target, output, from_logits=False):
    """Crossentropy of probabilities of yes, element by element.

    Args:
        target: probabilities (0 or 1, mostly), of the shape of `output`.
        output: probabilities, which are clipped to epsilon; or logits.
        from_logits: whether `output` holds logits.

    Returns:
        Tensor of the same shape.

    Raises:
        ValueError: when the shapes differ.
    """
    target, output = promote_floating(target, output)
    if target.shape != output.shape:
        raise ValueError(
            f"[binary_crossentropy] targets of shape {target.shape} were given for "
            f"outputs of shape {output.shape}.\nExpected equal shapes.\n"
            "Reshape the targets, or check the units of the last layer."
        )
    params = {"from_logits": bool(from_logits)}
    return bind(binary_crossentropy_op, (target, output), params)


# Others


def _dropout_gradient(g, ins, y, *, rate, noise_shape):
    params = {"rate": rate, "noise_shape": noise_shape}
    return bind(dropout_op, (g, ins[1]), params), None


@composite("dropout", gradient=_dropout_gradient)
def dropout_op(x, key, *, rate, noise_shape):
    """Zero where random bits say so, and the rest scaled up to keep the mean."""
    # Integer bits are compared, so that masks are equal on every engine.
    limit = min(round(rate * 2**31), 2**31 - 1)
    kept = greater_equal(random_bits(key, noise_shape), limit)
    return where(kept, x / (1.0 - rate), 0.0)


@public
def dropout(x, key, rate, noise_shape=None):
    """Set a random part to 0 and scale the rest by 1 / (1 - rate).

    Args:
        x: tensor.
        key: uint32 tensor of shape (2,), from a `SeedGenerator`.
        rate: part that becomes 0, from 0 up to (not including) 1.
        noise_shape: shape of the mask, which broadcasts to `x`; its own by default.
    """
    x = floating(x)
    shape = tuple(x.shape) if noise_shape is None else tuple(noise_shape)
    return bind(dropout_op, (x, key), {"rate": float(rate), "noise_shape": shape})
