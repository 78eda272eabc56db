"""Activation functions, by name and as functions.

Those of `cornu.ops` are handed on; where Keras gives an activation other arguments than
the operation of that name, it is written here.
"""

from __future__ import annotations

from typing import Any

from cornu import ops
from cornu.graph.dispatch import edge
from cornu.ops import (
    celu,
    elu,
    exponential,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)
from cornu.registry import Registry
from cornu.serialization import deserialize_keras_object

__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
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
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]


@edge
def relu(
    x: Any,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Any:
    """max(x, 0), with a slope for negative numbers, a limit and a threshold.

    Args:
        x: tensor.
        negative_slope: below the threshold, negative_slope * (x - threshold).
        max_value: the largest result; None for no limit.
        threshold: results are 0 up to it, and x above.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> relu([-2.0, 0.5, 9.0], negative_slope=0.5, max_value=6.0).tolist()
    [-1.0, 0.5, 6.0]
    """
    if negative_slope and max_value is None and not threshold:
        return ops.leaky_relu(x, negative_slope)
    if threshold:
        y = ops.where(ops.greater(x, threshold), x, 0.0)
    elif max_value == 6:
        y = ops.relu6(x)
    else:
        y = ops.relu(x)
    if max_value is not None and (threshold or max_value != 6):
        y = ops.clip(y, 0.0, float(max_value))
    if not negative_slope:
        return y
    below = ops.relu(threshold - x if threshold else ops.negative(x))
    return y - negative_slope * below


@edge
def gelu(x: Any, approximate: bool = False) -> Any:
    """x times the normal distribution function of x (Hendrycks and Gimpel, 2016).

    Args:
        x: tensor.
        approximate: whether to use the form with tanh.

    Returns:
        Tensor of the shape of `x`.
    """
    return ops.gelu(x, approximate)


@edge
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The point of the probability simplex nearest to x (Martins and Astudillo, 2016).

    Args:
        x: tensor.
        axis: the axis that the numbers sum to 1 along.

    Returns:
        Tensor of the shape of `x`; many of its numbers are exactly 0.
    """
    return ops.sparsemax(x, axis)


hard_swish = hard_silu
swish = silu

REGISTRY = Registry("activation", "keras.activations")
REGISTRY.enter(
    *(globals()[n] for n in __all__ if n not in ("get", "serialize", "deserialize"))
)
REGISTRY.enter(swish=silu, hard_swish=hard_silu)


@edge
def serialize(activation: Any) -> Any:
    """The name of a function of this package, or a dictionary for others."""
    name = getattr(activation, "__name__", "")
    if REGISTRY.objects.get(name) is activation:
        return name
    # `ops.relu` is the same function, up to arguments that have their defaults here.
    if name in REGISTRY.objects and getattr(ops, name, None) is activation:
        return name
    return REGISTRY.serialize(activation)


@edge
def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The activation of a name or of a `serialize` dictionary.

    Args:
        config: name or dictionary.
        custom_objects: names of the user's own.

    Raises:
        ValueError: for unknown names, offering the nearest.
    """
    of_layer = isinstance(config, dict) and config.get("class_name") != "function"
    if of_layer and str(config.get("module")).startswith("keras.layers"):
        return deserialize_keras_object(config, custom_objects)  # a layer serves too
    return REGISTRY.deserialize(config, custom_objects)


@edge
def get(identifier: Any) -> Any:
    """The activation that an identifier stands for.

    Args:
        identifier: name ("relu"), dictionary, function of a tensor, or None for
            `linear`.

    Returns:
        A function of a tensor.

    Raises:
        ValueError: when it stands for nothing, offering the nearest name.

    Example:

    >>> get("relu")([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """
    if isinstance(identifier, dict):
        return deserialize(identifier)
    return linear if identifier is None else REGISTRY.get(identifier)
